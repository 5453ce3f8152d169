"""Tests of automata that accept at least what their expression matches."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.expression import ALL, Automaton, automaton

PATTERNS = [
    r"ab?c+",
    r"(?:ab|cd)*e",
    r"[a-c]{2,4}d",
    r"(?P<value>a|bc)(?:-\1)?d",
    r"(?P<mark>[-.])a(?P=mark)b",
    r"(?<![a-z])a{3}",
    r"(?i:ab)c|d[^a]",
    r"(a)?(?(1)b|c)d",
    r"a(?=b)[bc]{1,40}d",
    r"\(a\)[\d\-]+\.",
]


def accepts(machine: Automaton, data: bytes, at: int) -> bool:
    if at > 0 and machine.not_after >> data[at - 1] & 1:
        return False
    state = machine.first
    for code in data[at:]:
        state = sum(1 << p for p, reads in enumerate(machine.reads) if state >> p & 1 and reads >> code & 1)
        if state & machine.last:
            return True
        following = 0
        for position, follow in enumerate(machine.follow):
            if state >> position & 1:
                following |= follow
        state = following
    return False


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=st.text("abcdeABX-1.()", max_size=12))
def test_where_the_expression_matches_the_automaton_accepts(pattern: str, text: str) -> None:
    machine = automaton(pattern)
    assert machine is not None
    data = text.encode()
    for at in range(len(data)):
        if re.compile(pattern.encode()).match(data, at):
            assert accepts(machine, data, at)


def test_plain_expressions_are_told_apart_exactly() -> None:
    machine = automaton(r"[0-9]{3}-[0-9]{2}")
    assert machine is not None
    assert accepts(machine, b"123-45", 0)
    assert not accepts(machine, b"1234-5", 0)
    assert not accepts(machine, b"12-345", 0)


def test_more_places_than_there_are_bits_are_accepted_unseen() -> None:
    machine = automaton("a{40}b{40}")
    assert machine is not None
    assert len(machine.reads) == 63
    assert accepts(machine, b"a" * 40 + b"b" * 40, 0)
    assert not accepts(machine, b"a" * 39 + b"b" * 40, 0)


@pytest.mark.parametrize("pattern", ["a*", "", "(?m)a", r"\p", "(?:a|)", "a{0}"])
def test_what_may_be_empty_or_is_unknown_has_no_automaton(pattern: str) -> None:
    assert automaton(pattern) is None


def test_many_alternatives_keep_their_first_characters() -> None:
    machine = automaton("(?:" + "|".join(letter * 9 for letter in "abcdefghij") + ")")
    assert machine is not None
    assert machine.reads[0] == sum(1 << ord(letter) for letter in "abcdefghij") & ALL
