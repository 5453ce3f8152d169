"""Model files that somebody answers for, known by the digest of their bytes, visibly and for a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One file that may be used although its scan did not pass.

    Attributes
    ----------
    digest
        ``sha256:`` and 64 hexadecimal digits, as ``holdfast scan`` prints it.
    owner, reason
        Who approved it, and why.
    expires
        The last day on which it holds.
    """

    digest: str
    owner: str
    reason: str
    expires: date

    def holds(self, today: date) -> bool:
        """Whether it still counts."""
        return today <= self.expires

    def __str__(self) -> str:
        return f"approved by {self.owner} until {self.expires.isoformat()}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefacts:
    """What a policy says about model files."""

    approved: tuple[Approval, ...] = ()


def approvals_of(artefacts: Artefacts, digest: str | None) -> Sequence[Approval]:
    """Return the approvals of a file, those that hold longest first."""
    found = [approval for approval in artefacts.approved if approval.digest == digest]
    return sorted(found, key=lambda approval: approval.expires, reverse=True)
