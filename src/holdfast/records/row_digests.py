"""Keep the commitments to the rows of a data set, and apart from them the salt that makes them mean anything."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.adapters.tables.row_texts import row_texts
from holdfast.core.errors import InputError
from holdfast.core.provenance import DataRecord
from holdfast.evidence.record_store import SALTS, make_folder, short
from holdfast.evidence.writing import write_durably
from holdfast.kernels.provenance.row_commitments import DIGEST_BYTES, SALT_BYTES, commitments, merkle_root

if TYPE_CHECKING:
    import polars as pl

ROWS = "rows"
_MAGIC = b"holdfast rows 1\n"


@dataclass(frozen=True, slots=True)
class RowDigests:
    """Commitments to the rows, and to the cells that tell them apart, where a column does."""

    rows: list[bytes]
    ids: list[bytes] | None

    @property
    def root(self) -> str:
        """The root over the rows."""
        return f"sha256:{merkle_root(self.rows).hex()}"


def new_salt() -> bytes:
    """Draw a salt."""
    return secrets.token_bytes(SALT_BYTES)


def digest_rows(frame: pl.DataFrame, *, salt: bytes, id_column: str | None) -> RowDigests:
    """Commit to the rows of a table."""
    ids = commitments(row_texts(frame, [id_column]), salt=salt) if id_column else None
    return RowDigests(commitments(row_texts(frame), salt=salt), ids)


def keep(digests: RowDigests, salt: bytes, record: DataRecord, folder: Path, *, keep_rows: bool) -> None:
    """Write the salt, for its owner only and outside version control, and the commitments unless they are not kept."""
    salt_path = _salt_path(record, folder)
    make_folder(salt_path.parent)
    ignore = salt_path.parent / ".gitignore"
    if not ignore.exists():
        write_durably(ignore, b"*\n")
    write_durably(salt_path, salt.hex().encode(), mode=0o600)
    if keep_rows:
        rows_path = _rows_path(record, folder)
        make_folder(rows_path.parent)
        parts = [_MAGIC, b"\x01" if digests.ids else b"\x00", *digests.rows, *(digests.ids or ())]
        write_durably(rows_path, b"".join(parts), mode=0o600)


def read_salt(record: DataRecord, folder: Path) -> bytes | None:
    """Return the salt of a record, ``None`` when it was erased.

    Raises
    ------
    InputError
        When the file holds something else.
    """
    path = _salt_path(record, folder)
    try:
        salt = bytes.fromhex(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot read the salt {path}: {error}", hint="restore it, or register the data anew"
        ) from None
    return salt


def read_rows(record: DataRecord, folder: Path) -> RowDigests | None:
    """Return the commitments that were kept, ``None`` when there are none.

    Raises
    ------
    InputError
        When they do not have the root that the record states.
    """
    path = _rows_path(record, folder)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    has_ids = data[len(_MAGIC) : len(_MAGIC) + 1] == b"\x01"
    body = data[len(_MAGIC) + 1 :]
    every = [body[start : start + DIGEST_BYTES] for start in range(0, len(body), DIGEST_BYTES)]
    digests = RowDigests(every[: record.rows], every[record.rows :] if has_ids else None)
    expected = record.rows * DIGEST_BYTES * (2 if has_ids else 1)
    if not data.startswith(_MAGIC) or len(body) != expected or digests.root != record.row_root:
        raise InputError(
            f"the row digests in {path} are not those of the record {short(record.record)}",
            hint="restore the file, or delete it: the table is then compared as a whole",
        )
    return digests


def erase(record: DataRecord, folder: Path) -> list[Path]:
    """Delete salt and row digests: from then on nobody can tell which rows the data set had."""
    gone = []
    for path in (_salt_path(record, folder), _rows_path(record, folder)):
        if path.exists():
            os.unlink(path)
            gone.append(path)
    return gone


def _salt_path(record: DataRecord, folder: Path) -> Path:
    return folder / SALTS / f"{record.name}-{short(record.record)}.salt"


def _rows_path(record: DataRecord, folder: Path) -> Path:
    return folder / ROWS / f"{record.name}-{short(record.record)}.rows"
