"""An attack in parts: when it ends, and what it then speaks of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.attack import Attacked
from holdfast.kernels.robustness.looks import Looked, attack_in_looks
from holdfast.kernels.robustness.questions import Questions, Reply
from holdfast.kernels.robustness.tree_problem import Work

Rows = NDArray[np.int64]


def nothing(cells: object, at: Rows) -> Reply:
    raise AssertionError("no question is asked")


def run(flipped: NDArray[np.bool_], *, completed: int | None = None, left: int | None = None, limit: float | None = 0.1,
        short_after: int | None = None) -> tuple[Looked, list[int]]:  # fmt: skip
    sizes = list[int]()

    def attack(rows: Rows, *, n_ahead: int = 0, is_short: bool = False) -> tuple[Questions, Attacked]:
        n = rows.size if completed is None or is_short else min(rows.size, completed)
        sizes.append(rows.size)
        questions = Questions(ask=nothing, y=rows, n_classes=2, is_scored=False, fails=(), ends=(), n=10 * n)
        success = flipped[rows[:n]]
        distance = np.where(success, 0.5, np.inf)
        late = short_after is not None and not is_short
        n_unfinished = int(n - success.sum()) if is_short else 0
        return questions, Attacked(
            {"a": rows[:n].astype(float)}, distance, np.zeros(n), np.full(n, 10), success, 0, 0, 0,
            is_short=late, n_unfinished=n_unfinished,
        )  # fmt: skip

    order = np.random.default_rng(0).permutation(flipped.size)
    found = attack_in_looks(
        order, attack, per_row=10, left=lambda: left, looks=4, limit=limit, level=0.95, work=Work(),
        is_out_of_time=lambda: False,
    )  # fmt: skip
    assert found.rows.tolist() == order[: found.rows.size].tolist()
    np.testing.assert_array_equal(found.attacked.success, flipped[found.rows])
    np.testing.assert_array_equal(found.attacked.cells["a"], found.rows)
    return found, sizes


def test_it_ends_early_once_the_limit_is_clearly_broken() -> None:
    found, sizes = run(np.ones(400, dtype=np.bool_))
    assert found.is_early
    assert not found.stopped
    assert len(sizes) == 1
    assert found.drawn == found.rows.size == sizes[0] < 400


def test_without_a_limit_all_rows_are_attacked() -> None:
    found, _ = run(np.ones(400, dtype=np.bool_), limit=None)
    assert not found.is_early
    assert (found.drawn, found.rows.size, found.queries) == (400, 400, 4000)


def test_what_is_near_the_limit_goes_on_to_the_end() -> None:
    found, sizes = run(np.arange(400) % 10 == 0)
    assert not found.is_early
    assert sum(sizes) == found.rows.size == 400


def test_with_too_little_time_the_rest_is_attacked_in_the_order_that_pays() -> None:
    found, sizes = run(np.zeros(100, dtype=np.bool_), completed=5, short_after=5, limit=None)
    assert found.is_short
    assert sizes == [100, 95]
    assert (found.rows.size, found.attacked.n_unfinished) == (100, 95)
