"""Texts in tensors of the Open Inference Protocol are read, in base64 too."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.inference_protocol import decoded_elements, decoded_text, raw_elements

MAIL = "jane.roe@example.org"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_elements_of_any_shape_are_decoded() -> None:
    tensor = {"datatype": "BYTES", "data": [[encoded(MAIL), "plain text"], [encoded("Łódź, ul. Piotrkowska")]]}
    assert list(decoded_elements(tensor)) == [(".data[0][0]", MAIL), (".data[1][0]", "Łódź, ul. Piotrkowska")]


def test_contents_of_grpc_in_json_are_decoded() -> None:
    tensor = {"datatype": "BYTES", "contents": {"bytes_contents": [encoded("Bo")]}}
    assert list(decoded_elements(tensor)) == [(".contents.bytes_contents[0]", "Bo")]


def test_raw_contents_are_taken_apart_by_their_lengths() -> None:
    held = b"".join(len(part).to_bytes(4, "little") + part for part in (MAIL.encode(), b"", "Zoë".encode()))
    request = {
        "inputs": [{"name": "x", "datatype": "FP32"}, {"name": "email", "datatype": "BYTES"}],
        "raw_input_contents": ["AAAA", base64.b64encode(held).decode()],
    }
    assert [text for _, name, text in raw_elements(request) if name == "email"] == [MAIL, "", "Zoë"]


@pytest.mark.parametrize("text", ["", "international", "abcdefghijkl", "Kowalski1234", "====", "aGVsbG8", 7])
def test_words_are_not_taken_for_base64(text: object) -> None:
    assert decoded_text(text, is_stated=False) == ""


@pytest.mark.parametrize(
    "tensor",
    [
        {"datatype": "BYTES"},
        {"datatype": "BYTES", "data": "x"},
        {"datatype": "BYTES", "data": [None, 3, {}]},
        {"datatype": "BYTES", "parameters": 3, "contents": 4},
    ],
)
def test_odd_tensors_give_nothing(tensor: dict[str, object]) -> None:
    assert list(decoded_elements(tensor)) == []


@given(st.text(max_size=60))
def test_what_is_said_to_be_base64_is_read_as_it_was_written(text: str) -> None:
    assert decoded_text(encoded(text), is_stated=True) == text


@given(st.binary(max_size=60))
def test_raw_contents_of_any_bytes_end(held: bytes) -> None:
    content = base64.b64encode(held).decode()
    request = {"outputs": [{"name": "y", "datatype": "BYTES"}], "raw_output_contents": [content]}
    assert sum(len(text) for _, _, text in raw_elements(request)) <= len(held)
