"""LightGBM boosters from their text format or from memory."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.adapters.models import answers, columns, sklearn, stored_boosters, trees_lightgbm
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

VALUES = ("regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie")
MADE_UP_NAME = re.compile(r"Column_\d+")
REPLACED = re.compile(r"\s")


def load(data: bytes) -> LightgbmModel:
    """Load a booster from the bytes of its text format."""
    try:
        import lightgbm
    except ModuleNotFoundError as error:
        if error.name != "lightgbm":
            raise
        raise MissingExtra("reading a LightGBM model", "boosting") from None
    try:
        booster = lightgbm.Booster(model_str=data.decode("utf-8"))
    except (UnicodeDecodeError, lightgbm.basic.LightGBMError) as error:
        raise InputError(
            f"LightGBM {lightgbm.__version__} cannot read this model: {error}",
            hint="write it with booster.save_model(path)",
        ) from None
    return LightgbmModel(booster)


class LightgbmModel:
    """A booster; its own text says what it predicts and which features are categories.

    With the ``estimator`` that it belongs to it can be trained again; ``categorical`` names its category columns, which
    are otherwise recognised by what the text says of them.
    """

    def __init__(
        self,
        booster: Any,
        *,
        classes: tuple[Label, ...] = (),
        estimator: Any = None,
        categorical: tuple[str, ...] = (),
    ) -> None:
        self._booster = booster
        self._estimator = estimator
        self._certain = categorical
        header = _header(booster.model_to_string(num_iteration=1, start_iteration=0))
        self._objective = header.get("objective", "").partition(" ")[0]
        names = tuple(booster.feature_name())
        self._names = () if all(map(MADE_UP_NAME.fullmatch, names)) else names
        self._n_features = len(names)
        self._categories: list[list[Any]] = booster.pandas_categorical or []
        self._ranges = header.get("feature_infos", "").split(" ")
        self.info = self._describe(classes, int(header.get("num_class", "1")))

    def answer(self, X: pl.DataFrame) -> RawPredictions:
        """Predict with every tree, or up to the best iteration where training stopped early."""
        raw = np.asarray(self._booster.predict(self._matrix(X)))
        if "values" in self.info.capabilities:
            return RawPredictions(labels=raw.astype(np.float64), scores=None)
        if self._objective == "binary":
            return RawPredictions(labels=None, scores=answers.two_columns(raw))
        if "scores" in self.info.capabilities:
            return RawPredictions(labels=None, scores=raw)
        return RawPredictions(labels=raw.argmax(axis=1), scores=None)

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Adapter:
        """Train a copy of the estimator on the same categories; a booster alone does not say how it was trained."""
        if self._estimator is None:
            raise ModelError("a LightGBM booster cannot be trained again from its file", hint="give the LGBM estimator")
        inputs = self._ordered(X)
        categories = self._categorical(inputs)
        frame = columns.frame_with_categories(inputs, categories)
        copy = sklearn.trained_copy(self._estimator, frame, y, seed=seed, settings=settings)
        classes = answers.plain_classes(getattr(copy, "classes_", ()))
        return LightgbmModel(copy.booster_, classes=classes, estimator=copy, categorical=tuple(categories))

    def trees(self) -> RawTrees:
        """Read the trees that ``answer`` uses."""
        trees = trees_lightgbm.read_trees(self._booster)
        # only numbers have a span; codes of categories jump from one category to the next
        motion = [RUNS if span.startswith("[") else ONE_INPUT for span in self._ranges]
        return replace(trees, front=Front(motion=np.array(motion, dtype=np.int8)))

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Return the matrix that the booster is given."""
        return self._matrix(X)

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Read the counts, extremes and categories of the booster."""
        inputs = None if X is None else self._ordered(X)
        if inputs is None:
            categories = {f"list {place}": listed for place, listed in enumerate(self._categories)}
        else:
            categories = self._categorical(inputs)
        return stored_boosters.read_lightgbm(self._booster, categories, inputs)

    def _describe(self, classes: tuple[Label, ...], n_classes: int) -> ModelInfo:
        import lightgbm

        is_classifier = self._objective in ("binary", "multiclass", "multiclassova")
        notes: list[str] = []
        if self._objective == "multiclassova":
            notes.append("One-versus-all scores are no probabilities; the answer is the position of the largest one.")
        if not is_classifier and self._objective not in VALUES:
            notes.append(f"The objective {self._objective or 'custom'!r} is read as a number per row.")
        if not self._names:
            notes.append("The LightGBM model states no column names, so columns are given in table order.")
        found: Capability = (
            "values" if not is_classifier else "labels" if self._objective == "multiclassova" else "scores"
        )
        tree_capability: tuple[Capability, ...] = ("trees",) if trees_lightgbm.has_trees(self._booster) else ()
        return ModelInfo(
            format="lightgbm",
            description=f"LightGBM booster, objective {self._objective or 'custom'} (lightgbm {lightgbm.__version__})",
            capabilities=frozenset({"query", "stored", found, *tree_capability, *self._can_train()}),
            classes=classes if found == "scores" else (),
            n_outputs=None if found == "values" else max(2, n_classes),
            inputs=self._names,
            notes=tuple(notes),
        )

    def _can_train(self) -> tuple[Capability, ...]:
        return ("refit",) if self._estimator is not None else ()

    def _matrix(self, X: pl.DataFrame) -> NDArray[np.float64]:
        X = self._ordered(X)
        for name, categories in self._categorical(X).items():
            X = X.with_columns(columns.category_codes(X[name], categories))
        return columns.numeric_matrix(X)

    def _ordered(self, X: pl.DataFrame) -> pl.DataFrame:
        """Take the columns of the booster, in its order."""
        if self._names:
            # LightGBM writes white space in names as underscores
            renamed = {name: REPLACED.sub("_", name) for name in X.columns}
            return columns.select(X if set(self._names) <= set(X.columns) else X.rename(renamed), self._names)
        columns.require_width(X, self._n_features)
        return X

    def _categorical(self, X: pl.DataFrame) -> dict[str, list[Any]]:
        """Match the lists of categories, which the file holds without names, to columns."""
        if not self._categories:
            return {}
        if self._certain:
            return dict(zip(self._certain, self._categories, strict=True))
        kinds = list(zip(X.columns, X.dtypes, self._ranges, strict=True))
        certain = [name for name, _, span in kinds if span != "none" and not span.startswith("[")]
        if len(certain) != len(self._categories):
            is_text = {name for name, dtype, span in kinds if span == "none" and not columns.is_number(dtype)}
            certain = [name for name in X.columns if name in is_text or name in certain]
        if len(certain) != len(self._categories):
            raise InputError(
                f"the LightGBM model holds {len(self._categories)} lists of categories, but {len(certain)} columns "
                f"look like categories: {', '.join(certain)}",
                hint="give the table the model was trained for, with categories as text",
            )
        return dict(zip(certain, self._categories, strict=True))


def _header(text: str) -> dict[str, str]:
    """Read the ``key=value`` lines before the first tree."""
    head = text.partition("\nTree=")[0]
    return dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
