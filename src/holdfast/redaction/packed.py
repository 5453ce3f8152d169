"""Texts that lie in base64 inside JSON, in tensors of the Open Inference Protocol: taken out, and put in again."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, NamedTuple

from holdfast.kernels.personal_data.inference_protocol import (
    LENGTH_BYTES,
    RAW,
    decoded_text,
    is_bytes_tensor,
    is_stated_base64,
)

DEEPEST = 100


class Packed(NamedTuple):
    """Texts in base64; bytes that are no UTF-8 are half characters in them.

    written: the base64 itself. tensor: the name of the tensor. is_measured: each text stands behind its length.
    """

    texts: tuple[str, ...]
    written: str
    tensor: str
    is_measured: bool = False

    def with_texts(self, texts: Sequence[str]) -> str:
        """Write other texts, as many, in the same way; the same texts give the same base64."""
        if tuple(texts) == self.texts:
            return self.written
        parts = [text.encode("utf-8", "surrogateescape") for text in texts]
        if self.is_measured:
            parts = [len(part).to_bytes(LENGTH_BYTES, "little") + part for part in parts]
        altered = base64.b64encode(b"".join(parts)).decode()
        is_for_urls = bool(set(self.written) & set("-_"))
        return altered.translate({ord("+"): "-", ord("/"): "_"}) if is_for_urls else altered


def unpacked(value: dict[str, Any]) -> dict[str, Any]:
    """Give an object of JSON with `Packed` texts in place of the base64 of its tensors; itself where it has none."""
    changed: dict[str, Any] = {}
    if is_bytes_tensor(value):
        name = str(value.get("name", ""))
        if "data" in value:
            changed["data"] = _elements(value["data"], name, is_stated=is_stated_base64(value))
        contents = value.get("contents")
        if isinstance(contents, dict) and isinstance(contents.get("bytes_contents"), list):
            parts = _elements(contents["bytes_contents"], name, is_stated=True)
            changed["contents"] = {**contents, "bytes_contents": parts}
    for key, listed in RAW:
        contents, tensors = value.get(key), value.get(listed)
        if isinstance(contents, list) and isinstance(tensors, list):
            named = [*tensors[: len(contents)], *[None] * (len(contents) - len(tensors))]
            changed[key] = [_raw(content, tensor) for content, tensor in zip(contents, named, strict=True)]
    return {**value, **changed} if changed else value


def _elements(part: Any, name: str, *, is_stated: bool, levels: int = DEEPEST) -> Any:
    """Elements in nested lists, which are left alone beneath the levels that a document may have."""
    if isinstance(part, list) and levels:
        return [_elements(item, name, is_stated=is_stated, levels=levels - 1) for item in part]
    text = decoded_text(part, is_stated=is_stated, errors="surrogateescape")
    return Packed((text,), part, name) if text else part


def _raw(content: Any, tensor: Any) -> Any:
    """The elements of a raw tensor; one whose lengths do not add up stays as it is."""
    if not (isinstance(content, str) and isinstance(tensor, dict) and is_bytes_tensor(tensor)):
        return content
    try:
        held = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return content
    texts, at = [], 0
    while at + LENGTH_BYTES <= len(held):
        begin = at + LENGTH_BYTES
        at = begin + int.from_bytes(held[at:begin], "little")
        texts.append(held[begin:at].decode("utf-8", "surrogateescape"))
    return Packed(tuple(texts), content, str(tensor.get("name", "")), is_measured=True) if at == len(held) else content
