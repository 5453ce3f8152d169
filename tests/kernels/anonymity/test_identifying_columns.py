"""Which columns single people out."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from holdfast.kernels.anonymity.identifying_columns import singled_out, smallest_identifying_set


def table(rows: int = 60, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, top, rows) for top in (3, 5, 8, 4)]


def test_counts_are_those_of_grouping_each_set() -> None:
    columns = table()
    for one in singled_out(columns, largest=4, k=3).sets:
        rows = [tuple(column[i] for column in (columns[at] for at in one.columns)) for i in range(60)]
        sizes = np.array([rows.count(row) for row in rows])
        assert (one.n_unique, one.n_small) == ((sizes == 1).sum(), (sizes < 3).sum())


def test_minimal_uniques_and_scores_are_those_of_the_definition() -> None:
    columns = table(seed=3)
    found = singled_out(columns, largest=3)
    m, n = 4, 60
    for row in range(n):
        unique = {
            at
            for size in (1, 2, 3)
            for at in combinations(range(m), size)
            if sum(all(columns[c][row] == columns[c][i] for c in at) for i in range(n)) == 1
        }
        minimal = [at for at in unique if not any(set(other) < set(at) for other in unique)]
        assert found.fewest[row] == min((len(at) for at in minimal), default=0)
        weight = {1: 3 * 2, 2: 2, 3: 1}  # prod of m - s over s from the size up to 2, below the largest of 3
        assert found.score[row] == sum(weight[len(at)] for at in minimal)


def test_an_identifier_singles_everybody_out_alone() -> None:
    columns = [*table(), np.arange(60)]
    found = singled_out(columns)
    chosen = smallest_identifying_set(found, share=0.9)
    assert chosen is not None
    assert chosen.columns == (4,)
    assert (found.fewest == 1).all()


def test_the_search_is_bounded_and_says_how_far_it_got() -> None:
    found = singled_out([column for seed in range(5) for column in table(seed=seed)], largest=4, most_sets=250)
    assert found.largest == 2
    assert len(found.sets) == 20 + 190


def test_no_set_is_named_where_none_identifies() -> None:
    assert smallest_identifying_set(singled_out([np.zeros(10, np.int64)]), share=0.5) is None
    with pytest.raises(ValueError, match="at least one column"):
        singled_out([])
