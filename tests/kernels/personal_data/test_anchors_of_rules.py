"""Where an anchor says that a rule may begin, and how far: nothing that the rule matches may be missed there."""

from __future__ import annotations

import random

import pytest

from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.detector import default_detector
from holdfast.kernels.personal_data.rule import Rule
from tests.kernels.personal_data.made_up import made_up

AHEAD = ("", "a ", "1 ", "(", '"', "'", "x:", "+", "-", "\n", "=", "#", "x.")
BEHIND = ("", " ", ".", ", x", ":", "x", " 1", "-1", "://")


@pytest.mark.parametrize("rule", default_detector().rules, ids=lambda rule: rule.name)
def test_the_compiled_pass_misses_nothing_of_a_rule(rule: Rule) -> None:
    """With a threshold of 0, so that rules that need a word beside them are tried everywhere."""
    rng = random.Random(rule.name)
    texts = [rng.choice(AHEAD) + made_up(rule.pattern, rng) + rng.choice(BEHIND) for _ in range(24)]
    alone = Finder((rule,), threshold=0.0, compiled=False).find(texts)
    assert Finder((rule,), threshold=0.0).find(texts) == alone
