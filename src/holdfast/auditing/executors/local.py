"""Run checks on this machine: one after the other in this process, or side by side in spawned workers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, cast

from holdfast.auditing.execution import Completed, failed, unmeasured
from holdfast.auditing.jobs import Job, Setup, run_job
from holdfast.core.errors import HoldfastError

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


def one_by_one(
    setup: Setup, jobs: Sequence[Job], *, started: Callable[[str], None]
) -> Iterator[tuple[Job, Completed, float]]:
    """Run jobs in this process, in order."""
    subject = setup.subject()
    try:
        with single_threaded_numerics():
            for job in jobs:
                started(job.entry.id)
                begin = time.perf_counter()
                completed = run_job(job, subject, setup)
                yield job, completed, time.perf_counter() - begin
    finally:
        if subject.model is not None:
            subject.model.close()


def side_by_side(
    setup: Setup, jobs: Sequence[Job], *, started: Callable[[str], None], processes: int
) -> Iterator[tuple[Job, Completed, float]]:
    """Run jobs in spawned workers; a job whose worker dies is an error finding, the others go on."""
    queue = list(reversed(jobs))
    busy: dict[Connection, tuple[BaseProcess, Job]] = {}
    try:
        for _ in range(min(processes, len(jobs))):
            _hand_out(_start_worker(setup), queue, busy, started)
        while busy:
            for pipe in cast("list[Connection]", wait(list(busy))):
                process, job = busy.pop(pipe)
                try:
                    completed, seconds = pipe.recv()
                except (
                    EOFError,
                    OSError,
                ):  # an end in the middle of an answer, or before the job was read, is the latter
                    process.join()
                    reason = f"the process that ran this check ended with exit code {process.exitcode}"
                    yield job, worker_died(job, reason), 0.0
                    if queue:
                        _hand_out(_start_worker(setup), queue, busy, started)
                else:
                    yield job, completed, seconds
                    _hand_out((process, pipe), queue, busy, started)
    finally:
        for process, _ in busy.values():
            process.terminate()
            process.join(timeout=10)


def _hand_out(
    worker: tuple[BaseProcess, Connection],
    queue: list[Job],
    busy: dict[Connection, tuple[BaseProcess, Job]],
    started: Callable[[str], None],
) -> None:
    process, pipe = worker
    if not queue:
        pipe.close()
        process.join(timeout=10)
        return
    job = queue.pop()
    started(job.entry.id)
    busy[pipe] = (process, job)
    with suppress(OSError):  # a worker that died before its first job is noticed when its answer is read
        pipe.send(job)


def _start_worker(setup: Setup) -> tuple[BaseProcess, Connection]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(setup, theirs), daemon=True)
    with _thread_variables():
        process.start()
    theirs.close()
    return process, ours


def _work(setup: Setup, pipe: Connection) -> None:
    """Answer jobs until the other end closes the pipe. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    subject = setup.subject()
    try:
        while True:
            job = pipe.recv()
            begin = time.perf_counter()
            with single_threaded_numerics():
                completed = run_job(job, subject, setup)
            pipe.send((completed, time.perf_counter() - begin))
    except (EOFError, KeyboardInterrupt):
        return
    finally:
        if subject.model is not None:
            subject.model.close()


def worker_died(job: Job, reason: str) -> Completed:
    """Return the finding of a job that nobody could finish."""
    blank = unmeasured(job.entry, "error", "-", "-", parameters=job.parameters, seed=job.seed, digests=job.digests)
    return failed(blank, HoldfastError(reason, hint="there may be too little memory; try --jobs 1"))


@contextmanager
def _thread_variables() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def single_threaded_numerics() -> AbstractContextManager[Any]:
    """Limit BLAS and OpenMP to one thread, so that sums do not depend on how many processes share the machine."""
    import scipy.linalg  # noqa: F401  (only libraries that are loaded can be limited)
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits
