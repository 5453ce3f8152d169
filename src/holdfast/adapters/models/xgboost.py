"""XGBoost boosters from JSON, UBJSON or memory."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.adapters.models import answers, columns, sklearn, stored_boosters, trees_xgboost
from holdfast.core.errors import InputError, MissingExtra, ModelError
from holdfast.core.subject import (
    AS_IS,
    ONE_INPUT,
    RUNS,
    Capability,
    Front,
    Label,
    ModelInfo,
    RawPredictions,
    RawTrees,
    Settings,
    Stored,
)

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.models.adapter import Adapter

VALUES = ("reg:", "count:", "survival:")


def load(data: bytes) -> XgboostModel:
    """Load a booster from the bytes of its JSON or UBJSON format."""
    try:
        import xgboost
    except ModuleNotFoundError as error:
        if error.name != "xgboost":
            raise
        raise MissingExtra("reading an XGBoost model", "boosting") from None
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(data))
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise InputError(
            f"XGBoost {xgboost.__version__} cannot read this model: {str(error).strip().splitlines()[0]}",
            hint="write it with booster.save_model('model.ubj')",
        ) from None
    return XgboostModel(booster)


class XgboostModel:
    """A booster; its own configuration says what it predicts."""

    def __init__(self, booster: Any, *, classes: tuple[Label, ...] = (), estimator: Any = None) -> None:
        self._booster = booster
        self._estimator = estimator  # what trains it again
        learner = json.loads(booster.save_config())["learner"]
        self._objective: str = learner["objective"]["name"]
        self._names = tuple(booster.feature_names or ())
        self._types = tuple(booster.feature_types or ())
        self._categories = _stated_categories(booster) if "c" in self._types else {}
        self._n_features = int(booster.num_features())
        self._rounds = self._chosen_rounds()
        self.info = self._describe(classes, max(2, int(learner["learner_model_param"]["num_class"])))

    def answer(self, X: pl.DataFrame) -> RawPredictions:
        """Predict with the chosen trees."""
        if "values" in self.info.capabilities:
            return RawPredictions(labels=self._predict(X).astype(np.float64), scores=None)
        if self._objective == "binary:hinge":
            return RawPredictions(labels=self._predict(X).astype(np.int64), scores=None)
        if self._objective.startswith("multi:"):
            return RawPredictions(labels=None, scores=_softmax(self._predict(X, margin=True)))
        raw = self._predict(X)
        positive = 1 / (1 + np.exp(-raw.astype(np.float64))) if self._objective == "binary:logitraw" else raw
        return RawPredictions(labels=None, scores=answers.two_columns(positive))

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Adapter:
        """Train a copy of the estimator on the same categories; a booster alone does not say how it was trained."""
        if self._estimator is None:
            raise ModelError("an XGBoost booster cannot be trained again from its file", hint="give the XGB estimator")
        inputs = self._ordered(X)
        categories = {inputs.columns[place]: listed for place, listed in self._categories.items()}
        frame = columns.frame_with_categories(inputs, categories)
        copy = sklearn.trained_copy(self._estimator, frame, y, seed=seed, settings=settings)
        classes = answers.plain_classes(getattr(copy, "classes_", ()))
        return XgboostModel(copy.get_booster(), classes=classes, estimator=copy)

    def trees(self) -> RawTrees:
        """Read the trees that ``answer`` uses."""
        trees = trees_xgboost.read_trees(self._booster, self._rounds)
        # codes of categories jump from one category to the next; numbers are taken as they are
        motion = [ONE_INPUT if position in self._categories else RUNS for position in range(trees.n_columns)]
        return replace(trees, front=Front(motion=np.array(motion, dtype=np.int8)))

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Return the matrix that the booster is given."""
        matrix: NDArray[np.float64] = self._inputs(X)
        return matrix

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Read the categories of the booster."""
        inputs = None if X is None else self._ordered(X)
        listed = {self._column(place, inputs): names for place, names in self._categories.items()}
        return stored_boosters.read_xgboost(listed, inputs)

    def _chosen_rounds(self) -> tuple[int, int]:
        best = self._booster.attr("best_iteration")
        if best is None or not self._booster.attr("scikit_learn"):
            return (0, 0)
        return (0, int(best) + 1)

    def _describe(self, classes: tuple[Label, ...], n_classes: int) -> ModelInfo:
        import xgboost

        found: Capability = "values"
        if self._objective in ("binary:logistic", "binary:logitraw") or self._objective.startswith("multi:"):
            found = "scores"
        elif self._objective == "binary:hinge":
            found = "labels"
        tree_capability: tuple[Capability, ...] = ("trees",) if trees_xgboost.has_trees(self._booster) else ()
        return ModelInfo(
            format="xgboost",
            description=f"XGBoost booster, objective {self._objective} (xgboost {xgboost.__version__})",
            capabilities=frozenset({"query", "stored", found, *tree_capability, *self._can_train()}),
            classes=classes if found == "scores" else (),
            n_outputs=None if found == "values" else n_classes,
            inputs=self._names,
            notes=self._notes(found),
        )

    def _can_train(self) -> tuple[Capability, ...]:
        return ("refit",) if self._estimator is not None else ()

    def _notes(self, found: Capability) -> tuple[str, ...]:
        notes = []
        if self._objective in ("binary:logitraw", "multi:softmax"):
            notes.append(f"Probabilities are computed from the margins of the objective {self._objective}.")
        if found == "values" and not self._objective.startswith(VALUES):
            notes.append(f"The objective {self._objective} is read as a number per row.")
        if self._rounds[1]:
            notes.append(
                f"Training stopped early: the first {self._rounds[1]} rounds are used, as XGBoost's estimators do."
            )
        if not self._names:
            notes.append("The XGBoost model states no column names, so columns are given in table order.")
        return tuple(notes)

    def _predict(self, X: pl.DataFrame, *, margin: bool = False) -> NDArray[np.float32]:
        import xgboost

        data = xgboost.DMatrix(
            self._inputs(X),
            feature_names=list(self._names) or None,
            feature_types=list(self._types) or None,
            enable_categorical="c" in self._types,
            nthread=0,
        )
        return np.asarray(self._booster.predict(data, output_margin=margin, iteration_range=self._rounds))

    def _inputs(self, X: pl.DataFrame) -> Any:
        X = self._ordered(X)
        for position, categories in self._categories.items():
            X = X.with_columns(columns.category_codes(X.to_series(position), categories))
        return columns.numeric_matrix(X)

    def _ordered(self, X: pl.DataFrame) -> pl.DataFrame:
        """Take the columns of the booster, in its order."""
        if self._names:
            return columns.select(X, self._names)
        columns.require_width(X, self._n_features)
        return X

    def _column(self, position: int, X: pl.DataFrame | None) -> str:
        return f"column {position}" if X is None else X.columns[position]


def _stated_categories(booster: Any) -> dict[int, list[Any]]:
    """Read the categories of each feature that has them; files written before XGBoost 3.1 state none."""
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"].get("model", {})
    stated = {}
    for position, encoder in enumerate((model.get("cats") or {}).get("enc", ())):
        values = encoder["values"]
        if "offsets" in encoder:
            ends = encoder["offsets"]
            values = [bytes(values[start:end]).decode() for start, end in itertools.pairwise(ends)]
        if values:
            stated[position] = values
    return stated


def _softmax(margins: NDArray[Any]) -> NDArray[np.float64]:
    shifted = np.exp(margins.astype(np.float64) - margins.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
