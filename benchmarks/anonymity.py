"""k-anonymity, l-diversity, t-closeness and the rest on Adult, against pyCANON; who stays unique; what a release loses.

``python benchmarks/anonymity.py --data FOLDER [--peer PYTHON]``: the folder holds ``adult_train.csv`` and
``adult_test.csv``; PYTHON is the interpreter of an environment with pyCANON (``pip install pycanon``). Without it only
our side runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl

from holdfast.kernels.anonymity.disclosure import Disclosure, disclosure
from holdfast.kernels.anonymity.equivalence_classes import Classes, codes_of, equivalence_classes
from holdfast.kernels.anonymity.identifying_columns import singled_out
from holdfast.kernels.anonymity.information_loss import information_loss
from holdfast.kernels.anonymity.mondrian import mondrian
from holdfast.kernels.anonymity.population_uniques import staying_unique, zayatz_share

QUASI = ("age", "education", "marital_status", "race", "sex", "native_country")
SENSITIVE = ("occupation", "hours_per_week")
T = TypeVar("T")

# What pyCANON computes of the same table; rows with a missing quasi-identifier would be dropped without a word, so
# missing is written out.
PEER = """
import json, sys, time
import pandas as pd
from pycanon import anonymity as a
table = pd.read_csv(sys.argv[1]).fillna("?")
quasi, found = sys.argv[2].split(","), {}
def timed(name, call):
    begin = time.process_time()
    value = call()
    found[name] = [[float(x) for x in value] if isinstance(value, tuple) else float(value), time.process_time() - begin]
timed("k", lambda: a.k_anonymity(table, quasi))
for column in sys.argv[3].split(","):
    for name in ("l_diversity", "t_closeness"):
        timed(f"{name} {column}", lambda: getattr(a, name)(table, quasi, [column]))
print(json.dumps(found))
"""


def timed(call: Callable[[], T]) -> tuple[T, float]:
    begin = time.process_time()
    return call(), time.process_time() - begin


def cells(table: pl.DataFrame, name: str) -> np.ndarray:
    column = table[name]
    return np.array(column.to_list(), dtype=object) if column.dtype == pl.String else column.to_numpy()


def measured(table: pl.DataFrame) -> tuple[Classes, dict[str, Disclosure]]:
    """All figures of both sensitive columns, from the table as it was read."""
    classes = equivalence_classes([codes_of(cells(table, name)) for name in QUASI])
    codes = {name: codes_of(cells(table, name)) for name in SENSITIVE}
    return classes, {name: disclosure(classes, codes[name], is_ordered=name == "hours_per_week") for name in SENSITIVE}


def compare(table: pl.DataFrame, peer: str) -> None:
    measured(table)
    (_, found), seconds = min((timed(lambda: measured(table)) for _ in range(5)), key=lambda one: one[1])
    print(f"\nours, all figures of both columns: {seconds:.3f} CPU s")
    for name, one in found.items():
        print(f"  {name}: {one}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "adult.csv")
        table.select(*QUASI, *SENSITIVE).write_csv(path)
        said = subprocess.run(
            [peer, "-c", PEER, str(path), ",".join(QUASI), ",".join(SENSITIVE)], check=True, capture_output=True
        )
    theirs = json.loads(said.stdout)
    print("\n| pyCANON | value | CPU s |\n|---|---|---|")
    for name, (value, cost) in theirs.items():
        print(f"| {name} | {value} | {cost:.2f} |")
    whole = sum(cost for _, cost in theirs.values())
    print(f"\nk + l + t of both columns: {whole:.1f} s, {whole / seconds:.0f}x")
    for name, one in found.items():
        for figure, ours in (("l_diversity", one.l), ("t_closeness", one.t)):
            assert abs(theirs[f"{figure} {name}"][0] - ours) <= 1e-9 * max(1.0, abs(ours)), (figure, name)


def uniques(table: pl.DataFrame) -> None:
    """Draw samples of Adult: who is unique in it is known."""
    columns = [codes_of(cells(table, name)) for name in QUASI]
    whole = equivalence_classes(columns)
    rng = np.random.default_rng(0)
    print("\n| sample | unique in it | unique in all | Pitman, mean of 20 | held | mean width | Zayatz |")
    print("|---|---|---|---|---|---|---|")
    for fraction in (0.01, 0.05, 0.1, 0.3):
        rows = []
        for _ in range(20):
            drawn = rng.permutation(table.height)[: int(fraction * table.height)]
            sizes = equivalence_classes([column[drawn] for column in columns]).sizes
            true = float((whole.sizes[whole.of_row[drawn]] == 1).mean())
            low_high = staying_unique(sizes, sample_fraction=fraction, rng=rng)
            rows.append((
                (sizes == 1).sum() / len(drawn), true, low_high.value, low_high.low <= true <= low_high.high,
                low_high.high - low_high.low, zayatz_share(sizes, sample_fraction=fraction),
            ))  # fmt: skip
        alone, true, value, held, width, other = np.mean(rows, axis=0)
        print(f"| {fraction:.0%} | {alone:.3f} | {true:.3f} | {value:.3f} | {held:.0%} | {width:.3f} | {other:.3f} |")


def releases(table: pl.DataFrame) -> None:
    columns = [codes_of(cells(table, name)) for name in QUASI]
    is_category = [table[name].dtype == pl.String for name in QUASI]
    ordered = [column if not kind else by_frequency(column) for column, kind in zip(columns, is_category, strict=True)]
    values = [column.astype(float) for column in ordered]
    print("\n| k | CPU s | classes | smallest | mean class / k | penalty (NCP) |\n|---|---|---|---|---|---|")
    for k in (2, 5, 10, 50):
        boxes, seconds = timed(lambda k=k: mondrian(values, is_category=is_category, k=k))
        lost = information_loss(boxes.classes.sizes, boxes.widths, k=k)
        released = equivalence_classes([
            codes_of(ends[boxes.classes.of_row, at]) for ends in (boxes.low, boxes.high) for at in range(len(values))
        ])  # fmt: skip
        print(
            f"| {k} | {seconds:.2f} | {len(released.sizes):,} | {released.sizes.min()} | {lost.class_size:.2f} "
            f"| {lost.total:.4f} |"
        )
    found, seconds = timed(lambda: singled_out(columns, largest=4))
    print(f"\nall {len(found.sets)} sets of up to 4 columns, minimal uniques of every row: {seconds:.2f} CPU s")


def by_frequency(codes: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(-np.bincount(codes), kind="stable"))[codes]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--peer")
    given = parser.parse_args()
    table = pl.concat([pl.read_csv(given.data / f"adult_{part}.csv") for part in ("train", "test")])
    table = table.with_columns(pl.col(pl.String).fill_null("?"))
    print(f"Adult: {table.height:,} rows, {len(QUASI)} quasi-identifiers; Python {sys.version.split()[0]}")
    if given.peer:
        compare(table, given.peer)
    uniques(table)
    releases(table)


if __name__ == "__main__":
    main()
