"""Tests of rules as arrays."""

from __future__ import annotations

from holdfast.kernels.personal_data.plan import compile_rules
from holdfast.kernels.personal_data.rule import Anchor, Rule

RULES = [
    Rule("A", "a", "[0-9]{2}", Anchor("digit", first=(2, 3), total=2), 0.9, "invented"),
    Rule("B", "b", "may", Anchor("word", words=("may",)), 0.1, "invented", context=("when",), context_score=0.9),
]


def test_every_word_is_found_in_the_table_of_its_hash() -> None:
    compiled = compile_rules(RULES, 0.5)
    assert compiled.words == ("may", "when")
    assert sorted(compiled.plan.slots[compiled.plan.slots >= 0].tolist()) == [0, 1]
    assert bytes(compiled.plan.letters) == b"maywhen"
    assert compiled.plan.bounds.tolist() == [0, 3, 7]


def test_rules_stand_under_their_kind_or_their_word() -> None:
    compiled = compile_rules(RULES, 0.5)
    assert compiled.plan.kind_rules.tolist() == []
    assert compiled.plan.run_rules.tolist() == [0, 0]  # numbers of two and of three digits
    assert compiled.plan.run_begins[[2, 3, 4]].tolist() == [0, 1, 2]
    assert compiled.plan.word_rules.tolist() == [1]
    assert compiled.plan.fewest.tolist() == [2, 1]
    assert compiled.is_weak.tolist() == [0, 1]
    assert compiled.wants.tolist() == [[0, 0], [0, 1]]
    assert compiled.plan.is_context.tolist() == [0, 1]


def test_no_rules_make_an_empty_plan() -> None:
    assert len(compile_rules([], 0.5).plan.run_rules) == 0
