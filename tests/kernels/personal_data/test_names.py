import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.personal_data.names import LABELS, find_names
from holdfast.kernels.personal_data.rule import Span

DEVELOPMENT = Path(__file__).parents[4] / "shared/data/pii/dev.jsonl"
PIECES = (
    "Dr. ",
    "Anna Kowalska",
    "lives in",
    " Berlin",
    "12 ",
    "Main Street",
    ", ",
    "\n",
    "works for ",
    "Acme Ltd.",
    "he is ",
    "diabetic",
    "Will",
    " and ",
    "O'Neil",
    "J. ",
    "ul. Prosta 7",
    "the ",
    "error at ",
    "É",
    "\u200b",
)


PLAINLY = """
import json, sys
from holdfast.kernels.personal_data.folding import fold
from holdfast.kernels.personal_data.lexicon import words_of_plainly
from holdfast.kernels.personal_data.names import read_names
batches = json.load(sys.stdin)
print(json.dumps([read_names(fold(texts), words_of_plainly(fold(texts)), len(texts), 0.1) for texts in batches]))
"""


def named(text, **options):
    return [(text[span.start : span.end], span.label) for span in find_names([text], **options)[0]]


def test_compiled_passes_agree_with_python():
    rng = np.random.default_rng(7)
    batches = [
        ["".join(rng.choice(PIECES, size=rng.integers(0, 12))) for _ in range(rng.integers(1, 4))] for _ in range(300)
    ]
    answer = subprocess.run(
        [sys.executable, "-c", PLAINLY],
        input=json.dumps(batches),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    plain = [[[Span(*span) for span in spans] for spans in found] for found in json.loads(answer.stdout)]
    assert sum(len(spans) for found in plain for spans in found) > 300
    assert plain == [find_names(texts, threshold=0.1) for texts in batches]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30) | st.sampled_from(PIECES), max_size=6))
def test_spans_lie_in_their_text_and_do_not_overlap(texts):
    for text, spans in zip(texts, find_names(texts), strict=True):
        assert all(0 <= span.start < span.end <= len(text) and span.label in LABELS for span in spans)
        assert all(left.end <= right.start for left, right in pairwise(spans))


def test_a_text_is_read_the_same_alone_and_in_a_batch():
    texts = ["Anna Kowalska", "lives in Berlin.", "", "Dear Will,", "12 Main Street"]
    assert find_names(texts) == [find_names([text])[0] for text in texts]


def test_offsets_count_code_points_where_characters_are_left_out():
    text = "\u200bto 👩\u200d🔬 An\u0301na Kowal\u200bska"
    spans = find_names(["\u200b", text])[1]
    assert spans == find_names([text])[0]
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


@pytest.mark.skipif(not DEVELOPMENT.is_file(), reason="the shared data is not here")
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
