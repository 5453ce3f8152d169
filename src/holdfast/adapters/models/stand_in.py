"""A model of another kind in place of one that cannot be trained again: boosted trees, or a forest for many classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.adapters.models import columns
from holdfast.core.subject import AS_IS, Capability, ModelInfo, RawPredictions, Settings

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

MOST_LEVELS = 200
MANY_CLASSES = 4
"""Boosting grows a tree for each class in each round; beyond, a forest is as good at a tenth of the time."""


class StandIn:
    """Trees of scikit-learn on numbers as they are and the most frequent levels of everything else.

    Parameters
    ----------
    X : polars.DataFrame
        Inputs to train on.
    y : ndarray
        Outcomes: labels, or values if ``is_regression``.
    seed : int
        Of the learner.
    """

    def __init__(self, X: pl.DataFrame, y: NDArray[np.generic], *, is_regression: bool, seed: int) -> None:
        self._levels = {name: _levels(X[name]) for name in X.columns if not columns.is_number(X[name].dtype)}
        self._learner = _learner(y, [name in self._levels for name in X.columns], is_regression, seed)
        self._learner.fit(self._matrix(X), y)
        kinds: tuple[Capability, ...] = ("values",) if is_regression else ("labels", "scores")
        classes = () if is_regression else tuple(np.asarray(self._learner.classes_).tolist())
        self.info = ModelInfo(
            format="sklearn",
            description=f"{type(self._learner).__name__} in place of the model",
            capabilities=frozenset({"query", *kinds}),
            classes=classes,
            n_outputs=len(classes) or None,
            inputs=tuple(X.columns),
        )

    def answer(self, X: pl.DataFrame) -> RawPredictions:
        """Ask the learner."""
        matrix = self._matrix(X)
        predicted = np.asarray(self._learner.predict(matrix))
        if "values" in self.info.capabilities:
            return RawPredictions(labels=predicted.astype(np.float64), scores=None)
        return RawPredictions(labels=predicted, scores=np.asarray(self._learner.predict_proba(matrix)))

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> StandIn:
        """Train another."""
        return StandIn(X, y, is_regression="values" in self.info.capabilities, seed=seed)

    def _matrix(self, X: pl.DataFrame) -> NDArray[np.float64]:
        import polars as pl

        codes = [
            X[name].cast(pl.String).replace_strict(levels, range(len(levels)), default=None, return_dtype=pl.Float64)
            for name, levels in self._levels.items()
        ]
        return columns.numeric_matrix(X.with_columns(codes) if codes else X)


def _levels(column: pl.Series) -> list[str]:
    """Return the most frequent levels, in an order that does not depend on that of the rows."""
    import polars as pl

    counts = column.cast(pl.String).drop_nulls().alias("level").value_counts(name="rows")
    found: list[str] = counts.sort(["rows", "level"], descending=[True, False])["level"].head(MOST_LEVELS).to_list()
    return found


def _learner(y: NDArray[np.generic], is_category: list[bool], is_regression: bool, seed: int) -> Any:
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier

    if is_regression:
        return HistGradientBoostingRegressor(categorical_features=is_category, random_state=seed)
    n_classes = np.unique(y).size
    if n_classes == 1:
        return DummyClassifier()
    if n_classes > MANY_CLASSES:
        return RandomForestClassifier(50, min_samples_leaf=2, random_state=seed)
    return HistGradientBoostingClassifier(categorical_features=is_category, random_state=seed)
