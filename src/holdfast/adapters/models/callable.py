"""Any Python callable that takes a table and returns probabilities, labels or values.

What it is given: the type that its first parameter's annotation names (``numpy.ndarray``, ``pandas.DataFrame``,
``polars.DataFrame``); without an annotation a numpy matrix when every column is numeric, otherwise a pandas frame where
pandas is installed, otherwise a polars frame.

What its answer means is settled by the first one; see :mod:`holdfast.adapters.models.kinds`.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from holdfast.adapters.models import answers, columns, kinds
from holdfast.core.errors import ModelError
from holdfast.core.subject import AS_IS, ModelInfo, RawPredictions, Settings

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.models.adapter import Adapter

KNOWN = "what it returns is learnt from its first answer"


class CallableModel:
    """A function of the user's own process."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._frame = _wanted_frame(function)
        self._kind: kinds.Kind | None = None
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
            self._kind = kinds.kind_of(returned)
            width = returned.shape[1] if returned.ndim == 2 else None
            self.info = kinds.settled(self.info, self._kind, width=width, what="callable")
        return kinds.read(returned, self._kind, what="callable")

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Adapter:
        """A callable has no training procedure."""
        raise ModelError("a callable cannot be trained again", hint="give the estimator itself")

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
