import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.personal_data.folding import fold
from holdfast.kernels.personal_data.lexicon import words_of_plainly
from holdfast.kernels.personal_data.names import LABELS, find_names, passes, read_names

DEVELOPMENT = Path(os.environ.get("HOLDFAST_DATA", Path(__file__).parents[4] / "shared" / "data")) / "pii" / "dev.jsonl"
PIECES = ("Dr. ", "Anna Kowalska", "lives in", " Berlin", "12 ", "Main Street", ", ", "\n", "works for ", "Acme Ltd.",
          "he is ", "diabetic", "Will", " and ", "O'Neil", "J. ", "ul. Prosta 7", "the ", "error at ", "É", "\u200b")  # fmt: skip


def plainly(texts):
    folded = fold(texts)
    words = words_of_plainly(folded)
    found = np.zeros((6 * (len(words) + 1), 4), np.int64)
    n = 0
    for find in passes():
        n = find.py_func(words, found, n)
    return n, found[:n]


def named(text, **options):
    return [(text[span.start : span.end], span.label) for span in find_names([text], **options)[0]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=10).map("".join), min_size=1, max_size=3))
def test_compiled_passes_agree_with_python(texts):
    folded = fold(texts)
    words = words_of_plainly(folded)
    found = np.zeros((6 * (len(words) + 1), 4), np.int64)
    n = 0
    for find in passes():
        n = find(words, found, n)
    expected_n, expected = plainly(texts)
    assert n == expected_n
    assert np.array_equal(found[:n], expected)
    assert read_names(folded, words, len(texts), 0.5) == find_names(texts)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30) | st.sampled_from(PIECES), max_size=6))
def test_spans_lie_in_their_text_and_do_not_overlap(texts):
    for text, spans in zip(texts, find_names(texts), strict=True):
        assert all(0 <= span.start < span.end <= len(text) and span.label in LABELS for span in spans)
        assert all(left.end <= right.start for left, right in zip(spans, spans[1:], strict=False))


def test_a_text_is_read_the_same_alone_and_in_a_batch():
    texts = ["Anna Kowalska", "lives in Berlin.", "", "Dear Will,", "12 Main Street"]
    assert find_names(texts) == [find_names([text])[0] for text in texts]


def test_offsets_count_code_points_where_characters_are_left_out():
    text = "\u200bD\u00adr. 👩\u200d🔬 An\u0301na Kowal\u200bska"
    spans = find_names([text])[0]
    assert [text[span.start : span.end] for span in spans] == ["An\u0301na Kowal\u200bska"]


def test_threshold_drops_the_less_likely():
    assert named("We met Becker yesterday") == [("Becker", "PERSON")]
    assert named("We met Becker yesterday", threshold=0.7) == []


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30 12:00:01 INFO server started on port 8080 with 4 workers",
        "ERROR [main] org.example.Handler - Connection reset by peer (attempt 3 of 5)",
        "The function returns a list of strings; see the Parameters section below for details.",
        "May I ask what will happen? Mark the page and bill the account. Grant access, then chase it.",
        "GET /api/v1/items?page=2 HTTP/1.1 200 512 Mozilla/5.0 (X11; Linux x86_64)",
        "Raise ValueError if the Hessian is singular. Use Python 3.11 or later on Linux, Windows or macOS.",
    ],
)
def test_ordinary_prose_and_logs_raise_no_alarm(text):
    assert named(text) == []


@pytest.mark.skipif(not DEVELOPMENT.is_file(), reason=f"{DEVELOPMENT} is not on this machine")
def test_persons_of_the_development_half():
    rows = [json.loads(line) for line in DEVELOPMENT.read_text("utf-8").splitlines()]
    found = find_names([row["text"] for row in rows])
    hits = alarms = gold = strangers = 0
    for row, spans in zip(rows, found, strict=True):
        wanted = {(span["start"], span["end"]) for span in row["spans"] if span["label"] == "PERSON"}
        got = {(span.start, span.end) for span in spans if span.label == "PERSON"}
        hits, alarms, gold = hits + len(wanted & got), alarms + len(got - wanted), gold + len(wanted)
        strangers += sum(not any(s["start"] < end and start < s["end"] for s in row["spans"]) for start, end in got)
    assert hits / (hits + alarms) > 0.84
    assert hits / gold > 0.70
    assert strangers == 0
