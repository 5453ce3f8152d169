from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from holdfast.adapters.models.opening import wrap_model
from holdfast.core.subject import Model
from holdfast.kernels.robustness.constraints import Budget
from holdfast.kernels.robustness.feature_tracing import NotComposable
from holdfast.kernels.robustness.limits import Rules, Stated, limits_of
from holdfast.kernels.robustness.tree_problem import Changed, search_trees, tree_problem

SOME = [2.5, 3.0, 4.99, 5.0, 6.5]
BINS = {"strategy": "quantile", "quantile_method": "averaged_inverted_cdf"}
KNOWN = {
    "nothing": lambda: "passthrough",
    "scaled": lambda: make_pipeline(SimpleImputer(), StandardScaler(), MinMaxScaler(), RobustScaler()),
    "bins of one each": lambda: KBinsDiscretizer(12, encode="onehot-dense", **BINS),
    "bins in order": lambda: KBinsDiscretizer(12, encode="ordinal", **BINS),
    "bins behind a scaler": lambda: make_pipeline(StandardScaler(), KBinsDiscretizer(12, encode="onehot", **BINS)),
    "halves": lambda: make_pipeline(MinMaxScaler(), Binarizer(threshold=0.4)),
    "ranks": lambda: QuantileTransformer(n_quantiles=30),
    "squares": lambda: PolynomialFeatures(3, include_bias=True),
    "squares of scaled numbers": lambda: make_pipeline(StandardScaler(), PolynomialFeatures(2)),
    "identity": lambda: make_pipeline(FunctionTransformer(), StandardScaler()),
    "levels of numbers": lambda: OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=15),
    "order of numbers": lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, categories=[SOME]),
    "means of the target": lambda: make_pipeline(
        KBinsDiscretizer(9, encode="ordinal", **BINS), TargetEncoder()
    ),
    "means of numbers": lambda: TargetEncoder(categories=[SOME]),
    "a number for missing": lambda: make_pipeline(SimpleImputer(missing_values=4.99), StandardScaler()),
    "chosen": lambda: make_pipeline(KBinsDiscretizer(6, encode="onehot-dense", **BINS), SelectKBest(k=4)),
    "united": lambda: FeatureUnion(
        [("s", StandardScaler()), ("b", Binarizer(threshold=5.0))], transformer_weights={"s": -2}
    ),
}  # fmt: skip
UNKNOWN = {
    "splines": lambda: SplineTransformer(n_knots=5),
    "powers": lambda: PowerTransformer(),
    "a function": lambda: FunctionTransformer(np.sin),
    "ranks of a bell": lambda: QuantileTransformer(n_quantiles=30, output_distribution="normal"),
}


