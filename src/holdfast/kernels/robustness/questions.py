"""Questions to a model that may fail on some rows, or stop answering altogether."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Cells = Mapping[str, NDArray[Any]]
Positions = NDArray[np.int64]
# Calls in search of the rows of one batch that the model fails on.
MOST_CALLS = 256


class Reply(NamedTuple):
    """What a model said about some rows."""

    labels: Positions
    scores: NDArray[np.float64] | None
    after: Cells
    """The rows as they stood in the table that was asked about."""


@dataclass(slots=True, kw_only=True)
class Questions:
    """A model as an attacker asks it; rows that it fails on count as answered as if nothing had changed.

    Attributes
    ----------
    ask
        Asks about changed cells of the points at some positions.
    y, n_classes
        Labels of the points, and the number of classes.
    is_scored
        Whether an attacker gets scores.
    fails, ends
        Errors that say that the model cannot answer these rows, and that it will answer no more. What is in ``ends``
        may derive from what is in ``fails``.
    n, refused
        Rows asked about so far, and those of them that the model failed on.
    lost, error
        The error after which nothing more was asked, in words; empty while the model answers.
    """

    ask: Callable[[Cells, Positions], Reply]
    y: Positions
    n_classes: int
    is_scored: bool
    fails: tuple[type[Exception], ...]
    ends: tuple[type[Exception], ...]
    n: int = 0
    refused: int = 0
    lost: str = ""
    error: Exception | None = None

    def scores(self, cells: Cells, at: Positions) -> NDArray[np.float64] | Positions:
        """Answer by scores where an attacker gets them, by labels otherwise."""
        labels, scores = self.y[at], np.eye(self.n_classes)[self.y[at]]
        for start, end, reply in self._replies(cells, at):
            labels[start:end] = reply.labels
            scores[start:end] = np.eye(self.n_classes)[reply.labels] if reply.scores is None else reply.scores
        return scores if self.is_scored else labels

    def labels(self, cells: Cells, at: Positions) -> tuple[Positions, Cells]:
        """Answer by labels, and say how the rows stood in the table; all its columns are given."""
        found, after = self.y[at], {name: values.copy() for name, values in cells.items()}
        for start, end, reply in self._replies(cells, at):
            found[start:end] = reply.labels
            for name, values in reply.after.items():
                after[name][start:end] = values
        return found, after

    def _replies(self, cells: Cells, at: Positions) -> list[tuple[int, int, Reply]]:
        """Ask about all rows at once, then about ever smaller halves of those that the model fails on."""
        self.n += at.size
        waiting, replies = [(0, at.size)], list[tuple[int, int, Reply]]()
        for _ in range(MOST_CALLS):
            if not waiting or self.lost:
                break
            start, end = waiting.pop(0)
            try:
                part = {name: values[start:end] for name, values in cells.items()}
                replies.append((start, end, self.ask(part, at[start:end])))
            except self.ends as error:
                self.lost, self.error = str(error).partition("\n")[0], error
            except self.fails:
                middle = (start + end) // 2
                if end - start > 1:
                    waiting += [(start, middle), (middle, end)]
                else:
                    self.refused += 1
        self.refused += sum(end - start for start, end in waiting) if not self.lost else 0
        return replies
