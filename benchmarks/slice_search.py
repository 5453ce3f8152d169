"""Slices with more errors: how often the planted one is found, and what is reported where there is none.

``python benchmarks/slice_search.py [--seeds 20] [--data DIR] [--peer PYTHON]``, where PYTHON is an interpreter that has
sliceline 0.3.0 and DIR holds adult_train.csv and adult_test.csv. Planted: 20,000 rows of 10 columns with 5 levels; 10 %
of all answers are wrong and 30 % where three columns have given levels, 160 rows or so. Each side returns at most 20
slices of up to three conditions and at least 1 % of the rows. Ours searches one half and keeps what it confirms on the
other; sliceline searches all rows, with its weight of
errors against sizes (alpha) at two values. CPU seconds, one thread each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PEER = """
import sys, time, json, numpy as np
from sliceline.slicefinder import Slicefinder
for line in sys.stdin:
    held = np.load(line.strip())
    start = time.process_time()
    finder = Slicefinder(alpha=float(held["alpha"]), k=20, max_l=3, min_sup=int(held["min_size"]), verbose=False)
    finder.fit(held["codes"], held["losses"])
    seconds = time.process_time() - start
    found = [[[c, int(v)] for c, v in enumerate(row) if v is not None] for row in finder.top_slices_]
    print(json.dumps({"slices": found, "seconds": seconds}), flush=True)
"""
Items = list[list[int]]
PLANTED = [[1, 2], [4, 0], [7, 3]]


def planted(seed: int, rate: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return codes and wrong answers; at a rate of 0.1 nothing is planted."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(5, size=(20_000, 10))
    inside = np.all([codes[:, column] == level for column, level in PLANTED], axis=0)
    return codes, (rng.random(20_000) < np.where(inside, rate, 0.1)).astype(np.float64)


def adult(data: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the levels of the test table and the errors of LightGBM."""
    import lightgbm
    import polars as pl

    train, test = (pl.read_csv(data / f"adult_{name}.csv") for name in ("train", "test"))
    text = [name for name, kind in train.schema.items() if kind == pl.String]
    both = pl.concat([train, test]).with_columns(pl.col(text).fill_null("").rank("dense").cast(pl.Float64))
    X, y = both.drop("income").to_numpy(), both["income"].to_numpy()
    model = lightgbm.LGBMClassifier(n_estimators=200, random_state=0, n_jobs=1, verbose=-1)
    model.fit(X[: train.height], y[: train.height])
    from holdfast.kernels.performance.levels import quantile_bins

    rest = X[train.height :]
    columns = [v.astype(np.int64) if np.unique(v).size < 50 else quantile_bins(v, 5).codes for v in rest.T]
    codes = np.column_stack([np.unique(column, return_inverse=True)[1] for column in columns])
    return codes, (model.predict(rest) != y[train.height :]).astype(np.float64)


def ours(codes: NDArray[np.int64], losses: NDArray[np.float64]) -> tuple[list[Items], float]:
    """Return the confirmed slices, surest first, and CPU seconds."""
    from holdfast.kernels.performance.confirmed_slices import confirm_slices
    from holdfast.kernels.performance.slices import distinct_slices, search_slices, slice_members

    start = time.process_time()
    half = losses.size // 2
    best = search_slices(codes[:half], losses[:half], min_size=half // 200, n_slices=400)
    kept = distinct_slices(best, codes[:half], max_overlap=0.8, n_slices=20)
    inside = np.array([slice_members(codes[half:], part.items) for part in kept], dtype=np.bool_)
    found = confirm_slices(losses[half:], inside.reshape(len(kept), -1))
    order = [i for i in np.argsort(-found.low) if found.adjusted_p_value[i] <= 0.05]
    slices = [[[int(c), int(v)] for c, v in kept[i].items] for i in order]
    return slices, time.process_time() - start


def theirs(
    peer: subprocess.Popen[str], alpha: float, codes: NDArray[np.int64], losses: NDArray[np.float64]
) -> tuple[list[Items], float]:
    """Return the slices of sliceline and CPU seconds."""
    assert peer.stdin is not None
    assert peer.stdout is not None
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(file, codes=codes, losses=losses, min_size=losses.size // 200, alpha=alpha)
        file.flush()
        print(file.name, file=peer.stdin, flush=True)
        answer = json.loads(peer.stdout.readline())
    return answer["slices"], answer["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--peer")
    arguments = parser.parse_args()
    sides = {"ours": ours}
    peer = None
    if arguments.peer:
        command = [arguments.peer, "-W", "ignore", "-c", PEER]
        peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        sides |= {f"sliceline, alpha {alpha}": partial(theirs, peer, alpha) for alpha in (0.95, 0.99)}
    for rate, name in ((0.3, "planted"), (0.1, "nothing planted")):
        results = {
            side: [find(*planted(seed, rate)) for seed in range(arguments.seeds)] for side, find in sides.items()
        }
        for side, runs in results.items():
            first = np.mean([bool(slices) and slices[0] == PLANTED for slices, _ in runs])
            among = np.mean([PLANTED in slices for slices, _ in runs])
            others = np.mean(
                [sum(not set(map(tuple, PLANTED)) & set(map(tuple, s)) for s in slices) for slices, _ in runs]
            )
            any_ = np.mean([bool(slices) for slices, _ in runs])
            seconds = np.median([seconds for _, seconds in runs])
            print(f"{name}: {side}: first {first:.2f}, reported {among:.2f}, slices that share no condition with it "
                  f"{others:.2f}, any slice {any_:.2f}, {seconds:.2f} CPU s")  # fmt: skip
    if arguments.data:
        codes, losses = adult(arguments.data)
        for repeat in (1, 6):
            for side, find in sides.items():
                slices, seconds = find(np.tile(codes, (repeat, 1)), np.tile(losses, repeat))
                print(f"Adult x {repeat} ({losses.size * repeat:,} rows): {side}: {len(slices)}, {seconds:.2f} CPU s")
                print("  ", slices[0] if slices else None)
    if peer is not None:
        assert peer.stdin is not None
        peer.stdin.close()
        peer.wait()


if __name__ == "__main__":
    main()
