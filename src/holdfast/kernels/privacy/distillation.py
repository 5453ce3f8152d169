"""Turn the answers of a model into what a copy is trained on, and back."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kind = Literal["labels", "probabilities", "values"]

# Below this, probabilities say little about the boundary and their logarithms would rule the fit.
_SMALLEST = 1e-4


class Distillation(NamedTuple):
    """What a learner is trained on for answers of one kind, and how its outputs are read."""

    kind: Kind
    outputs: NDArray[np.float64] | NDArray[np.int64]
    """Targets: places of labels or values ``(n_rows,)``; logarithms of ratios ``(n_rows,)`` or ``(n_rows, k - 1)``."""
    labels: NDArray[np.int64]
    """Labels that occur, in order; empty for other kinds."""
    n_classes: int
    centre: float
    """Mean of the values; 0 for other kinds."""
    unit: float
    """Standard deviation of the values; 1 for other kinds."""

    @property
    def n_outputs(self) -> int:
        """Labels that occur, or columns of the outputs."""
        return self.labels.size if self.kind == "labels" else self.outputs.reshape(len(self.outputs), -1).shape[1]

    def scores(self, outputs: Floats) -> Floats:
        """Read outputs of a learner (of a classifier: shares of the labels that occur).

        Returns
        -------
        ndarray of float64, shape (n_rows, n_classes) or (n_rows, 1)
            Scores, the largest for the label; or values.
        """
        outputs = outputs.reshape(len(outputs), -1)
        if self.kind == "values":
            return self.centre + self.unit * outputs
        if self.kind == "probabilities":
            return np.column_stack([outputs, np.zeros(len(outputs))])
        return np.asarray(outputs @ np.eye(self.n_classes)[self.labels])


def distil(answers: Floats, kind: Kind, *, n_classes: int) -> Distillation:
    """Choose what a copy is trained on.

    Parameters
    ----------
    answers : ndarray of float64, shape (n_rows, n_outputs)
        Positions of labels (one column), probabilities (one column for each class), or values (one column).
    kind : {"labels", "probabilities", "values"}
        What the answers are.
    n_classes : int
        Number of classes; 0 for values.

    Notes
    -----
    Probabilities are distilled as logarithms of their ratios to the last class, which fit far better than labels: each
    answer then says how far from the boundary a row lies.

    References
    ----------
    Hinton, G., Vinyals, O. and Dean, J. (2015). Distilling the knowledge in a neural network. arXiv:1503.02531.

    Examples
    --------
    >>> distil(np.array([[0.5, 0.5], [0.75, 0.25]]), "probabilities", n_classes=2).outputs.round(3)
    array([0.   , 1.099])
    """
    none = np.zeros(0, dtype=np.int64)
    if kind == "labels":
        labels, places = np.unique(answers[:, 0].astype(np.int64), return_inverse=True)
        return Distillation(kind, places.astype(np.int64), labels, n_classes, 0.0, 1.0)
    if kind == "values":
        centre, unit = float(answers.mean()), float(answers.std()) or 1.0
        return Distillation(kind, (answers[:, 0] - centre) / unit, none, 0, centre, unit)
    logs = np.log(np.maximum(answers, _SMALLEST))
    ratios = logs[:, :-1] - logs[:, -1:]
    return Distillation(kind, ratios[:, 0] if ratios.shape[1] == 1 else ratios, none, n_classes, 0.0, 1.0)


def uncertainty(scores: Floats) -> Floats:
    """How unsure several copies are of each row.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_copies, n_rows, n_outputs)
        Scores of classes, or values (one output).

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Larger for less sure: minus the difference of the two largest mean scores, or the standard deviation of values.

    Examples
    --------
    >>> uncertainty(np.array([[[0.0, 3.0], [1.0, 1.5]]])).tolist()
    [-3.0, -0.5]
    """
    if scores.shape[2] == 1:
        return np.asarray(scores.std(axis=0)[:, 0])
    largest = np.sort(scores.mean(axis=0), axis=1)[:, -2:]
    return np.asarray(largest[:, 0] - largest[:, 1])
