"""Damage to the columns of a table."""

from __future__ import annotations

import itertools

import numpy as np

from holdfast.kernels.robustness.damaged_tables import TableDamage


def damage(n: int = 400, seed: int = 0) -> TableDamage:
    rng = np.random.default_rng(7)
    cells = {
        "height": rng.normal(170, 10, n),
        "count": rng.integers(0, 9, n).astype(np.float64),
        "town": np.array([["Rome", "Oslo", None][i] for i in rng.integers(0, 3, n)], dtype=object),
        "member": np.array([bool(i) for i in rng.integers(0, 2, n)], dtype=object),
    }
    cells["height"][0] = np.nan
    return TableDamage(
        cells, cells, words=["town"], categories=["town", "member"], whole=["count"], rng=np.random.default_rng(seed)
    )


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.array([a != b and not (a != a and b != b) for a, b in zip(before, after, strict=True)])


def test_every_kind_is_nested_and_grows() -> None:
    table = damage()
    assert table.kinds == ["missing", "noise", "units", "categories", "typos"]
    for kind in ("missing", "units", "categories", "typos"):
        hit = [table.at(kind, severity)[1] for severity in range(1, 6)]
        for name in hit[0]:
            marks = [changed(table.cells[name], each[name]) for each in hit]
            assert all((less <= more).all() for less, more in itertools.pairwise(marks))
        assert sum(changed(table.cells[name], hit[4][name]).sum() for name in hit[4]) > 20


def test_amounts_are_the_shares_of_cells() -> None:
    table = damage(4000)
    amount, emptied = table.at("missing", 5)
    assert amount == 0.2
    assert abs(np.isnan(emptied["count"]).mean() - 0.2) < 0.03
    assert abs(np.mean([each is None for each in emptied["member"]]) - 0.2) < 0.03


def test_noise_stays_in_the_range_and_whole_and_missing_cells_stay_missing() -> None:
    table = damage()
    noisy = table.at("noise", 5)[1]
    assert set(noisy) == {"height", "count"}
    assert np.isnan(noisy["height"][0])
    assert 0 <= noisy["count"].min() <= noisy["count"].max() <= 8
    assert np.array_equal(noisy["count"], np.rint(noisy["count"]))


def test_other_levels_are_levels_and_missing_ones_stay() -> None:
    table = damage()
    swapped = table.at("categories", 5)[1]
    assert set(swapped["town"]) == {"Rome", "Oslo", None}
    assert all((a is None) == (b is None) for a, b in zip(table.cells["town"], swapped["town"], strict=True))


def test_columns_without_numbers_or_words_suffer_less() -> None:
    only = {"member": np.array([True, False], dtype=object)}
    table = TableDamage(only, only, words=[], categories=["member"], whole=[], rng=np.random.default_rng(0))
    assert table.kinds == ["missing", "categories"]


def test_the_cells_given_are_not_modified() -> None:
    table = damage()
    before = {name: values.copy() for name, values in table.cells.items()}
    for kind in table.kinds:
        table.at(kind, 5)
    assert not any(changed(before[name], table.cells[name]).any() for name in before)
