"""State something about a person without keeping it: a salted commitment, whose salt can be erased.

The ledger keeps the commitment for ever and the salt apart. Whoever has the salt and the value can show that this was
the value; once the salt is erased nobody can tell, not even by trying every name there is: the salt has 256 bits.

References
----------
Halevi, Micali (1996), Practical and provably-secure commitment schemes from collision-free hashing. HMAC: RFC 2104.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.core.canonical import digest_bytes

SCHEME = "hmac-sha256"


@dataclass(frozen=True, slots=True)
class Commitment:
    """What is published (``hmac``, ``salt``: a digest of the salt) and what is kept apart (``secret``: the salt)."""

    hmac: str
    salt: str
    secret: bytes = field(repr=False)

    @property
    def public(self) -> Mapping[str, str]:
        """The part that enters a statement."""
        return {"commitment": f"{SCHEME}:{self.hmac}", "salt": self.salt}


def commit(value: str) -> Commitment:
    """Commit to a value, in its UTF-8 form, with a fresh salt."""
    secret = secrets.token_bytes(32)
    return Commitment(_hmac(secret, value), digest_bytes(secret), secret)


def opens(public: Mapping[str, str], salt: bytes, value: str) -> bool:
    """Whether a value and a salt are those of a commitment."""
    fits = hmac.compare_digest(public.get("commitment", ""), f"{SCHEME}:{_hmac(salt, value)}")
    return fits and public.get("salt") == digest_bytes(salt)


def _hmac(salt: bytes, value: str) -> str:
    return hmac.new(salt, value.encode(), "sha256").hexdigest()
