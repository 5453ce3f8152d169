"""Run a recorded training command again, in a copy of its folder, to see whether it gives the same model.

The copy is made of links: whatever lies in the folder is there under its name, and only the places of the outputs are
folders of their own, so that the command writes its model beside the real one and not over it. The command is the
user's own and runs as the user; nothing confines it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from holdfast.core.errors import ModelError, NotRun
from holdfast.core.provenance import TrainingManifest

MASK = "***"
SHOWN_OUTPUT = 300


@contextmanager
def rerun(manifest: TrainingManifest, folder: Path, *, timeout_s: float) -> Iterator[Path]:
    """Yield the folder in which the command of a manifest has run again; it is gone when the block ends.

    Raises
    ------
    NotRun
        When it cannot run there: a path leads out of the folder, or a secret was taken out of the command.
    ModelError
        When it fails, or takes longer than ``timeout_s``.
    """
    for name in (one.path for one in manifest.outputs):
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise NotRun(
                f"the output {name} lies outside the folder of the run, where running again would write over it",
                hint="record the run with paths below the folder in which it starts",
            )
    if any(MASK in argument for argument in manifest.command):
        raise NotRun(
            "the command held a secret, which was not recorded", hint="hand secrets to a command in the environment"
        )
    if any(str(folder) in argument for argument in manifest.command):
        raise NotRun(
            "the command names the folder of the run itself, where running again would write over the model",
            hint="record the run with paths relative to the folder in which it starts",
        )
    with tempfile.TemporaryDirectory(prefix="holdfast-rerun-") as place:
        copy = Path(place) / folder.name
        _mirror(folder, copy, {PurePosixPath(one.path) for one in manifest.outputs})
        _run(manifest, copy, timeout_s)
        yield copy


def _mirror(folder: Path, copy: Path, outputs: set[PurePosixPath]) -> None:
    """Link everything but the outputs, whose folders are made anew."""
    copy.mkdir()
    opened = {PurePosixPath(*path.parts[:depth]) for path in outputs for depth in range(1, len(path.parts))}
    waiting = [PurePosixPath()]
    while waiting:
        inside = waiting.pop()
        if not (folder / inside).is_dir():
            continue
        for name in sorted(os.listdir(folder / inside)):
            path = inside / name
            if path in opened:
                (copy / path).mkdir()
                waiting.append(path)
            elif path not in outputs:
                (copy / path).symlink_to(folder / path)
    for path in opened:
        (copy / path).mkdir(parents=True, exist_ok=True)


def _run(manifest: TrainingManifest, folder: Path, timeout_s: float) -> None:
    environment = {**os.environ, **manifest.variables}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        if name not in manifest.variables:
            environment.pop(name, None)
    try:
        done = subprocess.run(
            manifest.command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"the training command took longer than {timeout_s:.0f} s when it was run again") from None
    except OSError as error:
        raise NotRun(
            f"the training command cannot be started here: {error.strerror}", hint="run the audit where it was trained"
        ) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-SHOWN_OUTPUT:]
        raise ModelError(f"the training command failed with {done.returncode} when it was run again: {said}")
