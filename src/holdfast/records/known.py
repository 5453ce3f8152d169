"""Everything that is recorded around a place: data sets, runs, audits, and events of other tools."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.core.canonical import digest_bytes
from holdfast.core.decision import Decision
from holdfast.core.errors import InputError
from holdfast.core.parse import from_json
from holdfast.core.provenance import DataRecord, TrainingManifest
from holdfast.core.record import Findings
from holdfast.evidence.bundled_inputs import BundledInputs, read_bundled_inputs
from holdfast.evidence.record_store import (
    BESIDE,
    default_records,
    read_data_records,
    read_manifest,
    read_manifests,
    working_folder,
)
from holdfast.records.entered import Entered, read_entered
from holdfast.records.foreign_events import ForeignRun, read_events
from holdfast.records.training import unfinished

FINDINGS, DECISION = "findings.json", "decision.json"
DEEPEST, MOST_ENTRIES = 3, 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRun:
    """A run, the folder in which its command ran, where that is known, and whether it is running still."""

    manifest: TrainingManifest
    folder: Path | None = None
    is_running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAudit:
    """A finished audit; ``decision`` is ``None`` where there is none about these findings."""

    folder: Path
    findings: Findings
    digest: str
    decision: Decision | None
    inputs: BundledInputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is recorded; ``notes`` says what was found and could not be read."""

    records: tuple[DataRecord, ...]
    runs: tuple[KnownRun, ...]
    audits: tuple[KnownAudit, ...]
    foreign: tuple[ForeignRun, ...] = ()
    entered: Entered = field(default_factory=Entered)
    notes: tuple[str, ...] = ()


def gather(
    places: tuple[Path, ...] = (Path(),), *, records: Path | None = None, events: tuple[Path, ...] = ()
) -> Known:
    """Read the records, the audits and manifests in and beneath places, the ledger, and files of OpenLineage events.

    Hidden folders are passed over. What lies beneath a place and is damaged is left out and noted; a damaged record or
    file of events that was named is an error.

    Raises
    ------
    InputError
        When a record was edited by hand, or a file of events cannot be read.
    """
    folder = default_records() if records is None else records
    notes: list[str] = []
    runs: dict[str, KnownRun] = {}
    for manifest in read_manifests(folder):
        runs[manifest.run] = KnownRun(manifest=manifest, folder=_home_of(folder))
    for manifest, is_running in unfinished(folder):
        runs.setdefault(manifest.run, KnownRun(manifest=manifest, folder=_home_of(folder), is_running=is_running))
    audits: dict[str, KnownAudit] = {}
    for path in _found(places, notes):
        try:
            if path.name == FINDINGS:
                audit = read_audit_folder(path.parent)
                audits.setdefault(f"{audit.digest} {audit.decision and audit.decision.date}", audit)
            else:
                manifest = read_manifest(path)
                runs[manifest.run] = KnownRun(manifest=manifest, folder=working_folder(manifest, path))
        except InputError as error:
            notes.append(f"left out: {error.message}")
    try:
        entered = read_entered()
    except InputError as error:
        entered = Entered()
        notes.append(f"the ledger was not read: {error.message}")
    return Known(
        records=read_data_records(folder),
        runs=tuple(sorted(runs.values(), key=lambda run: (run.manifest.started, run.manifest.run))),
        audits=tuple(audits.values()),
        foreign=tuple(run for path in events for run in read_events(path)),
        entered=entered,
        notes=tuple(notes),
    )


def near(what: str) -> Path:
    """Return the folder that something is or lies in: its audit or manifest may lie there too."""
    path = Path(what)
    return path if path.is_dir() else path.parent


def read_audit_folder(folder: Path) -> KnownAudit:
    """Read the findings of an audit and the decision about them.

    Raises
    ------
    InputError
        When the findings cannot be read.
    """
    try:
        body = (folder / FINDINGS).read_bytes()
    except OSError as error:
        raise InputError(f"{folder} is no finished audit: {error.strerror}", hint="name a folder of audit") from None
    digest = digest_bytes(body)
    decision = None
    if (folder / DECISION).is_file():
        decision = from_json(Decision, (folder / DECISION).read_bytes(), source=str(folder / DECISION))
    return KnownAudit(
        folder=folder,
        findings=from_json(Findings, body, source=str(folder / FINDINGS)),
        digest=digest,
        decision=decision if decision is not None and decision.findings_digest == digest else None,
        inputs=read_bundled_inputs(folder),
    )


def _home_of(records: Path) -> Path | None:
    """Return the working folder of a folder of records in its usual place."""
    place = records.absolute()
    return place.parent.parent if place.parts[-2:] == (".holdfast", "records") else None


def _found(places: tuple[Path, ...], notes: list[str]) -> Iterator[Path]:
    """Yield findings of audits and manifests, not deeper than three folders."""
    left = MOST_ENTRIES
    waiting = [(place, 0) for place in dict.fromkeys(place.resolve() for place in places)]
    while waiting:
        folder, depth = waiting.pop(0)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        left -= len(entries)
        if left < 0:
            notes.append(f"not searched to the end: more than {MOST_ENTRIES:,} files; name folders with --within")
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if depth < DEEPEST and not entry.name.startswith("."):
                    waiting.append((Path(entry.path), depth + 1))
            elif entry.name == FINDINGS or entry.name.endswith(BESIDE):
                yield Path(entry.path)
