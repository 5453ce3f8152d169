"""What drift takes on wide tables: CPU seconds of each part, and how well wide tables are told apart.

``python benchmarks/wide_drift.py [--columns 784] [--reference 8000] [--current 300] [--pairs 0]``. Normal columns. With
``--pairs``, also the area at which pairs of tables of 400 columns and 1,000 rows are told apart, by what differs.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.boosting import boosted_trees
from holdfast.kernels.drift.columns import compare_profiles, schema_changes
from holdfast.kernels.drift.profile import Profile, batch_of, count_words_in, plan_profile
from holdfast.kernels.drift.telling_apart import tell_apart
from holdfast.kernels.drift.two_sample import ks_exact

Cells = dict[str, NDArray[Any]]
N_COLUMNS, N_ROWS, MOST_ROWS = 400, 1000, 10_000


def table(rng: np.random.Generator, n_rows: int, n_columns: int) -> Cells:
    return {f"x{place}": rng.normal(size=n_rows) for place in range(n_columns)}


def compared(first: Cells, second: Cells) -> dict[str, float]:
    """Do what ``data.drift`` does with two tables; return the CPU seconds of its parts."""
    seconds, start = {}, time.process_time()

    def lap(name: str) -> None:
        nonlocal start
        seconds[name], start = time.process_time() - start, time.process_time()

    batches = [batch_of(cells) for cells in (first, second)]
    profiles = [Profile(plan_profile(batches[0]))]
    profiles.append(Profile(profiles[0].plan))
    for profile, batch, cells in zip(profiles, batches, (first, second), strict=True):
        profile.update(batch, n_rows=len(next(iter(cells.values()))))
    lap("counted")
    exact = {name: test for name in first if (test := ks_exact(first[name], second[name])) is not None}
    compare_profiles(profiles[0], profiles[1], exact=exact, count_words=count_words_in(*batches))
    schema_changes(profiles[0], profiles[1])
    lap("compared")
    drawn = [{name: column[:MOST_ROWS] for name, column in cells.items()} for cells in (first, second)]
    tell_apart(drawn[0], drawn[1], fit=boosted_trees, rng=np.random.default_rng(0))
    lap("together")
    return seconds


def areas(change: str, pairs: int) -> NDArray[np.float64]:
    found = []
    for seed in range(pairs):
        rng = np.random.default_rng(1000 + seed)
        first, second = table(rng, N_ROWS, N_COLUMNS), table(rng, N_ROWS, N_COLUMNS)
        if change == "one column shifted by .35 sd":
            second["x0"] += 0.35
        elif change == "two columns correlated by .8":
            second["x0"] = 0.8 * second["x1"] + 0.6 * second["x0"]
        apart = tell_apart(first, second, fit=boosted_trees, rng=np.random.default_rng(seed))
        assert apart is not None
        found.append(apart.classifier.statistic)
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--columns", type=int, default=784)
    parser.add_argument("--reference", type=int, default=8000)
    parser.add_argument("--current", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    seconds = compared(*(table(rng, n, given.columns) for n in (given.reference, given.current)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parts = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
    size = f"{given.columns:,} columns, {given.reference:,} and {given.current:,} rows"
    print(f"{size}: CPU s {parts}; peak {peak:,.0f} MB", flush=True)
    for change in ("none", "one column shifted by .35 sd", "two columns correlated by .8") if given.pairs else ():
        found = areas(change, given.pairs)
        error = found.std() / np.sqrt(found.size)
        print(f"{change}: area {found.mean():.3f} (standard error {error:.3f}), {given.pairs} pairs")


if __name__ == "__main__":
    main()