def table(seed: int, n: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers that pile up at 4.99 and 5 in training, another number, and a category."""
    rng = np.random.default_rng(seed)
    a = np.round(rng.lognormal(1.6, 0.5, n), 2)
    pile = rng.random(n)
    a = np.where(pile < 0.12, 4.99, np.where(pile > 0.9, 5.0, a))
    b = np.round(rng.normal(size=n), 1)
    c = rng.choice(["x", "y", "z"], n)
    y = ((a == 4.99) * 2.0 + (a > 8) + 0.5 * b + (c == "x") * 0.4 + rng.normal(size=n) * 0.3 > 0.9).astype(int)
    return pd.DataFrame({"a": a, "b": b, "c": c}), y


def fitted(step: Any, seed: int, last: Any = None) -> tuple[Model, pd.DataFrame]:
    X, y = table(seed)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    front = ColumnTransformer([("a", step, ["a"]), ("b", "passthrough", ["b"]), ("c", encoder, ["c"])])
    last = last or GradientBoostingClassifier(n_estimators=15, max_depth=3, random_state=0)
    return wrap_model(make_pipeline(front, last).fit(X, y)), X


def searched(model: Model, X: pd.DataFrame, budget: Budget, *, n: int = 24) -> tuple[Changed, pd.DataFrame, str]:
    rng = np.random.default_rng(1)
    points = X.iloc[rng.permutation(len(X))[:n]].reset_index(drop=True)
    points["a"] = np.where(points["a"].isin([4.99, 5.0]), np.round(rng.uniform(4.6, 5.4, n), 2), points["a"])
    rules = Rules(limits_of(cells_of(X), Stated()), budget)
    labels = labels_of(model, points)
    made = tree_problem(
        model.trees(),
        lambda cells: model.features(pl.DataFrame({name: values.tolist() for name, values in cells.items()})),
        points=cells_of(points),
        labels=labels,
        rules=rules,
        rng=np.random.default_rng(0),
    )
    return search_trees(made, cells_of(points), labels, max_parts=2000), points, made.doubt


def cells_of(X: pd.DataFrame) -> dict[str, np.ndarray]:
    return {name: X[name].to_numpy(dtype=object if name == "c" else np.float64) for name in X}


def labels_of(model: Model, X: pd.DataFrame) -> np.ndarray:
    asked = model.predict(pl.from_dict({name: X[name].to_numpy() for name in X})).labels
    assert asked is not None
    return asked.astype(np.int64)


def flips_of(model: Model, X: pd.DataFrame, points: pd.DataFrame, row: int, budget: Budget) -> bool:
    """Try numbers of training with their neighbours, and the ends of what may be reached, in every combination."""
    point, limits = points.iloc[row], limits_of(cells_of(X), Stated())
    choices = []
    for name in ("a", "b"):
        rule, x = limits[name], float(point[name])
        reach = budget.distance * rule.scale  # type: ignore[union-attr]
        seen = np.unique(X[name]) if name == "a" else np.unique(X[name])[::5]
        seen = np.concatenate(
            [seen, np.nextafter(seen, -np.inf), np.nextafter(seen, np.inf), [x, x - reach, x + reach]]
        )
        low, high = max(x - reach, min(X[name].min(), x)), min(x + reach, max(X[name].max(), x))
        choices.append(np.unique(seen[(seen >= low) & (seen <= high)]))
    levels = ["x", "y", "z"] if budget.categories else [point["c"]]
    tried = pd.DataFrame([*itertools.product(*choices, levels)], columns=["a", "b", "c"])
    own = labels_of(model, points.iloc[[row]])[0]
    return bool((labels_of(model, tried) != own).any())


def assert_proofs_hold(model: Model, X: pd.DataFrame, found: Changed, points: pd.DataFrame, budget: Budget) -> None:
    proved = np.flatnonzero(np.isposinf(found.lower))
    false = [row for row in proved.tolist() if flips_of(model, X, points, row, budget)]
    assert not false, points.iloc[false]


@pytest.mark.parametrize("name", KNOWN)
def test_no_proved_row_has_a_flip_behind_steps_that_are_known(name: str) -> None:
    budget = Budget(0.15, 1)
    model, X = fitted(KNOWN[name](), seed=0)
    found, points, doubt = searched(model, X, budget)
    assert doubt == ""
    assert np.isposinf(found.lower).any()
    assert np.isfinite(found.distance).any()
    assert_proofs_hold(model, X, found, points, budget)


@pytest.mark.parametrize("name", UNKNOWN)
def test_nothing_is_proved_behind_steps_that_are_not_known(name: str) -> None:
    model, X = fitted(UNKNOWN[name](), seed=0)
    found, _, doubt = searched(model, X, Budget(0.15, 1))
    assert "may turn" in doubt
    assert np.isnan(found.lower).all()


@pytest.mark.parametrize("name", ["splines", "powers", "ranks of a bell"])
def test_it_is_said_that_a_rounding_error_stands_in_the_way(name: str) -> None:
    model, X = fitted(UNKNOWN[name](), seed=0)
    assert "may turn back by a rounding error" in searched(model, X, Budget(0.15, 1))[2]


@pytest.mark.parametrize("name", ["bins in order", "order of numbers"])
def test_no_proved_row_has_a_flip_where_codes_are_split_by_sets(name: str) -> None:
    budget = Budget(0.15, 1)
    model, X = fitted(KNOWN[name](), seed=1, last=HistGradientBoostingClassifier(max_iter=6, categorical_features=[0]))
    found, points, doubt = searched(model, X, budget)
    assert doubt == ""
    assert_proofs_hold(model, X, found, points, budget)


# two edges of the bins may fall on one number
@pytest.mark.filterwarnings("ignore:Bins whose width are too small")
@given(
    seed=st.integers(0, 2**20), name=st.sampled_from(sorted(KNOWN)), distance=st.sampled_from([0.05, 0.15, 0.4]),
    categories=st.integers(0, 1),
)  # fmt: skip
@settings(max_examples=6, deadline=None)
def test_proofs_hold_for_any_table_and_known_steps(seed: int, name: str, distance: float, categories: int) -> None:
    budget = Budget(distance, categories)
    model, X = fitted(KNOWN[name](), seed)
    try:
        found, points, _ = searched(model, X, budget, n=8)
    except NotComposable:
        return
    assert_proofs_hold(model, X, found, points, budget)


def test_products_of_columns_are_not_of_one_input() -> None:
    X, y = table(0)
    front = ColumnTransformer([("n", PolynomialFeatures(2), ["a", "b"])], remainder="drop")
    model = wrap_model(make_pipeline(front, GradientBoostingClassifier(n_estimators=3)).fit(X, y))
    assert model.trees().front.motion.tolist() == [3, 2, 2, 2, 0, 2]  # type: ignore[union-attr]


def test_a_subclass_of_a_known_step_is_not_known() -> None:
    class Scaler(StandardScaler):
        def transform(self, X: Any, copy: bool | None = None) -> Any:
            return np.cos(super().transform(X))

    model, _ = fitted(Scaler(), seed=0)
    front = model.trees().front
    assert front is not None
    assert front.doubt == "what Scaler does is not known"
    assert front.motion.tolist()[:2] == [1, 2]


def test_edges_behind_a_scaler_are_found_among_the_numbers_of_the_column() -> None:
    X, y = table(0)
    steps = make_pipeline(StandardScaler(), Binarizer(threshold=0.0), GradientBoostingClassifier(n_estimators=1))
    model = wrap_model(steps.fit(X[["a"]], y))
    front = model.trees().front
    assert front is not None
    turns = front.turns["a"]
    above = steps[:-1].transform(pd.DataFrame({"a": turns})).ravel() > 0
    change = int(np.flatnonzero(above[1:] != above[:-1])[0])
    assert np.nextafter(turns[change], np.inf) == turns[change + 1]
