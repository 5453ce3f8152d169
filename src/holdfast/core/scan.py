"""What a scan of model files says: one document, one entry per file, nothing left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ScanVerdict = Literal["pass", "fail", "not_examined"]
ObservedKind = Literal["executes", "unknown", "suspicious", "malformed", "not_examined", "secret"]
FAILING: frozenset[ObservedKind] = frozenset({"executes", "unknown", "suspicious", "secret"})
SCAN_SCHEMA = "https://holdfast.dev/schema/scan/1"


@dataclass(frozen=True, slots=True)
class Location:
    """Bytes ``start`` to ``end`` (not included) of ``path``: the file, then the members of archives inside it."""

    path: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Observed:
    """One thing that was found.

    Attributes
    ----------
    kind
        ``executes``: loading runs code that the author chose. ``unknown``: something that no rule allows.
        ``suspicious``: a structure that misleads readers. ``malformed``: it breaks its format. ``not_examined``: nobody
        looked, and why. ``secret``: a credential.
    rule
        Stable id, such as ``pickle.global``.
    message, detail
        What and why, and the thing itself; printable whatever the file holds.
    """

    kind: ObservedKind
    rule: str
    place: Location
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Approved:
    """Who approved exactly these bytes, why, and the last day on which that holds (ISO 8601)."""

    owner: str
    reason: str
    expires: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedFile:
    """What is known about one file.

    Attributes
    ----------
    path
        As the user would write it, with everything unprintable escaped.
    digest
        SHA-256 of the bytes that were examined; ``None`` where they could not be read to the end.
    size
        Bytes; ``None`` for what was not opened.
    verdict
        Of the scan itself: an approval changes what follows from it, not the verdict.
    examined
        Ranges that belong to a parsed structure.
    """

    path: str
    format: str
    verdict: ScanVerdict
    digest: str | None = None
    size: int | None = None
    observations: tuple[Observed, ...] = ()
    examined: tuple[Location, ...] = ()
    notes: tuple[str, ...] = ()
    approved: Approved | None = None

    @property
    def outcome(self) -> str:
        """The verdict, or ``approved`` where somebody answers for a file that did not pass."""
        return "approved" if self.approved and self.verdict != "pass" else self.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanTotals:
    """How many files came out how; each is counted once."""

    files: int
    passed: int
    failed: int
    not_examined: int
    approved: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """The content of a scan report.

    Attributes
    ----------
    outcome
        ``fail`` when any file failed; else ``not_examined`` when any was not examined to the end, or there was no
        file; else ``pass``.
    versions
        Of the scanner and of Python.
    allow_list
        Digest of the list of globals that pickles may use.
    confinement
        What held the process that scanned, measure to outcome, as far as the platform offers it.
    limits
        What one file, and the whole scan, could cost.
    """

    roots: tuple[str, ...]
    outcome: ScanVerdict
    files: tuple[ScannedFile, ...]
    totals: ScanTotals
    versions: Mapping[str, str]
    allow_list: str
    limits: Mapping[str, float]
    confinement: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=())
    schema: str = SCAN_SCHEMA

    @property
    def exit_code(self) -> int:
        """0 all examined and clean or approved, 1 something failed, 3 something was not examined."""
        return {"pass": 0, "fail": 1, "not_examined": 3}[self.outcome]
