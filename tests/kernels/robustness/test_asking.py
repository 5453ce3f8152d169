from __future__ import annotations

import numpy as np

from holdfast.kernels.robustness.asking import ask_model
from holdfast.kernels.robustness.constraints import Budget
from holdfast.kernels.robustness.limits import Rules, Stated, limits_of
from holdfast.kernels.robustness.relations import parse_relation

ROWS = {"pay": np.linspace(1.0, 9.0, 9), "job": np.array(list("abcabcabc"), dtype=object)}


def asked(answer, rules: Rules, queries: int = 200):
    y = answer(ROWS, np.arange(9))
    options = {"rules": rules, "queries": queries, "seed": 0, "ids": np.arange(9), "should_stop": lambda: False}
    return ask_model(ROWS, y, ROWS, y, answer=answer, **options)


def pays_more(cells, at):
    return (cells["pay"] > 5.5).astype(np.int64)


def is_c(cells, at):
    return (cells["job"] == "c").astype(np.int64)


def test_cells_that_flip_the_answer_come_back_as_cells() -> None:
    found = asked(pays_more, Rules(limits_of(ROWS, Stated()), Budget(1, 0)))
    flipped = np.isfinite(found.distance)
    assert flipped.sum() >= 6
    assert (pays_more(found.cells, None) != pays_more(ROWS, None))[flipped].all()
    assert (found.cells["job"] == ROWS["job"]).all()


def test_categories_flip_at_no_distance() -> None:
    found = asked(is_c, Rules(limits_of(ROWS, Stated()), Budget(0, 1)))
    assert (found.distance == 0).all()
    assert (is_c(found.cells, None) != is_c(ROWS, None)).all()


def test_nothing_is_proved_by_asking() -> None:
    found = asked(lambda cells, at: np.zeros(len(at), dtype=np.int64), Rules(limits_of(ROWS, Stated()), Budget(1, 1)))
    assert np.isinf(found.distance).all()
    assert np.isnan(found.lower).all()
    assert (found.queries <= 200).all()


def test_relations_hold_in_what_comes_back() -> None:
    rules = Rules(limits_of(ROWS, Stated()), Budget(1, 1), (parse_relation("pay <= 5 or job == 'a'"),))
    found = asked(pays_more, rules)
    flipped = np.isfinite(found.distance) & (ROWS["pay"] <= 5)
    assert flipped.any()
    assert (found.cells["job"][flipped] == "a").all()
