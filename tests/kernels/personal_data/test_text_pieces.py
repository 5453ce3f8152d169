"""Text of any length is read in pieces without losing or doubling anything at their borders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data import text_pieces as module
from holdfast.kernels.personal_data.detector import default_detector
from holdfast.kernels.personal_data.passages import Place, find_in
from holdfast.kernels.personal_data.text_pieces import line_passages, text_passages

MAILS = default_detector(labels=["EMAIL_ADDRESS"])
WORDS = st.lists(st.sampled_from(["jane.roe@example.org", "word", "\n", " ", "ąę", "x" * 30]), max_size=60)


@pytest.fixture(scope="module", autouse=True)
def _small_pieces() -> object:
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "PIECE", 200)
    patch.setattr(module, "OVERLAP", 50)
    yield
    patch.undo()


def spans(text: str) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in MAILS.find([text])[0]]


@given(WORDS, st.integers(1, 90))
def test_pieces_find_what_the_whole_text_holds(words: list[str], size: int) -> None:
    text = " ".join(words)
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    found = list(find_in(text_passages(chunks, Place(line=1)), MAILS))
    assert [(one.start, one.end) for one in found] == spans(text)
    assert [one.place.line for one in found] == [1 + text.count("\n", 0, one.start) for one in found]


@given(WORDS, st.integers(1, 90))
def test_lines_have_their_numbers_and_offsets(words: list[str], size: int) -> None:
    text = " ".join(words)
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    found = list(find_in(line_passages(chunks), MAILS))
    expected = [(number, *span) for number, line in enumerate(text.split("\n"), 1) for span in spans(line)]
    assert [(one.place.record, one.start, one.end) for one in found] == expected


def test_long_line_is_cut_into_pieces_that_overlap() -> None:
    line = "x " * 90 + "jane.roe@example.org" + " y" * 400
    found = list(find_in(line_passages([line, "\nnext a@example.org\n"]), MAILS))
    assert [(one.place.line, one.start) for one in found] == [(1, 180), (2, 5)]


def test_what_is_split_over_two_lines_is_found_on_request() -> None:
    text = "12:00 mail to jane.roe@exam\r\n    ple.org sent\r\n"
    assert list(find_in(line_passages([text]), MAILS)) == []
    (found,) = find_in(line_passages([text], is_wrapped=True), MAILS)
    assert (found.place.line, found.start, found.text) == (1, 14, "jane.roe@example.org")
    assert found.place.part == "goes on in the next line"


def test_whole_spans_are_not_found_twice_in_wrapped_lines() -> None:
    text = "to a@example.org, sent\nfrom b@example.org\n"
    assert [one.text for one in find_in(line_passages([text], is_wrapped=True), MAILS)] == [
        "a@example.org",
        "b@example.org",
    ]


def test_nothing_gives_nothing() -> None:
    assert list(text_passages([], Place())) == []
    assert list(line_passages(["\n\n"])) == []
