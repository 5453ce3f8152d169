import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.personal_data.folding import fold
from holdfast.kernels.personal_data.lexicon import (
    ALONE,
    BITS,
    CAPITALISED,
    CLASSES,
    ENDINGS,
    FLAGS,
    INITIAL,
    LENGTH,
    LOWER,
    NUMBER,
    OTHER_SHAPE,
    RECORD,
    SHAPE,
    STREET_ENDING,
    SURNAME_ENDING,
    UPPER,
    entries,
    read_lexicon,
    words_of,
    words_of_plainly,
)

FRAGMENTS = ("Anna", "KOWALSKA", "o'brien", "San ", "Francisco", "p.o. box", "Sp. z o.o.", "McDonald", "12A", "70s", "\0",
             "name is", "Łódź", "strasse", "Lindenstrasse", "\n", ". ", ", ", " ", "-", "'", "ß", "\u200b", "٣", "東京", "é")  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=12).map("".join), max_size=5))
def test_compiled_and_plain_look_up_agree(texts):
    folded = fold(texts)
    assert np.array_equal(words_of(folded), words_of_plainly(folded))


def test_every_entry_is_found_by_both_ways():
    phrases = [words.decode("latin-1") for words, bits in entries().items() if bits & ((1 << len(CLASSES)) - 1)]
    folded = fold(phrases)
    compiled = words_of(folded)
    assert np.array_equal(compiled, words_of_plainly(folded))
    first = compiled[np.searchsorted(compiled[:, 0], folded.starts[:-1])]
    assert (first[:, LENGTH] == [phrase.count(" ") + 1 for phrase in phrases]).all()


@pytest.mark.parametrize("name", (*CLASSES, *ENDINGS))
def test_lexicons_are_folded_sorted_and_without_doubles(name):
    words = read_lexicon(name)
    assert words == sorted(set(words))
    assert all(words) and all(word == word.lower() for word in words)


def test_longest_phrase_wins_and_the_word_alone_is_kept():
    (york, *_), texts = words_of(fold(["New York City is new"])), None
    assert texts is None
    assert york[LENGTH] == 3 and york[FLAGS] & BITS["cities"] and york[ALONE] & BITS["ordinary_words"]


def test_phrases_do_not_reach_over_records():
    words = words_of(fold(["in New", "York"]))
    assert not words[1, FLAGS] & BITS["cities"]
    assert words[2, 6] & RECORD


@pytest.mark.parametrize(
    ("word", "shape"),
    [("Anna", CAPITALISED), ("ANNA", UPPER), ("anna", LOWER), ("A", INITIAL), ("12", NUMBER), ("12a", NUMBER),
     ("70s", OTHER_SHAPE), ("McDonald", CAPITALISED), ("ValueError", OTHER_SHAPE), ("x86", OTHER_SHAPE)],
)  # fmt: skip
def test_shapes(word, shape):
    assert words_of(fold([word]))[0, SHAPE] == shape


def test_endings_tell_surnames_and_streets():
    words = words_of(fold(["Testowski Probenstrasse"]))
    assert words[0, ALONE] & SURNAME_ENDING
    assert words[1, ALONE] & STREET_ENDING


def test_no_words():
    assert words_of(fold([])).shape == words_of_plainly(fold(["", "..."])).shape == (0, 7)
