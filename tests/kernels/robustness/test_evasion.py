from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.tree import DecisionTreeClassifier

from holdfast.kernels.robustness.cells import coding_of
from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits, violations
from holdfast.kernels.robustness.evasion import (
    Flips,
    Space,
    Threat,
    constrained_space,
    search_flips,
    unit_of_distance,
)
from holdfast.kernels.robustness.relations import learn, parse_relation

Labels = Callable[[np.ndarray], np.ndarray]


def plain_space(d: int, low: float = -10.0, high: float = 10.0) -> Space:
    return Space(
        scale=np.ones(d),
        low=np.full(d, low),
        high=np.full(d, high),
        is_whole=np.zeros(d, dtype=bool),
        n_levels=np.zeros(d, dtype=np.int64),
    )


def attack(
    X: np.ndarray, donors: np.ndarray, predict: Labels, space: Space, threat: Threat, seed: int = 0, **options: object
) -> Flips:
    return search_flips(
        X,
        predict(X),
        donors,
        predict(donors),
        predict=predict,
        space=space,
        threat=threat,
        rng=np.random.default_rng(seed),
        **options,  # type: ignore[arg-type]
    )


def random_search(X: np.ndarray, predict: Labels, eps: float, queries: int, low: float, high: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    moved = np.clip(X[:, None] + rng.uniform(-eps, eps, (len(X), queries, X.shape[1])), low, high)
    return (predict(moved.reshape(-1, X.shape[1])).reshape(len(X), queries) != predict(X)[:, None]).any(axis=1)


def linear(d: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, Labels]:
    rng = np.random.default_rng(seed)
    w = rng.normal(size=d)
    return w, rng.normal(size=(200, d)), rng.normal(size=(500, d)), lambda Z: (Z @ w > 0).astype(np.int64)


def tree_distance(tree: DecisionTreeClassifier, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Exact smallest maximum-norm distance to a leaf of another class, over all leaves."""
    nodes, best = tree.tree_, np.full(len(X), np.inf)

    def visit(node: int, low: np.ndarray, high: np.ndarray) -> None:
        if nodes.children_left[node] < 0:
            apart = np.maximum(np.maximum(low - X, X - high), 0).max(axis=1)
            other = nodes.value[node][0].argmax() != y
            best[other] = np.minimum(best[other], apart[other])
            return
        feature, cut = nodes.feature[node], nodes.threshold[node]
        for child, is_left in ((nodes.children_left[node], True), (nodes.children_right[node], False)):
            a, b = low.copy(), high.copy()
            if is_left:
                b[feature] = min(b[feature], cut)
            else:
                a[feature] = max(a[feature], cut)
            visit(child, a, b)

    visit(0, np.full(X.shape[1], -np.inf), np.full(X.shape[1], np.inf))
    return best


@pytest.fixture(scope="module")
def cancer() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_breast_cancer(return_X_y=True)
    return (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0)), y


@pytest.mark.parametrize("d", [2, 5, 10])
def test_success_on_a_linear_model_is_nearly_the_exact_one(d: int) -> None:
    w, X, donors, predict = linear(d, seed=d)
    exact = np.abs(X @ w) / np.abs(w).sum()
    found = np.isfinite(attack(X, donors, predict, plain_space(d), Threat(0.3, 0, 500)).distance)
    assert not found[exact > 0.3].any()
    assert found[exact <= 0.3].mean() >= 0.97


def test_distance_on_a_linear_model_is_nearly_the_exact_one() -> None:
    w, X, donors, predict = linear(5, seed=1)
    exact = np.abs(X @ w) / np.abs(w).sum()
    distance = attack(X, donors, predict, plain_space(5), Threat(0.3, 0, 500)).distance
    found = np.isfinite(distance)
    assert (distance[found] >= exact[found] - 1e-9).all()
    assert np.median(distance[found] / exact[found]) < 1.02


@pytest.mark.parametrize("depth", [3, 6])
def test_distance_on_a_tree_is_nearly_the_exact_one(depth: int, cancer: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = cancer
    tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X[:300], y[:300])

    def predict(Z: np.ndarray) -> np.ndarray:
        return tree.predict(Z).astype(np.int64)

    points = X[300:400]
    exact = tree_distance(tree, points, predict(points))
    distance = attack(points, X[:300], predict, plain_space(30, 0, 1), Threat(0.2, 0, 500)).distance
    found = np.isfinite(distance) & (exact > 1e-6)
    assert np.mean(np.isfinite(distance)) >= np.mean(exact <= 0.2) - 0.02
    assert np.quantile(distance[found] / exact[found], 0.9) < 1.02


def test_more_rows_flip_than_by_random_search_at_equal_queries(cancer: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = cancer
    model = GradientBoostingClassifier(n_estimators=30, random_state=0).fit(X[:300], y[:300])

    def predict(Z: np.ndarray) -> np.ndarray:
        return model.predict(Z).astype(np.int64)

    points = X[300:400]
    flips = attack(points, X[:300], predict, plain_space(30, 0, 1), Threat(0.08, 0, 300))
    by_chance = random_search(points, predict, 0.08, 300, 0, 1)
    assert flips.queries.max() <= 300
    assert np.isfinite(flips.distance).sum() >= by_chance.sum() + 3


def test_a_linear_model_in_many_columns_flips_far_more_than_by_random_search() -> None:
    _, X, donors, predict = linear(20, seed=3)
    flips = attack(X, donors, predict, plain_space(20), Threat(0.3, 0, 500))
    assert np.isfinite(flips.distance).mean() > random_search(X, predict, 0.3, 500, -10, 10).mean() + 0.15


def test_the_same_seed_gives_the_same_flips() -> None:
    _, X, donors, predict = linear(4, seed=4)
    one, two = (attack(X, donors, predict, plain_space(4), Threat(0.3, 0, 200), seed=7) for _ in range(2))
    assert np.array_equal(one.points, two.points)
    assert np.array_equal(one.queries, two.queries)


def test_inputs_are_not_modified() -> None:
    _, X, donors, predict = linear(3, seed=5)
    before = X.copy(), donors.copy()
    attack(X, donors, predict, plain_space(3), Threat(0.3, 0, 100))
    assert np.array_equal(before[0], X)
    assert np.array_equal(before[1], donors)


def test_every_answer_is_paid_for() -> None:
    _, X, donors, predict = linear(3, seed=6)
    asked = 0

    def counting(Z: np.ndarray) -> np.ndarray:
        nonlocal asked
        asked += len(Z)
        return predict(Z)

    y, labels = predict(X), predict(donors)
    flips = search_flips(
        X,
        y,
        donors,
        labels,
        predict=counting,
        space=plain_space(3),
        threat=Threat(0.3, 0, 150),
        rng=np.random.default_rng(0),
    )
    assert asked == flips.queries.sum()
    assert flips.queries.max() <= 150


def mixed(seed: int) -> tuple[np.ndarray, np.ndarray, Labels, Space]:
    rng = np.random.default_rng(seed)

    def draw(n: int) -> np.ndarray:
        numbers = np.column_stack([rng.normal(size=n), rng.integers(0, 50, n), rng.normal(size=n)])
        numbers[rng.random((n, 3)) < 0.1] = np.nan
        categories = np.column_stack([rng.integers(-1, 4, n), rng.integers(0, 3, n), rng.integers(0, 2, n)])
        return np.column_stack([numbers, categories]).astype(float)

    w = rng.normal(size=3) * [1.0, 0.1, 1.0]
    effect = rng.normal(size=(3, 5))

    def predict(Z: np.ndarray) -> np.ndarray:
        score = np.nan_to_num(Z[:, :3]) @ w + sum(effect[j][Z[:, 3 + j].astype(int)] for j in range(3))
        return (score > 0.5).astype(np.int64) + (score > 1.5)

    space = Space(
        scale=np.array([1.0, 10.0, 0.0, 0.0, 0.0, 0.0]),
        low=np.array([-2.0, 5.0, -9.0, -np.inf, -np.inf, -np.inf]),
        high=np.array([2.0, 45.0, 9.0, np.inf, np.inf, np.inf]),
        is_whole=np.array([False, True, False, False, False, False]),
        n_levels=np.array([0, 0, 0, 4, 3, 0]),
    )
    return draw(60), draw(200), predict, space


def assert_keeps_to_the_threat(seed: int, distance: float, categories: int) -> None:
    X, donors, predict, space = mixed(seed)
    flips = attack(X, donors, predict, space, Threat(distance, categories, 120), seed=seed)
    found = np.isfinite(flips.distance)
    names = list("abcdef")
    limits = {
        "a": NumericLimits(1.0, -2.0, 2.0, False),
        "b": NumericLimits(10.0, 5.0, 45.0, True),
        "d": CategoryLimits(frozenset(range(4))),
        "e": CategoryLimits(frozenset(range(3))),
    }
    before, after = (
        {name: np.where(Z[:, j] == -1, np.nan, Z[:, j]) for j, name in enumerate(names)} for Z in (X, flips.points)
    )
    broken = violations(before, after, limits=limits, budget=Budget(distance, categories))
    assert not any(rows.any() for rows in broken.values())
    assert (predict(flips.points)[found] != predict(X)[found]).all()
    assert np.array_equal(flips.points[~found], X[~found], equal_nan=True)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.0, 1.0), st.integers(0, 2))
def test_every_flip_keeps_to_the_threat_model(seed: int, distance: float, categories: int) -> None:
    assert_keeps_to_the_threat(seed, distance, categories)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.0, 3.0), st.integers(0, 3))
def test_a_thousand_searches_keep_to_the_threat_model(seed: int, distance: float, categories: int) -> None:
    assert_keeps_to_the_threat(seed, distance, categories)


def test_a_single_category_that_flips_is_found_at_distance_zero() -> None:
    space = Space(np.zeros(2), np.full(2, -np.inf), np.full(2, np.inf), np.zeros(2, dtype=bool), np.array([30, 40]))

    def predict(Z: np.ndarray) -> np.ndarray:
        return (Z[:, 1] == 17).astype(np.int64)

    X = np.zeros((5, 2))
    flips = attack(X, np.zeros((0, 2)), predict, space, Threat(0.0, 1, 200))
    assert (flips.distance == 0).all()
    assert (flips.points[:, 1] == 17).all()


def test_two_categories_that_flip_only_together_need_a_threat_of_two() -> None:
    space = Space(np.zeros(2), np.full(2, -np.inf), np.full(2, np.inf), np.zeros(2, dtype=bool), np.array([3, 3]))

    def predict(Z: np.ndarray) -> np.ndarray:
        return ((Z[:, 0] == 2) & (Z[:, 1] == 1)).astype(np.int64)

    X, donors = np.zeros((5, 2)), np.array([[2.0, 1.0]])
    assert not np.isfinite(attack(X, donors, predict, space, Threat(0.0, 1, 200)).distance).any()
    assert np.isfinite(attack(X, donors, predict, space, Threat(0.0, 2, 200)).distance).all()


def test_a_model_that_never_changes_its_mind_is_not_flipped() -> None:
    X = np.random.default_rng(0).normal(size=(10, 3))
    flips = attack(X, X, lambda Z: np.zeros(len(Z), dtype=np.int64), plain_space(3), Threat(1.0, 0, 100))
    assert np.isinf(flips.distance).all()
    assert flips.is_complete


def test_no_points_need_no_queries() -> None:
    flips = attack(
        np.zeros((0, 2)), np.ones((3, 2)), lambda Z: np.zeros(len(Z), dtype=np.int64), plain_space(2), Threat(1.0, 0, 9)
    )
    assert flips.distance.size == 0


def test_a_search_that_is_stopped_says_so_and_keeps_what_it_found() -> None:
    _, X, donors, predict = linear(4, seed=8)
    answers = iter([False] * 3 + [True] * 1000)
    flips = attack(X, donors, predict, plain_space(4), Threat(0.3, 0, 5000), should_stop=lambda: next(answers))
    assert not flips.is_complete
    assert np.isfinite(flips.distance).any()


def test_nothing_can_move_without_scale_and_levels() -> None:
    X = np.random.default_rng(0).normal(size=(4, 2))
    space = plain_space(2)._replace(scale=np.zeros(2))
    flips = attack(X, X + 5, lambda Z: (Z[:, 0] > 0).astype(np.int64), space, Threat(1.0, 1, 50))
    assert np.isinf(flips.distance).all()


def test_unit_is_the_interquartile_range_or_its_gaussian_equal() -> None:
    assert unit_of_distance(np.array([0.0, 1.0, 2.0, 3.0, 4.0])) == 2.0
    values = np.r_[np.zeros(90), np.full(10, 100.0)]
    assert unit_of_distance(values) == pytest.approx(1.349 * values.std())


@pytest.mark.parametrize("values", [[], [np.nan], [5.0, 5.0], [np.inf, 1.0]])
def test_a_column_without_spread_has_no_unit(values: list[float]) -> None:
    assert unit_of_distance(np.array(values)) == 0.0


@pytest.mark.parametrize("scored", [True, False])
def test_a_point_is_searched_in_the_same_way_whatever_others_there_are(scored: bool) -> None:
    X, donors, predict, space = mixed(11)

    def scores(Z: np.ndarray) -> np.ndarray:
        return np.column_stack([-np.nan_to_num(Z[:, 0]), np.nan_to_num(Z[:, 0]) + 0.1 * Z[:, 3]])

    answer = scores if scored else predict
    y = answer(X).argmax(axis=1) if scored else predict(X)
    labels = scores(donors).argmax(axis=1) if scored else predict(donors)

    def flips(rows: np.ndarray) -> Flips:
        return search_flips(
            X[rows],
            y[rows],
            donors,
            labels,
            predict=answer,
            space=space,
            threat=Threat(0.8, 1, 150),
            rng=np.random.default_rng(5),
            ids=rows,
        )

    whole, part = flips(np.arange(60)), flips(np.array([41, 3, 17]))
    assert np.array_equal(part.points, whole.points[[41, 3, 17]], equal_nan=True)
    assert np.array_equal(part.queries, whole.queries[[41, 3, 17]])


APPLICANTS = {
    "gain": np.array([0.0, 3.0, 0.0, 0.0] * 10),
    "loss": np.array([0.0, 0.0, 2.0, 0.0] * 10),
    "years": np.array([9.0, 13.0, 13.0, 20.0] * 10),
    "degree": np.array(["school", "BSc", "BSc", "PhD"] * 10, dtype=object),
    "age": np.array([20.0, 30.0, 40.0, 50.0] * 10),
    "own": np.array([1.0, 0.0, 0.0, 1.0] * 10),
    "rent": np.array([0.0, 1.0, 1.0, 0.0] * 10),
}
GROUPS = [("own", "rent")]


def applicant_limits() -> dict[str, NumericLimits | CategoryLimits]:
    return {
        "gain": NumericLimits(2.0, 0.0, 9.0, True, cost=0.5),
        "loss": NumericLimits(2.0, 0.0, 9.0, True),
        "years": NumericLimits(1.0, 0.0, 20.0, True, is_derived=True),
        "degree": CategoryLimits(frozenset({"school", "BSc", "PhD"})),
        "age": NumericLimits(5.0, 18.0, 60.0, False, direction=1),
    }


def test_flips_keep_relations_groups_directions_and_costs_by_the_independent_checker() -> None:
    texts = ["gain * loss == 0", "years follows degree", "age >= years + 9", "own = 1 -> gain <= 5"]
    relations = learn([parse_relation(text) for text in texts], APPLICANTS)
    limits = applicant_limits()
    coding = coding_of(APPLICANTS, limits, relations=relations, one_hot=GROUPS)

    def predict(Z: np.ndarray) -> np.ndarray:
        c = coding.decode(Z)
        score = c["gain"] - c["loss"] + 0.4 * c["years"] + 0.05 * c["age"] + 2 * c["rent"]
        return np.column_stack([9.5 - score, score - 9.5])

    X = coding.encode(APPLICANTS)
    flips = search_flips(
        X,
        predict(X).argmax(axis=1),
        X,
        predict(X).argmax(axis=1),
        predict=predict,
        space=constrained_space(coding, limits, relations=relations),
        threat=Threat(1.5, 2, 400),
        rng=np.random.default_rng(0),
    )
    found = np.isfinite(flips.distance)
    assert found.mean() > 0.5
    broken = violations(
        APPLICANTS,
        coding.decode(flips.points),
        limits=limits,
        budget=Budget(1.5, 2),
        relations=relations,
        one_hot=GROUPS,
    )
    assert not any(rows.any() for rows in broken.values())
    assert (predict(flips.points).argmax(axis=1) != predict(X).argmax(axis=1))[found].all()


def test_constraints_that_contradict_each_other_are_refused() -> None:
    relations = [parse_relation("gain >= 6"), parse_relation("gain + loss <= 5")]
    limits = applicant_limits() | {"years": NumericLimits(1.0, 0.0, 20.0, True)}
    coding = coding_of(APPLICANTS, limits, relations=relations)
    with pytest.raises(ValueError, match="'gain >= 6', 'gain \\+ loss <= 5'"):
        constrained_space(coding, limits, relations=relations)


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_other_norms_are_kept_by_the_independent_checker(norm: str) -> None:
    _, X, donors, predict = linear(4, seed=9)
    flips = attack(X, donors, predict, plain_space(4), Threat(0.5, 0, 300, norm))  # type: ignore[arg-type]
    names = "abcd"
    before, after = ({name: Z[:, j] for j, name in enumerate(names)} for Z in (X, flips.points))
    limits = {name: NumericLimits(1.0, -10.0, 10.0, False) for name in names}
    broken = violations(before, after, limits=limits, budget=Budget(0.5, 0, norm))  # type: ignore[arg-type]
    assert np.isfinite(flips.distance).any()
    assert not any(rows.any() for rows in broken.values())


@pytest.mark.parametrize("scored", [True, False])
def test_shared_flips_are_reproducible_cost_no_more_and_come_closer_on_the_whole(
    scored: bool, cancer: tuple[np.ndarray, np.ndarray]
) -> None:
    X, y = cancer
    model = GradientBoostingClassifier(n_estimators=30, random_state=0).fit(X[:300], y[:300])
    points, few = X[300:350], X[:20]

    def flips(share: bool) -> Flips:
        return search_flips(
            points,
            model.predict(points).astype(np.int64),
            few,
            model.predict(few).astype(np.int64),
            predict=model.predict_proba if scored else lambda Z: model.predict(Z).astype(np.int64),
            space=plain_space(30, 0, 1),
            threat=Threat(np.inf, 0, 1000),
            rng=np.random.default_rng(0),
            share=share,
        )

    alone, together, again = flips(False), flips(True), flips(True)
    assert together.queries.max() <= 1000
    assert together.distance.mean() < alone.distance.mean() * 1.02
    assert np.array_equal(together.points, again.points)


def test_a_score_that_is_no_number_is_no_flip() -> None:
    X = np.random.default_rng(0).normal(size=(8, 3))

    def predict(Z: np.ndarray) -> np.ndarray:
        return np.where(Z[:, :1] > 1, np.nan, [[1.0, 0.0]])

    flips = search_flips(
        X - 3,
        np.zeros(8, dtype=np.int64),
        X + 3,
        np.ones(8, dtype=np.int64),
        predict=predict,
        space=plain_space(3),
        threat=Threat(9.0, 0, 60),
        rng=np.random.default_rng(0),
    )
    assert np.isinf(flips.distance).all()


def test_wide_tables_are_searched_in_parts_that_do_not_know_each_other() -> None:
    d = 5000
    X = np.random.default_rng(0).uniform(-1, 1, (20, d))
    donors = np.full((2, d), 3.0)

    def flips(rows: np.ndarray) -> Flips:
        return search_flips(
            X[rows],
            np.zeros(rows.size, dtype=np.int64),
            donors,
            np.ones(2, dtype=np.int64),
            predict=lambda Z: (Z[:, :2500].mean(axis=1) > 0.5).astype(np.int64),
            space=plain_space(d),
            threat=Threat(np.inf, 0, 40),
            rng=np.random.default_rng(1),
            ids=rows,
        )

    whole, last = flips(np.arange(20)), flips(np.arange(18, 20))
    assert np.isfinite(whole.distance).all()
    assert np.array_equal(whole.points[18:], last.points)


RULES = [
    "gain * loss == 0",
    "years follows degree",
    "age >= years + 9",
    "own = 1 -> gain <= 5",
    "degree = 'PhD' -> loss <= 3",
    "gain / age <= 0.2",
    "not (degree = 'school' and age > 45)",
    "gain + loss <= 6 or rent == 1",
]


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.sampled_from(RULES), min_size=1, max_size=5, unique=True),
    st.sampled_from([0.3, 1.0, 4.0, np.inf]),
    st.integers(0, 3),
    st.sampled_from(["linf", "l1", "l2"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_every_flip_keeps_any_constraints_by_the_independent_checker(
    texts: list[str], distance: float, swaps: int, norm: str, scored: bool, seed: int
) -> None:
    relations = learn([parse_relation(text) for text in texts], APPLICANTS)
    limits = applicant_limits()
    if "years follows degree" not in texts:
        limits["years"] = NumericLimits(4.0, 0.0, 20.0, True, direction=-1)
    coding = coding_of(APPLICANTS, limits, relations=relations, one_hot=GROUPS)
    w = np.random.default_rng(seed).normal(size=5)

    def predict(Z: np.ndarray) -> np.ndarray:
        c = coding.decode(Z)
        score = w @ np.array([c["gain"] / 3, c["loss"] / 3, c["years"] / 5 - 3, c["age"] / 10 - 4, 2 * c["rent"]])
        answer = np.column_stack([-score, score + 0.3 * (c["degree"] == "BSc")])
        return answer if scored else answer.argmax(axis=1)

    X = coding.encode(APPLICANTS)
    y = predict(X).argmax(axis=1) if scored else predict(X)
    flips = search_flips(
        X,
        y,
        X,
        y,
        predict=predict,
        space=constrained_space(coding, limits, relations=relations),
        threat=Threat(distance, swaps, 80, norm),  # type: ignore[arg-type]
        rng=np.random.default_rng(seed),
    )
    broken = violations(
        APPLICANTS,
        coding.decode(flips.points),
        limits=limits,
        budget=Budget(distance, swaps, norm),  # type: ignore[arg-type]
        relations=relations,
        one_hot=GROUPS,
    )
    assert not any(rows.any() for rows in broken.values())
