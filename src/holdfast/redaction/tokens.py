"""Tokens: what stands in place of a value and leads back to it, for whoever has the key.

``[LABEL:s:KEYID:PURPOSE:PAYLOAD]``. ``s``: the payload is the value itself, encrypted by AES-SIV, which is
deterministic (equal values give equal tokens) and authenticated (an altered token does not open). ``v``: the payload is
random, and the encrypted value lies in a vault. An ``s`` token tells how long the value is, a ``v`` token does not.

References
----------
Harkins, D. (2008). RFC 5297: Synthetic initialization vector (SIV) authenticated encryption using AES, section 3.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from holdfast.redaction.keys import Key, derive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

TOKEN = re.compile(r"\[([A-Z][A-Z0-9_]{0,63}):([sv]):([0-9a-f]{8}):([a-z0-9-]{1,32}):([A-Za-z0-9_-]{22,})\]")
Kind = Literal["s", "v"]
STRING, JSON = b"s", b"j"


class Altered(Exception):
    """The right key does not vouch for this: it was altered, or is no token."""


class Parts(NamedTuple):
    """A token, taken apart; ``payload`` is bytes."""

    label: str
    kind: Kind
    key_id: str
    purpose: str
    payload: bytes


@dataclass(slots=True)
class Sealer:
    """Encrypts and decrypts values under one key for one purpose."""

    key: Key
    purpose: str
    _siv: AESSIV = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        self._siv = AESSIV(derive(self.key.secret, "siv", self.purpose, n_bytes=64))

    def seal(self, value: bytes, *bound: bytes) -> bytes:
        """Encrypt a value; it opens only beside the same bound bytes. The value must not be empty."""
        return self._siv.encrypt(value, list(bound))

    def unseal(self, sealed: bytes, *bound: bytes) -> bytes:
        """Decrypt; ``Altered`` when the key does not vouch for it."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._siv.decrypt(sealed, list(bound))
        except (InvalidTag, ValueError, TypeError):  # an entry of a vault may have been made something else than bytes
            raise Altered from None

    def token(self, value: str, label: str, *, kind: bytes = STRING) -> str:
        """Write a value as a token."""
        sealed = self.seal(kind + encode(value), label.encode())
        return write_token(label, "s", self.key.id, self.purpose, sealed)

    def opened(self, parts: Parts) -> tuple[str, bytes]:
        """Return the value of a token, and whether it is a text or a JSON value; ``Altered``."""
        plain = self.unseal(parts.payload, parts.label.encode())
        return decode(plain[1:]), plain[:1]


def write_token(label: str, kind: Kind, key_id: str, purpose: str, payload: bytes) -> str:
    """Write a token."""
    return f"[{label}:{kind}:{key_id}:{purpose}:{base64.urlsafe_b64encode(payload).decode().rstrip('=')}]"


def read_token(found: re.Match[str]) -> Parts:
    """Take a match of ``TOKEN`` apart; ``Altered`` when its payload is no base64 as `write_token` writes it."""
    label, kind, key_id, purpose, text = found.groups()
    if len(text) % 4 == 1:
        raise Altered
    payload = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # several texts decode to the same bytes; only the one that is written counts
    if base64.urlsafe_b64encode(payload).decode().rstrip("=") != text:
        raise Altered
    return Parts(label, "s" if kind == "s" else "v", key_id, purpose, payload)


def may_hold_tokens(text: str) -> bool:
    """Whether it is worth looking for tokens."""
    return ":s:" in text or ":v:" in text


def encode(value: str) -> bytes:
    """Write any text as bytes, half characters included."""
    return value.encode("utf-8", "surrogatepass")


def decode(value: bytes) -> str:
    """Undo `encode`."""
    return value.decode("utf-8", "surrogatepass")
