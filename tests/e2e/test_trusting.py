from __future__ import annotations

import pytest

from holdfast.core.errors import InputError
from holdfast.interfaces.cli.trusting import trust_of, with_value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["audit", "--trust-pickle"], ["audit", "--trust-pickle=confined"]),
        (["audit", "--trust-pickle=unconfined"], ["audit", "--trust-pickle=unconfined"]),
        (["scan", "--", "--trust-pickle"], ["scan", "--", "--trust-pickle"]),
    ],
)
def test_the_value_may_be_left_out(given: list[str], expected: list[str]) -> None:
    assert with_value(given) == expected


@pytest.mark.parametrize(("value", "trust"), [(None, False), ("confined", True), ("unconfined", "unconfined")])
def test_the_value_says_how_far_trust_goes(value: str | None, trust: object) -> None:
    assert trust_of(value) == trust


def test_another_word_is_refused() -> None:
    with pytest.raises(InputError, match="expected --trust-pickle or --trust-pickle=unconfined"):
        trust_of("yes")
