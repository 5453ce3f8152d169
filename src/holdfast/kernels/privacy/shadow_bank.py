"""Train shadow models and keep what they answer about every record."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Train = Callable[[NDArray[np.int64], int], NDArray[np.float64]]


class Kept(Protocol):
    """A place where each shadow model's answers stay, so that a run that was ended goes on where it stopped."""

    def get(self, name: str) -> bytes | None: ...
    def put(self, name: str, value: bytes) -> None: ...


def shadow_answers(
    is_in: NDArray[np.bool_], train: Train, *, columns: Iterable[int], seed: int, kept: Kept, name: str = "shadow"
) -> NDArray[np.float64]:
    """Train the shadow models of some columns and return their answers.

    Parameters
    ----------
    is_in : ndarray of bool, shape (n_records, n_shadows)
        Which records each model is trained on.
    train : callable
        Given the positions of the training records and a seed, trains a model and returns its answers, one line for
        each record.
    columns : iterable of int
        The models to train, in order.
    seed : int
        Every model gets a seed of its own, drawn from this and its column.
    kept : Kept
        Answers are looked up here first and put here as soon as a model is trained.
    name : str, default "shadow"
        Under which they are kept: ``name/column``.

    Returns
    -------
    ndarray, shape (n_records, n_columns) or (n_records, n_columns, n_values)
        The answers, in the order of ``columns``.
    """
    found = []
    for column in columns:
        key = f"{name}/{column}"
        earlier = kept.get(key)
        if earlier is None:
            answers = train(np.flatnonzero(is_in[:, column]), model_seed(seed, column))
            buffer = io.BytesIO()
            np.save(buffer, answers, allow_pickle=False)
            kept.put(key, buffer.getvalue())
        else:
            answers = np.load(io.BytesIO(earlier), allow_pickle=False)
        found.append(answers)
    return np.stack(found, axis=1)


def model_seed(seed: int, column: int) -> int:
    """Return the seed of one shadow model, at most 2**31 - 1, which every library takes."""
    return int(np.random.SeedSequence([seed, column]).generate_state(1)[0] >> 1)
