"""Any Python callable that takes a table and returns probabilities, labels or values.

What it is given: the type that its first parameter's annotation names (``numpy.ndarray``, ``pandas.DataFrame``,
``polars.DataFrame``); without an annotation a numpy matrix when every column is numeric, otherwise a pandas frame where
pandas is installed, otherwise a polars frame.

What its answer means is settled by the first one and holds from then on:

- ``(n, k)`` with k > 1: class probabilities; when rows are none, only the position of the largest score is used;
- ``(n,)`` or ``(n, 1)`` of text, integers or truth values: labels;
- ``(n,)`` or ``(n, 1)`` of floats: probabilities of the positive class when all lie in [0, 1], values otherwise.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from holdfast.adapters.models import answers, columns
from holdfast.core.errors import ModelError
from holdfast.core.subject import Capability, ModelInfo, RawPredictions

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.models.adapter import Adapter

Kind = Literal["scores", "raw", "labels", "positive", "values"]
KNOWN = "what it returns is learnt from its first answer"
NOTES: dict[Kind, str] = {
    "scores": "The callable's columns are read as class probabilities, in sorted label order.",
    "raw": "The callable's scores are no probabilities, so only the position of the largest one is used.",
    "labels": "The callable's answers are read as class labels.",
    "positive": "The callable's numbers, all in [0, 1], are read as probabilities of the second of the sorted classes.",
    "values": "The callable's numbers are read as values of a regression.",
}
CAPABILITY: dict[Kind, Capability] = {
    "scores": "scores",
    "raw": "labels",
    "labels": "labels",
    "positive": "scores",
    "values": "values",
}


class CallableModel:
    """A function of the user's own process."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._frame = _wanted_frame(function)
        self._kind: Kind | None = None
        name = getattr(function, "__qualname__", type(function).__qualname__)
        self.info = ModelInfo(
            format="callable",
            description=f"Python callable {name}",
            capabilities=frozenset({"query"}),
            notes=(f"The model is a callable: {KNOWN}.",),
        )

    def answer(self, X: pl.DataFrame) -> RawPredictions:
        """Call it on a batch; the first answer settles how all are read."""
        returned = np.asarray(self._function(self._inputs(X)))
        if returned.ndim == 2 and returned.shape[1] == 1:
            returned = returned[:, 0]
        if returned.ndim not in (1, 2) or len(returned) != X.height:
            raise ModelError(
                f"expected {X.height} answers from the callable, shape ({X.height},) or ({X.height}, n_classes), "
                f"got shape {returned.shape}",
                hint=answers.PROBABILITY_HINT,
            )
        if self._kind is None:
            self._settle(returned)
        return self._read(returned)

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int) -> Adapter:
        """A callable has no training procedure."""
        raise ModelError("a callable cannot be trained again", hint="give the estimator itself")

    def _settle(self, returned: NDArray[Any]) -> None:
        self._kind = _kind_of(returned)
        width = returned.shape[1] if returned.ndim == 2 else 2 if self._kind == "positive" else None
        self.info = replace(
            self.info,
            capabilities=frozenset({"query", CAPABILITY[self._kind]}),
            n_outputs=width,
            notes=(NOTES[self._kind],),
        )

    def _read(self, returned: NDArray[Any]) -> RawPredictions:
        if (returned.ndim == 2) != (self._kind in ("scores", "raw")):
            raise ModelError(f"the callable answered in shape {returned.shape}, unlike its first answer")
        if self._kind == "scores":
            return RawPredictions(labels=None, scores=np.asarray(returned, dtype=np.float64))
        if self._kind == "raw":
            return RawPredictions(labels=returned.argmax(axis=1), scores=None)
        if self._kind == "positive":
            return RawPredictions(labels=None, scores=answers.two_columns(returned))
        labels = answers.plain_labels(returned)
        return RawPredictions(labels=labels.astype(np.float64) if self._kind == "values" else labels, scores=None)

    def _inputs(self, X: pl.DataFrame) -> Any:
        if self._frame == "polars":
            return X
        if self._frame == "numpy" or (self._frame is None and all(map(columns.is_number, X.dtypes))):
            return columns.numeric_matrix(X)
        if self._frame == "pandas" or importlib.util.find_spec("pandas"):
            return columns.pandas_frame(X)
        return X


def _wanted_frame(function: Callable[[Any], Any]) -> Literal["numpy", "pandas", "polars"] | None:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    annotation = parameters[0].annotation if parameters else None
    text = annotation if isinstance(annotation, str) else f"{getattr(annotation, '__module__', '')} {annotation}"
    if "ndarray" in text or "NDArray" in text:
        return "numpy"
    if "polars" in text or "pl.DataFrame" in text:
        return "polars"
    return "pandas" if "pandas" in text or "pd.DataFrame" in text else None


def _kind_of(returned: NDArray[Any]) -> Kind:
    if returned.ndim == 2:
        is_finite = returned.dtype.kind in "fiub" and bool(np.isfinite(returned).all())
        return "raw" if is_finite and not answers.are_probabilities(returned) else "scores"
    if returned.dtype.kind != "f":
        return "labels"
    inside = (returned >= 0) & (returned <= 1)
    return "positive" if (inside | np.isnan(returned)).all() else "values"
