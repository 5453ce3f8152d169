"""What is known of the signature of a model: who made it, and every file that is not as it was signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["changed", "missing", "unsigned", "refused", "ambiguous", "unstable"]


@dataclass(frozen=True, slots=True)
class SignatureFault:
    """One file that the signature does not vouch for.

    Attributes
    ----------
    kind
        ``changed``: its content is not what was signed. ``missing``: it was signed and is not there. ``unsigned``:
        nobody signed it. ``refused``: a link, a device or something unreadable, which is not followed or opened.
        ``ambiguous``: its name is that of another file where upper and lower case are one. ``unstable``: it changed
        while it was read.
    path
        Relative to what was signed; printable whatever the name holds.
    detail
        In words, where the kind does not say it all.
    """

    kind: FaultKind
    path: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerIdentity:
    """Who signs without a key of their own: an account, and who says that it is theirs.

    Attributes
    ----------
    identity
        E-mail address, or URL of a workflow, exactly as the certificate states it.
    provider
        URL of the identity provider (the issuer of OpenID Connect), exactly as well. A name that any provider may
        give to anybody is none.
    """

    identity: str
    provider: str

    def __str__(self) -> str:
        return f"{self.identity} (by {self.provider})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRecord:
    """What came of checking one signature.

    Attributes
    ----------
    name
        What was signed: the name of the file or folder.
    key_id
        ``sha256:`` and the digest of the key that made the signature; empty when no trusted key did.
    identity, trusted_root
        Of a signature without a key: the trusted identity that made it, and the root that it was checked against, by
        digest and the day of its newest part.
    problem
        Why the signature does not hold, or nobody trusted made it; empty when it holds.
    root_digest
        One digest for all that was signed; empty when the signature does not hold.
    n_signed, n_files
        Files that were signed, and files that are there.
    faults
        Files that the signature does not vouch for.
    allowed
        Files that nobody signed and that the user allows.
    left_out
        Paths that the signer chose not to sign.
    """

    name: str
    key_id: str = ""
    identity: SignerIdentity | None = None
    trusted_root: str = ""
    problem: str = ""
    root_digest: str = ""
    n_signed: int = 0
    n_files: int = 0
    faults: tuple[SignatureFault, ...] = ()
    allowed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether somebody trusted vouches for every file that is there."""
        return not self.problem and not self.faults
