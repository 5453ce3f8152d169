"""Tests of the two ways to the same spans, of context, records and long texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.personal_data import detecting
from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.detector import default_detector
from holdfast.kernels.personal_data.rule import Anchor, Rule, Span

RULES = default_detector().rules
COMPILED, PURE = Finder(RULES), Finder(RULES, compiled=False)
CODE = Rule(
    "CODE",
    "code",
    r"(?<![0-9])[0-9]{4}(?![0-9])",
    Anchor("digit", first=(4, 4), total=4),
    0.3,
    "invented",
    context=("code",),
    context_score=0.8,
    against=("version",),
)
DATA = Path(__file__).parents[3].parent / "shared" / "data" / "pii"
PIECES = [example for rule in RULES for example in rule.examples] + [
    " ", "\n", ", ", "card ", "phone: ", "call ", "-", "@", ".", "://", ":", "0", "12", "a", "Ż", "\u200b", "\0", "(",
]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join), max_size=4))
@settings(max_examples=150)
def test_the_compiled_pass_finds_the_spans_that_the_rules_find_alone(texts: list[str]) -> None:
    assert COMPILED.find(texts) == PURE.find(texts)


def _lines(name: str) -> list[str]:
    return (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()


@pytest.mark.skipif(not DATA.exists(), reason="needs the shared data")
def test_both_ways_agree_on_sentences() -> None:
    texts = [json.loads(line)["text"] for name in ("dev", "dev_pl") for line in _lines(name)][::7]
    assert COMPILED.find(texts) == PURE.find(texts)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_finds_its_examples(rule: Rule) -> None:
    for example, spans in zip(rule.examples, Finder([rule], threshold=0.01).find(rule.examples), strict=True):
        assert [span.label for span in spans] == [rule.label], example


@pytest.mark.parametrize("compiled", [True, False])
def test_words_around_a_match_decide_and_only_in_its_record(compiled: bool) -> None:
    finder = Finder([CODE], compiled=compiled)
    found = finder.find(
        ["my code is 1234", "1234", "code", "1234 the code", "version 1234 of the code", "decode 1234", "",
         "0x4code5 1234", "5 code9 1234"]
    )  # fmt: skip
    assert [[span.score for span in spans] for spans in found] == [[0.8], [], [], [0.8], [0.8], [], [], [], [0.8]]
    loose = Finder([CODE], threshold=0.2, compiled=compiled)
    assert loose.find(["version 1234", "1234"]) == [[], [Span(0, 4, "CODE", 0.3)]]


def test_offsets_count_code_points_of_the_text_as_it_came() -> None:
    assert Finder([CODE]).find(["żółć 😀 code ７\u200b７７７!"]) == [[Span(12, 17, "CODE", 0.8)]]


def test_a_text_may_begin_with_what_cannot_be_seen() -> None:
    texts = ["\ufeffcode 7777", "\u200bcode 7777"]
    assert Finder([CODE]).find(texts) == [[Span(6, 10, "CODE", 0.8)], [Span(6, 10, "CODE", 0.8)]]


def test_a_long_record_is_looked_at_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detecting, "BATCH", 4000)
    monkeypatch.setattr(detecting, "SHARED", 400)
    text = " ".join(f"word code {number % 10000:04d} x" for number in range(2000))
    spans = Finder([CODE]).find(["a", text, "b"])[1]
    assert len(spans) == 2000
    assert all(text[span.start : span.end].isdigit() for span in spans)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 50_000,
        "1" * 50_000,
        "1 " * 25_000,
        "a.a" * 17_000,
        ":" * 50_000,
        "@" * 50_000,
        "a'" * 25_000 + "@",
        "+(" * 25_000,
        "api_key=a " * 30_000,  # an automaton that went on to the end from every key took half a minute here
        "-----BEGIN PRIVATE KEY-----" * 10_000,
    ],
)
def test_hostile_texts_end_and_hold_nothing(text: str) -> None:
    assert [span for span in COMPILED.find([text])[0] if span.label != "URL"] == []


def test_no_texts_no_spans() -> None:
    assert COMPILED.find([]) == []
    assert COMPILED.find(["", ""]) == [[], []]
