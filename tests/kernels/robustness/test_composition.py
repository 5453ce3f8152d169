from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from holdfast.kernels.robustness.composition import agreement, answers_of, compose
from holdfast.kernels.robustness.ensemble import check_ensemble, scores
from holdfast.kernels.robustness.feature_tracing import NotComposable
from holdfast.kernels.robustness.user_columns import CategoryColumn, NumberColumn, encoded

LEVELS = np.array(["a", "b", "c"], dtype=object)
COLUMNS = {
    "x": NumberColumn(np.linspace(-3, 3, 40), -3.0, 3.0, can_miss=True),
    "c": CategoryColumn(LEVELS, can_miss=True),
    "unused": NumberColumn(np.zeros(1), 0.0, 1.0),
}


def pipeline(cells):
    """Falling, squared, and one-hot features; missing numbers become 0."""
    x = np.nan_to_num(cells["x"])
    return np.column_stack([-x, x**2, *(cells["c"] == level for level in LEVELS)]).astype(np.float64)


def random_trees(rng: np.random.Generator, n_trees: int = 5, depth: int = 4, n_outputs: int = 1):
    """Complete trees over the five features of the pipeline."""
    inner, size = 2**depth - 1, 2 ** (depth + 1) - 1
    node = np.tile(np.arange(size), n_trees)
    start = np.repeat(np.arange(n_trees) * size, size)
    is_leaf = node >= inner
    column = rng.integers(0, 5, node.size)
    threshold = np.where(column >= 2, 0.5, rng.uniform(-2, 4, node.size))
    return SimpleNamespace(
        column=np.where(is_leaf, -1, column).astype(np.int32),
        threshold=threshold,
        levels=np.full(node.size, -1, dtype=np.int32),
        missing_left=np.zeros(node.size, dtype=bool),
        left=np.where(is_leaf, -1, start + 2 * node + 1).astype(np.int32),
        right=np.where(is_leaf, -1, start + 2 * node + 2).astype(np.int32),
        value=np.where(is_leaf[:, None], rng.normal(size=(node.size, n_outputs)), 0.0),
        roots=(np.arange(n_trees) * size).astype(np.int32),
        base=rng.normal(size=n_outputs),
        level_sets=np.zeros((0, 1), dtype=bool),
        n_columns=5,
        link="sigmoid",
    )


def scores_through(trees, cells) -> np.ndarray:
    given = pipeline(cells)
    total = np.tile(trees.base, (len(given), 1))
    for row, x in enumerate(given):
        for root in trees.roots:
            node = root
            while trees.column[node] >= 0:
                node = trees.left[node] if x[trees.column[node]] <= trees.threshold[node] else trees.right[node]
            total[row] += trees.value[node]
    return total


def random_cells(rng: np.random.Generator, n: int = 200):
    x = np.where(rng.random(n) < 0.1, np.nan, rng.uniform(-3, 3, n))
    return {"x": x, "c": rng.choice(np.append(LEVELS, [None]), n), "unused": np.zeros(n)}


@pytest.mark.parametrize("seed", range(5))
def test_the_ensemble_answers_as_trees_behind_the_pipeline(seed: int) -> None:
    rng = np.random.default_rng(seed)
    trees, cells = random_trees(rng, n_outputs=1 + seed % 3), random_cells(rng)
    made = compose(trees, pipeline, COLUMNS, rng=rng)
    check_ensemble(made.ensemble)
    found = scores(made.ensemble, encoded(COLUMNS, cells))
    np.testing.assert_allclose(found, scores_through(trees, cells), atol=1e-12)


def test_the_ensemble_speaks_of_the_users_columns() -> None:
    made = compose(random_trees(np.random.default_rng(0)), pipeline, COLUMNS, rng=np.random.default_rng(0))
    assert made.columns == ("x", "c", "unused")
    assert made.ensemble.n_columns == 3
    assert made.follows.tolist() == [0, 0, 1, 1, 1]


def test_the_result_does_not_depend_on_the_order_of_questions() -> None:
    trees = random_trees(np.random.default_rng(0))
    first, second = (compose(trees, pipeline, COLUMNS, rng=np.random.default_rng(seed)).ensemble for seed in (1, 2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_splits_that_decide_nothing_are_left_out() -> None:
    trees = random_trees(np.random.default_rng(0))
    trees.threshold = np.where(trees.column >= 0, 1e9, 0.0)
    made = compose(trees, pipeline, COLUMNS, rng=np.random.default_rng(0)).ensemble
    assert (made.column == -1).all()
    assert made.column.size == trees.roots.size


def test_trees_without_splits_are_constants() -> None:
    leaf = random_trees(np.random.default_rng(0), n_trees=3, depth=0)
    made = compose(leaf, pipeline, COLUMNS, rng=np.random.default_rng(0))
    check_ensemble(made.ensemble)
    assert scores(made.ensemble, np.zeros((1, 3)))[0, 0] == pytest.approx(leaf.base[0] + leaf.value.sum())


def test_trees_that_would_grow_without_end_are_refused() -> None:
    trees = random_trees(np.random.default_rng(0), n_trees=1, depth=12)
    trees.column = np.where(trees.column >= 0, 0, -1).astype(np.int32)
    trees.threshold = np.random.default_rng(0).uniform(-0.9, 0.9, trees.column.size)

    def waves(cells):
        return np.tile(np.sin(4 * np.nan_to_num(cells["x"]))[:, None], (1, 5))

    with pytest.raises(NotComposable, match="too many intervals"):
        compose(trees, waves, COLUMNS, rng=np.random.default_rng(0))


def test_agreement_names_the_rows_that_differ() -> None:
    margins = np.array([[2.0], [-1.0], [1e-9]])
    found = agreement(margins, link="sigmoid", labels=np.array([1, 1, 0]), probabilities=answers_of(margins, "sigmoid"))
    assert (found.n_rows, found.differing.tolist(), found.largest) == (3, [1], 0.0)


def test_agreement_tells_the_largest_difference_of_probabilities() -> None:
    found = agreement(
        np.array([[0.25, 0.75]]), link="probabilities", labels=np.array([1]), probabilities=np.array([[0.2, 0.8]])
    )
    assert found.largest == pytest.approx(0.05)


def test_agreement_of_values_is_relative_to_their_size() -> None:
    found = agreement(np.array([[101.0], [1000.0]]), link="identity", labels=np.array([100.0, 1000.0]))
    assert (found.differing.tolist(), found.largest) == ([0], pytest.approx(1e-3))


@pytest.mark.parametrize(
    ("link", "score", "answer"),
    [
        ("sigmoid", [0.0], [0.5, 0.5]),
        ("sigmoid", [-800.0], [1.0, 0.0]),
        ("centred", [0.3], [0.2, 0.8]),
        ("sign", [-0.1], [1.0, 0.0]),
        ("softmax", [0.0, np.log(3.0)], [0.25, 0.75]),
        ("softmax", [900.0, 0.0], [1.0, 0.0]),
        ("probabilities", [0.4, 0.6], [0.4, 0.6]),
        ("sigmoids", [0.0, 800.0], [0.5, 1.0]),
        ("identity", [7.0], [7.0]),
        ("exp", [0.0], [1.0]),
    ],
)
def test_scores_become_answers(link: str, score: list[float], answer: list[float]) -> None:
    np.testing.assert_allclose(answers_of(np.array([score]), link)[0], answer)
