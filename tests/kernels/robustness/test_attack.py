from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from holdfast.core.subject import Front, RawTrees
from holdfast.kernels.robustness import attack as attack_module
from holdfast.kernels.robustness.attack import Attacked, Attacker
from holdfast.kernels.robustness.constraints import Budget, violations
from holdfast.kernels.robustness.limits import Rules, Stated, limits_of
from holdfast.kernels.robustness.questions import Questions, Reply
from holdfast.kernels.robustness.relations import parse_relation
from holdfast.kernels.robustness.tree_problem import Changed, TreeProblem, Work, tree_problem

N = 120
RNG = np.random.default_rng(0)
ROWS = {"a": RNG.uniform(0, 10, N).round(2), "b": RNG.uniform(0, 10, N).round(2)}
LIMITS = limits_of(ROWS, Stated())
RULES = Rules(LIMITS, Budget(0.3, 0))
TIED = RULES._replace(relations=(parse_relation("a <= 4 or b >= 2"), parse_relation("a + b <= 17")))


class Gone(Exception):
    """The model answers no more."""


def answer(cells) -> np.ndarray:
    return (cells["a"] > 5).astype(np.int64)


def stump() -> RawTrees:
    """One split of the first column at 5."""
    none = np.full(3, -1, dtype=np.int32)
    return RawTrees(
        column=np.array([0, -1, -1], dtype=np.int32), threshold=np.array([5.0, 0, 0]), levels=none,
        missing_left=np.zeros(3, dtype=np.bool_), left=np.array([1, -1, -1], dtype=np.int32),
        right=np.array([2, -1, -1], dtype=np.int32), value=np.array([[0.0], [-1.0], [1.0]]),
        roots=np.zeros(1, dtype=np.int32), base=np.zeros(1), level_sets=np.zeros((0, 1), dtype=np.bool_), n_columns=2,
        link="sigmoid", front=Front(motion=np.full(2, 2, dtype=np.int8)),
    )  # fmt: skip


def problem(rules: Rules) -> TreeProblem:
    return tree_problem(
        stump(), lambda cells: np.column_stack([cells["a"], cells["b"]]), points=ROWS, labels=answer(ROWS), rules=rules,
        rng=np.random.default_rng(0),
    )  # fmt: skip


