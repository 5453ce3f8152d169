"""Questions to a model that may fail on some rows, or stop answering altogether."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

    from holdfast.core.subject import Subject

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

    def n_unstable(self, cells: Cells) -> int:
        """Count points, as they are, that are answered differently the second time."""
        return int((self.labels(cells, np.arange(self.y.size))[0] != self.y).sum())

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


def questions_about(
    subject: Subject,
    points: pl.DataFrame,
    y: Positions,
    *,
    is_scored: bool,
    fails: tuple[type[Exception], ...],
    ends: tuple[type[Exception], ...],
) -> Questions:
    """Let an attacker ask the model of a subject about changes of some rows of its table.

    Parameters
    ----------
    points
        The rows, columns ``features``.
    y, is_scored, fails, ends
        As in :class:`Questions`; ``is_scored`` asks for scores, which a deployment that returns labels never gives.
    """

    def ask(cells: Cells, at: Positions) -> Reply:
        frame = subject.frame(cells, points[at])
        asked = subject.predict(frame)
        return Reply(asked.labels.astype("int64"), asked.scores, subject.cells(frame))

    is_scored = is_scored and subject.deployment.returns != "label"
    return Questions(ask=ask, y=y, n_classes=len(subject.classes), is_scored=is_scored, fails=fails, ends=ends)


class Plan(NamedTuple):
    """How many rows to attack, and with how many questions each at most."""

    rows: int
    per_row: int


def planned(left: int | None, *, rows: int, per_row: int, fewest_rows: int = 50, fewest: int = 100) -> Plan:
    """Share the questions that are left among as many rows as can be attacked in full.

    Parameters
    ----------
    left
        Questions left for all rows; ``None`` without a limit.
    rows, per_row
        What the effort allows.
    fewest_rows, fewest
        With fewer rows than that, each is asked about less, but never less than ``fewest``: what finds nothing with a
        few questions says nothing.

    Examples
    --------
    >>> planned(None, rows=200, per_row=500), planned(60_000, rows=200, per_row=500)
    (Plan(rows=200, per_row=500), Plan(rows=120, per_row=500))
    >>> planned(10_000, rows=200, per_row=500), planned(99, rows=200, per_row=500)
    (Plan(rows=50, per_row=200), Plan(rows=0, per_row=100))
    """
    if left is None:
        return Plan(rows, per_row)
    least = min(fewest, per_row)
    per_row = min(per_row, max(left // min(fewest_rows, max(rows, 1)), least))
    return Plan(min(rows, left // per_row), per_row)


def parts_of(
    order: Positions, n_parts: int, *, left: Callable[[], int | None], per_row: int
) -> Iterator[NDArray[np.int64]]:
    """Give out rows in fixed parts; where questions are limited, each time as many as surely can be completed.

    Parameters
    ----------
    order, n_parts
        The rows, and into how many parts they are cut where nothing is limited.
    left
        Tells how many questions are left, ``None`` without a limit.
    per_row
        Most questions that a row takes.

    Examples
    --------
    >>> left = iter([25, 12, 4])
    >>> [part.tolist() for part in parts_of(np.arange(9), 1, left=lambda: next(left), per_row=10)]
    [[0, 1], [2]]
    """
    for part in np.array_split(order, max(min(n_parts, order.size), 1)):
        rest = part
        while rest.size:
            most = left()
            n = rest.size if most is None else min(rest.size, most // per_row)
            if not n:
                return
            yield rest[:n]
            rest = rest[n:]
