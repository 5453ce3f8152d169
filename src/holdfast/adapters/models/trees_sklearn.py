"""The trees of scikit-learn: single trees, forests, gradient and histogram boosting, also behind a pipeline.

Trees and forests round their inputs to single precision and compare with doubles; histogram boosting compares doubles
and takes category codes outside its known ones for missing. The histogram trees have no public interface: their arrays
are read under the names of scikit-learn 1.8 and 1.9.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models import front_sklearn, trees_lightgbm, trees_xgboost
from holdfast.adapters.models.tree_arrays import assembled, no_trees
from holdfast.core.subject import Front, Link, RawTrees
from holdfast.kernels.robustness.single_precision import at_most

SINGLE = ("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor")
FORESTS = ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor")
BOOSTING = ("GradientBoostingClassifier", "GradientBoostingRegressor")
HISTOGRAMS = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
CODES = 256


def has_trees(estimator: Any) -> bool:
    """Whether a fitted estimator, or the last step of a pipeline, is of a kind whose trees are read."""
    last = _last(estimator)
    if _is(last, "lightgbm", "LGBMModel"):
        return (
            hasattr(last, "booster_")
            and not last.booster_.pandas_categorical
            and trees_lightgbm.has_trees(last.booster_)
        )
    if _is(last, "xgboost", "XGBModel"):
        return last.__sklearn_is_fitted__() and _takes_numbers(last) and trees_xgboost.has_trees(last.get_booster())
    if type(last).__name__ in SINGLE:
        return hasattr(last, "tree_") and last.n_outputs_ == 1
    if type(last).__name__ in FORESTS:
        return hasattr(last, "estimators_") and last.n_outputs_ == 1
    if type(last).__name__ in BOOSTING:
        return hasattr(last, "estimators_") and _has_constant_start(last)
    return type(last).__name__ in HISTOGRAMS and hasattr(last, "_predictors")


def read_trees(estimator: Any) -> RawTrees:
    """Read the trees of a fitted estimator for which :func:`has_trees` holds.

    Raises
    ------
    NotRun
        When only one class was seen in training, or a booster's objective is not known.
    """
    last = _last(estimator)
    if _is(last, "lightgbm", "LGBMModel"):
        return trees_lightgbm.read_trees(last.booster_)
    if _is(last, "xgboost", "XGBModel"):
        return trees_xgboost.read_trees(last.get_booster(), _rounds(last))
    if len(getattr(last, "classes_", (0, 1))) < 2:
        raise no_trees("there is only one class")
    if type(last).__name__ in HISTOGRAMS:
        return _histogram_trees(last)
    if type(last).__name__ in BOOSTING:
        return _boosted_trees(last)
    return _averaged_trees(last)


def features(estimator: Any, inputs: Any) -> NDArray[np.float64]:
    """Compute what the trees are given: the pipeline without its last step."""
    last = _last(estimator)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        given = inputs if last is estimator else estimator[:-1].transform(inputs)
        if type(last).__name__ in HISTOGRAMS:
            given = last._preprocess_X(given, reset=False)
    return np.asarray(given.toarray() if hasattr(given, "toarray") else given, dtype=np.float64)


def read_front(estimator: Any, names: Sequence[str]) -> Front:
    """Say what is known of the steps in front of the trees.

    Parameters
    ----------
    estimator
        A fitted estimator for which :func:`has_trees` holds.
    names
        Names of the inputs, where it states any.
    """
    last = _last(estimator)
    steps = [] if last is estimator else [step for _, step in estimator.steps[:-1]]
    n_features = int(last.n_features_in_)
    preprocessor = getattr(last, "_preprocessor", None) if type(last).__name__ in HISTOGRAMS else None
    first = estimator if last is estimator else estimator.steps[0][1]
    n_inputs = len(names) or int(getattr(first, "n_features_in_", n_features))
    steps = steps if preprocessor is None else [*steps, preprocessor]
    return front_sklearn.read_front(steps, names=names, n_inputs=n_inputs, n_features=n_features)


def _last(estimator: Any) -> Any:
    steps = getattr(estimator, "steps", None)
    return steps[-1][1] if steps else estimator


def _is(value: object, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def _takes_numbers(last: Any) -> bool:
    """Whether features are plain numbers with NaN for missing; boosters of categories have their own adapter."""
    return "c" not in (last.get_booster().feature_types or ()) and bool(np.isnan(last.missing))


def _rounds(last: Any) -> tuple[int, int]:
    best = last.get_booster().attr("best_iteration")
    return (0, 0) if best is None else (0, int(best) + 1)


def _has_constant_start(last: Any) -> bool:
    return isinstance(last.init_, str) or type(last.init_).__name__ in ("DummyClassifier", "DummyRegressor")


class _Part(NamedTuple):
    """One tree: its arrays, and what each leaf adds."""

    column: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float64]


def _averaged_trees(last: Any) -> RawTrees:
    trees = [last] if type(last).__name__ in SINGLE else last.estimators_
    base, link = np.zeros(1), "identity"
    parts = []
    for tree in trees:
        part = _part(tree.tree_)
        if hasattr(last, "classes_"):
            shares = part.value / part.value.sum(axis=1, keepdims=True)
            if shares.shape[1] == 2:
                base, link, shares = np.full(1, -0.5), "centred", shares[:, 1:]
            else:
                base, link = np.zeros(shares.shape[1]), "probabilities"
            part = part._replace(value=shares)
        parts.append(part._replace(value=part.value / len(trees)))
    return _joined(parts, base=base, link=link, n_columns=last.n_features_in_)  # type: ignore[arg-type]  # two links


def _boosted_trees(last: Any) -> RawTrees:
    """Read trees that are added up; the scores they start from are what the model's own leave over."""
    n_outputs = last.estimators_.shape[1]
    scale = last.learning_rate * (2.0 if last.loss == "exponential" else 1.0)
    parts = []
    for trees in last.estimators_:
        for output, tree in enumerate(trees):
            part = _part(tree.tree_)
            value = np.zeros((part.column.size, n_outputs))
            value[:, output] = part.value[:, 0] * scale
            parts.append(part._replace(value=value))
    row = np.zeros((1, last.n_features_in_))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ask = last.decision_function if hasattr(last, "classes_") else last.predict
        total = ask(row).reshape(n_outputs)
        added = sum(np.array([tree.predict(row)[0] for tree in trees]) for trees in last.estimators_)
    base = (total - last.learning_rate * added) * (scale / last.learning_rate)
    link: Link = "identity" if not hasattr(last, "classes_") else "softmax" if n_outputs > 1 else "sigmoid"
    return _joined(parts, base=base, link=link, n_columns=last.n_features_in_)


