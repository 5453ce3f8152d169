"""Tests of one byte for each code point."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.folding import BETWEEN, fold, fold_text


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ærøskøbing Łódź ÉCOLE", "Aroskobing Lodz ECOLE"),
        ("аnna@exаmple.com", "anna@example.com"),  # two Cyrillic letters
        ("１２３４　５６", "1234 56"),
        ("٠١٢٣", "0123"),
        ("4012–8888", "4012-8888"),
        ("‘x’ “y”", "'x' \"y\""),
    ],
)
def test_letters_digits_and_signs_become_their_plain_form(text: str, folded: str) -> None:
    assert fold_text(text) == folded


def test_what_cannot_be_seen_is_left_out_and_offsets_lead_back() -> None:
    folded = fold(["a\u200bb", "cd"])
    assert bytes(folded.codes) == b"ab\0cd"
    assert folded.positions is not None
    assert [int(folded.positions[at]) for at in range(5)] == [0, 2, 3, 4, 5]
    assert folded.starts.tolist() == [0, 3, 5]


def test_a_nul_in_a_text_is_no_border_between_records() -> None:
    folded = fold(["a\0b", "ż\0"])
    assert (folded.codes == BETWEEN).sum() == 1
    assert len(folded.codes) == 6


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_every_code_point_is_folded_to_one_byte_or_left_out(texts: list[str]) -> None:
    folded = fold(texts)
    length = sum(len(text) + 1 for text in texts) - 1
    positions = range(length) if folded.positions is None else folded.positions.tolist()[:-1]
    assert len(folded.codes) == len(positions)
    assert (folded.codes == BETWEEN).sum() == len(texts) - 1
    joined = "\0".join(texts)
    for code, position in zip(folded.codes.tolist(), positions, strict=True):
        assert 0 <= position < length
        if 0 < ord(joined[position]) < 128:
            assert code in (ord(joined[position]), ord("'"))
