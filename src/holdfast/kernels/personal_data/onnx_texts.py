"""Every text and identifier-like number of an ONNX model: names, categories, string tensors, keys of maps, metadata."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.kernels.formats.onnx_schema import DOUBLES, INTEGERS, MESSAGES, TEXT
from holdfast.kernels.formats.protobuf import Field, WireError, fields, packed_varints, signed
from holdfast.kernels.personal_data.array_texts import LEAST, MOST, array_texts
from holdfast.kernels.personal_data.passages import Passage, Place, context_of

MOST_MESSAGES = 2_000_000
LONGEST_TEXT = 1 << 20
FIXED = {("OperatorSetId", 1), ("Node", 4), ("Node", 7), ("Function", 10), ("Function", 1)}
"""Names of operators and of their domains."""
RAW_DATA = 9
NAMES = {"Node": (3, 4), "Attribute": (1,), "Tensor": (8,), "Graph": (2,), "ValueInfo": (1,), "Function": (1,)}
"""Fields that hold the name of a message, the first that is there counts."""
SKIPPED = {"Attribute": (7,), "Tensor": (4, 5)}
"""Runs of 32-bit floats and integers: no identifier fits into them."""


def onnx_passages(data: memoryview, *, notes: list[str] | None = None) -> Iterator[Passage]:
    """Walk all messages of a model; the part of a place is the names of the messages around a text.

    Parameters
    ----------
    notes
        Takes a sentence where the model breaks its format.
    """
    stack: list[tuple[str, memoryview, str]] = [("Model", data, "")]
    for _ in range(MOST_MESSAGES):
        if not stack:
            return
        message, body, around = stack.pop()
        parts: list[Field] = []
        try:
            parts.extend(fields(body, skip_runs_of=SKIPPED.get(message, ())))
        except WireError as error:
            if notes is not None:
                notes.append(f"a {message} message is broken: {error}")
        label = f"{around} {_name(message, parts)}".strip()
        shape = MESSAGES[message]
        for part in parts:
            kind = shape.get(part.number, "")
            if kind in MESSAGES and not isinstance(part.value, int):
                stack.append((kind, part.value, label))
            else:
                yield from _values(message, kind, part, label)
    if notes is not None:
        notes.append(f"what follows {MOST_MESSAGES} messages was not read")


def _name(message: str, parts: list[Field]) -> str:
    for number in NAMES.get(message, ()):
        for part in parts:
            if part.number == number and not isinstance(part.value, int) and len(part.value):
                return str(part.value[:80], "utf-8", "replace")
    return ""


def _values(message: str, kind: str, part: Field, label: str) -> Iterator[Passage]:
    place, context = Place(part=label or "model"), context_of(label.rpartition(" ")[2])
    if kind == TEXT and not isinstance(part.value, int) and (message, part.number) not in FIXED:
        if message == "Tensor" and part.number == RAW_DATA:
            yield from (Passage(text, place, context) for text in array_texts(part.value))
        elif len(part.value):
            yield Passage(str(part.value[:LONGEST_TEXT], "utf-8", "replace"), place, context)
    elif kind == DOUBLES and not isinstance(part.value, int):
        yield from (Passage(text, place, context) for text in array_texts(part.value))
    elif kind == INTEGERS:
        try:
            numbers = {signed(number) for number in packed_varints(part.value)}
        except WireError:
            return
        yield from (Passage(str(number), place, context) for number in sorted(numbers) if LEAST <= abs(number) < MOST)
