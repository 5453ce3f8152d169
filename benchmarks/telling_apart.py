"""How often two tables are told apart with all columns together: alike ones, and ones that differ in a faint way.

``python benchmarks/telling_apart.py [--alike 800] [--moved 200] [--rows 2000]``. Each table has eight normal columns
and thirty categories with p ~ 1 / rank; ``CHANGES`` says what differs in the current one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.boosting import boosted_trees
from holdfast.kernels.drift.telling_apart import tell_apart
from holdfast.kernels.stats.proportions import clopper_pearson

Floats = NDArray[np.float64]
Rows = tuple[Floats, NDArray[np.int64]]
N_NORMAL, N_LEVELS, LEVEL = 8, 30, 0.025
FIRST_SEED = 50_000


def drawn(rng: np.random.Generator, n: int) -> Rows:
    p = 1.0 / np.arange(1, N_LEVELS + 1)
    return rng.normal(size=(n, N_NORMAL)), rng.choice(N_LEVELS, n, p=p / p.sum())


def one_shifted(x: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    x[:, 0] += 0.12
    return x, codes


def all_shifted(x: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    return x + 0.045, codes


def wider(x: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    x[:, 0] *= 1.15
    return x, codes


def correlated(x: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    x[:, 0] = 0.35 * x[:, 1] + np.sqrt(1.0 - 0.35**2) * x[:, 0]
    return x, codes


def product_of_two(x: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    some = rng.random(len(x)) < 0.15
    x[some, 0] = np.abs(x[some, 0]) * np.sign(x[some, 1])
    return x, codes


def product_of_three(x: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    some = rng.random(len(x)) < 0.3
    x[some, 2] = np.abs(x[some, 2]) * np.sign(x[some, 0] * x[some, 1])
    return x, codes


def rare_categories(x: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    some = rng.random(len(x)) < 0.08
    codes[some] = rng.integers(20, N_LEVELS, int(some.sum()))
    return x, codes


CHANGES: dict[str, Callable[[Floats, NDArray[np.int64], np.random.Generator], Rows]] = {
    "one column shifted by .12 sd": one_shifted,
    "one column wider by .15": wider,
    "two columns correlated by .35": correlated,
    "signs of the product of two, in 15 of 100 rows": product_of_two,
    "signs of the product of three, in 30 of 100 rows": product_of_three,
    "rare categories in 8 of 100 rows": rare_categories,
    "all columns shifted by .045 sd": all_shifted,
}


def cells(x: Floats, codes: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    words = np.array([f"level {code}" for code in range(N_LEVELS)], dtype=object)
    return {f"x{place}": column for place, column in enumerate(x.T)} | {"c": words[codes]}


def share(hits: int, repeats: int) -> str:
    found = clopper_pearson(hits, repeats)
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--alike", type=int, default=800)
    parser.add_argument("--moved", type=int, default=200)
    parser.add_argument("--rows", type=int, default=2000)
    given = parser.parse_args()
    print(
        f"| change, {given.rows:,} rows a table | pairs | classifier | mean features | either (Holm) | CPU s a pair |"
    )
    print("|---|---|---|---|---|---|")
    for name, change in [("none", None), *CHANGES.items()]:
        repeats = given.moved if change else given.alike
        p: list[tuple[float, float]] = []
        start = time.process_time()
        for repeat in range(repeats):
            rng = np.random.default_rng(FIRST_SEED + repeat)
            first, second = drawn(rng, given.rows), drawn(rng, given.rows)
            second = change(*second, rng) if change else second
            found = tell_apart(
                cells(*first), cells(*second), fit=boosted_trees, rng=np.random.default_rng(repeat), alpha=LEVEL
            )
            assert found is not None
            assert found.means is not None
            p.append((found.classifier.p_value, found.means.p_value))
        seconds = (time.process_time() - start) / repeats
        one, two = (np.array(side) for side in zip(*p, strict=True))
        hits = [one <= LEVEL, two <= LEVEL, np.minimum(one, two) <= LEVEL / 2.0]
        print(
            f"| {name} | {repeats} | {' | '.join(share(int(hit.sum()), repeats) for hit in hits)} | {seconds:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
