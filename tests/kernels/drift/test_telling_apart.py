from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.kernels.drift.telling_apart import tell_apart

Floats = NDArray[np.float64]


class Means:
    """A linear classifier along the difference of the means."""

    def __init__(self, X: Floats, is_current: NDArray[np.bool_]) -> None:
        filled = np.nan_to_num(X)
        scale = filled.std(axis=0) + 1e-9
        self.along = (filled[is_current].mean(axis=0) - filled[~is_current].mean(axis=0)) / scale**2

    def __call__(self, rows: Floats) -> Floats:
        return np.nan_to_num(rows) @ self.along

    def shuffled(self, rows: Floats, order: NDArray[np.int64]) -> Iterator[tuple[int, Floats]]:
        for place in np.flatnonzero(self.along).tolist():
            other = rows.copy()
            other[:, place] = rows[order, place]
            yield place, self(other)


def by_means(X: Floats, is_current: NDArray[np.bool_], is_code: list[bool]) -> Means:
    return Means(X, is_current)


def cells(seed: int, n: int = 1000, *, shift: float = 0.0) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    words = rng.choice(["a", "b", None], n).astype(object)
    return {"x": rng.normal(shift, 1, n), "y": rng.normal(size=n), "c": words, "empty": np.full(n, np.nan)}


def test_the_column_that_moved_tells_the_rows_apart() -> None:
    found = tell_apart(cells(0), cells(1, shift=0.7), fit=by_means, rng=np.random.default_rng(0))
    assert found is not None
    assert found.is_shown
    assert found.classifier.effect.low > 0.6
    assert found.shares[0][0] == "x"
    assert found.shares[0][1] > 0.1
    assert found.means is not None
    assert found.means.p_value < 1e-6


def test_alike_tables_are_not_told_apart() -> None:
    shown = [
        tell_apart(cells(2 * seed), cells(2 * seed + 1), fit=by_means, rng=np.random.default_rng(seed))
        for seed in range(40)
    ]
    assert sum(each.is_shown for each in shown if each is not None) <= 4


def significant_by_chance(repeats: int, level: float) -> float:
    """Share of pairs of alike tables whose rows models of the rows before tell apart at a level."""
    found = [
        tell_apart(cells(2 * seed, 300), cells(2 * seed + 1, 300), fit=by_means, rng=np.random.default_rng(seed))
        for seed in range(repeats)
    ]
    return float(np.mean([each.classifier.p_value <= level for each in found if each is not None]))


def test_models_of_the_rows_before_keep_the_level() -> None:
    assert significant_by_chance(150, 0.05) <= 0.11


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.025, 0.1])
def test_models_of_the_rows_before_keep_the_level_in_the_long_run(level: float) -> None:
    repeats = 2000
    assert significant_by_chance(repeats, level) <= level + 3.0 * np.sqrt(level * (1.0 - level) / repeats)


def test_a_change_of_type_is_left_to_the_schema() -> None:
    changed = cells(1) | {"x": np.array(["1"] * 1000, dtype=object)}
    found = tell_apart(cells(0), changed, fit=by_means, rng=np.random.default_rng(0))
    assert found is not None
    assert "x" not in dict(found.shares)


def test_a_few_rows_or_no_columns_are_not_looked_at() -> None:
    rng = np.random.default_rng(0)
    assert tell_apart(cells(0), cells(1, 20), fit=by_means, rng=rng) is None
    assert tell_apart({}, {}, fit=by_means, rng=rng) is None


def test_prose_is_compared_by_its_length() -> None:
    rng = np.random.default_rng(0)
    short, long = (
        [f"{place:07d}" + "x" * int(k) for place, k in enumerate(rng.integers(0, 5, 400) + more)] for more in (0, 6)
    )
    first, second = ({"t": np.array(side, dtype=object)} for side in (short, long))
    found = tell_apart(first, second, fit=by_means, rng=rng)
    assert found is not None
    assert found.classifier.statistic == 1.0
