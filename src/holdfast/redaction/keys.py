"""The keys under which personal data is hashed and encrypted.

A ring holds one or more secrets of 32 bytes. What is written is written under the newest; what was written under an
older one can be read as long as it is in the ring. A key's id is derived from its secret, so that it never names the
wrong key. From each secret, a key of its own is derived for every use, purpose and label: what is known of one tells
nothing of another, and tokens of different purposes cannot be joined.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.core.errors import InputError

N_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """One secret; it never shows in a ``repr``."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that follow from the secret."""
        return derive(self.secret, "key id", n_bytes=4).hex()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys from the oldest to the newest; at least one."""

    keys: tuple[Key, ...]

    @property
    def newest(self) -> Key:
        """The key to write under."""
        return self.keys[-1]

    def find(self, key_id: str) -> Key:
        """Return the key of an id.

        Raises
        ------
        InputError
            When it is not in the ring: which is needed, and which are there.
        """
        for key in self.keys:
            if key.id == key_id:
                return key
        there = ", ".join(key.id for key in self.keys)
        raise InputError(
            f"expected the key {key_id}, under which this was written; the key file holds {there}",
            hint=f"ask the holder of the key {key_id} for it",
        )


def derive(secret: bytes, *purpose: str, n_bytes: int = 32) -> bytes:
    """Derive a key for one use from a secret: HMAC-SHA512 over the parts of its name, each with its length.

    One block of the expansion of RFC 5869, so at most 64 bytes.
    """
    name = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in ("holdfast pii", *purpose))
    return hmac.digest(secret, name, hashlib.sha512)[:n_bytes]


def block_cipher(secret: bytes) -> Callable[[bytes], bytes]:
    """Return AES-256 on single blocks, the permutation that FF1 is built on; for one thread."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    # ECB of one block is the block cipher itself; FF1 chains the blocks (SP 800-38G, section 4.3)
    return Cipher(algorithms.AES(secret), modes.ECB()).encryptor().update  # noqa: S305


def new_key() -> Key:
    """Draw a secret from the system's generator."""
    return Key(secrets.token_bytes(N_BYTES))


def write_ring(ring: KeyRing) -> bytes:
    """Write a ring as the content of a key file."""
    keys = [{"id": key.id, "secret": base64.b64encode(key.secret).decode()} for key in ring.keys]
    return (json.dumps({"holdfast_pii_keys": 1, "keys": keys}, indent=2) + "\n").encode()


def read_ring(content: bytes | str, *, source: str) -> KeyRing:
    """Read the content of a key file.

    Raises
    ------
    InputError
        When it is none, or an id does not follow from its secret. No secret is shown.
    """
    hint = "make one with `holdfast pii keys`"
    try:
        document = json.loads(content)
        entries = [(entry["id"], base64.b64decode(entry["secret"], validate=True)) for entry in document["keys"]]
    except (ValueError, TypeError, KeyError, binascii.Error):
        raise InputError(
            f"expected a key file of `holdfast pii keys` in {source}, got something else", hint=hint
        ) from None
    if document.get("holdfast_pii_keys") != 1 or not entries:
        raise InputError(f"expected one key or more, version 1, in {source}", hint=hint)
    keys = tuple(Key(secret) for _, secret in entries)
    for (stated, secret), key in zip(entries, keys, strict=True):
        if len(secret) != N_BYTES or key.id != stated:
            raise InputError(
                f"the key {stated!r:.20} in {source} is damaged: its secret does not belong to its id",
                hint="restore the key file from a copy",
            )
    return KeyRing(keys)
