"""Tables cut into boxes of at least k rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.anonymity.disclosure import disclosure
from holdfast.kernels.anonymity.equivalence_classes import equivalence_classes
from holdfast.kernels.anonymity.mondrian import Sensitive, mondrian


def test_the_widest_column_is_cut_at_its_median() -> None:
    boxes = mondrian([np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 0.0, 1.0])], is_category=[False, False], k=2)
    assert boxes.classes.of_row.tolist() == [0, 0, 1, 1]
    assert boxes.widths[:, 0] == pytest.approx([1 / 3, 1 / 3])


@given(
    rows=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 1)), min_size=4, max_size=80),
    k=st.integers(1, 4),
)
@settings(max_examples=80, deadline=None)
def test_a_release_has_the_k_it_was_asked_for(rows: list[tuple[int, int, int]], k: int) -> None:
    columns = [np.array(column, dtype=float) for column in zip(*rows, strict=True)]
    boxes = mondrian(columns, is_category=[False, True, True], k=k)
    low, high = (ends[boxes.classes.of_row] for ends in (boxes.low, boxes.high))
    released = equivalence_classes([column.astype(np.int64) for ends in (low, high) for column in ends.T])
    assert released.sizes.min() >= k
    assert boxes.classes.sizes.min() >= k
    X = np.column_stack(columns)
    assert ((low <= X) & (high >= X)).all()
    assert ((boxes.widths >= 0) & (boxes.widths <= 1)).all()


@given(rows=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=4, max_size=60), k=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_no_class_is_left_that_could_be_cut(rows: list[tuple[int, int]], k: int) -> None:
    X = np.array(rows, dtype=float)
    boxes = mondrian(list(X.T), is_category=[False, False], k=k)
    for one in range(len(boxes.classes.sizes)):
        inside = X[boxes.classes.of_row == one]
        for column in inside.T:
            left = [(column <= value).sum() for value in np.unique(column)[:-1]]
            assert not any(k <= n <= len(column) - k for n in left)


def test_equal_rows_stay_together_and_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 6, (200, 3)).astype(float)
    boxes = mondrian(list(X.T), is_category=[False] * 3, k=3)
    order = rng.permutation(200)
    again = mondrian(list(X[order].T), is_category=[False] * 3, k=3)
    assert sorted(boxes.classes.sizes.tolist()) == sorted(again.classes.sizes.tolist())
    assert (boxes.low[boxes.classes.of_row][order] == again.low[again.classes.of_row]).all()
    rows = {tuple(row): set() for row in X}
    for row, at in zip(X, boxes.classes.of_row, strict=True):
        rows[tuple(row)].add(at)
    assert all(len(at) == 1 for at in rows.values())


@pytest.mark.parametrize(("l", "t"), [(3, 1.0), (1, 0.2), (2, 0.3)])
def test_classes_keep_their_diversity(l: int, t: float) -> None:  # noqa: E741
    rng = np.random.default_rng(1)
    X = rng.normal(size=(600, 2))
    value = np.clip((X[:, 0] * 2 + rng.normal(size=600)).round() + 3, 0, 6).astype(np.int64)
    value = np.unique(value, return_inverse=True)[1]
    free = mondrian(list(X.T), is_category=[False, False], k=4)
    boxes = mondrian(list(X.T), is_category=[False, False], k=4, sensitive=[Sensitive(value, True, l, t)])
    found = disclosure(boxes.classes, value, is_ordered=True)
    assert found.k >= 4
    assert found.l >= l
    assert found.t <= t + 1e-12
    assert 1 < len(boxes.classes.sizes) < len(free.classes.sizes)


def test_what_cannot_be_had_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least k = 5 rows.*got 3"):
        mondrian([np.arange(3.0)], is_category=[False], k=5)
    with pytest.raises(ValueError, match="whole table"):
        mondrian([np.arange(6.0)], is_category=[False], k=2, sensitive=[Sensitive(np.zeros(6, np.int64), l=2)])
