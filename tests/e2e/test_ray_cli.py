"""``--ray ADDRESS`` as a user gives it: the same bytes as without."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.workplace import Workplace
from tests.parquet_parts import write_parts
from tests.ray_cluster import needs_ray, two_nodes

pytestmark = [pytest.mark.slow, needs_ray, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Any]]:
    with two_nodes() as (cluster, second):
        yield [cluster, second]


@pytest.fixture
def address(nodes: list[Any]) -> str:
    return str(nodes[0].address)


def wait_until_at_work() -> None:
    """Wait until a worker has a piece in hand, which Ray shows as the name of the process."""
    for _ in range(3000):
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if process.read_bytes().startswith(b"ray::_apply"):
                    return
        time.sleep(0.02)
    raise AssertionError("no worker was at work within a minute")


def test_a_node_that_dies_half_way_changes_no_byte_of_the_output(place: Workplace, nodes: list[Any]) -> None:
    write_parts(place.folder / "before", seed=0, n_parts=12, n_rows=50_000)
    write_parts(place.folder / "after", seed=1, n_parts=12, n_rows=50_000)
    alone = place.run("drift", "before", "after", "--json", "--no-joint")
    process = place.start("drift", "before", "after", "--json", "--no-joint", "--ray", nodes[0].address)
    wait_until_at_work()
    nodes[0].kill(nodes[1])
    nodes[1] = nodes[0].add()
    said, _ = process.communicate(timeout=300)
    assert (process.returncode, said) == (0, alone.stdout)


def untimed(folder: Path) -> dict[str, Any]:
    """Findings as written, but for what depends on the speed of the machine."""
    findings = json.loads((folder / "findings.json").read_bytes())["findings"]
    return {finding["check"]: finding for finding in findings if finding["check"] != "cost.latency"}


def test_profile_and_drift_are_the_same_bytes(place: Workplace, address: str) -> None:
    write_parts(place.folder / "before", seed=0)
    write_parts(place.folder / "after", seed=1, shift=0.3)
    written, said = [], []
    for name, ray in (("here", ()), ("there", ("--ray", address))):
        assert place.run("profile", "before", "-o", f"{name}.profile", *ray).returncode == 0
        assert place.run("profile", "after", "--like", "here.profile", "-o", f"{name}.after", *ray).returncode == 0
        written.append([(place.folder / f"{name}.{kind}").read_bytes() for kind in ("profile", "after")])
        output = place.run("drift", "before", "after", "--json", *ray)
        assert (output.returncode, output.stderr) == (0, "")
        said.append(output.stdout)
    assert written[0] == written[1]
    assert said[0] == said[1]
    assert json.loads(said[0])["verdict"] == "drifted"


def test_audit_findings_are_the_same_bytes(place: Workplace, address: str) -> None:
    for name, where in (("here", ("--jobs", "2")), ("there", ("--ray", address))):
        output = place.run("audit", "--config", "holdfast.yaml", "--no-cache", "--out", name, *where)
        assert output.returncode in (0, 1, 3), output.stderr
    here, there = untimed(place.folder / "here"), untimed(place.folder / "there")
    assert here == there
    assert sum(finding["state"] == "measured" for finding in there.values()) >= 15
    files = [path for path in (place.folder / "here" / "evidence").rglob("*") if path.is_file()]
    assert files
    for path in files:
        other = place.folder / "there" / path.relative_to(place.folder / "here")
        assert "cost.latency" in str(path) or path.read_bytes() == other.read_bytes()
