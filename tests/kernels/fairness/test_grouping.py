import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.fairness.grouping import cross_groups, cut_numbers, people_groups

NUMBERS = st.lists(st.integers(0, 100) | st.just(float("nan")), max_size=60)


def test_an_edge_opens_the_group_above_it():
    assert cut_numbers([24.9, 25, 59, 60], edges=[60, 25]).group.tolist() == [0, 1, 1, 2]


def test_thirds_have_equal_sizes():
    assert np.bincount(cut_numbers(np.arange(300)).group).tolist() == [100, 100, 100]


def test_missing_numbers_have_no_group():
    assert cut_numbers([np.nan, 1.0, 2.0], n_quantiles=2).group.tolist() == [-1, 0, 1]


@pytest.mark.parametrize("values", [[], [np.nan], [3.0, 3.0]])
def test_nothing_to_cut_is_one_group(values):
    assert cut_numbers(values).names == ["all"]


@settings(deadline=None)
@given(NUMBERS, st.integers(1, 6))
def test_every_number_is_in_a_named_group_in_order(values, n_quantiles):
    found = cut_numbers(values, n_quantiles=n_quantiles)
    numbers = np.asarray(values, dtype=float)
    assert (found.group[~np.isnan(numbers)] >= 0).all()
    assert found.group.max(initial=-1) < len(found.names)
    order = np.argsort(numbers[~np.isnan(numbers)], kind="stable")
    assert (np.diff(found.group[~np.isnan(numbers)][order]) >= 0).all()


@pytest.mark.parametrize("options", [{"n_quantiles": 0}, {"edges": [np.nan]}])
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match="expected"):
        cut_numbers([1.0], **options)


def test_pairs_of_attributes_and_all_together_are_crossed():
    rng = np.random.default_rng(0)
    columns = {name: rng.choice(["a", "b"], 400).astype(object) for name in "xyz"}
    groupings, notes = people_groups(columns, min_group=1)
    assert [grouping.key for grouping in groupings] == ["x", "y", "z", "x-x-y", "x-x-z", "y-x-z", "x-x-y-x-z"]
    assert [len(grouping.names) for grouping in groupings] == [2, 2, 2, 4, 4, 4, 8]
    assert notes == []
    crossed = groupings[3]
    row = int(np.flatnonzero(crossed.group == 1)[0])
    assert crossed.names[1] == f"{columns['x'][row]} × {columns['y'][row]}"


def test_small_groups_are_left_out_and_named():
    columns = {"x": np.array(["a"] * 20 + ["b"] * 20 + ["rare"] * 3, dtype=object)}
    groupings, notes = people_groups(columns, min_group=10)
    assert groupings[0].names == ["a", "b"]
    assert (groupings[0].group[-3:] == -1).all()
    assert groupings[0].sizes.tolist() == [20, 20]
    assert notes == ["Left out of x, because they have fewer than 10 rows: rare (3)."]


def test_numbers_are_cut_at_edges_where_there_are_any():
    ages = {"age": np.arange(100.0)}
    assert people_groups(ages, min_group=1, edges={"age": [18.0]})[0][0].names == ["18 or above", "below 18"]
    assert len(people_groups(ages, min_group=1)[0][0].names) == 3


def test_of_very_many_groups_the_largest_are_kept():
    columns = {"x": np.array([f"p{i}" for i in range(150)] + ["p149"] * 5, dtype=object)}
    groupings, notes = people_groups(columns, min_group=1)
    assert len(groupings[0].names) == 100
    assert "p149" in groupings[0].names
    assert "150 groups" in notes[0]
    assert "50 people" in notes[0]


def test_a_column_with_one_group_left_is_not_crossed():
    columns = {
        "sex": np.array(["f", "m"] * 20, dtype=object),
        "race": np.array(["a"] * 39 + ["b"], dtype=object),
        "age": np.array([20.0, 20.0, 70.0, 70.0] * 10),
    }
    groupings, notes = people_groups(columns, min_group=5)
    assert [grouping.attribute for grouping in groupings] == ["sex", "age", "sex × age"]
    assert any("race has fewer than two groups" in note for note in notes)


def test_many_columns_of_many_values_can_be_crossed():
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(0, 9000, 3000).astype(str).astype(object) for name in "abcdef"}
    labels = {name: np.array(values, dtype=np.str_) for name, values in columns.items()}
    crossed = cross_groups(labels, 1, [])
    assert len(crossed.names) == 100
    row = int(np.flatnonzero(crossed.group == 0)[0])
    assert crossed.names[0] == " × ".join(columns[name][row] for name in "abcdef")
