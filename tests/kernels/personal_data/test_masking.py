import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.masking import mask


@pytest.mark.parametrize(
    ("value", "first", "last", "expected"),
    [
        ("4111 1111 1111 1234", 0, 4, "**** **** **** 1234"),
        ("GB82 WEST 1234", 2, 2, "GB** **** **34"),
        ("+1 (212) 555-0123", 0, 2, "+* (***) ***-**23"),
        ("1234", 0, 4, "****"),
        ("Łódź Ünal", 0, 0, "**** ****"),
        ("नमस्ते", 0, 0, "******"),
        ("", 0, 4, ""),
    ],
)
def test_letters_and_digits_are_covered(value: str, first: int, last: int, expected: str) -> None:
    assert mask(value, keep_first=first, keep_last=last) == expected


@given(st.text(), st.integers(0, 5), st.integers(0, 5))
def test_length_stays_and_at_most_half_is_readable(value: str, first: int, last: int) -> None:
    covered = mask(value, keep_first=first, keep_last=last, character="•")
    readable = sum(a.isalnum() and a == b for a, b in zip(value, covered, strict=True))
    assert 2 * readable <= sum(map(str.isalnum, value))
