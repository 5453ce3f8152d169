"""A vault: a SQLite file with encrypted values under random tokens, which can be erased person by person.

The file holds no value and no name of a person in clear. The same value of the same subject has one token. When a
subject is erased its rows are overwritten, and tokens that are about in redacted data lead nowhere any more, without
that data being touched.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.core.errors import InputError
from holdfast.redaction.keys import KeyRing, derive
from holdfast.redaction.tokens import STRING, Parts, Sealer, decode, encode, write_token

MARK = 0x48465056  # "HFPV"
N_RANDOM = 18
_TABLE = """
CREATE TABLE entry (
    token BLOB PRIMARY KEY,
    same BLOB NOT NULL UNIQUE,
    subject BLOB NOT NULL,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX entry_subject ON entry (subject);
"""


class Vault:
    """An open vault. ``commit`` makes what was put into it last."""

    def __init__(self, connection: sqlite3.Connection, keys: KeyRing) -> None:
        self._connection = connection
        self._keys = keys
        self._sealers: dict[tuple[str, str], Sealer] = {}

    def put(self, value: str, *, label: str, purpose: str, subject: str, kind: bytes = STRING) -> str:
        """Keep a value and return its token, the same for the same value of the same subject."""
        plain = kind + encode(value)
        # the newest key looks first, so that values written under older ones keep their tokens
        for key in reversed(self._keys.keys):
            same = self._mark(key.secret, "same", label, purpose, encode(subject), plain)
            found = self._connection.execute("SELECT token, key_id FROM entry WHERE same = ?", (same,)).fetchone()
            if found is not None:
                return write_token(label, "v", found[1], purpose, found[0])
        key, token = self._keys.newest, secrets.token_bytes(N_RANDOM)
        sealed = self._sealer(key.id, purpose).seal(plain, label.encode(), token)
        same = self._mark(key.secret, "same", label, purpose, encode(subject), plain)
        about = self._mark(key.secret, "subject", "", "", encode(subject))
        self._connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", (token, same, about, key.id, sealed))
        return write_token(label, "v", key.id, purpose, token)

    def get(self, parts: Parts) -> tuple[str, bytes] | None:
        """Return the value of a token and whether it is text or JSON; ``None`` when it is not there (any more).

        Raises
        ------
        Altered
            When the entry does not belong to this token.
        InputError
            When the key is not in the ring.
        """
        row = self._connection.execute("SELECT key_id, sealed FROM entry WHERE token = ?", (parts.payload,)).fetchone()
        if row is None:
            return None
        plain = self._sealer(row[0], parts.purpose).unseal(row[1], parts.label.encode(), parts.payload)
        return decode(plain[1:]), plain[:1]

    def erase(self, subject: str) -> int:
        """Erase all values of a subject; returns how many."""
        n = 0
        for key in self._keys.keys:
            about = self._mark(key.secret, "subject", "", "", encode(subject))
            n += self._connection.execute("DELETE FROM entry WHERE subject = ?", (about,)).rowcount
        self.commit()
        return n

    def commit(self) -> None:
        """Write to the disk."""
        self._connection.commit()

    def _sealer(self, key_id: str, purpose: str) -> Sealer:
        if (key_id, purpose) not in self._sealers:
            self._sealers[key_id, purpose] = Sealer(self._keys.find(key_id), f"vault {purpose}")
        return self._sealers[key_id, purpose]

    @staticmethod
    def _mark(secret: bytes, use: str, label: str, purpose: str, *parts: bytes) -> bytes:
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(derive(secret, f"vault {use}", purpose, label), framed, hashlib.sha256)


@contextmanager
def open_vault(path: Path, keys: KeyRing, *, create: bool) -> Iterator[Vault]:
    """Open a vault, readable by its owner only; what was not committed is forgotten at the end.

    Raises
    ------
    InputError
        When there is none and none shall be made, or the file is something else.
    """
    if not path.exists():
        if not create:
            raise InputError(f"expected a vault in {path}, found none", hint="check the path given to --vault")
        path.touch(mode=0o600)
    connection = sqlite3.connect(path, isolation_level="DEFERRED")
    try:
        connection.execute("PRAGMA secure_delete = ON")
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        if mark == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            connection.executescript(f"PRAGMA application_id = {MARK};{_TABLE}")
        elif mark != MARK:
            raise InputError(f"expected a vault in {path}, got another SQLite file", hint="name another file")
        yield Vault(connection, keys)
    except sqlite3.Error as error:
        raise InputError(
            f"the vault {path} cannot be used: {error}", hint="check that it is a vault, and permissions and space"
        ) from None
    finally:
        connection.close()
