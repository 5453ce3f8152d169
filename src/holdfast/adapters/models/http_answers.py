"""What an endpoint answered, parsed strictly, and read as what its first answer was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from holdfast.adapters.models import answers, kinds
from holdfast.core.errors import ModelError
from holdfast.core.subject import Capability, ModelInfo, RawPredictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHAT = "endpoint"
LONGEST_LABEL = 2048
MOST_CLASSES = 100_000


class Returned(NamedTuple):
    """Arrays that came back, ``(n,)`` or ``(n, k)``; ``predictions`` may be any of the others.

    ``classes`` names the columns of the scores where the endpoint does.
    """

    labels: NDArray[Any] | None = None
    scores: NDArray[Any] | None = None
    predictions: NDArray[Any] | None = None
    classes: tuple[str, ...] = ()


class AnswerReader:
    """Reads answers alike: the first settles what they are."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self.is_settled = False
        self._label_kind: kinds.Kind | None = None
        self._score_kind: kinds.Kind | None = None

    def read(self, returned: Returned) -> RawPredictions:
        """Tell labels from scores."""
        if not self.is_settled:
            self._settle(returned)
        if returned.classes != self.info.classes and self._score_kind == "scores" and self.info.classes:
            raise ModelError(
                f"the endpoint names the classes {list(returned.classes)[:8]}, before {list(self.info.classes)[:8]}"
            )
        labels = scores = None
        if self._score_kind is not None:
            given = returned.scores if returned.scores is not None else returned.predictions
            labels, scores = _parts(kinds.read(_required(given, "scores"), self._score_kind, what=WHAT))
        if self._label_kind is not None:
            given = returned.labels if returned.labels is not None else returned.predictions
            labels, _ = _parts(kinds.read(_required(given, "labels"), self._label_kind, what=WHAT))
        return RawPredictions(labels=labels, scores=scores)

    def _settle(self, returned: Returned) -> None:
        info = replace(self.info, classes=returned.classes)
        score, label = _kinds(returned)
        found: set[Capability] = {"query"}
        notes = [*info.notes]
        for kind, array in ((score, returned.scores), (label, returned.labels)):
            if kind is not None:
                array = returned.predictions if array is None else array
                assert array is not None
                settled = kinds.settled(
                    info, kind, width=array.shape[1] if array.ndim == 2 else info.n_outputs, what=WHAT
                )
                found |= settled.capabilities
                notes += settled.notes
                info = settled
        self._score_kind, self._label_kind = score, label
        self.info = replace(info, capabilities=frozenset(found), notes=tuple(notes))
        self.is_settled = True


def _kinds(returned: Returned) -> tuple[kinds.Kind | None, kinds.Kind | None]:
    """Return the kind of the scores and that of the labels, each where there are any."""
    score: kinds.Kind | None = None
    label: kinds.Kind | None = None
    if returned.predictions is not None:
        kind = kinds.kind_of(returned.predictions)
        score, label = (kind, None) if kind in ("scores", "raw", "positive") else (None, kind)
    if returned.labels is not None:
        label = "values" if returned.labels.dtype.kind == "f" and not _is_whole(returned.labels) else "labels"
    if returned.scores is not None:
        if returned.scores.dtype.kind not in "fi":
            raise ModelError(f"expected numbers as scores from the endpoint, got {returned.scores.dtype}")
        score = kinds.kind_of(returned.scores.astype(np.float64))
        if score == "values":
            raise ModelError(
                "expected probabilities within [0, 1] as scores from the endpoint, got other numbers",
                hint="values of a regression are endpoint.response.labels",
            )
        if score == "raw" and label is not None:
            score = None  # labels say as much as the position of the largest score
    return score, label


def as_array(values: Any, *, rows: int, what: str) -> NDArray[Any]:
    """Turn a list with an entry per row, each a cell or a list of cells, into an array.

    Raises
    ------
    ModelError
        When it is anything else: another length, uneven rows, mixed kinds. A missing number becomes NaN.
    """
    if not isinstance(values, list) or len(values) != rows:
        got = f"{len(values)} of them" if isinstance(values, list) else type(values).__name__
        raise ModelError(f"expected one answer per row, {rows} in all, in {what} of the endpoint, got {got}")
    widths = {len(value) if isinstance(value, list) else None for value in values}
    if len(widths) > 1:
        raise ModelError(f"expected the same number of cells for each row in {what} of the endpoint, got several")
    width = widths.pop()
    if width is None:
        return flat_array(values, what=what)
    if not 0 < width <= MOST_CLASSES:
        raise ModelError(f"expected at least one number per row in {what} of the endpoint, got {width}")
    flat = flat_array(list(chain.from_iterable(values)), what=what, width=width)
    return flat if width == 1 else flat.reshape(rows, width)


def flat_array(values: Sequence[Any], *, what: str, width: int = 1) -> NDArray[Any]:
    """Turn plain cells into numbers, text or truth values.

    Raises
    ------
    ModelError
        Showing the first cell that does not belong.
    """
    found = set(map(type, values))
    if found == {str}:
        if max(map(len, values)) > LONGEST_LABEL:
            raise ModelError(
                f"expected labels of at most {LONGEST_LABEL} characters in {what} of the endpoint, got more"
            )
        return np.array(values)
    if found == {bool}:
        return np.array(values)
    if not found <= {int, float, type(None)}:
        position = next((i for i, value in enumerate(values) if type(value) is not type(values[0])), 0)
        raise ModelError(
            f"expected numbers, or text, or truth values in {what} of the endpoint, got {type(values[0]).__name__} in "
            f"the first row and {type(values[position]).__name__} in row {position // width} of the request"
        )
    try:
        return np.array(values, dtype=np.int64 if found == {int} else np.float64)
    except OverflowError:
        raise ModelError(f"expected numbers of 64 bits in {what} of the endpoint, got a larger one") from None


def _is_whole(values: NDArray[Any]) -> bool:
    return bool(np.isfinite(values).all() and (values == np.round(values)).all())


def _required(array: NDArray[Any] | None, what: str) -> NDArray[Any]:
    if array is None:
        raise ModelError(
            f"the endpoint answered without {what}, unlike its first answer", hint=answers.PROBABILITY_HINT
        )
    return array


def _parts(raw: RawPredictions) -> tuple[NDArray[np.generic] | None, NDArray[np.float64] | None]:
    return raw.labels, raw.scores
