"""Passages are searched in batches, and what is found keeps its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data import passages as module
from holdfast.kernels.personal_data.detector import Detector, default_detector
from holdfast.kernels.personal_data.passages import Passage, Place, context_of, find_in
from holdfast.kernels.personal_data.rule import Anchor, Rule

BADGE = Rule(
    "BADGE", "badge", r"\bQ\d{6}\b", Anchor("token", (7, 7), 7), 0.3, "invented", ("badge",), 0.9, examples=("Q123456",)
)
BADGES = Detector((BADGE,))
MAILS = default_detector(labels=["EMAIL_ADDRESS"])


def test_context_counts_and_is_not_reported() -> None:
    place = Place("a", 3, "$.badge")
    bare, told = Passage("Q123456", place), Passage("Q123456", place, context_of("badge"))
    found = list(find_in([bare, told], BADGES))
    assert [(one.start, one.end, one.score, one.text, one.place) for one in found] == [(0, 7, 0.9, "Q123456", place)]


def test_mail_address_in_the_context_is_no_finding_of_the_value() -> None:
    assert list(find_in([Passage("yes", Place(), "jane.roe@example.org: ")], MAILS)) == []


def test_offset_is_added_and_lines_are_counted_in_running_text() -> None:
    text = "one\ntwo jane.roe@example.org"
    (found,) = find_in([Passage(text, Place(line=5), "", 100, (0, len(text)))], MAILS)
    assert (found.start, found.end, found.place.line, found.text) == (108, 128, 6, "jane.roe@example.org")


def test_lines_are_not_counted_in_a_value_that_stands_on_one_line() -> None:
    (found,) = find_in([Passage("one\ntwo jane.roe@example.org", Place("r", 5))], MAILS)
    assert found.place.line == 5


def test_spans_outside_the_own_part_are_left_to_the_next_piece() -> None:
    text = "a@example.org b@example.org"
    assert [one.text for one in find_in([Passage(text, Place(), "", 0, (0, 14))], MAILS)] == ["a@example.org"]
    assert [one.text for one in find_in([Passage(text, Place(), "", 0, (14, 27))], MAILS)] == ["b@example.org"]


def test_known_text_is_found_whatever_the_rules_say() -> None:
    (found,) = find_in([Passage("Jane Roe", Place(), known="PERSON")], BADGES)
    assert (found.label, found.start, found.end, found.score) == ("PERSON", 0, 8, 1.0)
    assert not list(find_in([Passage("Jane Roe", Place(), known="PERSON")], MAILS))  # of other labels only


def test_batches_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [Passage(f"user{i % 7}@example.org and {i}", Place(i)) for i in range(50)]
    whole = list(find_in(given, MAILS))
    monkeypatch.setattr(module, "BATCH_PASSAGES", 3)
    assert list(find_in(given, MAILS)) == whole
    assert [one.place.record for one in whole] == list(range(50))


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=10)), max_size=5))
def test_offsets_are_those_of_the_text_for_any_characters(parts: list[tuple[str, str]]) -> None:
    given = [Passage(f"{text} a.b@example.org", Place(), context_of(name)) for text, name in parts]
    for found in find_in(given, MAILS):
        assert any(found.text == one.text[found.start : found.end] for one in given)
        assert found.text.endswith("example.org")
