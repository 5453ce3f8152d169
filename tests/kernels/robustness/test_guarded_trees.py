from __future__ import annotations

import numpy as np
import pytest

from holdfast.core.subject import Link, RawTrees
from holdfast.kernels.robustness.constraints import Budget
from holdfast.kernels.robustness.guarded_trees import guarded_problem, screened, search_guarded
from holdfast.kernels.robustness.limits import Rules, Stated, limits_of
from holdfast.kernels.robustness.tree_problem import Changed, TreeProblem


def staircase(*, link: Link = "sigmoid", n_outputs: int = 1) -> RawTrees:
    """One tree of a chain of splits at 0, 1, ... 8 with leaves -4, -3, ... 5 for the second class."""
    n = 9
    value = np.zeros((2 * n + 1, n_outputs))
    value[n:, -1] = np.arange(n + 1) - 4.0
    left, right = np.full(2 * n + 1, -1), np.full(2 * n + 1, -1)
    left[:n], right[:n] = n + np.arange(n), np.append(np.arange(1, n), 2 * n)
    order = np.arange(2 * n + 1)
    return RawTrees(
        column=np.where(order < n, 0, -1).astype(np.int32),
        threshold=np.where(order < n, order, 0).astype(np.float64),
        levels=np.full(2 * n + 1, -1, dtype=np.int32),
        missing_left=np.zeros(2 * n + 1, dtype=bool),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        value=value,
        roots=np.zeros(1, dtype=np.int32),
        base=np.zeros(n_outputs) + (0.5 if n_outputs == 1 else 0.0),
        level_sets=np.zeros((0, 1), dtype=bool),
        n_columns=1,
        link=link,
    )


X = np.linspace(-1.0, 9.0, 41)
RULES = Rules(limits_of({"x": np.array([-1.0, 9.0])}, Stated(ranges={"x": (-1.0, 9.0)})), Budget(10.0, 0))


def problem(trees: RawTrees, points: np.ndarray = X) -> TreeProblem:
    written = guarded_problem(
        trees, lambda cells: cells["x"][:, None], points={"x": points}, labels=(points > 3.0).astype(np.int64),
        rules=RULES, seed=0,
    )  # fmt: skip
    assert written is not None
    return written


def search(cutoff: float, trees: RawTrees, points: np.ndarray = X) -> Changed | None:
    y = (points > 3.0).astype(np.int64)
    return search_guarded(problem(trees, points), {"x": points}, y, link=trees.link, cutoff=cutoff, max_parts=1000)


@pytest.mark.parametrize("cutoff", [0.0, 0.3, 0.8, 0.95])
def test_the_closest_flip_is_the_first_that_passes_the_screen(cutoff: float) -> None:
    found = search(cutoff, staircase())
    assert found is not None
    grid = np.linspace(-1.0, 9.0, 4001)
    p = 1 / (1 + np.exp(-(np.searchsorted(np.arange(9.0), grid, side="left") - 3.5)))
    passes = np.abs(2 * p - 1) >= cutoff
    for x, distance in zip(X, found.distance, strict=True):
        other = passes & ((p > 0.5) != (x > 3.0))
        nearest = np.abs(grid[other] - x).min() if other.any() else np.inf
        scale = RULES.limits["x"].scale  # type: ignore[union-attr]
        assert distance == pytest.approx(nearest / scale, abs=0.0006)


def test_no_screen_leaves_the_trees_as_they_are() -> None:
    written = problem(staircase())
    assert screened(written, 0, link="sigmoid", cutoff=0.0) is written


@pytest.mark.parametrize(("link", "n_outputs"), [("sigmoid", 1), ("centred", 1), ("softmax", 2), ("probabilities", 2)])
@pytest.mark.parametrize("label", [0, 1])
def test_shifted_scores_change_class_where_the_other_probability_is_ahead_by_the_cutoff(
    link: Link, n_outputs: int, label: int
) -> None:
    written = problem(staircase(n_outputs=n_outputs), X[X < 3.0] if n_outputs == 2 else X)
    shifted = screened(written, label, link=link, cutoff=0.4)
    assert shifted is not None
    change = shifted.forest.base - written.forest.base
    ahead = {"sigmoid": np.log(0.7 / 0.3), "softmax": np.log(0.7 / 0.3), "centred": 0.2, "probabilities": 0.4}[link]
    assert change == pytest.approx([ahead * (label == 0), ahead * (label == 1)])


@pytest.mark.parametrize(("link", "cutoff"), [("sign", 0.2), ("sigmoid", 1.0)])
def test_screens_that_are_no_shift_are_left_to_questions(link: Link, cutoff: float) -> None:
    assert screened(problem(staircase()), 0, link=link, cutoff=cutoff) is None


def test_a_screen_of_three_classes_is_left_to_questions() -> None:
    written = problem(staircase(n_outputs=3, link="softmax"), X[:1])
    assert screened(written, 0, link="softmax", cutoff=0.2) is None


def test_no_rows_give_no_flips() -> None:
    found = search(0.0, staircase(), np.zeros(0))
    assert found is not None
    assert found.distance.size == 0
