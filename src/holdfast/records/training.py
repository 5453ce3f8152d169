"""Run a training command and record what went in, what came out, and under which circumstances."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from holdfast.core.canonical import canonical_json, digest_bytes
from holdfast.core.errors import InputError
from holdfast.core.provenance import Artefact, FileState, TrainingManifest
from holdfast.core.version import __version__
from holdfast.evidence.fingerprints import file_state
from holdfast.evidence.record_store import (
    BESIDE,
    RUNS,
    default_records,
    make_folder,
    read_manifest,
    seal,
    short,
    write_manifest,
)
from holdfast.evidence.statement import Statement
from holdfast.evidence.writing import write_durably
from holdfast.records.child_command import run_command
from holdfast.records.surroundings import masked, read_code, read_environment, read_machine, read_variables

TABLES = (".csv", ".tsv", ".parquet", ".pq")
STARTED = ".started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A command that was run: its manifest, the files that hold it, its exit code, the events to enter in a ledger."""

    manifest: TrainingManifest
    paths: tuple[Path, ...]
    exit_code: int
    statements: tuple[Statement, ...]


def record_run(
    command: Sequence[str],
    *,
    inputs: Sequence[Path] = (),
    outputs: Sequence[Path] = (),
    seeds: Sequence[int] = (),
    records: Path | None = None,
) -> Recorded:
    """Run a command in the working folder and write its training manifest, beside the outputs and among the records.

    What is known beforehand is on the disk before the command starts, so that a run of which nobody saw the end is
    known as such.

    Raises
    ------
    InputError
        When the command does not exist, an input is missing, another run is writing an output, or a record cannot be
        written; in that last case the command may have run, and the message says so.
    """
    here = Path.cwd()
    folder = default_records() if records is None else records
    _check(command, inputs, outputs, here)
    make_folder(folder / RUNS)
    with ExitStack() as held:
        for output in outputs:
            held.enter_context(_alone(output, folder))
        begun = seal(_begin(command, inputs, outputs, seeds, here))
        started = folder / RUNS / f"{begun.run}{STARTED}"
        write_durably(started, canonical_json(begun))
        held.enter_context(_locked(started))
        code = run_command(command, here)
        manifest = seal(_end(begun, code))
        paths = [folder / RUNS / f"{manifest.run}-{short(manifest.record)}.json"]
        beside = here / manifest.beside
        has_written = any(output.is_changed for output in manifest.outputs)
        # a manifest that is there stays that of the run that wrote the outputs
        if manifest.beside and beside.parent.is_dir() and (has_written or not beside.exists()):
            paths.append(beside)
        try:
            for path in paths:
                write_manifest(manifest, path)
        except InputError as error:
            said = f"the command ended with {exit_code_of(code)}, but its record was not written: {error.message}"
            raise InputError(said, hint=error.hint) from None
        with suppress(OSError):
            started.unlink()
    return Recorded(
        manifest=manifest, paths=tuple(paths), exit_code=exit_code_of(code), statements=(run_statement(manifest),)
    )


def run_statement(manifest: TrainingManifest) -> Statement:
    """State a run as an event: what it wrote, from what, and how it ended."""
    return Statement(
        kind="training-run",
        subjects={"manifest": manifest.record, **manifest_outputs(manifest)},
        predicate={
            "run": manifest.run,
            "state": manifest.state,
            "inputs": {one.path: one.before.digest for one in manifest.inputs},
            "outputs": {one.path: one.after.digest if one.after else None for one in manifest.outputs},
            "unchanged": [one.path for one in manifest.outputs if one.after is not None and not one.is_changed],
            "commit": manifest.code.commit,
            "is_dirty": manifest.code.is_dirty,
            "exit_code": manifest.exit_code,
            "signal": manifest.signal,
            "started": manifest.started,
            "ended": manifest.ended,
        },
    )


def manifest_outputs(manifest: TrainingManifest) -> dict[str, str]:
    """Return name to digest of what a run was said to write and is there."""
    return {f"output:{one.path}": one.after.digest for one in manifest.outputs if one.after and one.after.digest}


def unfinished(records: Path) -> tuple[tuple[TrainingManifest, bool], ...]:
    """Return manifests of runs without an end, and whether each is running still; the others were killed."""
    paths = sorted((records / RUNS).glob(f"*{STARTED}")) if (records / RUNS).is_dir() else []
    return tuple((read_manifest(path), _is_locked(path)) for path in paths)


def exit_code_of(returned: int) -> int:
    """Return the exit code as a shell gives it: 128 and the number of the signal where one ended the command."""
    return returned if returned >= 0 else 128 - returned


