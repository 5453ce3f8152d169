"""scikit-learn estimators and pipelines, and whatever else follows their interface."""

from __future__ import annotations

import io
import re
import sys
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.adapters.models import answers, columns, stored_sklearn, trees_sklearn
from holdfast.core.errors import ModelError
from holdfast.core.subject import AS_IS, Capability, ModelInfo, RawPredictions, RawTrees, Settings, Stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    from numpy.typing import NDArray

# LightGBM makes up these names for a matrix without names
MADE_UP_NAME = re.compile(r"Column_\d+")


def unpickle(data: bytes) -> tuple[Any, tuple[str, ...]]:
    """Read a pickle or joblib file; return the object and what its libraries warned about.

    This executes what the file says. It is only called in a confined process, for bytes that passed a scan, that a
    policy approves or that the user trusts.
    """
    import joblib

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = joblib.load(io.BytesIO(data))
    messages = {" ".join(str(item.message).split())[:300] for item in caught if "Version" in item.category.__name__}
    return loaded, tuple(sorted(messages))


# Settings that LightGBM takes and its estimators do not list.
LIGHTGBM = ("max_bin", "monotone_constraints")
# Their label is the first class of the largest probability, so that one walk down the trees gives both.
LABELS_ARE_BEST_SCORES = (
    "DecisionTreeClassifier", "ExtraTreeClassifier", "RandomForestClassifier", "ExtraTreesClassifier",
)  # fmt: skip


class SklearnModel:
    """A fitted estimator: asked with the frame or the matrix it was trained on."""

    def __init__(self, estimator: Any, *, notes: tuple[str, ...] = (), format: str = "sklearn") -> None:
        self._estimator = estimator
        self._names = _feature_names(estimator)
        self._width: int | None = getattr(estimator, "n_features_in_", None)
        self._is_regressor = _is_regressor(estimator)
        self._has_scores = not self._is_regressor and hasattr(estimator, "predict_proba")
        self.info = self._describe(notes, format)

    def answer(self, X: pl.DataFrame) -> RawPredictions:
        """Ask for labels, and for probabilities where the estimator gives them."""
        inputs = self._inputs(X)
        with _serial():
            last, given = _last_step(self._estimator, inputs)
            scores = last.predict_proba(given) if self._has_scores else None
            if isinstance(scores, list):
                reason = "this estimator answers several questions at once (multi-output); give one per question"
                raise ModelError(reason)
            if scores is not None and _labels_are_best_scores(last):
                predicted = last.classes_.take(scores.argmax(axis=1))  # as `predict` does, at half the time
            else:
                predicted = last.predict(given)
        if self._is_regressor:
            return RawPredictions(labels=_values(predicted), scores=None)
        if scores is not None:
            scores = np.asarray(scores, dtype=np.float64)
        return RawPredictions(labels=answers.plain_labels(predicted), scores=scores)

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> SklearnModel:
        """Train a copy with the same parameters but for ``settings``; every ``random_state`` is set to ``seed``."""
        copy = trained_copy(self._estimator, self._inputs(X), y, seed=seed, settings=settings)
        return SklearnModel(copy, format=self.info.format)

    def trees(self) -> RawTrees:
        """Read the trees of the estimator, or of the last step of the pipeline."""
        trees = trees_sklearn.read_trees(self._estimator)
        with _serial():
            return replace(trees, front=trees_sklearn.read_front(self._estimator, self._names))

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Run the pipeline up to its last step."""
        with _serial():
            return trees_sklearn.features(self._estimator, self._inputs(X))

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Read what each part of the estimator keeps, beside what it is given of these inputs."""
        given, n_rows = (None, 0) if X is None else (self._inputs(X), X.height)
        with _serial():
            return stored_sklearn.read_stored(self._estimator, given, n_rows=n_rows)

    def _inputs(self, X: pl.DataFrame) -> Any:
        if self._names:
            return columns.frame_like_read(columns.select(X, self._names))
        if self._width is not None:
            columns.require_width(X, self._width)
        if all(map(columns.is_number, X.dtypes)):
            return columns.numeric_matrix(X)
        return columns.object_matrix(X)

    def _describe(self, notes: tuple[str, ...], format: str) -> ModelInfo:
        classes = () if self._is_regressor else answers.plain_classes(getattr(self._estimator, "classes_", ()))
        stated = [*notes]
        if not self._names:
            stated.append("The estimator states no column names, so columns are given in table order.")
        return ModelInfo(
            format=format,
            description=describe(self._estimator),
            capabilities=self._capabilities(),
            classes=classes,
            n_outputs=len(classes) if self._has_scores and classes else None,
            inputs=self._names,
            notes=tuple(stated),
        )

    def _capabilities(self) -> frozenset[Capability]:
        found: set[Capability] = {"query", "stored", "values" if self._is_regressor else "labels"}
        if self._has_scores:
            found.add("scores")
        if hasattr(self._estimator, "get_params") and hasattr(self._estimator, "fit"):
            found.add("refit")
        if trees_sklearn.has_trees(self._estimator):
            found.add("trees")
        return frozenset(found)


