"""Tests of the compiled pass: where rules may begin, and which tries are worth making."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.personal_data.anchors_numba import FAR, keep_likely, scan
from holdfast.kernels.personal_data.folding import fold
from holdfast.kernels.personal_data.plan import compile_rules
from holdfast.kernels.personal_data.rule import Anchor, Rule


def places(text: str, pattern: str, anchor: Anchor) -> list[int]:
    compiled = compile_rules([Rule("A", "a", pattern, anchor, 0.9, "invented")], 0.5)
    tries, seen, counts = np.zeros((50, 2), np.int32), np.zeros((50, 2), np.int32), np.zeros(2, np.int64)
    scan(fold([text]).codes, compiled.plan, tries, seen, counts)
    return sorted(set(tries[: counts[0], 1].tolist()))


@pytest.mark.parametrize(
    ("text", "pattern", "anchor", "expected"),
    [
        ("12 345 a123 +67", "[0-9+]", Anchor("digit"), [0, 3, 12, 13]),
        ("12 345 6", "[0-9]", Anchor("digit", first=(3, 3), total=4), [3]),
        ("AB12 abc 1a2 12", "[A-Za-z0-9]", Anchor("token"), [0, 9]),
        ("x 'o'b@c d", "[a-z]", Anchor("at"), [3, 5]),
        ("see www.a.de, v.1 http://x", "[a-z]", Anchor("dot"), [4, 18]),
        ("at 12:30 1a:2b:3c", "[0-9a-f]", Anchor("colon"), [9]),
        ("00-1B x-y", "[0-9]", Anchor("hex"), [0]),
        ("short\n" + "x" * 20 + "\nshort", "x", Anchor("line"), [6]),
        ("In May, mayor", "(?i:may)", Anchor("word", words=("may",)), [3]),
        ("a " + "b" * 19 + " " + "c" * 20, "[a-z]", Anchor("long"), [22]),
        ("12 13", "13", Anchor("digit"), [3]),  # the automaton of the rule has its say
    ],
)
def test_a_rule_is_tried_where_its_anchor_says(text: str, pattern: str, anchor: Anchor, expected: list[int]) -> None:
    assert places(text, pattern, anchor) == expected


def test_an_automaton_goes_no_farther_than_it_may() -> None:
    """What has not failed by then is left to the expression; else one that can go on forever goes to the end."""
    pattern = "a[a-z ]{0,9000}!"
    assert places("a" + " " * 2 * FAR, pattern, Anchor("word", words=("a",))) == [0]
    assert places("a" + " " * (FAR // 2), pattern, Anchor("word", words=("a",))) == []


def test_counts_go_on_where_room_ends() -> None:
    compiled = compile_rules([Rule("A", "a", "[0-9]", Anchor("digit"), 0.9, "invented")], 0.5)
    tries, seen, counts = np.zeros((2, 2), np.int32), np.zeros((2, 2), np.int32), np.zeros(2, np.int64)
    scan(fold(["1 2 3 4"]).codes, compiled.plan, tries, seen, counts)
    assert counts.tolist() == [4, 0]
    assert tries.tolist() == [[0, 0], [0, 2]]


def test_weak_rules_are_kept_near_their_words_only() -> None:
    tries = np.array([[0, 10], [1, 10], [1, 500]], np.int32)
    seen = np.array([[0, 5], [1, 480]], np.int32)
    kept = np.empty(3, np.uint8)
    wants = np.array([[0, 0], [1, 0]], np.uint8)
    keep_likely(tries, seen, np.array([0, 1], np.uint8), wants, np.array([[48, 16], [48, 16]], np.int32), kept)
    assert kept.tolist() == [1, 1, 0]
