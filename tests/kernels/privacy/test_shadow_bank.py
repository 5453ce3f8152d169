"""Shadow models are trained once and kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from holdfast.auditing.context import MemoryStore
from holdfast.kernels.privacy.shadow_bank import model_seed, shadow_answers

IS_IN = np.array([[True, False], [False, True], [True, False]])


def test_answers_stand_in_the_order_of_the_columns() -> None:
    def train(parts: list[NDArray[np.int64]], seeds: list[int]) -> Iterator[NDArray[np.float64]]:
        return (np.isin(np.arange(3), rows).astype(float) for rows in parts)

    found = shadow_answers(IS_IN, train, columns=[1, 0], seed=0, kept=MemoryStore())
    assert (found == IS_IN[:, ::-1]).all()


def test_a_run_that_was_ended_trains_only_the_rest() -> None:
    kept, trained = MemoryStore(), []

    def train(parts: list[NDArray[np.int64]], seeds: list[int]) -> Iterator[NDArray[np.float64]]:
        for seed in seeds:
            trained.append(seed)
            yield np.full(3, seed / 2**31)

    first = shadow_answers(IS_IN, train, columns=[0], seed=7, kept=kept)
    both = shadow_answers(IS_IN, train, columns=[0, 1], seed=7, kept=kept)
    assert (both[:, 0] == first[:, 0]).all()
    assert trained == [model_seed(7, 0), model_seed(7, 1)]


def test_seeds_differ_and_fit_every_library() -> None:
    seeds = {model_seed(2**48 - 1, column) for column in range(500)}
    assert len(seeds) == 500
    assert max(seeds) < 2**31
