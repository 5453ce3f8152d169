"""Texts and identifiers in the bytes of arrays are found without being told the type."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.array_texts import array_texts


def test_texts_of_fixed_width_are_read() -> None:
    names = np.array(["Anna", "Łucja", "Bo", "", "Kasimir"])
    assert list(array_texts(names.tobytes())) == ["Anna", "Łucja", "Bo", "Kasimir"]
    assert list(array_texts(np.array([b"Anna", b"Bo"]).tobytes(), item=4)) == ["Anna", "Bo"]


def test_texts_that_fill_their_items_are_parted_by_the_width() -> None:
    names = np.array(["abcd", "efgh", "ij"])
    assert list(array_texts(names.tobytes(), item=4)) == ["abcd", "efgh", "ij"]
    assert list(array_texts(names.tobytes())) == ["abcdefghij"]


def test_a_width_that_does_not_fit_is_not_believed() -> None:
    names = np.array(["ab", "c", "de"])  # as if the width were that of another array
    assert list(array_texts(names.tobytes(), item=3)) == ["abc", "de"]


@pytest.mark.parametrize("kind", ["i8", "f8"])
def test_whole_numbers_that_may_be_identifiers_are_read(kind: str) -> None:
    values = np.array([3, 48221234567, 999999, 1e15 + 1, 48221234567], dtype=kind)
    assert list(array_texts(values.tobytes())) == ["48221234567", "1000000000000001"]


def test_numbers_in_the_other_byte_order_are_read() -> None:
    assert list(array_texts(np.array([48221234567], dtype=">i8").tobytes(), order=">")) == ["48221234567"]


def test_weights_give_nothing() -> None:
    rng = np.random.default_rng(0)
    for kind in ("f4", "f8"):
        assert list(array_texts(rng.normal(size=2000).astype(kind).tobytes())) == []
    assert list(array_texts(rng.integers(0, 10, 500).astype("i4").tobytes())) == []


@given(st.binary(max_size=200), st.integers(0, 9))
def test_any_bytes_are_read_without_an_error(data: bytes, item: int) -> None:
    assert all(isinstance(text, str) for text in array_texts(data, item=item))


@given(
    st.lists(st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1, max_size=8), min_size=1)
)
def test_every_text_of_an_array_is_found(texts: list[str]) -> None:
    held = np.array(texts)
    width = held.dtype.itemsize // 4
    assert list(array_texts(held.tobytes(), item=width)) == texts