def describe(estimator: Any) -> str:
    """Name an estimator, the steps of a pipeline and the version of the library."""
    steps = getattr(estimator, "steps", None)
    name = type(estimator).__name__
    if steps:
        name = f"{name} of {' > '.join(type(step).__name__ for _, step in steps)}"
    library = type(steps[-1][1] if steps else estimator).__module__.partition(".")[0]
    version = getattr(sys.modules.get(library), "__version__", "")
    return f"{name} ({library} {version})".replace(" )", ")")


def _feature_names(estimator: Any) -> tuple[str, ...]:
    names = tuple(map(str, getattr(estimator, "feature_names_in_", ())))
    return () if names and all(map(MADE_UP_NAME.fullmatch, names)) else names


def trained_copy(estimator: Any, inputs: Any, y: NDArray[np.generic], *, seed: int, settings: Settings) -> Any:
    """Train an estimator with the same parameters but for ``settings``; every ``random_state`` is set to ``seed``.

    Raises
    ------
    ModelError
        When it has no such setting.
    """
    from sklearn.base import clone

    copy = clone(estimator)
    wanted: dict[str, Any] = {name: _listed(value) for name, value in settings.items()} | {"random_state": seed}
    parameters = copy.get_params()
    named = {name: name.rpartition("__")[2] for name in (*parameters, *_unnamed(copy, parameters))}
    if missing := sorted(set(settings) - set(named.values())):
        raise ModelError(f"{type(copy).__name__} has no setting {missing[0]!r}")
    copy.set_params(**{name: wanted[last] for name, last in named.items() if last in wanted})
    with _serial(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy.fit(inputs, y)
    return copy


def _labels_are_best_scores(estimator: Any) -> bool:
    """Whether the library's own ``predict`` takes the first class with the largest probability."""
    kind = type(estimator)
    library, name = kind.__module__.partition(".")[0], kind.__name__
    if (library, name) == ("sklearn", "Pipeline"):
        return _labels_are_best_scores(estimator.steps[-1][1])
    if (library, name) == ("lightgbm", "LGBMClassifier"):
        return not callable(estimator.objective)
    if (library, name) == ("sklearn", "KNeighborsClassifier"):
        return bool(estimator.weights == "uniform")
    return library == "sklearn" and name in LABELS_ARE_BEST_SCORES


def _is_regressor(estimator: Any) -> bool:
    if "sklearn.base" in sys.modules:
        from sklearn.base import is_regressor

        try:
            return bool(is_regressor(estimator))
        except (AttributeError, TypeError):
            return _looks_like_regressor(estimator)
    return _looks_like_regressor(estimator)


def _looks_like_regressor(estimator: Any) -> bool:
    return not hasattr(estimator, "predict_proba") and not hasattr(estimator, "classes_")


def _values(predicted: Any) -> NDArray[np.generic]:
    values = np.asarray(predicted)
    if values.dtype.kind not in "fiub":
        raise ModelError(f"expected numbers from a regression model, got an array of {values.dtype}")
    return (values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values).astype(np.float64)


def _last_step(estimator: Any, inputs: Any) -> tuple[Any, Any]:
    """Run the steps of a pipeline before its last, once for all that is asked of that one."""
    pipeline = getattr(sys.modules.get("sklearn.pipeline"), "Pipeline", None)
    if type(estimator) is not pipeline or len(estimator.steps) < 2:
        return estimator, inputs
    return estimator.steps[-1][1], estimator[:-1].transform(inputs)


def _serial() -> Any:
    """Keep joblib from starting processes: the confined process may not, and results must not depend on the cores."""
    import joblib

    return joblib.parallel_config(backend="threading")


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _unnamed(estimator: object, parameters: Mapping[str, Any]) -> list[str]:
    """Return settings of LightGBM's estimators that they take without naming them."""
    of = {"": estimator, **{f"{name}__": value for name, value in parameters.items()}}
    found = [prefix for prefix, each in of.items() if type(each).__module__.partition(".")[0] == "lightgbm"]
    return [prefix + name for prefix in found for name in LIGHTGBM if prefix + name not in parameters]
