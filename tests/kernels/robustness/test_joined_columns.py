from __future__ import annotations

import itertools

import numpy as np
import pytest

from holdfast.core.subject import Front, RawTrees
from holdfast.kernels.robustness.constraints import Budget, violations
from holdfast.kernels.robustness.joined_columns import apart, joined_of, together
from holdfast.kernels.robustness.limits import Rules, Stated, limits_of
from holdfast.kernels.robustness.relations import learn, parse_relation
from holdfast.kernels.robustness.tree_problem import search_trees, tree_problem
from tests.kernels.robustness.random_trees import random_ensemble

N = 60
RNG = np.random.default_rng(0)
HOT = np.eye(3)[RNG.integers(0, 3, N)]
DEGREE = RNG.choice(np.array(["school", "BSc", "PhD"], dtype=object), N)
YEARS = {"school": 9.0, "BSc": 16.0, "PhD": 20.0}
ROWS = {
    "x": RNG.normal(size=N).round(1),
    **{name: np.ascontiguousarray(side) for name, side in zip(("rents", "owns", "other"), HOT.T, strict=True)},
    "degree": DEGREE,
    "years": np.array([YEARS[level] for level in DEGREE]),
}
GROUP = (("rents", "owns", "other"),)


def rules_with(budget: Budget, *, fixed: frozenset[str] = frozenset()) -> Rules:
    stated = Stated(fixed=fixed | set(GROUP[0]), derived=frozenset({"years"}))
    relations = learn([parse_relation("years follows degree")], ROWS)
    return Rules(limits_of(ROWS, stated), budget, relations, GROUP)


def features(cells):
    levels = [cells["degree"] == level for level in YEARS]
    numbers = [cells[name] for name in ("x", "rents", "owns", "other")]
    return np.column_stack([*numbers, (cells["years"] - 15) / 5, *levels]).astype(np.float64)


def model(seed: int) -> RawTrees:
    """Random trees over all eight features."""
    trees = random_ensemble(np.random.default_rng(seed), n_columns=8, n_categories=0, n_trees=8)
    shown = trees._replace(base=np.full(1, 1 / 16))._asdict()  # no tie, for leaves are multiples of 1/8
    return RawTrees(**shown, link="sigmoid", front=Front(motion=np.full(8, 2, dtype=np.int8)))


def answer(trees: RawTrees, cells) -> np.ndarray:
    given = features(cells)
    total = np.full(len(given), trees.base[0])
    for row, x in enumerate(given):
        for root in trees.roots:
            node = root
            while trees.column[node] >= 0:
                node = trees.left[node] if x[trees.column[node]] <= trees.threshold[node] else trees.right[node]
            total[row] += trees.value[node, 0]
    return (total > 0).astype(np.int64)


def every_change(row: int, rules: Rules):
    """All rows of a fine grid, the rules' own judge decides which are allowed."""
    own = {name: values[row] for name, values in ROWS.items()}
    reach = rules.budget.distance * rules.limits["x"].scale
    xs = np.unique(np.concatenate([ROWS["x"], own["x"] + np.linspace(-reach, reach, 21)]))
    tried = [*itertools.product(xs, np.eye(3), YEARS)]
    cells = {
        "x": np.array([x for x, _, _ in tried]),
        **{name: np.array([hot[k] for _, hot, _ in tried]) for k, name in enumerate(GROUP[0])},
        "degree": np.array([level for _, _, level in tried], dtype=object),
        "years": np.array([YEARS[level] for _, _, level in tried]),
    }
    before = {name: np.full(len(tried), value, dtype=ROWS[name].dtype) for name, value in own.items()}
    limits, budget, relations, one_hot = rules
    broken = violations(before, cells, limits=limits, budget=budget, relations=relations, one_hot=one_hot)
    allowed = ~np.any([*broken.values()], axis=0)
    return {name: values[allowed] for name, values in cells.items()}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("categories", [0, 1, 2])
def test_a_proved_row_has_no_flip_among_all_that_groups_and_followers_allow(seed: int, categories: int) -> None:
    trees, rules = model(seed), rules_with(Budget(0.3, categories))
    y = answer(trees, ROWS)
    made = tree_problem(trees, features, points=ROWS, labels=y, rules=rules, rng=np.random.default_rng(0))
    assert made.doubt == ""
    found = search_trees(made, ROWS, y, max_parts=2000)
    for row in range(0, N, 3):
        flips = (answer(trees, every_change(row, rules)) != y[row]).any()
        assert flips == np.isfinite(found.distance[row])
        assert np.isposinf(found.lower[row]) == (not flips)


def test_flips_keep_to_groups_and_followers() -> None:
    trees, rules = model(0), rules_with(Budget(0.3, 2))
    y = answer(trees, ROWS)
    made = tree_problem(trees, features, points=ROWS, labels=y, rules=rules, rng=np.random.default_rng(0))
    found = search_trees(made, ROWS, y, max_parts=2000)
    flipped = np.isfinite(found.distance)
    limits, budget, relations, one_hot = rules
    broken = violations(ROWS, found.cells, limits=limits, budget=budget, relations=relations, one_hot=one_hot)
    assert flipped.any()
    assert list(found.cells) == list(ROWS)
    assert not np.any([*broken.values()], axis=0)[flipped].any()
    assert (found.cells["degree"][flipped] != ROWS["degree"][flipped]).any()
    assert (found.cells["owns"][flipped] != ROWS["owns"][flipped]).any()


def test_rows_that_are_not_one_hot_are_not_proved() -> None:
    trees, rules = model(0), rules_with(Budget(0.0, 1))
    rows = {name: values.copy() for name, values in ROWS.items()}
    rows["owns"][0] = rows["rents"][0] = 1.0
    y = answer(trees, rows)
    made = tree_problem(trees, features, points=rows, labels=y, rules=rules, rng=np.random.default_rng(0))
    found = search_trees(made, rows, y, max_parts=2000)
    assert np.isnan(found.lower[0])
    assert not np.isnan(found.lower[1:]).any()


def test_a_level_that_settles_nothing_leaves_the_columns_apart_and_nothing_proved() -> None:
    rules = rules_with(Budget(0.1, 1))
    rule = rules.limits["degree"]._replace(levels=frozenset({*YEARS, "unheard of"}))
    loose = rules._replace(limits={**rules.limits, "degree": rule})
    assert [each.members for each in joined_of(ROWS, loose)] == [*GROUP]
    y = answer(model(0), ROWS)
    made = tree_problem(model(0), features, points=ROWS, labels=y, rules=loose, rng=np.random.default_rng(0))
    assert "'years' changes together" in made.doubt


def test_a_fixed_category_keeps_what_follows_it_in_place() -> None:
    family = joined_of(ROWS, rules_with(Budget(0.1, 1), fixed=frozenset({"degree"})))[1]
    assert (family.members, family.can_move) == (("degree", "years"), False)


def test_apart_undoes_together() -> None:
    joined = joined_of(ROWS, rules_with(Budget(0.1, 1)))
    back = apart(together(ROWS, joined), joined, like=ROWS)
    assert list(back) == list(ROWS)
    for name, values in ROWS.items():
        np.testing.assert_array_equal(back[name], values)
