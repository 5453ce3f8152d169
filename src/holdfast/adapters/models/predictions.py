"""A table of predictions without a model: nothing can be asked, but much can be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.adapters.models import answers
from holdfast.core.errors import InputError, NotRun, did_you_mean
from holdfast.core.network import RawNetwork
from holdfast.core.subject import AS_IS, Capability, ModelInfo, RawPredictions, RawTrees, Settings, Stored

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

NEEDED = "give the model itself (--model)"


def predictions_model(
    frame: pl.DataFrame, *, labels: str | None, scores: Sequence[str], current: pl.DataFrame | None = None
) -> PredictionsModel:
    """Make a model of predictions made before.

    Parameters
    ----------
    frame
        The table, in the order of the test table; other columns may stand in it.
    labels
        Column of predicted labels, or of the values of a regression.
    scores
        Columns of probabilities: one for the positive class, or one for each class.
    current
        A second table with the same columns of predictions, which can be answered too.

    Raises
    ------
    InputError
        For a missing column, a missing prediction, or scores that are no probabilities.
    """
    model = PredictionsModel(frame, labels=labels, scores=tuple(scores))
    if current is not None:
        model.current = PredictionsModel(current, labels=labels, scores=tuple(scores))
    return model


class PredictionsModel:
    """Predictions that were made before: only the whole table, in its order, can be answered."""

    def __init__(self, frame: pl.DataFrame, *, labels: str | None, scores: Sequence[str]) -> None:
        if labels is None and not scores:
            raise InputError("expected a column of labels or scores in the table of predictions, got neither")
        for name in (*scores, *([labels] if labels is not None else [])):
            if name not in frame.columns:
                raise InputError(
                    f"the table of predictions has no column {name!r}", hint=did_you_mean(name, frame.columns)
                )
        self._table = frame.drop([*scores, *([labels] if labels is not None else [])])
        self._n_rows = frame.height
        found = None if labels is None else _read_labels(frame[labels])
        self._answer = RawPredictions(labels=found, scores=_read_scores(frame, scores) if scores else None)
        self.current: PredictionsModel | None = None
        self.queries = 0
        self.info = self._describe(labels, scores)

    def predict(self, X: pl.DataFrame) -> RawPredictions:
        """Return the predictions of the whole table.

        Raises
        ------
        NotRun
            When ``X`` is not the table of the predictions, nor the current table, row for row.
        """
        if not self._is_of(X):
            if self.current is not None and self.current._is_of(X):
                return self.current._answer
            raise NotRun(
                "a table of predictions cannot answer about other rows than its own, in their order", hint=NEEDED
            )
        self.queries += X.height
        return self._answer

    def _is_of(self, X: pl.DataFrame) -> bool:
        shared = [name for name in X.columns if name in self._table.columns]
        return X.height == self._n_rows and X.select(shared).equals(self._table.select(shared))

    def refit(
        self, X: pl.DataFrame, y: NDArray[np.generic], *, seed: int, settings: Settings = AS_IS
    ) -> PredictionsModel:
        """Predictions cannot be trained again."""
        raise NotRun("a table of predictions cannot be trained again", hint=NEEDED)

    def trees(self) -> RawTrees:
        """Predictions have no trees."""
        raise NotRun("a table of predictions has no decision trees", hint=NEEDED)

    def features(self, X: pl.DataFrame) -> NDArray[np.float64]:
        """Predictions have no pipeline."""
        raise NotRun("a table of predictions has no decision trees", hint=NEEDED)

    def network(self) -> RawNetwork:
        """Predictions have no network."""
        raise NotRun("a table of predictions has no gradients", hint=NEEDED)

    def stored(self, X: pl.DataFrame | None) -> Stored:
        """Predictions keep nothing of the training data."""
        raise NotRun("a table of predictions holds no model", hint=NEEDED)

    def close(self) -> None:
        """Nothing is held."""

    def _describe(self, labels: str | None, scores: Sequence[str]) -> ModelInfo:
        found: set[Capability] = set()
        notes = []
        if self._answer.scores is not None:
            found.add("scores")
            notes.append(_score_note(scores))
        if self._answer.labels is not None:
            found.add("values" if _holds_fractions(self._answer.labels) else "labels")
        return ModelInfo(
            format="predictions",
            description=f"table of {self._n_rows} predictions, no model",
            capabilities=frozenset(found),
            n_outputs=None if self._answer.scores is None else self._answer.scores.shape[1],
            notes=tuple(notes),
        )


def _holds_fractions(labels: NDArray[Any]) -> bool:
    return labels.dtype.kind == "f" and bool((labels != np.floor(labels)).any())


def _score_note(scores: Sequence[str]) -> str:
    if len(scores) == 1:
        return f"The column {scores[0]!r} is read as the probability of the positive class."
    return f"The score columns {', '.join(map(repr, scores))} are taken in the order of the sorted class labels."


def _read_labels(column: pl.Series) -> NDArray[np.generic]:
    missing = column.is_null().arg_true()
    if len(missing):
        raise InputError(f"the column {column.name!r} has no prediction in {answers.rows_named(missing.to_numpy())}")
    labels = answers.plain_labels(column.to_numpy())
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        row = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise InputError(f"expected finite predictions in the column {column.name!r}, got {labels[row]} in row {row}")
    return labels


def _read_scores(frame: pl.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    import polars as pl

    columns = []
    for name in names:
        if not frame[name].dtype.is_numeric():
            raise InputError(f"expected numbers in the score column {name!r}, got {frame[name].dtype}")
        values: NDArray[Any] = frame[name].cast(pl.Float64).to_numpy()
        bad = np.flatnonzero(~((values >= 0) & (values <= 1)))
        if bad.size:
            raise InputError(
                f"expected probabilities in [0, 1] in the score column {name!r}, got {values[bad[0]]} in "
                f"{answers.rows_named(bad)}",
                hint="give probabilities, not decision values or percentages",
            )
        columns.append(values)
    if len(columns) == 1:
        return answers.two_columns(columns[0])
    scores = np.column_stack(columns)
    off = np.flatnonzero(np.abs(scores.sum(axis=1) - 1) > answers.SUM_TOLERANCE)
    if off.size:
        raise InputError(
            f"expected the score columns to sum to 1 in each row, got {scores[off[0]].sum():.6g} in "
            f"{answers.rows_named(off)}",
            hint="name the score columns of all classes, or only that of the positive class",
        )
    return scores
