"""Text of any encoding and length of line is read, and what is no text is counted."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.surfaces import decoding as module
from holdfast.adapters.surfaces.decoding import decoded, lines_of


def read(data: bytes) -> tuple[str, list[str]]:
    notes: list[str] = []
    return "".join(decoded(io.BytesIO(data), notes)), notes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_with_a_mark_are_told(encoding: str) -> None:
    assert read("Łódź 城".encode(encoding)) == ("Łódź 城", [])


def test_bytes_that_are_no_text_are_counted() -> None:
    assert read(b"a\xffb\xfe \xef\xbf\xbd") == (
        "a\ufffdb\ufffd \ufffd",
        ["2 places are no UTF-8: they were read as U+FFFD"],
    )
    assert read(b"a\0b")[1] == ["1 NUL characters stand in the text"]


@given(st.text(max_size=20), st.integers(1, 9))
def test_chunks_never_split_a_character(text: str, size: int) -> None:
    patch = pytest.MonkeyPatch()
    with patch.context() as here:
        here.setattr(module, "CHUNK", size)
        assert read(text.encode())[0] == text.removeprefix("\ufeff") or text.startswith("\ufeff")


def test_long_lines_are_broken_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 10)
    notes: list[str] = []
    assert list(lines_of(iter(["a\nb", "b" * 12, "c\n"]), notes)) == ["a\n", "b" * 13 + "\n", "c\n"]
    assert "1 lines were broken" in notes[0]
