"""Running on this machine: the number of processes changes nothing, and a dead worker costs one finding."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from holdfast.auditing.execution import Completed
from holdfast.auditing.executors.local import one_by_one, side_by_side
from holdfast.auditing.jobs import Job, Setup
from holdfast.auditing.store import Partial, Store
from holdfast.core.canonical import canonical_json
from tests.auditing.scratch_checks import DRAW, ONE, Scratch, job_of, setup_of


def ignore(check: str) -> None:
    """Hear that a check started."""


def run(setup: Setup, jobs: list[Job], processes: int) -> dict[str, Completed]:
    if processes == 1:
        results = one_by_one(setup, jobs, started=ignore)
    else:
        results = side_by_side(setup, jobs, started=ignore, processes=processes)
    return {job.entry.id: completed for job, completed, _ in results}


def states(results: dict[str, Completed]) -> dict[str, str]:
    return {check.split(".")[1]: completed.finding.state for check, completed in results.items()}


def test_findings_are_the_same_bytes_for_one_and_two_processes(scratch: Scratch, tmp_path: Path) -> None:
    entries = [scratch.check(f"draw{number}", DRAW) for number in range(3)]
    jobs = [job_of(entry, seed=number) for number, entry in enumerate(entries)]
    alone = run(setup_of(tmp_path, threads=2), jobs, 1)
    beside = run(setup_of(tmp_path, threads=1), jobs, 2)
    assert set(alone) == {"scratch.draw0", "scratch.draw1", "scratch.draw2"}
    for check, completed in alone.items():
        assert canonical_json(completed.finding) == canonical_json(beside[check].finding)
        assert completed.files == beside[check].files


def test_dead_worker_is_an_error_finding_and_the_others_finish(scratch: Scratch, tmp_path: Path) -> None:
    entries = [
        scratch.check("dies", "import os\nos._exit(7)"),
        scratch.check("killed", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
        *(scratch.check(f"fine{number}", f"return {ONE}") for number in range(2)),
    ]
    results = run(setup_of(tmp_path), [job_of(entry) for entry in entries], 2)
    assert states(results) == {"dies": "error", "killed": "error", "fine0": "measured", "fine1": "measured"}
    assert "exit code 7" in (results["scratch.dies"].finding.reason or "")
    assert "exit code -9" in (results["scratch.killed"].finding.reason or "")
    assert not results["scratch.dies"].reusable


def test_worker_that_cannot_start_is_an_error_finding(scratch: Scratch, tmp_path: Path) -> None:
    jobs = [job_of(scratch.check(f"one{number}", f"return {ONE}")) for number in range(2)]
    setup = setup_of(tmp_path, tables={"test": (tmp_path / "gone.arrow", "sha256:t", "")})
    assert states(run(setup, jobs, 2)) == {"one0": "error", "one1": "error"}


@pytest.mark.parametrize("processes", [1, 2])
def test_check_that_raises_or_leaves_is_an_error_finding(scratch: Scratch, tmp_path: Path, processes: int) -> None:
    entries = [
        scratch.check("raises", "raise ValueError('bad')"),
        scratch.check("leaves", "import sys\nsys.exit(0)"),
        scratch.check("fine", f"return {ONE}"),
    ]
    results = run(setup_of(tmp_path), [job_of(entry) for entry in entries], processes)
    assert states(results) == {"raises": "error", "leaves": "error", "fine": "measured"}


def test_more_workers_than_jobs_is_no_harm(scratch: Scratch, tmp_path: Path) -> None:
    job = job_of(scratch.check("one", f"return {ONE}"))
    assert states(run(setup_of(tmp_path), [job], 4)) == {"one": "measured"}


def test_no_jobs_is_no_results(tmp_path: Path) -> None:
    assert run(setup_of(tmp_path), [], 2) == {}


def test_workers_end_when_the_caller_stops_listening(scratch: Scratch, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    body = (
        f"import os, pathlib, time\npathlib.Path({str(marks)!r}, str(os.getpid())).touch()\n"
        f"for _ in range(600):\n    time.sleep(0.1)\nreturn {ONE}"
    )
    jobs = [job_of(scratch.check("quick", f"return {ONE}")), job_of(scratch.check("slow", body))]
    results = side_by_side(setup_of(tmp_path), jobs, started=ignore, processes=2)
    assert next(results)[0].entry.id == "scratch.quick"
    for _ in range(200):
        if any(marks.iterdir()):
            break
        time.sleep(0.05)
    begin = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begin < 30
    for mark in marks.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(mark.name), 0)


def test_stopping_between_checks_leaves_what_is_finished(scratch: Scratch, tmp_path: Path) -> None:
    jobs = [
        job_of(scratch.check("first", f"return {ONE}")),
        job_of(scratch.check("second", "raise KeyboardInterrupt")),
    ]
    results = one_by_one(setup_of(tmp_path), jobs, started=ignore)
    assert next(results)[1].finding.state == "measured"
    with pytest.raises(KeyboardInterrupt):
        next(results)


@pytest.mark.parametrize("processes", [1, 2])
def test_partial_results_are_durable_before_the_check_ends(scratch: Scratch, tmp_path: Path, processes: int) -> None:
    entry = scratch.check("one", "ctx.store.put('chunk', b'1')\nraise ValueError")
    job = job_of(entry)
    path = tmp_path / "store.sqlite"
    run(setup_of(tmp_path, store=path), [job], processes)
    store = Store(path)
    assert Partial(store, job.digests["key"]).get("chunk") == b"1"
    store.close()
