"""Our checks of data and performance against Deepchecks' full suite, by rows.

``python benchmarks/data_suite.py [--rows 1000 20000 50000] [--peer PYTHON] [--limit 300]``, where PYTHON is an
interpreter that can run ``deepchecks_peer.py``. The same made table on both sides: 20 columns of numbers, as many rows
to test as to train, a forest of 20 trees.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import polars as pl
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

import holdfast as hf
from holdfast.auditing.catalogue import catalogue


def ours(rows: int) -> tuple[float, float, int]:
    """Return wall seconds, CPU seconds and the number of checks that measured something."""
    X, y = make_classification(2 * rows, 20, n_informative=8, random_state=0)
    names = [f"x{at}" for at in range(20)]
    whole = pl.DataFrame(X, schema=names).with_columns(y=pl.Series(y))
    model = RandomForestClassifier(20, min_samples_leaf=5, random_state=0).fit(X[:rows], y[:rows])
    checks = [name for name in catalogue() if name.startswith(("data.", "performance."))]
    with tempfile.TemporaryDirectory() as folder:
        begin, used = time.perf_counter(), time.process_time()
        tables = {"train": whole.head(rows), "test": whole.tail(rows)}
        result = hf.audit(model, **tables, target="y", check=checks, cache=False, out=Path(folder) / "audit")
        spent = time.perf_counter() - begin, time.process_time() - used
    return *spent, sum(finding.state == "measured" for finding in result.findings)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 20_000, 50_000])
    parser.add_argument("--peer")
    parser.add_argument("--limit", type=float, default=300.0)
    given = parser.parse_args()
    ours(500)  # imports and compiled code
    print("| rows in each table | who | wall s | CPU s | |\n|---|---|---|---|---|")
    for rows in given.rows:
        wall, cpu, n_measured = ours(rows)
        print(f"| {rows:,} | holdfast | {wall:.1f} | {cpu:.1f} | {n_measured} checks measured |", flush=True)
        if given.peer:
            print(f"| {rows:,} | Deepchecks {_peer(given.peer, rows, given.limit)} |", flush=True)


def _peer(python: str, rows: int, limit: float) -> str:
    script, before = str(Path(__file__).parent / "deepchecks_peer.py"), resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    try:
        done = subprocess.run([python, script, str(rows)], capture_output=True, text=True, timeout=limit, check=False)
        said = done.stdout.strip().splitlines()[-1] if done.returncode == 0 else f"failed: {done.stderr[-200:]}"
    except subprocess.TimeoutExpired:
        said = f"not finished after {limit:.0f} s"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"| {time.perf_counter() - begin:.1f} | {cpu:.1f} | {said}"


if __name__ == "__main__":
    main()
