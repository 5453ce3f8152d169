"""Provenance: what registering, comparing and recording cost, and a lineage of a thousand runs.

``python benchmarks/provenance.py --data DIR [--dvc PATH]`` takes the Adult tables from DIR and, for the race, a ``dvc``
of an environment of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from holdfast.core.canonical import digest_bytes
from holdfast.core.provenance import Artefact, Code, DataStatement, Environment, FileState, Machine, TrainingManifest
from holdfast.evidence.record_store import seal
from holdfast.records.data_sets import compare, register
from holdfast.records.known import Known, KnownRun
from holdfast.records.lineage import trace
from holdfast.reports.lineage_text import render_html

ROWS, RUNS, ROUNDS = 1_000_000, 1_000, 9


def measured(name: str, work: Callable[[], Any]) -> Any:
    """Do it once, and print the seconds of wall and CPU."""
    begin, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"{name:<58} {time.perf_counter() - begin:7.2f} s wall {time.process_time() - cpu:7.2f} s CPU", flush=True)
    return result


def tables(data: Path) -> None:
    """Register and compare Adult, and a million rows drawn from it."""
    shutil.copy(data / "adult_train.csv", "adult.csv")
    pl.DataFrame({"a": np.arange(100)}).write_csv("warm.csv")
    register(Path("warm.csv"), DataStatement())  # what is compiled once is no part of it
    measured(
        "register Adult, 32,561 x 15, CSV", lambda: register(Path("adult.csv"), DataStatement(licence="CC-BY-4.0"))
    )
    adult = pl.read_csv("adult.csv")
    rng = np.random.default_rng(0)
    large = adult[rng.integers(0, adult.height, ROWS)].with_columns(id=pl.int_range(ROWS))
    large.write_parquet("large.parquet")
    said = DataStatement(licence="CC-BY-4.0")
    measured(f"register {ROWS:,} x 16, Parquet", lambda: register(Path("large.parquet"), said, id_column="id"))
    large[1:].with_columns(age=pl.when(pl.col("id") == 7).then(0).otherwise("age")).write_parquet("large.parquet")
    found = measured(f"compare {ROWS:,} rows, one gone, one altered", lambda: compare(Path("large.parquet")))
    assert (found.new, found.gone, found.altered) == ((), (0,), (6,)), found
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def overhead(dvc: str | None) -> None:
    """Time a command that does nothing, bare and recorded, in turn."""
    ours = [sys.executable, "-m", "holdfast", "run", "--input", "adult.csv", "--output", "out.bin", "--"]
    script = "import pathlib; pathlib.Path('out.bin').write_bytes(b'1')"
    bare = [sys.executable, "-c", script]
    commands = {"bare": bare, "holdfast run": [*ours, *bare]}
    if dvc is not None:
        Path("write.py").write_text(script)
        silent = {"check": True, "capture_output": True, "env": {**os.environ, "DVC_NO_ANALYTICS": "1"}}
        subprocess.run([dvc, "init", "--no-scm"], **silent)
        stage = ["stage", "add", "-n", "train", "-d", "adult.csv", "-o", "out.bin", f"{sys.executable} write.py"]
        subprocess.run([dvc, *stage], **silent)
        commands["dvc repro --force"] = [dvc, "repro", "--force", "-q"]
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            begin = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env={**os.environ, "DVC_NO_ANALYTICS": "1"})
            times[name].append(time.perf_counter() - begin)
    for name, seconds in times.items():
        print(f"{name:<58} {statistics.median(seconds):7.2f} s wall (median of {ROUNDS})")


def graph() -> None:
    """Trace a chain of runs, each of which reads what the one before has written."""
    machine = Machine(system="", release="", machine="", processor="", cpus=1, memory_mb=None)

    def run(number: int) -> KnownRun:
        before, after = (FileState(kind="file", digest=digest_bytes(str(k).encode())) for k in (number, number + 1))
        manifest = TrainingManifest(
            run=f"{number:08d}-0000-4000-8000-000000000000", state="finished", command=("python", "step.py"),
            inputs=(Artefact(path=f"{number}.csv", before=before, after=before),),
            outputs=(Artefact(path=f"{number + 1}.csv", before=FileState(kind="absent"), after=after),),
            seeds=(), code=Code(), environment=Environment(), machine=machine, variables={},
            started="2026-01-01T00:00:00+00:00", version="0",
        )  # fmt: skip
        return KnownRun(manifest=seal(manifest))

    known = Known(records=(), runs=tuple(run(number) for number in range(RUNS)), audits=())
    Path("last.csv").write_bytes(str(RUNS).encode())
    found = measured(f"trace a chain of {RUNS:,} runs", lambda: trace("last.csv", known))
    assert len(found.nodes) == 2 * RUNS + 1, len(found.nodes)
    page = measured("draw it (the 80 nearest)", lambda: render_html(found))
    print(f"page {len(page) / 1024:,.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--dvc")
    options = parser.parse_args()
    data = options.data.resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        tables(data)
        overhead(options.dvc)
        graph()
        os.chdir("/")


if __name__ == "__main__":
    main()
