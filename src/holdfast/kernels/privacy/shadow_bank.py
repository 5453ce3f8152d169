"""Train shadow models and keep what they answer about every record."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Train = Callable[[list[NDArray[np.int64]], list[int]], Iterator[NDArray[np.float64]]]
Track = Callable[[Iterable[int], int], Iterable[int]]


class Kept(Protocol):
    """A place where each shadow model's answers stay, so that a run that was ended goes on where it stopped."""

    def get(self, name: str) -> bytes | None: ...
    def put(self, name: str, value: bytes) -> None: ...


def _untracked(columns: Iterable[int], total: int) -> Iterable[int]:
    return columns


def shadow_answers(
    is_in: NDArray[np.bool_],
    train: Train,
    *,
    columns: Sequence[int],
    seed: int,
    kept: Kept,
    name: str = "shadow",
    track: Track = _untracked,
) -> NDArray[np.float64]:
    """Train the shadow models of some columns and return their answers.

    Parameters
    ----------
    is_in : ndarray of bool, shape (n_records, n_shadows)
        Which records each model is trained on.
    train : callable
        Given the positions of the training records of several models and a seed for each, yields the answers of each,
        one line for each record. It may train them one by one as they are asked for, or side by side.
    columns : sequence of int
        The models to train, in order.
    seed : int
        Every model gets a seed of its own, drawn from this and its column.
    kept : Kept
        Answers are looked up here first and put here as soon as a model is trained.
    name : str, default "shadow"
        Under which they are kept: ``name/column``.
    track : callable
        Passes the columns through, given their number: reports progress, and may end the work.

    Returns
    -------
    ndarray, shape (n_records, n_columns) or (n_records, n_columns, n_values)
        The answers, in the order of ``columns``.
    """
    earlier = {column: kept.get(f"{name}/{column}") for column in columns}
    wanted = [column for column in columns if earlier[column] is None]
    trained = train(
        [np.flatnonzero(is_in[:, column]) for column in wanted], [model_seed(seed, column) for column in wanted]
    )
    found = []
    for column in track(columns, len(columns)):
        known = earlier[column]
        if known is None:
            answers = next(trained)
            buffer = io.BytesIO()
            np.save(buffer, answers, allow_pickle=False)
            kept.put(f"{name}/{column}", buffer.getvalue())
        else:
            answers = np.load(io.BytesIO(known), allow_pickle=False)
        found.append(answers)
    return np.stack(found, axis=1)


def model_seed(seed: int, column: int) -> int:
    """Return the seed of one shadow model, at most 2**31 - 1, which every library takes."""
    return int(np.random.SeedSequence([seed, column]).generate_state(1)[0] >> 1)
