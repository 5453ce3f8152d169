"""Texts inside tensors of requests and responses of the Open Inference Protocol, version 2, written in JSON.

Elements of ``BYTES`` tensors are texts, or bytes in base64: so says a content type, or they read as text when they are
decoded. ``raw_input_contents`` and ``raw_output_contents`` hold one text of base64 for each tensor, whose elements
stand behind their lengths.

References
----------
KServe, Open Inference Protocol, https://github.com/kserve/open-inference-protocol: "Inference Request JSON Object"
(REST) and "Raw Tensor Contents" (gRPC); MLServer, content types.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

SHORTEST_GUESSED = 12
LENGTH_BYTES = 4
MOST_DECODED = 1 << 26
ALPHABET = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
RAW = (("raw_input_contents", "inputs"), ("raw_output_contents", "outputs"))


def is_bytes_tensor(value: dict[str, Any]) -> bool:
    """Whether an object is a tensor of texts or bytes."""
    return value.get("datatype") == "BYTES"


def is_stated_base64(tensor: dict[str, Any]) -> bool:
    """Whether a tensor says of its elements that they are base64."""
    parameters = tensor.get("parameters")
    return isinstance(parameters, dict) and "base64" in str(parameters.get("content_type", ""))


def decoded_elements(tensor: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the step of the path and the text of each element of a tensor that is base64."""
    is_stated = is_stated_base64(tensor)
    contents = tensor.get("contents")
    if isinstance(contents, dict) and isinstance(contents.get("bytes_contents"), list):
        for i, element in enumerate(contents["bytes_contents"]):
            text = decoded_text(element, is_stated=True)
            if text:
                yield f".contents.bytes_contents[{i}]", text
    stack = [("", tensor.get("data"))]
    while stack:
        step, part = stack.pop()
        if isinstance(part, list):
            stack.extend((f"{step}[{i}]", part[i]) for i in range(len(part) - 1, -1, -1))
        elif isinstance(part, str) and (text := decoded_text(part, is_stated=is_stated)):
            yield f".data{step}", text


def decoded_text(element: object, *, is_stated: bool, errors: str = "replace") -> str:
    """Decode base64 that holds a text; empty for what is none.

    Parameters
    ----------
    is_stated
        Whether it is known to be base64.
    errors
        What becomes of bytes that are no UTF-8 then, as ``bytes.decode`` has it.

    Examples
    --------
    >>> decoded_text("am9obkBleGFtcGxlLm9yZw==", is_stated=False)
    'john@example.org'
    >>> decoded_text("international", is_stated=False)
    ''
    """
    if not isinstance(element, str) or not element or len(element) > MOST_DECODED or not ALPHABET.fullmatch(element):
        return ""
    if not is_stated and (len(element) < SHORTEST_GUESSED or len(element) % 4):
        return ""
    try:
        held = base64.b64decode(
            element + "=" * (-len(element) % 4), altchars=b"-_" if set(element) & set("-_") else None
        )
    except (binascii.Error, ValueError):
        return ""
    if is_stated:
        return held.decode("utf-8", errors)
    try:
        text = held.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if all(character.isprintable() or character in "\r\n\t" for character in text) else ""


def raw_elements(value: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the step of the path, the tensor's name and the text of each element of raw contents."""
    for key, tensors in RAW:
        contents, listed = value.get(key), value.get(tensors)
        if not isinstance(contents, list) or not isinstance(listed, list):
            continue
        for i, (content, tensor) in enumerate(zip(contents, listed, strict=False)):
            if isinstance(tensor, dict) and is_bytes_tensor(tensor) and isinstance(content, str):
                for j, text in enumerate(_measured(content)):
                    yield f".{key}[{i}][{j}]", str(tensor.get("name", "")), text


def _measured(content: str) -> Iterator[str]:
    """The elements of a raw tensor: each behind its length, of four bytes, the lowest first."""
    if len(content) > MOST_DECODED:
        return
    try:
        held = base64.b64decode(content)
    except (binascii.Error, ValueError):
        return
    at = 0
    while at + LENGTH_BYTES <= len(held):
        size = int.from_bytes(held[at : at + LENGTH_BYTES], "little")
        yield held[at + LENGTH_BYTES : at + LENGTH_BYTES + size].decode("utf-8", "replace")
        at += LENGTH_BYTES + size
