"""Texts in tensors' base64 are taken out and put in again as they were written."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.redaction.packed import Packed, unpacked

MAIL = "jane.roe@example.org"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def raw(*parts: bytes) -> str:
    return encoded(b"".join(len(part).to_bytes(4, "little") + part for part in parts))


def packed(value: Any) -> list[Packed]:
    """All packed texts of a value, in order."""
    if isinstance(value, Packed):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for part in inner for found in packed(part)]


@pytest.mark.parametrize(
    ("request_", "texts"),
    [
        ({"name": "x", "datatype": "BYTES", "data": [[encoded(MAIL.encode()), "plain text"]]}, [(MAIL,)]),
        ({"name": "x", "datatype": "BYTES", "contents": {"bytes_contents": [encoded(b"Bo")]}}, [("Bo",)]),
        ({"inputs": [{"name": "x", "datatype": "BYTES"}], "raw_input_contents": [raw(b"Bo", b"")]}, [("Bo", "")]),
        ({"inputs": [{"name": "x", "datatype": "FP32"}], "raw_input_contents": ["AAAA"]}, []),
        ({"inputs": [{"name": "x", "datatype": "BYTES"}], "raw_input_contents": [encoded(b"\x09\0\0\0ab")]}, []),
        ({"inputs": [], "raw_input_contents": [raw(b"Bo")]}, []),
        ({"data": [encoded(MAIL.encode())]}, []),
        ({"datatype": "BYTES", "data": encoded(MAIL.encode())}, [(MAIL,)]),
        ({"datatype": "BYTES", "data": None, "contents": 7}, []),
    ],
)
def test_texts_of_tensors_are_found_where_they_stand(request_: dict[str, Any], texts: list[tuple[str, ...]]) -> None:
    found = packed(unpacked(request_))
    assert [one.texts for one in found] == texts
    assert [one.with_texts(one.texts) for one in found] == [one.written for one in found]
    if not texts:
        assert unpacked(request_) == request_


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=12), min_size=1, max_size=4))
def test_any_bytes_come_back_and_others_are_written_the_same_way(parts: list[bytes]) -> None:
    written = raw(*parts)
    request = {"inputs": [{"name": "x", "datatype": "BYTES"}], "raw_input_contents": [written]}
    (found,) = packed(unpacked(request))
    assert found.with_texts(found.texts) == written
    other = found.with_texts(["[PERSON_1]"] * len(parts))
    assert packed(unpacked({**request, "raw_input_contents": [other]}))[0].texts == ("[PERSON_1]",) * len(parts)


def test_letters_of_addresses_are_kept() -> None:
    """Base64 for URLs is written with - and _ again."""
    written = base64.urlsafe_b64encode("~~~~?? Zoë ??~~~~".encode()).decode()
    assert set(written) & set("-_")
    (found,) = packed(unpacked({"datatype": "BYTES", "data": [written]}))
    other = found.with_texts(["??~~>>?? x"])
    assert base64.urlsafe_b64decode(other).decode() == "??~~>>?? x"
    assert not set(other) & set("+/")
