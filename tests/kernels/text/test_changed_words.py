from __future__ import annotations

import pytest

from holdfast.kernels.text.changed_words import changed_words


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a fair price", "a fair price", 0),
        ("a fair price", "a fiar price", 1),
        ("a fair price", "a fai pricee", 2),
        ("a fair price", "a faor price", 1),
        ("fair", "fаir", 1),
        ("well-known", "wel-knonw", 2),
        ("", "", 0),
        ("a fair price", "a foul price", None),
        ("a fair price", "a price", None),
        ("a fair price", "fair a price", None),
        ("a fair price", "a fair  price", None),
        ("a fair price", "a fairprice", None),
        ("it costs 100", "it costs 900", None),
        ("yes!", "yes?", None),
        ("abcd", "badc", None),
    ],
)
def test_changes_are_counted_or_refused(before: str, after: str, expected: int | None) -> None:
    assert changed_words(before, after) == expected


def test_a_synonym_counts_as_one_word() -> None:
    synonyms = {"fair": ["just", "Even"]}
    assert changed_words("A Fair price", "A Just price", synonyms=synonyms) == 1
    assert changed_words("A fair price", "A even price", synonyms=synonyms) == 1
    assert changed_words("A just price", "A fair price", synonyms=synonyms) is None
