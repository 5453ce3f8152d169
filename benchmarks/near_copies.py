"""Altered copies: how many are found, and how many others are taken for copies.

``python benchmarks/near_copies.py [--data FOLDER]``, with ``adult_train.csv``, ``adult_test.csv`` and ``mnist10k.npz``.
Rows of Adult in which 2 or 3 cells are those of other rows; handwritten digits, moved, darkened, noisy or turned.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import ndimage

from holdfast.kernels.data.altered_rows import altered_copies, several_cells_apart
from holdfast.kernels.data.duplicates import beyond_chance
from holdfast.kernels.data.near_duplicates import chance_of_a_twin
from holdfast.kernels.data.near_images import nearest_images, prepare_images

TRIED = 500
Images = NDArray[np.float64]


def rows(folder: Path) -> None:
    """Plant altered rows into the test table of Adult."""
    tables = [pl.read_csv(folder / f"adult_{name}.csv").drop("income") for name in ("train", "test")]
    codes = pl.concat(tables).select(pl.all().rank("dense").fill_null(0).cast(pl.Int64)).to_numpy()
    n_train, n = tables[0].height, len(codes)
    print("| planted | excess | interval | recall | seconds |\n|---|---|---|---|---|")
    for planted in (0, 300, 800):
        rng = np.random.default_rng(1)
        made = altered_copies(codes[:n_train], n_copies=planted + TRIED, rng=rng)
        table = np.concatenate([codes, made[planted:]])
        table[n_train : n_train + planted] = made[:planted]
        is_train, is_test = (
            np.arange(len(table)) < n_train,
            (np.arange(len(table)) >= n_train) & (np.arange(len(table)) < n),
        )
        begin = time.perf_counter()
        twins = several_cells_apart(table, is_train, rng=rng).twins
        seconds = time.perf_counter() - begin
        found = (twins.degree > 0)[is_test & (twins.copies == 0)]
        value, low, high = beyond_chance(found, chance_of_a_twin(twins, is_train))
        recall = (twins.degree[n:] > 0).mean()
        print(f"| {planted} | {value:.4f} | {low:.4f} to {high:.4f} | {recall:.2f} | {seconds:.1f} |")


def images(folder: Path) -> None:
    """Alter digits of a training table and look them up."""
    with np.load(folder / "mnist10k.npz") as held:
        everything = held["images"].astype(np.float64)
    rng = np.random.default_rng(0)
    everything = everything[rng.permutation(len(everything))]
    train, others = everything[:5000], everything[5000:]
    begin = time.perf_counter()
    known = prepare_images(train)
    own = nearest_images(known, known, own=np.arange(len(train))).likeness
    limit = np.quantile(own, 0.995)
    taken = (nearest_images(prepare_images(others), known).likeness >= limit).mean()
    print(f"\n5,000 other images taken for copies: {taken:.4f}; {time.perf_counter() - begin:.1f} s in all")
    print("| digits | found |\n|---|---|")
    drawn = rng.choice(len(train), TRIED, replace=False)
    for name, alter in ALTERATIONS.items():
        found = nearest_images(prepare_images(alter(train[drawn], rng)), known)
        print(f"| {name} | {((found.place == drawn) & (found.likeness >= limit)).mean():.3f} |")


def moved(most: int) -> Callable[[Images, np.random.Generator], Images]:
    def alter(given: Images, rng: np.random.Generator) -> Images:
        by = rng.integers(-most, most + 1, (len(given), 2))
        return np.array([np.roll(one, shift, (0, 1)) for one, shift in zip(given, by, strict=True)])

    return alter


def noisy(share: float) -> Callable[[Images, np.random.Generator], Images]:
    return lambda given, rng: np.clip(given + rng.normal(0, share * 255, given.shape), 0, 255)


def turned(degrees: float) -> Callable[[Images, np.random.Generator], Images]:
    return lambda given, rng: np.array(
        [ndimage.rotate(one, degrees * rng.choice([-1, 1]), reshape=False, order=1) for one in given]
    )


ALTERATIONS: dict[str, Callable[[Images, np.random.Generator], Images]] = {
    "as they are": moved(0),
    "moved by up to 1 of 28 pixels": moved(1),
    "moved by up to 2": moved(2),
    "moved by up to 4": moved(4),
    "darker, less contrast": lambda given, rng: given * 0.6 + 40,
    "noise of 5 % of the range": noisy(0.05),
    "noise of 10 %": noisy(0.1),
    "noise of 20 %": noisy(0.2),
    "moved by up to 2, noise of 10 %": lambda given, rng: noisy(0.1)(moved(2)(given, rng), rng),
    "turned by 3 degrees": turned(3),
    "turned by 5 degrees": turned(5),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("data"))
    given = parser.parse_args()
    rows(given.data)
    images(given.data)


if __name__ == "__main__":
    main()
