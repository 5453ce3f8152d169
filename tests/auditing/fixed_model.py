"""A model that answers what a test tells it to, whatever it is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from holdfast.core.subject import ModelInfo, RawPredictions, Table


class FixedModel:
    """Answers the same labels and scores row by row; implements :class:`holdfast.core.subject.Model`."""

    def __init__(
        self,
        *,
        labels: Any = None,
        scores: Any = None,
        capabilities: set[Any] | None = None,
        classes: tuple[Any, ...] = (),
        inputs: tuple[str, ...] = (),
    ) -> None:
        self._labels = None if labels is None else np.asarray(labels)
        self._scores = None if scores is None else np.asarray(scores, dtype=np.float64)
        kinds = {"labels"} if labels is not None else set()
        kinds |= {"scores"} if scores is not None else set()
        self.queries = 0
        self.info = ModelInfo(
            format="onnx",
            description="fixed",
            capabilities=frozenset(capabilities or {*kinds, "query"}),
            classes=classes,
            n_outputs=None if self._scores is None else self._scores.shape[1],
            inputs=inputs,
        )

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        self.queries += X.height
        return RawPredictions(
            labels=None if self._labels is None else self._labels[: X.height],
            scores=None if self._scores is None else self._scores[: X.height],
        )

    def refit(self, X: pl.DataFrame, y: Any, *, seed: int) -> FixedModel:
        return self

    def close(self) -> None:
        """Nothing to let go of."""


def table(name: str = "test", **columns: Any) -> Table:
    """Make a table of columns."""
    return Table(name=name, frame=pl.DataFrame(columns, strict=False), digest=f"sha256:{name}")
