"""What the numbers of a model that says nothing of itself mean: settled by the first answer, and held to from then on.

- ``(n, k)`` with k > 1: class probabilities; when rows are none, only the position of the largest score is used;
- ``(n,)`` of text, integers or truth values: labels;
- ``(n,)`` of floats: probabilities of the positive class when all lie in [0, 1], values otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from holdfast.adapters.models import answers
from holdfast.core.errors import ModelError
from holdfast.core.subject import Capability, ModelInfo, RawPredictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["scores", "raw", "labels", "positive", "values"]
NOTES: dict[Kind, str] = {
    "scores": "The {what}'s columns are read as class probabilities, in sorted label order.",
    "raw": "The {what}'s scores are no probabilities, so only the position of the largest one is used.",
    "labels": "The {what}'s answers are read as class labels.",
    "positive": "The {what}'s numbers, all in [0, 1], are read as probabilities of the second of the sorted classes.",
    "values": "The {what}'s numbers are read as values of a regression.",
}
CAPABILITY: dict[Kind, Capability] = {
    "scores": "scores",
    "raw": "labels",
    "labels": "labels",
    "positive": "scores",
    "values": "values",
}


def kind_of(returned: NDArray[Any]) -> Kind:
    """Say what an answer of one or two dimensions is."""
    if returned.ndim == 2:
        is_finite = returned.dtype.kind in "fiub" and bool(np.isfinite(returned).all())
        return "raw" if is_finite and not answers.are_probabilities(returned) else "scores"
    if returned.dtype.kind != "f":
        return "labels"
    inside = (returned >= 0) & (returned <= 1)
    return "positive" if (inside | np.isnan(returned)).all() else "values"


def settled(info: ModelInfo, kind: Kind, *, width: int | None, what: str) -> ModelInfo:
    """Complete what is known of a model by the kind of its first answer."""
    return replace(
        info,
        capabilities=frozenset({"query", CAPABILITY[kind]}),
        n_outputs=2 if kind == "positive" else width,
        classes=tuple(range(width)) if kind == "raw" and width else info.classes,
        notes=(NOTES[kind].format(what=what),),
    )


def read(returned: NDArray[Any], kind: Kind, *, what: str) -> RawPredictions:
    """Read an answer as what the first one was.

    Raises
    ------
    ModelError
        When it has another number of dimensions.
    """
    if (returned.ndim == 2) != (kind in ("scores", "raw")):
        raise ModelError(f"the {what} answered in shape {returned.shape}, unlike its first answer")
    if kind == "scores":
        return RawPredictions(labels=None, scores=np.asarray(returned, dtype=np.float64))
    if kind == "raw":
        return RawPredictions(labels=returned.argmax(axis=1), scores=None)
    if kind == "positive":
        return RawPredictions(labels=None, scores=answers.two_columns(returned))
    labels = answers.plain_labels(returned)
    return RawPredictions(labels=labels.astype(np.float64) if kind == "values" else labels, scores=None)
