"""A copy of the model that was trained on other rows, answering in the classes of the subject."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.auditing.matching import label_key
from holdfast.core.network import RawNetwork
from holdfast.core.subject import AS_IS, Model, ModelInfo, RawPredictions, RawTrees, Settings, Stored

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.auditing.subject import Facts


class RetrainedModel:
    """Implements :class:`holdfast.core.subject.Model`; a class that the copy never saw gets the score 0."""

    def __init__(self, copy: Model, facts: Facts) -> None:
        self._copy = copy
        stated = facts.info.classes if facts.info else ()
        order = stated if len(stated) == len(facts.classes) else facts.classes
        self._position = {label_key(label): position for position, label in enumerate(order)}

    @property
    def info(self) -> ModelInfo:
        return self._copy.info

    @property
    def queries(self) -> int:
        return self._copy.queries

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        """Ask the copy."""
        import numpy as np

        raw = self._copy.predict(X)
        known = [self._position[label_key(label)] for label in self.info.classes]
        if raw.scores is None or not known or known == [*self._position.values()]:
            return raw
        scores = np.zeros((X.height, len(self._position)))
        scores[:, known] = raw.scores
        return replace(raw, scores=scores)

    def refit(self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS) -> Model:
        """Train another copy."""
        return self._copy.refit(X, y, seed=seed, settings=settings)

    def trees(self) -> RawTrees:
        """Show its trees."""
        return self._copy.trees()

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Compute what its trees are given."""
        return self._copy.features(X)

    def network(self) -> RawNetwork:
        """Show its operators and weights."""
        return self._copy.network()

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Show what it keeps of its training data."""
        return self._copy.stored(X)

    def close(self) -> None:
        """Let go of the copy."""
        self._copy.close()