def _part(tree: Any) -> _Part:
    is_leaf = tree.children_left < 0
    column = np.where(is_leaf, -1, tree.feature)
    return _Part(
        column,
        np.where(is_leaf, 0.0, at_most(tree.threshold)),
        tree.children_left,
        tree.children_right,
        tree.missing_go_to_left.astype(bool),
        tree.value[:, 0, :].astype(np.float64),
    )


def _histogram_trees(last: Any) -> RawTrees:
    n_outputs = last.n_trees_per_iteration_
    known, row_of_feature = last._bin_mapper.make_known_categories_bitsets()
    parts: list[_Part] = []
    levels: list[NDArray[np.int64]] = []
    sets: list[NDArray[np.bool_]] = []
    for predictors in last._predictors:
        for output, predictor in enumerate(predictors):
            nodes = predictor.nodes
            parts.append(_histogram_part(nodes, output, n_outputs))
            chosen = np.full(nodes.size, -1)
            on_codes = np.flatnonzero((nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 1))
            chosen[on_codes] = len(sets) + np.arange(on_codes.size)
            levels.append(chosen)
            for node in nodes[on_codes]:
                left = _bits(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
                is_known = _bits(known[row_of_feature[node["feature_idx"]]])
                missing = bool(node["missing_go_to_left"])
                sets.append(np.append(np.where(is_known | left, left, missing), missing))
    link: Link = "softmax" if n_outputs > 1 else "sigmoid"
    if not hasattr(last, "classes_"):
        link = "exp" if last.loss in ("poisson", "gamma") else "identity"
    base = np.asarray(last._baseline_prediction, dtype=np.float64).reshape(n_outputs)
    return _joined(parts, base=base, link=link, n_columns=last.n_features_in_, levels=levels, sets=sets)


def _histogram_part(nodes: Any, output: int, n_outputs: int) -> _Part:
    is_leaf = nodes["is_leaf"] == 1
    value = np.zeros((nodes.size, n_outputs))
    value[:, output] = np.where(is_leaf, nodes["value"], 0.0)
    return _Part(
        np.where(is_leaf, -1, nodes["feature_idx"]),
        np.where(is_leaf | (nodes["is_categorical"] == 1), 0.0, nodes["num_threshold"]),
        np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
        nodes["missing_go_to_left"] == 1,
        value,
    )


def _joined(
    parts: Sequence[_Part],
    *,
    base: NDArray[np.float64],
    link: Link,
    n_columns: int,
    levels: Iterable[NDArray[np.int64]] | None = None,
    sets: Sequence[NDArray[np.bool_]] = (),
) -> RawTrees:
    starts = np.cumsum([0, *(part.column.size for part in parts)])
    moved = [
        part._replace(
            left=np.where(part.left < 0, -1, part.left + start), right=np.where(part.right < 0, -1, part.right + start)
        )
        for part, start in zip(parts, starts, strict=False)
    ]
    joined = _Part(*(np.concatenate(arrays) for arrays in zip(*moved, strict=True)))
    return assembled(
        RawTrees(
            column=joined.column.astype(np.int32),
            threshold=joined.threshold,
            levels=np.full(starts[-1], -1, np.int32) if levels is None else np.concatenate([*levels]).astype(np.int32),
            missing_left=joined.missing_left,
            left=joined.left.astype(np.int32),
            right=joined.right.astype(np.int32),
            value=joined.value,
            roots=starts[:-1].astype(np.int32),
            base=base,
            level_sets=np.stack(sets) if sets else np.zeros((0, CODES + 1), dtype=bool),
            n_columns=n_columns,
            link=link,
        )
    )


def _bits(words: NDArray[np.uint32]) -> NDArray[np.bool_]:
    return np.unpackbits(np.asarray(words).astype("<u4").view(np.uint8), bitorder="little").astype(bool)