def _check(command: Sequence[str], inputs: Sequence[Path], outputs: Sequence[Path], here: Path) -> None:
    if not command:
        raise InputError("expected a command behind --, got none", hint="holdfast run --output M -- python train.py")
    if shutil.which(command[0]) is None:
        raise InputError(
            f"there is no command {command[0]!r}", hint="check its spelling and PATH; a script here is ./script"
        )
    for path in inputs:
        if not path.exists():
            what = "a link that leads nowhere" if path.is_symlink() else "nothing"
            raise InputError(f"expected an input at {path}, found {what}", hint="check --input")
    for path in outputs:
        if here.resolve().is_relative_to(path.resolve()):
            raise InputError(
                f"expected an output below the working folder, got {path}", hint="name the files that are written"
            )


def _begin(
    command: Sequence[str], inputs: Sequence[Path], outputs: Sequence[Path], seeds: Sequence[int], here: Path
) -> TrainingManifest:
    declared = {path.absolute() for path in (*inputs, *outputs)}
    beside = f"{_shown(outputs[0], here)}{BESIDE}" if outputs else ""
    return TrainingManifest(
        run=str(uuid.uuid4()),
        state="running",
        command=masked(command),
        inputs=tuple(Artefact(path=_shown(path, here), before=_with_content(path)) for path in inputs),
        outputs=tuple(Artefact(path=_shown(path, here), before=file_state(path)) for path in outputs),
        seeds=tuple(seeds),
        code=read_code(command, here, besides=declared),
        environment=read_environment(command, here),
        machine=read_machine(),
        variables=read_variables(os.environ),
        started=_now(),
        beside=beside,
        version=__version__,
    )


def _end(begun: TrainingManifest, returned: int) -> TrainingManifest:
    ended = _now()
    notes: list[str] = []
    inputs = tuple(_after(one, notes, is_output=False) for one in begun.inputs)
    outputs = tuple(_after(one, notes, is_output=True) for one in begun.outputs)
    return replace(
        begun,
        state="finished" if returned == 0 else "failed" if returned > 0 else "interrupted",
        inputs=inputs,
        outputs=outputs,
        ended=ended,
        exit_code=exit_code_of(returned),
        signal=_signal_name(-returned) if returned < 0 else None,
        notes=(*begun.notes, *notes),
    )


def _after(artefact: Artefact, notes: list[str], *, is_output: bool) -> Artefact:
    """Look again, and say what nobody would expect."""
    path = Path(artefact.path)
    try:
        state = _with_content(path) if is_output else file_state(path)
    except InputError as error:
        notes.append(f"{artefact.path} could not be looked at after the run: {error.message}")
        return artefact
    found = replace(artefact, after=state)
    if is_output and state.kind == "absent":
        notes.append(f"the output {artefact.path} was not written")
    elif is_output and not found.is_changed:
        notes.append(f"the output {artefact.path} did not change")
    elif not is_output and found.is_changed:
        notes.append(f"the input {artefact.path} changed during the run")
    return found if is_output or found.is_changed else replace(found, after=replace(state, members=()))


def _with_content(path: Path) -> FileState:
    """Digest a file or folder, and where it is a table what it holds: audits know tables by that."""
    state = file_state(path)
    if state.kind != "file" or path.suffix.lower() not in TABLES:
        return state
    from holdfast.adapters.tables.reading import read_table

    try:
        return replace(state, content=read_table(path, name="table").digest)
    except InputError:
        return state


def _shown(path: Path, here: Path) -> str:
    """Return a path relative to the working folder where it lies in that."""
    absolute = Path(os.path.normpath(path.absolute()))
    inside = absolute.is_relative_to(here)
    return (absolute.relative_to(here) if inside else path).as_posix()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@contextmanager
def _alone(output: Path, records: Path) -> Iterator[None]:
    """Hold an output: two runs that write one file at once would each record what the other wrote."""
    path = records / RUNS / "locks" / short(digest_bytes(os.fsencode(output.resolve())))
    make_folder(path.parent)
    path.touch()
    with _locked(path) as is_ours:
        if not is_ours:
            raise InputError(f"another run is writing {output}", hint="wait for its end, or write to another place")
        yield


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock a file as long as this process lives; say whether it could be. Systems without such locks hold nothing."""
    if os.name == "nt":
        yield True
        return
    import fcntl

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # a file system without locks
            pass
        yield True


def _is_locked(path: Path) -> bool:
    with _locked(path) as is_ours:
        return not is_ours
