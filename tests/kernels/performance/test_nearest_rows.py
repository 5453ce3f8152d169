from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.performance.nearest_rows import invented_rows, nearest_distance


def table(seed: int, n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=n) * 10
    numbers[rng.random(n) < 0.1] = np.nan
    words = rng.choice(np.array(["x", "y", "z", None], dtype=object), n)
    return {"a": numbers, "b": words, "c": rng.normal(size=n)}


def plainly(reference: dict[str, np.ndarray], rows: dict[str, np.ndarray]) -> list[float]:
    """Compute the distances as the definition says, pair by pair."""
    units = {}
    for name in ("a", "c"):
        finite = reference[name][np.isfinite(reference[name])]
        units[name] = float(np.diff(np.quantile(finite, [0.05, 0.95]))[0])
    found = []
    for i in range(rows["a"].size):
        best = 1.0
        for j in range(reference["a"].size):
            apart = float(rows["b"][i] != reference["b"][j])
            for name, unit in units.items():
                p, q = rows[name][i], reference[name][j]
                missing = int(np.isnan(p)) + int(np.isnan(q))
                apart += 0.0 if missing == 2 else 1.0 if missing else min(1.0, abs(p - q) / unit)
            best = min(best, apart / 3)
        found.append(best)
    return found


@pytest.mark.parametrize("cells", [7, 1000, 4_000_000])
def test_distance_is_that_of_the_definition(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.kernels.performance.nearest_rows.CELLS", cells)
    reference, rows = table(0, 40), table(1, 30)
    assert nearest_distance(reference, rows) == pytest.approx(plainly(reference, rows), abs=1e-5)


def test_row_of_the_reference_is_at_no_distance_and_a_foreign_one_far() -> None:
    reference = table(0, 50)
    assert nearest_distance(reference, {name: values[:5] for name, values in reference.items()}).max() == 0
    foreign = {"a": np.array([1e9]), "b": np.array(["q"], dtype=object), "c": np.array([-1e9])}
    assert nearest_distance(reference, foreign).tolist() == [1.0]


def test_invented_rows_keep_each_column_and_no_row() -> None:
    rows = table(0, 500)
    made = invented_rows(rows, rng=np.random.default_rng(0))
    assert sorted(map(str, made["b"])) == sorted(map(str, rows["b"]))
    assert np.isnan(made["a"]).sum() == np.isnan(rows["a"]).sum()
    assert np.nanstd(made["a"]) == pytest.approx(3 * np.nanstd(rows["a"]))
    assert (made["c"] == rows["c"]).sum() < 5


def test_constant_and_empty_columns_are_no_trouble() -> None:
    reference = {"a": np.full(5, 2.0), "b": np.full(5, np.nan)}
    assert nearest_distance(reference, {"a": np.array([2.0]), "b": np.array([np.nan])}).tolist() == [0.0]
    assert nearest_distance(reference, {"a": np.array([3.0]), "b": np.array([1.0])}).tolist() == [1.0]
