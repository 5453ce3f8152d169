"""Too little time for all rows: what is found must be true, and most of what there is to be found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from holdfast.kernels.robustness.attack import Attacked, Attacker
from holdfast.kernels.robustness.constraints import Budget
from holdfast.kernels.robustness.limits import Rules, Stated, is_allowed, limits_of
from holdfast.kernels.robustness.planning import attack_in_time
from holdfast.kernels.robustness.questions import Questions, Reply
from holdfast.kernels.robustness.tree_problem import TreeProblem
from tests.kernels.robustness.test_attack import ROWS as FEW
from tests.kernels.robustness.test_attack import RULES as TREE_RULES
from tests.kernels.robustness.test_attack import problem as stump_problem

N, WIDTH = 400, 6
X = np.random.default_rng(3).normal(size=(N, WIDTH))
ROWS = {f"x{j}": X[:, j] for j in range(WIDTH)}
RULES = Rules(limits_of(ROWS, Stated()), Budget(0.3, 0))


def margin(cells) -> np.ndarray:
    """A score that bends, so that flips far from the boundary take many questions."""
    x = np.column_stack([cells[name] for name in ROWS])
    return x[:, 0] + 0.8 * x[:, 1] - 0.7 * x[:, 2] + 0.6 * np.sin(2 * x[:, 3]) * x[:, 4] + 0.3 * x[:, 5] ** 2


def answer(cells) -> np.ndarray:
    return (margin(cells) > 0).astype(np.int64)


def attacker(*, rows=ROWS, model=answer, rules: Rules = RULES, problem: TreeProblem | None = None) -> Attacker:
    questions = Questions(
        ask=lambda cells, at: Reply(model(cells), None, cells), y=model(rows), n_classes=2, is_scored=False, fails=(),
        ends=(),
    )  # fmt: skip
    return Attacker(
        rules=rules, problem=problem, donors=rows, donor_labels=model(rows), questions=questions, max_parts=500,
        queries=400, most_open=10**6, seed=0,
    )  # fmt: skip


def timed(asks: int, **changes) -> tuple[Attacked, Attacker]:
    """Attack with a clock that counts the questions."""
    plain = attacker(**changes)
    within = replace(plain, time_left=lambda: float(asks - plain.questions.n))
    rows = changes.get("rows", ROWS)
    margins = np.abs(margin(rows)) if rows is ROWS else np.zeros(plain.questions.y.size)
    return attack_in_time(within, rows, np.arange(plain.questions.y.size), margins=margins), within


@pytest.fixture(scope="module")
def exhaustive() -> tuple[Attacked, int]:
    plain = attacker()
    return plain.attack(ROWS, np.arange(N)), plain.questions.n


def test_a_quarter_of_the_time_finds_nearly_all_flips(exhaustive: tuple[Attacked, int]) -> None:
    full, asked = exhaustive
    found, within = timed(asked // 4)
    assert 0.2 < full.success.mean() < 0.8
    assert found.success.sum() >= 0.95 * full.success.sum()
    assert within.questions.n <= 1.1 * (asked // 4)


def test_flips_are_real_and_allowed(exhaustive: tuple[Attacked, int]) -> None:
    found, within = timed(exhaustive[1] // 8)
    flipped = answer(found.cells) != within.questions.y
    assert (flipped & is_allowed(ROWS, found.cells, RULES))[found.success].all()
    assert np.isposinf(found.distance[~found.success]).all()


def test_with_time_enough_nothing_is_left_and_flips_are_as_close(exhaustive: tuple[Attacked, int]) -> None:
    full, asked = exhaustive
    found, _ = timed(10 * asked)
    assert found.n_unfinished == 0
    assert not (full.success & ~found.success).any()
    assert (found.distance <= full.distance).all()


def test_rows_that_were_not_finished_are_counted(exhaustive: tuple[Attacked, int]) -> None:
    found, _ = timed(exhaustive[1] // 20)
    assert found.n == N
    assert 0 < found.n_unfinished < N
    assert found.n_unfinished + found.success.sum() <= N


def test_without_time_every_row_is_unfinished() -> None:
    found, _ = timed(-1)
    assert (found.n, found.n_unfinished) == (N, N)
    assert not found.success.any()


@pytest.mark.slow
def test_what_the_trees_prove_is_finished() -> None:
    def stump(cells) -> np.ndarray:
        return (cells["a"] > 5).astype(np.int64)

    problem = stump_problem(TREE_RULES)
    full = attacker(rows=FEW, model=stump, rules=TREE_RULES, problem=problem).attack(FEW, np.arange(len(FEW["a"])))
    found, _ = timed(10**6, rows=FEW, model=stump, rules=TREE_RULES, problem=problem)
    assert found.n_unfinished == 0
    np.testing.assert_array_equal(found.success, full.success)
    np.testing.assert_array_equal(found.lower, full.lower)
    np.testing.assert_allclose(found.distance, full.distance)
