from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from holdfast.core.subject import Front, RawTrees
from holdfast.kernels.robustness.constraints import Budget, violations
from holdfast.kernels.robustness.feature_tracing import NotComposable
from holdfast.kernels.robustness.limits import Rules, Stated, limits_of
from holdfast.kernels.robustness.tree_problem import replaced, search_trees, tree_problem

RNG = np.random.default_rng(0)
ROWS = {"pay": RNG.uniform(1, 9, 60).round(1), "job": RNG.choice(np.array(["a", "b", None], dtype=object), 60)}
LIMITS = limits_of(ROWS, Stated())
KNOWN = Front(motion=np.array([2, 1], dtype=np.int8))


def features(cells):
    """A pipeline: pay in cents, and whether the job is b."""
    return np.column_stack([100 * cells["pay"], (cells["job"] == "b").astype(float)])


def trees() -> RawTrees:
    """Two stumps: pay above 5 counts 1, job b counts 1; together with -1.5 the answer is yes for both."""
    none = np.full(6, -1, dtype=np.int32)
    return RawTrees(
        column=np.array([0, -1, -1, 1, -1, -1], dtype=np.int32),
        threshold=np.array([500.0, 0, 0, 0.5, 0, 0]),
        levels=none,
        missing_left=np.ones(6, dtype=np.bool_),
        left=np.array([1, -1, -1, 4, -1, -1], dtype=np.int32),
        right=np.array([2, -1, -1, 5, -1, -1], dtype=np.int32),
        value=np.array([[0.0], [0.0], [1.0], [0.0], [0.0], [1.0]]),
        roots=np.array([0, 3], dtype=np.int32),
        base=np.array([-1.5]),
        level_sets=np.zeros((0, 1), dtype=np.bool_),
        n_columns=2,
        link="sigmoid",
    )


def answer(cells):
    return ((cells["pay"] > 5) & (cells["job"] == "b")).astype(np.int64)


def problem(budget: Budget, labels=None, limits=LIMITS, front=KNOWN):
    labels = answer(ROWS) if labels is None else labels
    options = {"points": ROWS, "labels": labels, "rules": Rules(limits, budget), "rng": np.random.default_rng(1)}
    return tree_problem(replace(trees(), front=front), features, **options)


def test_flips_flip_the_model_and_keep_to_the_rules() -> None:
    budget = Budget(0.5, 1)
    found = search_trees(problem(budget), ROWS, answer(ROWS), max_parts=500)
    flipped = np.isfinite(found.distance)
    assert 5 < flipped.sum() < 60
    assert (answer(found.cells)[flipped] != answer(ROWS)[flipped]).all()
    broken = violations(ROWS, found.cells, limits=LIMITS, budget=budget)
    assert not np.any(list(broken.values()))


def test_rows_without_a_flip_are_proved() -> None:
    found = search_trees(problem(Budget(0.1, 0)), ROWS, answer(ROWS), max_parts=500)
    none = ~np.isfinite(found.distance)
    assert np.isposinf(found.lower[none]).all()
    unit = LIMITS["pay"].scale
    could = (ROWS["job"] == "b") & (np.abs(ROWS["pay"] - 5) < 0.099 * unit)
    assert not could[none].any()


def test_missing_categories_stay_missing() -> None:
    found = search_trees(problem(Budget(5, 1)), ROWS, answer(ROWS), max_parts=500)
    missing = ROWS["job"] == np.array(None)
    assert missing.any()
    assert (found.cells["job"][missing] == np.array(None)).all()


def test_trees_that_answer_otherwise_than_the_model_are_refused() -> None:
    with pytest.raises(NotComposable, match="60 of 60 rows otherwise"):
        problem(Budget(1, 1), labels=1 - answer(ROWS))


def test_columns_that_relations_settle_leave_nothing_proved() -> None:
    limits = LIMITS | {"job": LIMITS["job"]._replace(is_derived=True)}
    found = search_trees(problem(Budget(0.1, 1), limits=limits), ROWS, answer(ROWS), max_parts=500)
    assert np.isnan(found.lower).all()


@pytest.mark.parametrize("front", [None, Front(motion=np.array([1, 1], dtype=np.int8), doubt="what Waves does is odd")])
def test_without_knowledge_of_the_pipeline_flips_are_found_but_nothing_is_proved(front) -> None:
    made = problem(Budget(0.5, 1), front=front)
    found = search_trees(made, ROWS, answer(ROWS), max_parts=500)
    assert made.doubt
    assert np.isfinite(found.distance).any()
    assert np.isnan(found.lower).all()


def test_a_row_with_an_infinite_number_is_not_proved() -> None:
    rows = {"pay": np.append(ROWS["pay"], np.inf), "job": np.append(ROWS["job"], ["b"])}
    made = tree_problem(
        replace(trees(), front=KNOWN), features, points=rows, labels=answer(rows), rules=Rules(LIMITS, Budget(0.1, 0)),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    found = search_trees(made, rows, answer(rows), max_parts=500)
    assert np.isnan(found.lower[-1])
    assert not np.isnan(found.lower[:-1]).any()


def test_a_stop_leaves_the_rest_of_the_rows_as_they_are() -> None:
    asked = iter([False, True])
    found = search_trees(problem(Budget(0.5, 1)), ROWS, answer(ROWS), max_parts=500, should_stop=lambda: next(asked))
    assert found.is_done.tolist() == [True] * 8 + [False] * 52
    assert np.isnan(found.lower[8:]).all()
    assert np.isposinf(found.distance[8:]).all()


def test_the_tie_bounds_the_error_of_a_sum_in_single_precision() -> None:
    rng = np.random.default_rng(0)
    leaves = rng.normal(0, 30, 800)
    none = np.full(800, -1, dtype=np.int32)
    single = replace(
        trees(), column=none, threshold=np.zeros(800), levels=none, missing_left=np.ones(800, dtype=np.bool_),
        left=none, right=none, value=leaves[:, None], roots=np.arange(800, dtype=np.int32), base=np.zeros(1),
    )  # fmt: skip
    y = np.full(60, int(leaves.sum() > 0))
    options = {"points": ROWS, "labels": y, "rules": Rules(LIMITS, Budget(0.1, 0)), "rng": rng}
    tie = tree_problem(single, features, **options).tie
    exact = leaves.astype(np.float32).astype(np.float64).sum()
    wrong = [abs(float(np.cumsum(rng.permutation(leaves).astype(np.float32))[-1]) - exact) for _ in range(20)]
    assert 1e-5 < max(wrong) < tie < 10


def test_a_second_search_replaces_only_where_it_is_better() -> None:
    first = search_trees(problem(Budget(0, 0)), ROWS, answer(ROWS), max_parts=500)
    rows = np.array([3, 7])
    changed = {name: values[rows].copy() for name, values in ROWS.items()}
    changed["pay"][:] = 9.0
    second = first._replace(
        cells=changed, distance=np.array([0.5, 0.7]), queries=np.array([10, 20]), is_done=np.ones(2, bool)
    )
    joined = replaced(first, second, rows, np.array([True, False]))
    assert joined.cells["pay"][3] == 9.0
    assert joined.cells["pay"][7] == ROWS["pay"][7]
    assert joined.distance[3] == 0.5
    assert joined.queries[[3, 7]].tolist() == [10, 20]
