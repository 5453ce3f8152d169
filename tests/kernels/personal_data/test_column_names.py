"""Words in the names of columns."""

from __future__ import annotations

import pytest

from holdfast.kernels.personal_data.column_names import _WORDS, match_name, name_words
from holdfast.kernels.personal_data.folding import fold_text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("date_of_birth", ["date", "of", "birth"]),
        ("dateOfBirth", ["date", "of", "birth"]),
        ("DATE-OF BIRTH", ["date", "of", "birth"]),
        ("customerID2", ["customer", "id", "2"]),
        ("Größe", ["grose"]),
        ("", []),
    ],
)
def test_names_are_cut_into_folded_words(name: str, words: list[str]) -> None:
    assert name_words(name) == words


@pytest.mark.parametrize(
    ("name", "label", "role"),
    [
        ("E-Mail", "EMAIL_ADDRESS", "direct identifier"),
        ("Kundengeburtsdatum", "DOB", "quasi-identifier"),
        ("dateDeNaissance", "DOB", "quasi-identifier"),
        ("código_postal", "ZIP_CODE", "quasi-identifier"),
        ("last_name", "PERSON", "direct identifier"),
        ("imię", "PERSON", "direct identifier"),
        ("religion", "RELIGION", "special category"),
        ("patient_hiv_status", "HEALTH", "special category"),
        ("prior_convictions", "CRIME", "special category"),
        ("monthly_income", "FINANCE", "sensitive"),
        ("Familienstand", "MARITAL_STATUS", "quasi-identifier"),
        ("company_name", "ORGANIZATION", "other"),
    ],
)
def test_names_say_what_stands_in_a_column(name: str, label: str, role: str) -> None:
    found = match_name(name)
    assert found is not None
    assert (found.label, found.role) == (label, role)


@pytest.mark.parametrize("name", ["product_name", "amount", "x1", "feature name", "", "duration", "shipping"])
def test_names_of_things_say_nothing(name: str) -> None:
    assert match_name(name) is None


def test_the_longest_word_counts() -> None:
    found = match_name("credit_card_number")
    assert found is not None
    assert found.label == "CREDIT_CARD"


def test_words_of_the_table_are_folded() -> None:
    for _, _, words in _WORDS:
        for word in words.split():
            assert word == fold_text(word).lower()
            assert word.isalnum()
