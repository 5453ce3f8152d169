from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.data.population_columns import (
    crossed,
    joint_shares,
    margins_of,
    population_column,
    weighted_cuts,
)


def objects(*values: object) -> np.ndarray:
    return np.array(values, dtype=object)


def test_stated_categories_and_rows_outside_of_them() -> None:
    cells = {"test": objects("f", "m", None, "x", " f ")}
    found = population_column("sex", cells, stated={"f": 0.51, "m": 0.49})
    assert found.rows["test"].tolist() == [0, 1, -1, -1, 0]
    assert found.shares is not None
    assert found.shares.sum() == pytest.approx(1)


def test_truth_values_are_written_as_in_yaml() -> None:
    found = population_column("own", {"test": objects(True, False)}, stated={"true": 0.5, "false": 0.5})
    assert found.rows["test"].tolist() == [0, 1]


def test_numbers_of_a_reference_table_are_cut_where_its_people_are() -> None:
    people = np.arange(100.0)
    weights = np.where(people < 50, 3.0, 1.0)
    found = population_column("age", {"test": np.array([0.0, 99.0, np.nan])}, people=people, weights=weights)
    assert found.shares == pytest.approx(np.full(5, 0.2), abs=0.02)
    assert found.rows["test"].tolist() == [0, 4, -1]


def test_ranges_as_text_in_a_reference_table_fit_a_column_of_numbers() -> None:
    people, weights = objects("<18", "18+"), np.array([1e6, 3e6])
    found = population_column("age", {"test": np.array([3.0, 30.0])}, people=people, weights=weights)
    assert dict(zip(found.labels, found.shares, strict=True)) == {"18+": 0.75, "<18": 0.25}
    assert [found.labels[at] for at in found.rows["test"]] == ["<18", "18+"]


def test_without_a_population_the_table_gives_the_categories() -> None:
    found = population_column("sex", {"test": objects("m", "f", "m")})
    assert (found.labels, found.shares) == (["f", "m"], None)


def test_constant_numbers_are_not_cut() -> None:
    assert weighted_cuts(np.full(9, 4.0), np.ones(9)) == []
    assert weighted_cuts(np.array([]), np.array([])) == []


def test_pairs_are_as_often_as_counted_or_independent() -> None:
    cells = {"test": objects("a")}
    weights = np.array([3.0, 1.0])
    counted = [population_column(name, cells, people=objects("a", "b"), weights=weights) for name in ("x", "y")]
    stated = [population_column(name, cells, stated={"a": 0.75, "b": 0.25}) for name in ("x", "y")]
    assert joint_shares(counted, weights) == pytest.approx([0.75, 0, 0, 0.25])
    assert joint_shares(stated, None) == pytest.approx([0.5625, 0.1875, 0.1875, 0.0625])


def test_columns_are_crossed_only_where_every_combination_has_rows() -> None:
    rng = np.random.default_rng(0)
    people = {name: objects(*rng.choice(["a", "b"], 400)) for name in ("x", "y")}
    weights = np.ones(400)

    def margins(rows: dict[str, np.ndarray]) -> int:
        columns = [population_column(n, {"test": rows[n]}, people=people[n], weights=weights) for n in ("x", "y")]
        return len(margins_of(columns, "test", weights)[0])

    assert margins(people) == 1
    assert margins({"x": people["x"], "y": people["x"]}) == 2


def test_combinations_are_numbered_without_gaps() -> None:
    code = crossed([np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])], [2, 2])
    assert code.tolist() == [0, 1, 2, 3]
