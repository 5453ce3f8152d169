"""Tests that the tables of rules keep their contract."""

from __future__ import annotations

import re

import pytest

from holdfast.kernels.personal_data.anchors_numba import KINDS
from holdfast.kernels.personal_data.detector import default_detector
from holdfast.kernels.personal_data.expression import automaton
from holdfast.kernels.personal_data.folding import fold_text
from holdfast.kernels.personal_data.rule import Rule

RULES = default_detector().rules


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_complete(rule: Rule) -> None:
    assert rule.anchor.kind in (*KINDS, "digit", "token", "word")
    assert (rule.anchor.kind == "word") == bool(rule.anchor.words)
    assert 0 <= rule.score <= 1
    assert rule.source
    assert bool(rule.context) == (rule.context_score > rule.score)
    for word in (*rule.context, *rule.against, *rule.anchor.words):
        assert re.fullmatch("[a-z\xff]+", word)
        assert fold_text(word) == word
    assert automaton(rule.pattern) is not None


def test_names_of_rules_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.validate], ids=lambda rule: rule.name)
def test_a_validator_fails_on_nothing_that_its_expression_matches(rule: Rule) -> None:
    """Every example with any one character exchanged: an exception would end the search of a whole file."""
    group = "value" if "value" in rule.compiled.groupindex else 0
    for example in map(fold_text, rule.examples):
        for at in range(len(example)):
            for other in "0+-. /AZ":
                changed = example[:at] + other + example[at + 1 :]
                if found := rule.compiled.search(changed.encode("latin-1")):
                    assert rule.validate is not None
                    assert rule.validate(found.group(group).decode("latin-1")) in (True, False)
