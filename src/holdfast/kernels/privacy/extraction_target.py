"""A model as somebody meets it who copies it: what it answers, and on which rows copies are judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.privacy.distillation import Kind
from holdfast.kernels.privacy.extraction_curve import agreement, best_so_far
from holdfast.kernels.privacy.input_space import InputSpace

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a model.

    Attributes
    ----------
    attack
        How it was made.
    queries
        Rows asked for it.
    scores
        Maps rows of codes to scores of all classes, ``(n_rows, n_classes)``, or to values, ``(n_rows, 1)``.
    labels
        Its label or value for every row of the target, shape ``(n_rows,)``.
    """

    attack: str
    queries: int
    scores: Callable[[Floats], Floats]
    labels: NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Target:
    """A model to be copied.

    Attributes
    ----------
    kind
        What a question returns.
    space
        What is known of the inputs.
    X
        Codes of rows, shape ``(n_rows, n_columns)``.
    answers
        What a question returns for each, shape ``(n_rows, n_outputs)``.
    labels
        Its label or value for each, shape ``(n_rows,)``.
    n_classes
        Number of classes; 0 for values.
    tolerance
        Largest difference of two values that count as the same.
    pool
        Positions of the rows that the attacker has.
    choosing, judging
        Positions of rows that are never asked: they choose copies, and judge them.
    ask
        Maps new rows of codes to answers.
    """

    kind: Kind
    space: InputSpace
    X: Floats
    answers: Floats
    labels: NDArray[np.generic]
    n_classes: int
    tolerance: float
    pool: Rows
    choosing: Rows
    judging: Rows
    ask: Callable[[Floats], Floats]

    def decided(self, outputs: Floats) -> NDArray[np.generic]:
        """Labels or values behind scores."""
        return outputs[:, 0] if self.kind == "values" else outputs.argmax(axis=1)

    def copy(self, attack: str, queries: int, scores: Callable[[Floats], Floats]) -> Copy:
        """Look at what a copy answers for all rows."""
        return Copy(attack, queries, scores, self.decided(scores(self.X)))

    def constant(self) -> Copy:
        """A copy that always gives the most frequent label of the attacker's rows, or their median."""
        known = self.labels[self.pool]
        if self.kind == "values":
            usual = np.median(known.astype(np.float64), keepdims=True)
        else:
            usual = np.eye(self.n_classes)[np.bincount(known.astype(np.int64)).argmax()]
        return self.copy("constant", 0, lambda X: np.tile(usual, (len(X), 1)))

    def agreed(self, copy: Copy, rows: Rows) -> NDArray[np.bool_]:
        """On which of some rows a copy gives the model's answer."""
        return agreement(copy.labels[rows], self.labels[rows], tolerance=self.tolerance)

    def best(self, copies: list[Copy], checkpoints: Rows) -> list[Copy]:
        """The best copy at each checkpoint, chosen on rows that are not reported on."""
        queries = np.array([copy.queries for copy in copies])
        shares = np.array([self.agreed(copy, self.choosing).mean() for copy in copies])
        return [copies[k] for k in best_so_far(queries, shares, checkpoints=checkpoints)]
