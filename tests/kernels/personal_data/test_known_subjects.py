import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.personal_data.known_subjects import (
    Known,
    deletions,
    edit_distance,
    edits_allowed,
    known_subjects,
)

PEOPLE = (
    Known("17", "PERSON", "Anna Maria Kowalska"),
    Known("18", "PERSON", "Jürgen Weißhaupt"),
    Known("18", "CUSTOMER_ID", "HF-2207"),
    Known("18", "ADDRESS", "Lindenstraße 14, Berlin"),
    Known("19", "PERSON", "Li Wu"),
)
FIND = known_subjects(PEOPLE)
WORDS = st.text("abcde", min_size=1, max_size=11).map(str.encode)


def seen(text, find=FIND):
    return [(text[s.span.start : s.span.end], s.subjects, s.edits) for s in find.sightings([text])[0]]


@pytest.mark.parametrize(
    ("text", "named", "subject", "edits"),
    [
        ("to Anna Maria Kowalska.", "Anna Maria Kowalska", "17", 0),
        ("KOWALSKA, Anna Maria", "KOWALSKA, Anna Maria", "17", 0),
        ("A. M. Kowalska", "A. M. Kowalska", "17", 0),
        ("Anna Kowalska", "Anna Kowalska", "17", 0),
        ("Anna Kowalsky", "Anna Kowalsky", "17", 1),
        ("jurgen weishaupt", "jurgen weishaupt", "18", 0),
        ("Jurgne Weisshaupt", "Jurgne Weisshaupt", None, None),
        ("Jurgen Weisshaubt", "Jurgen Weisshaubt", "18", 2),
        ("id hf-2207 here", "hf-2207", "18", 0),
        ("Lindenstraße 14\nBerlin", "Lindenstraße 14\nBerlin", "18", 0),
        ("Li Wu", "Li Wu", "19", 0),
        ("Li Wi", None, None, None),
        ("id hf-2208", None, None, None),
        ("Joanna Kowalska", None, None, None),
        ("HF-22071", None, None, None),
    ],
)
def test_known_people(text, named, subject, edits):
    expected = [] if subject is None else [(named, (subject,), edits)]
    assert seen(text) == expected


def test_everyone_whom_the_words_fit_is_named():
    find = known_subjects([Known("a", "PERSON", "Eva Berg"), Known("b", "PERSON", "Erik Berg")])
    assert seen("E. Berg", find) == [("E. Berg", ("a", "b"), 0)]


def test_without_fuzzy_a_misspelt_name_is_not_read():
    assert known_subjects(PEOPLE, fuzzy=False)(["Anna Kowalsky"]) == [[]]


def test_nothing_is_found_over_the_edge_of_a_record():
    assert FIND(["Anna", "Kowalska"]) == [[], []]


def test_offsets_count_code_points_where_characters_are_left_out():
    text = "\ufeff👋🏽 An\u200bna Kowal\u00adska"
    (span,) = FIND([text])[0]
    assert text[span.start : span.end] == "An\u200bna Kowal\u00adska"


@pytest.mark.parametrize("value", ["", " - ", "a " * 13])
def test_values_that_cannot_be_found_are_named(value):
    with pytest.raises(ValueError, match="expected a value of 1 to 12 words"):
        known_subjects([Known("1", "PERSON", value)])


def slow_distance(left, right):
    if not left or not right:
        return len(left) + len(right)
    return min(
        slow_distance(left[1:], right) + 1,
        slow_distance(left, right[1:]) + 1,
        slow_distance(left[1:], right[1:]) + (left[0] != right[0]),
    )


@settings(max_examples=40, deadline=None)
@given(st.text("ab", max_size=5).map(str.encode), st.text("ab", max_size=5).map(str.encode), st.integers(0, 5))
def test_edit_distance_is_levenshteins(left, right, most):
    assert edit_distance(left, right, most=most) == min(slow_distance(left, right), most + 1)


@settings(max_examples=200, deadline=None)
@given(WORDS, WORDS)
def test_words_near_each_other_share_a_rest(text, known):
    if edit_distance(text, known, most=edits_allowed(known)) <= edits_allowed(known):
        assert deletions(text) & deletions(known)
