import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("model.pkl", "model.pkl"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("gpj\u202egp.exe", "gpj\\u202egp.exe"),
        ("\ud800", "\\ud800"),
        ("größe", "größe"),
        (b"\xff\0", "\\xff\\x00"),
        ("\\n", "\\\\n"),
    ],
)
def test_text_is_shown_without_harm(text: str | bytes, shown: str) -> None:
    assert printable(text) == shown


@given(st.text() | st.binary())
def test_whatever_comes_out_is_printable_and_short(text: str | bytes) -> None:
    shown = printable(text, 20)
    assert shown.isprintable()
    assert len(shown) <= 20 * 10 + 3