def attacker(rules: Rules = RULES, *, model=answer, trees: bool = True, **changes: object) -> Attacker:
    questions = Questions(
        ask=lambda cells, at: Reply(model(cells), None, cells),
        y=answer(ROWS), n_classes=2, is_scored=False, fails=(), ends=(Gone,),
    )  # fmt: skip
    plain = Attacker(
        rules=rules, problem=problem(rules) if trees else None, donors=ROWS, donor_labels=answer(ROWS),
        questions=questions, max_parts=500, queries=80, most_open=N, seed=0,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def attack(*args, **options) -> Attacked:
    return attacker(*args, **options).attack(ROWS, np.arange(N))


def test_flips_of_the_trees_are_confirmed_and_the_rest_is_proved() -> None:
    found = attack()
    near = np.abs(ROWS["a"] - 5) < 0.29 * LIMITS["a"].scale
    assert found.n == N
    assert found.success[near].all()
    assert np.isposinf(found.lower[~found.success]).all()
    assert found.n_open == 0


def test_flips_that_relations_forbid_are_left_open_and_asked_about() -> None:
    found = attack(TIED)
    assert found.n == N
    assert found.n_open > 4
    limits, budget, relations, one_hot = TIED
    broken = violations(ROWS, found.cells, limits=limits, budget=budget, relations=relations, one_hot=one_hot)
    assert not np.any([*broken.values()], axis=0)[found.success].any()


@pytest.mark.parametrize("trees", [True, False])
@pytest.mark.parametrize("most_open", [0, 3])
def test_only_rows_that_had_the_full_effort_count(most_open: int, trees: bool) -> None:
    full, found = attack(TIED, trees=trees), attack(TIED, trees=trees, most_open=most_open)
    assert found.n_open <= most_open
    assert found.n < N
    for name in ("success", "distance", "queries"):
        np.testing.assert_array_equal(getattr(found, name), getattr(full, name)[: found.n])


def test_a_clock_that_runs_out_leaves_a_first_part_of_the_rows() -> None:
    full = attack()
    looks = iter([1.0] * 5 + [-1.0] * 1000)
    found = attack(time_left=lambda: next(looks))
    assert 0 < found.n < N
    np.testing.assert_array_equal(found.success, full.success[: found.n])


def test_a_model_that_stops_answering_leaves_the_parts_before() -> None:
    asked = []

    def mortal(cells):
        asked.append(len(cells["a"]))
        if sum(asked) > 1500:
            raise Gone("dead")
        return answer(cells)

    full, found = attack(trees=False), attack(trees=False, model=mortal)
    assert 0 < found.n < N
    np.testing.assert_array_equal(found.success, full.success[: found.n])
    np.testing.assert_array_equal(found.distance, full.distance[: found.n])


def test_nothing_is_completed_where_there_is_no_time_at_all() -> None:
    assert attack(time_left=lambda: -1.0).n == 0


def test_flips_of_a_wavering_model_are_moved_on_until_they_stand_up() -> None:
    rng = np.random.default_rng(1)

    def wavering(cells):
        return (cells["a"] + rng.normal(0, 0.3, len(cells["a"])) > 5).astype(np.int64)

    found = attack(trees=False, model=wavering)
    near = np.abs(ROWS["a"] - 5) < 0.2 * LIMITS["a"].scale
    assert found.success[near & (np.abs(ROWS["a"] - 5) > 0.5)].mean() > 0.7
    reach = np.abs(found.cells["a"] - ROWS["a"])[found.success]
    assert (reach <= 0.3 * LIMITS["a"].scale).all()


def test_each_row_is_attacked_in_the_same_way_whatever_rows_come_before() -> None:
    full = attack(TIED, trees=False)
    own = np.arange(50, 60)
    rows = {name: values[own] for name, values in ROWS.items()}
    again = attacker(TIED, trees=False)
    again.questions.y = answer(rows)
    found = again.attack(rows, own)
    np.testing.assert_array_equal(found.success, full.success[own])
    np.testing.assert_array_equal(found.distance, full.distance[own])


def test_work_that_is_spent_leaves_a_first_part_of_the_rows_the_same_each_time() -> None:
    full, work = attack(), Work(most=100)
    found, again = attack(work=work), attack(work=Work(most=100))
    assert 0 < found.n < N
    assert work.is_spent
    np.testing.assert_array_equal(found.success, full.success[: found.n])
    np.testing.assert_array_equal(found.distance, again.distance)


def test_rows_are_not_asked_about_once_many_were_asked_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_everywhere(_, rows, y, **options) -> Changed:
        n = len(y)
        return Changed(rows, np.full(n, np.inf), np.zeros(n), np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.bool_))

    monkeypatch.setattr(attack_module, "search_trees", open_everywhere)
    monkeypatch.setattr(attack_module, "IN_VAIN", 4)
    plain = attacker()
    plain.questions.ask = lambda cells, at: Reply(answer(ROWS)[at], None, cells)
    found = plain.attack(ROWS, np.arange(N))
    assert (found.n, found.n_open, found.n_spared) == (N, 4, N - 4)


def test_patience_counts_on_from_the_last_flip() -> None:
    patience, every = attack_module._Patience(), np.ones(3, dtype=np.bool_)
    patience.note(np.array([False, True, False]), every)
    patience.note(np.array([False, False, False]), every)
    assert patience.in_vain == 4


def test_rows_that_would_take_too_long_end_the_attack() -> None:
    plain = attacker(trees=False)
    clock = replace(plain, time_left=lambda: float(8000 - plain.questions.n))
    assert attack(trees=False).is_short is False
    found = clock.attack(ROWS, np.arange(N), n_ahead=100 * N)
    assert found.is_short
    assert 0 < found.n < N
    long = replace(plain, time_left=lambda: 1e9 - plain.questions.n)
    assert not long.attack(ROWS, np.arange(N), n_ahead=N).is_short


def test_a_first_part_that_takes_too_long_ends_the_attack_while_there_is_time() -> None:
    plain = attacker(trees=False)
    clock = replace(plain, time_left=lambda: float(1000 - plain.questions.n))
    found = clock.attack(ROWS, np.arange(N), n_ahead=N)
    assert found.is_short
    assert found.n == 0
    assert plain.questions.n < 500
