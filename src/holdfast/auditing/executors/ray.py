"""Run checks, and pieces of work on tables, on a Ray cluster; what a worker had in hand when it died is run again.

Every task is a pure function of plain data, so that it does not matter where it runs, how often, or in which order.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from holdfast.auditing.execution import Completed
from holdfast.auditing.executors.local import THREAD_VARIABLES, single_threaded_numerics, worker_died
from holdfast.auditing.jobs import Job, Setup, run_job
from holdfast.auditing.keys import installation
from holdfast.auditing.subject import AuditSubject
from holdfast.core.errors import HoldfastError, InputError, MissingExtra

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")

RETRIES = 3
AHEAD = 2
"""Tasks handed out for each core of the cluster: one runs, one waits."""
CONNECT_S = 10.0
PATIENCE = {"RAY_gcs_server_request_timeout_seconds": "20", "RAY_gcs_server_port_wait_time_s": "1"}
"""How many seconds Ray looks for a node on this machine, and how often it asks a head that does not answer, for about
40 seconds each; unless told it goes on for minutes."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Needed(NamedTuple):
    """What a worker must have in common with the caller: versions, and where to look for checks outside of Holdfast."""

    versions: dict[str, str]
    folders: tuple[str, ...]


_opened: dict[str, tuple[Setup, AuditSubject]] = {}
"""In a worker: the audit at hand. A model is opened once in a process, not once for every check."""


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect to a cluster; a connection that this process already has is used, and left open.

    Parameters
    ----------
    address
        ``HOST:PORT`` of the head, seen from a machine of the cluster; ``auto`` for the one running here;
        ``ray://HOST:PORT`` from elsewhere.

    Raises
    ------
    MissingExtra
        Without Ray.
    InputError
        When no cluster answers, or it has no core.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise MissingExtra("running on a Ray cluster", "ray") from None
    if ray.is_initialized():
        yield
        return
    _refuse_silence(address)
    with redirect_stdout(sys.stderr):  # Ray prints news of dead workers into what may be piped
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError, RuntimeError, ImportError, ray.exceptions.RayError) as error:
            raise _no_cluster(address, error) from None
        try:
            if _cores() < 1:
                raise InputError(f"expected cores in the Ray cluster at {address}, got none", hint="start a node")
            yield
        finally:
            ray.shutdown()


