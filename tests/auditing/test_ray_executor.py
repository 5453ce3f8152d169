"""Running on a Ray cluster of two nodes: the bytes are those of one machine, also when a node dies half-way."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from holdfast.adapters.tables.batches import open_batches
from holdfast.auditing.executors import ray as executor
from holdfast.auditing.executors.local import one_by_one
from holdfast.auditing.executors.ray import connected, map_on_workers, on_workers
from holdfast.auditing.jobs import Executor, Job, Setup
from holdfast.auditing.keys import installation
from holdfast.auditing.pieces import Piece, count_piece, pieces_of
from holdfast.auditing.profiling import merge_profiles, plan_for, profile_table, profile_text
from holdfast.core.canonical import canonical_json
from holdfast.core.errors import InputError, MissingExtra
from holdfast.kernels.drift.profile import Plan, Profile
from tests.auditing.scratch_checks import DRAW, ONE, Scratch, job_of, setup_of
from tests.parquet_parts import write_parts
from tests.ray_cluster import SECOND, needs_ray, two_nodes

pytestmark = pytest.mark.filterwarnings("ignore")  # those of Ray


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[Any]]:
    """The cluster and its second node."""
    with two_nodes() as (cluster, second):
        yield [cluster, second]
    gc.collect()


@pytest.fixture
def nodes(cluster: list[Any], scratch: Scratch) -> Iterator[list[Any]]:
    """The same, with this process connected; workers look for checks where we looked when we connected."""
    with connected(cluster[0].address):
        yield cluster


def ignore(check: str) -> None:
    """Hear that a check started."""


def run(place: Executor, setup: Setup, jobs: Sequence[Job]) -> dict[str, Any]:
    return {job.entry.id: completed for job, completed, _ in place(setup, jobs, started=ignore)}


def wait_for(path: Path) -> None:
    """Wait up to a minute until somebody has made a file."""
    for _ in range(1200):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path.name} was not made within a minute")


def wait_to_be_killed(folder: Path) -> None:
    """On the second node say that work is in hand, and wait for the end of the node; elsewhere wait for the former."""
    import ray

    if ray.util.get_node_ip_address() == SECOND:
        (folder / "in-hand").touch()
        wait_for(folder / "node-is-dead")
    wait_for(folder / "in-hand")


def count_unless_killed(shared: tuple[Plan, str], piece: Piece) -> dict[str, Any]:
    """Count a piece; on the second node wait to be killed, elsewhere for that node, and there die the first time."""
    plan, folder = shared
    wait_to_be_killed(Path(folder))
    try:
        Path(folder, "worker-died").touch(exist_ok=False)
    except FileExistsError:
        return count_piece(plan, piece)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


@needs_ray
def test_checks_on_two_nodes_give_the_bytes_of_one_process(nodes: list[Any], scratch: Scratch, tmp_path: Path) -> None:
    where = "import ray, pathlib, time\n" + (
        f"pathlib.Path({str(tmp_path)!r}, ray.util.get_node_ip_address()).touch()\ntime.sleep(0.5)\n"
    )
    jobs = [job_of(scratch.check(f"draw{number}", DRAW), seed=number) for number in range(4)]
    visits = [job_of(scratch.check(f"visit{number}", where + f"return {ONE}")) for number in range(6)]
    alone = run(one_by_one, setup_of(tmp_path, threads=2), jobs)
    beside = run(on_workers, setup_of(tmp_path), [*jobs, *visits])
    assert {done.finding.reason for done in beside.values()} == {None}
    assert {check: canonical_json(done.finding) for check, done in alone.items()} == {
        job.entry.id: canonical_json(beside[job.entry.id].finding) for job in jobs
    }
    assert all(done.files == beside[check].files for check, done in alone.items())
    assert sorted(path.name for path in tmp_path.glob("127.*")) == ["127.0.0.2", "127.0.0.3"]


@needs_ray
@pytest.mark.slow
def test_check_that_raises_or_kills_every_worker_is_an_error_finding(
    nodes: list[Any], scratch: Scratch, tmp_path: Path
) -> None:
    entries = [
        scratch.check("raises", "raise ValueError('bad')"),
        scratch.check("dies", "import os\nos._exit(7)"),
        scratch.check("fine", f"return {ONE}"),
    ]
    done = run(on_workers, setup_of(tmp_path), [job_of(entry) for entry in entries])
    states = {check.split(".")[1]: completed.finding.state for check, completed in done.items()}
    assert states == {"raises": "error", "dies": "error", "fine": "measured"}
    assert "4 workers died" in done["scratch.dies"].finding.reason


@needs_ray
@pytest.mark.slow
def test_a_time_budget_holds_on_workers(nodes: list[Any], scratch: Scratch, tmp_path: Path) -> None:
    job = job_of(scratch.check("late", f"ctx.map(lambda item: item, [1, 2])\nreturn {ONE}"))
    spent = run(on_workers, setup_of(tmp_path, deadline=time.monotonic() - 1.0), [job])
    left = run(on_workers, setup_of(tmp_path, deadline=time.monotonic() + 600.0), [job])
    assert [done[job.entry.id].finding.state for done in (spent, left)] == ["not_run", "measured"]


@needs_ray
@pytest.mark.slow
def test_what_a_piece_raises_comes_back_with_its_hint(nodes: list[Any], tmp_path: Path) -> None:
    rows = open_batches(write_parts(tmp_path / "parts", seed=0), name="table")
    plan, pieces = plan_for(rows), list(pieces_of(rows))
    Path(pieces[-1].file.path).unlink()
    with pytest.raises(InputError, match=r"the worker .* cannot read") as found:
        list(map_on_workers(count_piece, plan, pieces))
    assert "same path" in found.value.hint


@needs_ray
@pytest.mark.slow
def test_workers_with_other_versions_refuse_to_answer(
    nodes: list[Any], scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "installation", lambda: {**installation(), "polars": "1.0"})
    rows = open_batches(write_parts(tmp_path / "parts", seed=0), name="table")
    with pytest.raises(InputError, match=r"expected polars 1\.0 on the worker"):
        list(map_on_workers(count_piece, plan_for(rows), pieces_of(rows)))
    with pytest.raises(InputError, match=r"expected polars 1\.0 on the worker"):
        run(on_workers, setup_of(tmp_path), [job_of(scratch.check("one", f"return {ONE}"))])


@needs_ray
@pytest.mark.slow
def test_a_killed_worker_and_a_killed_node_lose_no_piece(nodes: list[Any], tmp_path: Path) -> None:
    parts = write_parts(tmp_path / "parts", seed=0)
    rows = open_batches(parts, name="table")
    plan, pieces = plan_for(rows), list(pieces_of(rows, n_cells=5000))
    with killed_half_way(nodes, tmp_path):
        states = list(map_on_workers(count_unless_killed, (plan, str(tmp_path)), pieces))
    assert (tmp_path / "worker-died").exists()
    assert profile_text(merge_profiles(map(Profile.from_state, states))) == profile_text(profile_table(parts))


@needs_ray
@pytest.mark.slow
def test_a_killed_node_loses_no_check(nodes: list[Any], scratch: Scratch, tmp_path: Path) -> None:
    wait = (
        "from pathlib import Path\nfrom tests.auditing.test_ray_executor import wait_to_be_killed\n"
        f"wait_to_be_killed(Path({str(tmp_path)!r}))\n"
    )
    jobs = [job_of(scratch.check(f"held{number}", wait + dedent(DRAW)), seed=number) for number in range(4)]
    with killed_half_way(nodes, tmp_path):
        beside = run(on_workers, setup_of(tmp_path), jobs)
    alone = run(one_by_one, setup_of(tmp_path), jobs)
    assert {done.finding.state for done in alone.values()} == {"measured"}
    assert {check: canonical_json(done.finding) for check, done in beside.items()} == {
        check: canonical_json(done.finding) for check, done in alone.items()
    }


@contextmanager
def killed_half_way(nodes: list[Any], folder: Path) -> Iterator[None]:
    """Kill the second node as soon as it has work in hand; start another at the end."""

    def kill() -> None:
        wait_for(folder / "in-hand")
        nodes[0].kill(nodes[1])
        (folder / "node-is-dead").touch()

    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill)
        yield
        killed.result()
    nodes[1] = nodes[0].add()


def test_without_the_extra_the_install_line_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra) as found, connected("127.0.0.1:6379"):
        pass
    assert found.value.hint == "pip install 'holdfast[ray]'"


@needs_ray
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("here", "HOST:PORT"),
        ("local", "HOST:PORT"),
        ("127.0.0.1:70000", "HOST:PORT"),
        ("127.0.0.1:9", "could not connect"),
    ],
)
def test_an_address_without_a_cluster_is_refused_at_once(
    address: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(InputError, match=message), connected(address):
        pass


@needs_ray
def test_a_head_on_the_loopback_alone_is_named_where_ray_would_look_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    if ray.util.get_node_ip_address() in executor.LOOPBACK:
        pytest.skip("needs a machine with an address besides the loopback")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(InputError, match=f"as Ray reads {address}"), connected(address):
            pass
