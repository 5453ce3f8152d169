"""The one place where a model's answers are checked, whatever the framework and wherever it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.core.errors import ModelError
from holdfast.core.subject import Label, ModelInfo, RawPredictions

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

SUM_TOLERANCE, RANGE_TOLERANCE = 1e-3, 1e-6
PROBABILITY_HINT = "a model must return class probabilities, labels, or one number per row"


def in_batches(
    ask: Callable[[pl.DataFrame], RawPredictions],
    X: pl.DataFrame,
    *,
    info: Callable[[], ModelInfo],
    rows: int,
    each: Callable[[Callable[[int], RawPredictions], Sequence[int]], Iterable[RawPredictions]] = map,
) -> RawPredictions:
    """Ask about a frame in batches of ``rows`` and check each answer; an empty frame is answered without asking.

    Parameters
    ----------
    each
        Applies a function to every start of a batch, results in order: ``map``, or one that asks side by side.
    """
    if X.height == 0:
        return _nothing(info())

    def answer(start: int) -> RawPredictions:
        batch = X.slice(start, rows)
        raw = ask(batch)
        return checked(raw, n_rows=batch.height, info=info(), first_row=start)

    parts = list(each(answer, range(0, X.height, rows)))
    if len(parts) == 1:
        return parts[0]
    labels = [part.labels for part in parts if part.labels is not None]
    scores = [part.scores for part in parts if part.scores is not None]
    return RawPredictions(
        labels=np.concatenate(labels) if labels else None, scores=np.concatenate(scores) if scores else None
    )


def checked(raw: RawPredictions, *, n_rows: int, info: ModelInfo, first_row: int = 0) -> RawPredictions:
    """Check row count, shape, finiteness and range of an answer; return it with float64 scores clipped to [0, 1].

    Raises
    ------
    ModelError
        Naming what came and the position of the first bad row.
    """
    if raw.labels is None and raw.scores is None:
        raise ModelError(f"expected labels or scores from the {info.format} model, got neither", hint=PROBABILITY_HINT)
    labels = None if raw.labels is None else _checked_labels(raw.labels, n_rows, info, first_row)
    scores = None if raw.scores is None else _checked_scores(raw.scores, n_rows, info, first_row)
    return RawPredictions(labels=labels, scores=scores)


def are_probabilities(scores: NDArray[Any]) -> bool:
    """Whether every row lies in [0, 1] and sums to one within 1e-3."""
    values = np.asarray(scores, dtype=np.float64)
    in_range = values.min() >= -RANGE_TOLERANCE and values.max() <= 1 + RANGE_TOLERANCE
    return bool(in_range and np.abs(values.sum(axis=1) - 1).max() <= SUM_TOLERANCE)


def two_columns(positive: NDArray[Any]) -> NDArray[np.float64]:
    """Turn probabilities of the positive class into a column for each of the two classes."""
    p = np.asarray(positive, dtype=np.float64).reshape(-1)
    return np.column_stack([1.0 - p, p])


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Turn logits into class probabilities; what is not finite stays for the check of answers to find."""
    values = np.asarray(logits, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def plain_labels(values: Any) -> NDArray[np.generic]:
    """Turn labels of whatever array type into int64, float64, bool or text.

    Raises
    ------
    ModelError
        When they are of several kinds, or of none of these.
    """
    labels = np.asarray(values)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind == "O":
        kinds = {type(item) for item in labels.reshape(-1).tolist()}
        if len(kinds) != 1 or not kinds <= {str, bool, int, float}:
            names = ", ".join(sorted(kind.__name__ for kind in kinds))
            raise ModelError(f"expected labels of one kind (text, integer, truth value), got {names}")
        labels = np.array(labels.tolist())
    if labels.dtype.kind == "T":
        labels = labels.astype(np.str_)
    if labels.dtype.kind in "iu":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        return labels.astype(np.float64)
    if labels.dtype.kind in "bU":
        return labels
    raise ModelError(f"expected labels that are text, integers or truth values, got an array of {labels.dtype}")


def plain_classes(values: Any) -> tuple[Label, ...]:
    """Turn a framework's list of classes into plain Python labels."""
    return tuple(plain_labels(values).tolist())


def _checked_labels(labels: NDArray[Any], n_rows: int, info: ModelInfo, first_row: int) -> NDArray[np.generic]:
    if labels.shape != (n_rows,):
        raise ModelError(
            f"expected one answer per row, shape ({n_rows},), from the {info.format} model, got shape {labels.shape}",
            hint="models with several outputs are not supported; give one that answers one question",
        )
    _refuse_not_finite(labels, info, first_row)
    return labels


def _checked_scores(scores: NDArray[Any], n_rows: int, info: ModelInfo, first_row: int) -> NDArray[np.float64]:
    width = info.n_outputs or "n_classes"
    if scores.ndim != 2 or scores.shape[0] != n_rows or (info.n_outputs and scores.shape[1] != info.n_outputs):
        raise ModelError(
            f"expected scores of shape ({n_rows}, {width}) from the {info.format} model, got shape {scores.shape}"
        )
    if scores.dtype.kind not in "fiub":
        raise ModelError(f"expected numbers as scores from the {info.format} model, got {scores.dtype}")
    _refuse_not_finite(scores, info, first_row)
    values = scores.astype(np.float64)
    outside = (values < -RANGE_TOLERANCE) | (values > 1 + RANGE_TOLERANCE)
    off = np.flatnonzero(outside.any(axis=1) | (np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE))
    if off.size:
        shown = ", ".join(f"{value:.6g}" for value in values[off[0]][:8])
        raise ModelError(
            f"expected class probabilities (within [0, 1], summing to 1) from the {info.format} model, "
            f"got ({shown}) in {rows_named(first_row + off)}",
            hint=PROBABILITY_HINT,
        )
    return np.clip(values, 0.0, 1.0)


def rows_named(rows: NDArray[np.intp]) -> str:
    """Name the first of some rows and count the others.

    Examples
    --------
    >>> import numpy as np
    >>> rows_named(np.array([12])), rows_named(np.array([12, 40, 41]))
    ('row 12', 'row 12 and 2 more')
    """
    return f"row {rows[0]}" + (f" and {rows.size - 1} more" if rows.size > 1 else "")


def _refuse_not_finite(values: NDArray[Any], info: ModelInfo, first_row: int) -> None:
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    bad = ~np.isfinite(values)
    rows = np.flatnonzero(bad.any(axis=1) if bad.ndim == 2 else bad)
    raise ModelError(
        f"expected finite numbers from the {info.format} model, got {values[rows[0]]} in "
        f"{rows_named(first_row + rows)}",
        hint="look at the inputs of that row: missing values that the model was not trained for are the usual reason",
    )


def _nothing(info: ModelInfo) -> RawPredictions:
    kind = {str: np.str_, bool: np.bool_, int: np.int64}.get(
        type(info.classes[0]) if info.classes else float, np.float64
    )
    has_labels = bool(info.capabilities & {"labels", "values"})
    has_scores = "scores" in info.capabilities
    return RawPredictions(
        labels=np.empty(0, dtype=kind) if has_labels else None,
        scores=np.empty((0, info.n_outputs or len(info.classes))) if has_scores else None,
    )
