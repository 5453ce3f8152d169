"""Profile and compare folders of Parquet files with 1 and 2 workers of a Ray cluster on this machine, and without one.

Run ``python benchmarks/scale_out.py [PARTS ROWS COLUMNS]`` where the extra ``ray`` is installed. Two nodes of one core
each start on loopback addresses; what they write is compared byte by byte.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

HOLDFAST = [sys.executable, "-m", "holdfast"]
STORE_BYTES = 100 * 2**20


def write(folder: Path, parts: int, rows: int, columns: int, *, seed: int) -> None:
    """Write numbers of several kinds and a few texts."""
    folder.mkdir()
    for part in range(parts):
        rng = np.random.default_rng([seed, part])
        frame: dict[str, Any] = {f"x{place}": rng.normal(seed * 0.01, 1, rows) for place in range(columns - 4)}
        frame |= {"amount": rng.lognormal(0, 1, rows).round(2), "count": rng.poisson(4, rows)}
        frame |= {f"city{place}": rng.choice(["Oslo", "Bergen", "Bodø"], rows) for place in range(2)}
        pl.DataFrame(frame).write_parquet(folder / f"{part}.parquet")


def timed(arguments: list[str], folder: Path) -> tuple[float, str]:
    begin = time.perf_counter()
    done = subprocess.run([*HOLDFAST, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return time.perf_counter() - begin, done.stdout


def measure(folder: Path, ray: list[str]) -> tuple[float, float, bytes, str]:
    wall, _ = timed(["profile", "before", "-o", "out.profile", *ray], folder)
    drift, said = timed(["drift", "before", "after", "--json", "--no-joint", *ray], folder)
    return wall, drift, (folder / "out.profile").read_bytes(), said


def main() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    parts, rows, columns = map(int, sys.argv[1:] or (8, 250_000, 20))
    with tempfile.TemporaryDirectory() as at, tempfile.TemporaryDirectory(prefix="hf", dir="/tmp") as scratch:
        folder = Path(at)
        for seed, name in enumerate(("before", "after")):
            write(folder / name, parts, rows, columns, seed=seed)
        node = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "temp_dir": scratch}
        head = {**node, "node_ip_address": "127.0.0.2", "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            ray = ["--ray", cluster.address]
            timed(["profile", "before", "-o", "warm.profile", *ray], folder)  # compiled code enters its cache
            found = {"without a cluster": measure(folder, []), "1 worker": measure(folder, ray)}
            cluster.add_node(**node, node_ip_address="127.0.0.3")
            found["2 workers"] = measure(folder, ray)
        finally:
            cluster.shutdown()
    print(f"{parts} files of {rows:,} rows and {columns} columns; load {os.getloadavg()[0]:.1f}")
    for name, (profile, drift, _, _) in found.items():
        print(f"{name}: profile {profile:.1f} s, drift {drift:.1f} s")
    print("same bytes:", len({each[2:] for each in found.values()}) == 1)


if __name__ == "__main__":
    main()
