"""Scan model files before anything is loaded: every file of a path, what was found, and what nobody looked at."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from holdfast import __version__
from holdfast.adapters.artefacts.listing import Artefact, artefacts
from holdfast.adapters.artefacts.scanner import ScanLimits, Scanner
from holdfast.auditing.siblings import Reference, settle_siblings
from holdfast.core.errors import InputError
from holdfast.core.scan import (
    FAILING,
    Approved,
    Location,
    Observed,
    ObservedKind,
    ScannedFile,
    ScanReport,
    ScanTotals,
    ScanVerdict,
)
from holdfast.kernels.scan.printable import printable
from holdfast.policy.approvals import approvals_of
from holdfast.policy.rules import Policy

NO_POLICY = Policy()
# beyond these, a file keeps one observation of each kind, and its ranges are only counted
MOST_OBSERVATIONS = 100_000
MOST_RANGES = 200_000
NOTHING_THERE = "There is no file to examine."


def scan(
    *paths: str | Path, policy: Policy = NO_POLICY, limits: ScanLimits | None = None, today: date | None = None
) -> ScanReport:
    """Scan files and folders; nothing is loaded or executed.

    Parameters
    ----------
    paths
        What to scan. Folders are walked through; links inside them are reported, not followed out.
    policy
        Whose approvals by digest count.
    limits
        What the scan may cost; a limit that is hit makes a file *not examined*.
    today
        The day for which approvals are judged.

    Returns
    -------
    ScanReport
        One entry per file, in the order of paths and names.

    Raises
    ------
    InputError
        When no path is given, or there is nothing of that name.
    """
    if not paths:
        raise InputError("there is nothing to scan: no path was given", hint="holdfast scan model.joblib")
    limits = checked(limits or ScanLimits())
    with Scanner(limits) as scanner:
        scanner.start()
        work = _Work(scanner, limits)
        for path in paths:
            work.scan_root(str(path))
        files = settle_siblings(work.files, work.references, work.linked, work.scan_beside)
        files = [_approved(file, policy, today or date.today()) for file in files]
        return _report(files, [str(path) for path in paths], scanner, limits)


def scan_open(descriptor: int, *, name: str, policy: Policy, limits: ScanLimits, today: date) -> ScannedFile:
    """Scan one open file on its own."""
    with Scanner(limits) as scanner:
        work = _Work(scanner, limits)
        file = work.scanned(Artefact(path=name, kind="file", descriptor=descriptor))
    return _approved(file, policy, today)


def checked(limits: ScanLimits) -> ScanLimits:
    """Refuse limits under which nothing could be examined.

    Raises
    ------
    InputError
        Naming the limit.
    """
    for name in fields(limits):
        value = getattr(limits, name.name)
        if not 0 < value < 1 << 40:
            raise InputError(f"expected a limit on {name.name.replace('_', ' ')} above 0, got {value}")
    if limits.memory_mb < 64:
        raise InputError(f"expected at least 64 MiB of memory, got {limits.memory_mb}")
    return limits


@dataclass(slots=True)
class _Work:
    """One scan while it runs."""

    scanner: Scanner
    limits: ScanLimits
    files: list[ScannedFile] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    linked: set[str] = field(default_factory=set)
    until: float = 0.0
    n_observations: int = 0
    n_ranges: int = 0

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.limits.total_seconds

    def scan_root(self, root: str) -> None:
        """Scan everything beneath one path."""
        for artefact in artefacts(root):
            if len(self.files) >= self.limits.files:
                reason = f"there are more than {self.limits.files} files: the rest of {artefact.path} on is left out"
                self.files.append(_unexamined(replace(artefact, reason=reason), "limit.files"))
                return
            self.files.append(self.scanned(artefact))

    def scan_beside(self, found: Iterator[Artefact]) -> ScannedFile:
        """Scan the one file that was found beside another."""
        for artefact in found:
            return self.scanned(artefact)
        raise AssertionError("a look beside a file yields one artefact")

    def scanned(self, artefact: Artefact) -> ScannedFile:
        """Scan one artefact, as far as it may be."""
        if artefact.kind == "link":
            return ScannedFile(path=artefact.path, format="link", verdict="pass", notes=(artefact.reason,))
        if artefact.kind == "refused":
            return _unexamined(artefact, "file.refused")
        left = self.until - time.monotonic()
        if left <= 0:
            reason = f"the {self.limits.total_seconds:g} s for the whole scan were used up before it was looked at"
            return _unexamined(replace(artefact, reason=reason), "limit.total-time")
        if artefact.links > 1:
            self.linked.add(artefact.path)
        seconds = min(self.limits.seconds, left)
        found = self.scanner.scan(artefact.descriptor, name=printable(Path(artefact.path).name), seconds=seconds)
        if not found["ok"]:
            return _unexamined(replace(artefact, reason=str(found["why"])), str(found["rule"]))
        file = _read(found, artefact.path)
        siblings = found["scan"]["siblings"]
        self.references += [Reference(artefact.path, one["location"], one["start"], one["end"]) for one in siblings]
        return self._bounded(file)

    def _bounded(self, file: ScannedFile) -> ScannedFile:
        """Keep the report from outgrowing memory, however many files there are."""
        self.n_observations += len(file.observations)
        self.n_ranges += len(file.examined)
        notes = file.notes
        if self.n_observations > MOST_OBSERVATIONS and len(file.observations) > 1:
            first = {observed.kind: observed for observed in reversed(file.observations)}
            notes = (*notes, f"{len(file.observations) - len(first)} more observations are not listed")
            file = replace(file, observations=tuple(first.values()))
        if self.n_ranges > MOST_RANGES and len(file.examined) > 1:
            total = sum(place.end - place.start for place in file.examined)
            notes = (*notes, f"{total} bytes were examined in {len(file.examined)} ranges, not listed")
            file = replace(file, examined=file.examined[:1])
        return replace(file, notes=notes)


def _read(found: dict[str, Any], path: str) -> ScannedFile:
    """Take over what the scanning process says, judging once more what follows from it."""
    scan, name = found["scan"], Path(path).name
    observations = [
        Observed(one["kind"], one["rule"], _location(name, one["place"]), one["message"], one["detail"])
        for one in scan["observations"]
    ]
    whole = Location((name,), 0, found["size"])
    if found["changed"]:
        message = "the file was changed while it was read"
        observations.append(Observed("not_examined", "file.changed", whole, message))
    elif found["digest"] is None:
        message = "the time was up before the file was read to its end"
        observations.append(Observed("not_examined", "limit.time", whole, message))
    return ScannedFile(
        path=path,
        format=scan["format"],
        verdict=verdict_of(observations, scan["verdict"]),
        digest=None if found["changed"] else found["digest"],
        size=found["size"],
        observations=tuple(observations),
        examined=tuple(_location(name, place) for place in scan["examined"]),
        notes=tuple(scan["notes"]),
    )


def verdict_of(observations: Sequence[Observed], said: ScanVerdict = "pass") -> ScanVerdict:
    """Return the graver of what was said and what the observations amount to."""
    kinds: set[ObservedKind] = {observed.kind for observed in observations}
    if said == "fail" or kinds & FAILING:
        return "fail"
    return "not_examined" if kinds or said == "not_examined" else "pass"


def _location(name: str, place: dict[str, Any]) -> Location:
    return Location((name, *place["path"][1:]), place["start"], place["end"])


def _unexamined(artefact: Artefact, rule: str) -> ScannedFile:
    place = Location((Path(artefact.path).name,), 0, 0)
    observed = Observed("not_examined", rule, place, artefact.reason)
    return ScannedFile(path=artefact.path, format="", verdict="not_examined", observations=(observed,))


def _approved(file: ScannedFile, policy: Policy, today: date) -> ScannedFile:
    found = approvals_of(policy.artefacts, file.digest) if file.digest else ()
    if not found:
        return file
    best = found[0]
    if best.holds(today):
        return replace(file, approved=Approved(best.owner, best.reason, best.expires.isoformat()))
    return replace(file, notes=(*file.notes, f"the approval of {best.owner} expired on {best.expires.isoformat()}"))


def _report(files: Sequence[ScannedFile], roots: Sequence[str], scanner: Scanner, limits: ScanLimits) -> ScanReport:
    outcomes = [file.outcome for file in files]
    totals = ScanTotals(
        files=len(files),
        passed=outcomes.count("pass"),
        failed=outcomes.count("fail"),
        not_examined=outcomes.count("not_examined"),
        approved=outcomes.count("approved"),
        bytes=sum(file.size or 0 for file in files),
    )
    outcome: ScanVerdict = "fail" if totals.failed else "not_examined" if totals.not_examined or not files else "pass"
    return ScanReport(
        roots=tuple(printable(root, 1 << 13) for root in roots),
        outcome=outcome,
        files=tuple(files),
        totals=totals,
        versions={"holdfast": __version__, "python": platform.python_version()},
        allow_list=f"sha256:{scanner.allow_list}" if scanner.allow_list else "",
        limits={one.name: getattr(limits, one.name) for one in fields(limits)},
        confinement=scanner.confinement,
        notes=() if files else (NOTHING_THERE,),
    )
