"""Answers of an endpoint, kept while a check runs, so that its second attempt asks only what is still open."""

from __future__ import annotations

import io
import threading
from collections import Counter
from typing import TYPE_CHECKING

from holdfast.core.canonical import digest_bytes
from holdfast.core.context import PartialStore
from holdfast.core.network import RawNetwork
from holdfast.core.subject import AS_IS, Model, ModelInfo, RawPredictions, RawTrees, Settings, Stored

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


class JournalledModel:
    """Implements :class:`holdfast.core.subject.Model`; every answer is durable before it is handed on.

    The n-th answer about the same rows is kept as such: a model that answers at random does so again when replayed.
    ``queries`` counts the rows that were answered, replayed ones included, so that a finding says the same work whether
    or not the endpoint was lost in between.
    """

    def __init__(self, model: Model, store: PartialStore) -> None:
        self._model, self._store = model, store
        self._times: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.queries = 0

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    @property
    def queries_left(self) -> int | None:
        """How many rows the model may still be asked about."""
        left: int | None = getattr(self._model, "queries_left", None)
        return left

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        """Answer from the journal, else ask."""
        content = digest_bytes(_ipc(X))
        with self._lock:
            name = f"answer/{content}/{self._times[content]}"
            self._times[content] += 1
            kept = self._store.get(name)
        answer = _decoded(kept) if kept is not None else self._model.predict(X)
        with self._lock:
            if kept is None:
                self._store.put(name, _encoded(answer))
            self.queries += X.height
        return answer

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Model:
        """Train a fresh copy with the same settings, without a journal."""
        return self._model.refit(X, y, seed=seed, settings=settings)

    def trees(self) -> RawTrees:
        """Show its trees."""
        return self._model.trees()

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Compute what its trees are given."""
        return self._model.features(X)

    def network(self) -> RawNetwork:
        """Show its operators and weights."""
        return self._model.network()

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Show what it keeps of its training data."""
        return self._model.stored(X)

    def close(self) -> None:
        """Let go of the model."""
        self._model.close()


def _ipc(X: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    X.write_ipc(buffer, compression="uncompressed")
    return buffer.getvalue()


def _encoded(answer: RawPredictions) -> bytes:
    import numpy as np

    arrays = {"labels": answer.labels, "scores": answer.scores}
    buffer = io.BytesIO()
    np.savez(buffer, **{name: array for name, array in arrays.items() if array is not None})  # type: ignore[arg-type]
    return buffer.getvalue()


def _decoded(kept: bytes) -> RawPredictions:
    import numpy as np

    with np.load(io.BytesIO(kept), allow_pickle=False) as arrays:
        return RawPredictions(labels=arrays.get("labels"), scores=arrays.get("scores"))