def _refuse_silence(address: str) -> None:
    """Say at once that nobody listens, for which Ray takes minutes."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InputError(
            f"expected the address of a Ray cluster as HOST:PORT, ray://HOST:PORT or auto, got {address!r}",
            hint="ray start --head prints it",
        )
    hosts = [host.strip("[]")]
    if hosts[0] in LOOPBACK and not address.startswith("ray://"):
        from ray.util import get_node_ip_address

        hosts.append(get_node_ip_address())  # Ray puts it in the place of a loopback address
    for each in hosts:
        try:
            socket.create_connection((each, int(port)), timeout=CONNECT_S).close()
        except OSError as error:
            raise _no_cluster(
                address if each == hosts[0] else f"{each}:{port}, as Ray reads {address}", error
            ) from None


def _no_cluster(address: str, error: Exception) -> InputError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(
        f"expected a Ray cluster at {address}, and could not connect: {reason:.200}",
        hint="give the address that ray start --head printed; this machine must run a node of the cluster "
        "(ray start --address), or connect from outside with ray://HOST:PORT",
    )


def _cores() -> int:
    import ray

    return int(ray.cluster_resources().get("CPU", 0))


def map_on_workers(function: Callable[[S, T], R], shared: S, items: Iterable[T]) -> Iterator[R]:
    """Apply a function of a module to ``(shared, item)`` on workers, a few items at a time; results in order.

    Raises
    ------
    HoldfastError
        What the function raised, or when workers died over one item again and again.
    """
    import ray

    task = ray.remote(max_retries=RETRIES, num_cpus=1)(_apply)
    held = ray.put(shared)
    queue, waiting = iter(items), deque[Any]()
    try:
        while True:
            room = max(AHEAD * _cores() - len(waiting), 0)
            waiting.extend(task.remote(_needed(), function, held, item) for item in islice(queue, room))
            if not waiting:
                return
            answer = ray.get(waiting[0])
            waiting.popleft()
            yield answer
    except ray.exceptions.RayTaskError as error:
        raise _cause(error) from error
    except ray.exceptions.RayError as error:
        raise HoldfastError(
            f"a piece of work failed on {RETRIES + 1} workers: {_first_line(error)}",
            hint="they may have too little memory",
        ) from error
    finally:
        _cancel(waiting)


def on_workers(
    setup: Setup, jobs: Sequence[Job], *, started: Callable[[str], None]
) -> Iterator[tuple[Job, Completed, float]]:
    """Run jobs on the cluster that this process is connected to.

    A job whose worker dies is run again; one that is the death of every worker is an error finding.
    """
    import ray

    task = ray.remote(max_retries=RETRIES, num_cpus=1)(_work)
    held = ray.put(replace(setup, threads=1, cache={}, store=None).with_contents())
    # Clocks that count from an arbitrary moment differ between machines.
    ends = None if setup.deadline is None else time.time() + setup.deadline - time.monotonic()
    run = str(uuid4())
    queue = deque(jobs)
    busy: dict[Any, Job] = {}
    try:
        while queue or busy:
            while queue and len(busy) < max(AHEAD * _cores(), 1):
                job = queue.popleft()
                started(job.entry.id)
                busy[task.remote(_needed(), run, [held], ends, job)] = job
            (answered,), _ = ray.wait(list(busy), num_returns=1)
            job = busy.pop(answered)
            yield job, *_completed(job, answered)
    finally:
        _cancel(busy)


def _completed(job: Job, answer: Any) -> tuple[Completed, float]:
    import ray

    try:
        completed, seconds = ray.get(answer)
        return completed, seconds
    except ray.exceptions.RayTaskError as error:
        cause = _cause(error)
        if isinstance(cause, InputError):
            raise cause from None
        return worker_died(job, f"the worker could not run this check: {cause.message}"), 0.0
    except ray.exceptions.RayError as error:
        return worker_died(job, f"{RETRIES + 1} workers died while they ran this check: {_first_line(error)}"), 0.0


def _cause(error: Any) -> HoldfastError:
    cause = error.cause
    if isinstance(cause, HoldfastError):
        return cause
    reason = _first_line(cause) if isinstance(cause, BaseException) else _first_line(error)
    return HoldfastError(f"a worker failed: {reason}", hint="the same Holdfast must be installed on every machine")


def _first_line(error: BaseException) -> str:
    return f"{(str(error).strip() or type(error).__name__).splitlines()[0]:.300}"


def _cancel(waiting: Iterable[Any]) -> None:
    import ray

    for answer in waiting:
        ray.cancel(answer, force=True)


def _needed() -> Needed:
    return Needed(installation(), tuple(sys.path))


def _apply(needed: Needed, function: Callable[[S, T], R], shared: S, item: T) -> R:
    """Work on one item, in a worker."""
    _prepare(needed)
    with single_threaded_numerics():
        return function(shared, item)


def _work(needed: Needed, run: str, held: Sequence[Any], ends: float | None, job: Job) -> tuple[Completed, float]:
    """Run a check, in a worker."""
    _prepare(needed)
    begin = time.perf_counter()
    if run not in _opened:
        _open(run, held, ends)
    setup, subject = _opened[run]
    with single_threaded_numerics():
        completed = run_job(job, subject, setup)
    return completed, time.perf_counter() - begin


def _open(run: str, held: Sequence[Any], ends: float | None) -> None:
    import ray

    for _, earlier in _opened.values():
        if earlier.model is not None:
            earlier.model.close()
    _opened.clear()
    setup: Setup = ray.get(held[0])
    if ends is not None:
        setup = replace(setup, deadline=time.monotonic() + ends - time.time())
    _opened[run] = setup, setup.subject()


def _prepare(needed: Needed) -> None:
    """Use one thread, as a worker has one core; refuse to answer with other code than that of the caller."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    sys.path.extend(folder for folder in needed.folders if folder not in sys.path)
    ours = installation()
    for name, theirs in needed.versions.items():
        if ours.get(name) != theirs:
            raise InputError(
                f"expected {name} {theirs} on the worker {socket.gethostname()}, got {ours.get(name, 'none')}",
                hint="install the same versions on every machine of the cluster",
            )
