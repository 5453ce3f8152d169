"""The tree operator of an ONNX graph: its attributes as arrays, what feeds it, and what follows it.

Reads the encoding directly. Field numbers are those of ``onnx.proto`` (ModelProto, GraphProto, NodeProto,
AttributeProto, TensorProto); repeated numbers are written one by one or packed, and read as arrays either way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.formats.protobuf import LENGTH, fields, packed_varints, text

OPERATORS = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")
MODEL_GRAPH, GRAPH_NODE, GRAPH_OUTPUT, VALUE_NAME = 7, 1, 12, 1
NODE_INPUT, NODE_OUTPUT, NODE_OPERATOR, NODE_ATTRIBUTE = 1, 2, 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_INTEGER, ATTRIBUTE_STRING, ATTRIBUTE_TENSOR = 1, 3, 4, 5
ATTRIBUTE_FLOATS, ATTRIBUTE_INTEGERS, ATTRIBUTE_STRINGS = 7, 8, 9
TENSOR_FLOATS, TENSOR_TYPE, TENSOR_INTEGERS, TENSOR_RAW, TENSOR_DOUBLES = 4, 2, 5, 9, 10
TENSOR_TYPES = {1: "<f4", 2: "u1", 6: "<i4", 7: "<i8", 11: "<f8"}


@dataclass(frozen=True, slots=True)
class TreeNode:
    """The only tree operator of a graph.

    Attributes
    ----------
    operator, source, scores
        Its name, its input, and its last output.
    after
        Operators between its scores and the outputs of the graph.
    attributes
        Encoded attributes by name.
    """

    operator: str
    source: str
    scores: str
    after: frozenset[str]
    attributes: dict[str, memoryview]

    def floats(self, name: str) -> NDArray[np.float64]:
        """Return a list of numbers, from the tensor of doubles that replaces it where there is one."""
        if f"{name}_as_tensor" in self.attributes:
            return self.tensor(f"{name}_as_tensor")
        body = self.attributes.get(name)
        return np.zeros(0) if body is None else _fixed(body, ATTRIBUTE_FLOATS, "<f4")

    def integers(self, name: str) -> NDArray[np.int64]:
        """Return a list of integers."""
        body = self.attributes.get(name)
        return np.zeros(0, dtype=np.int64) if body is None else _integers(body, ATTRIBUTE_INTEGERS)

    def strings(self, name: str) -> list[str]:
        """Return a list of texts."""
        found = fields(self.attributes.get(name, memoryview(b"")))
        return [text(field.value) for field in found if field.number == ATTRIBUTE_STRINGS]

    def word(self, name: str, default: str) -> str:
        """Return one text."""
        found = fields(self.attributes.get(name, memoryview(b"")))
        return next((text(field.value) for field in found if field.number == ATTRIBUTE_STRING), default)

    def integer(self, name: str, default: int) -> int:
        """Return one integer."""
        found = fields(self.attributes.get(name, memoryview(b"")))
        values = (field.value for field in found if field.number == ATTRIBUTE_INTEGER)
        return next((value for value in values if isinstance(value, int)), default)

    def tensor(self, name: str) -> NDArray[np.float64]:
        """Return the numbers of a tensor of floats, doubles or bytes."""
        for field in fields(self.attributes.get(name, memoryview(b""))):
            if field.number == ATTRIBUTE_TENSOR and isinstance(field.value, memoryview):
                return _tensor(field.value)
        return np.zeros(0)


def find_trees(data: bytes) -> TreeNode | None:
    """Return the tree operator of a readable ONNX model that has exactly one."""
    nodes = list(_nodes(data))
    found = [(operator, inputs, outputs, body) for operator, inputs, outputs, body in nodes if operator in OPERATORS]
    if len(found) != 1 or not found[0][1] or not found[0][2]:
        return None
    operator, inputs, outputs, body = found[0]
    return TreeNode(operator, inputs[0], outputs[-1], _after(outputs[-1], nodes), _attributes(body))


def with_output(data: bytes, name: str) -> bytes:
    """Add an output to a model: of a message that occurs twice, as the graph then does, readers join the fields."""
    return data + _message(MODEL_GRAPH, _message(GRAPH_OUTPUT, _message(VALUE_NAME, name.encode())))


def _nodes(data: bytes) -> Iterator[tuple[str, list[str], list[str], memoryview]]:
    for field in fields(memoryview(data)):
        if field.number == MODEL_GRAPH and isinstance(field.value, memoryview):
            for node in fields(field.value):
                if node.number == GRAPH_NODE and isinstance(node.value, memoryview):
                    yield _node(node.value)


def _node(body: memoryview) -> tuple[str, list[str], list[str], memoryview]:
    named: dict[int, list[str]] = {NODE_INPUT: [], NODE_OUTPUT: [], NODE_OPERATOR: []}
    for field in fields(body):
        if field.number in named:
            named[field.number].append(text(field.value))
    return "".join(named[NODE_OPERATOR]), named[NODE_INPUT], named[NODE_OUTPUT], body


def _attributes(body: memoryview) -> dict[str, memoryview]:
    found = {}
    for field in fields(body):
        if field.number == NODE_ATTRIBUTE and isinstance(field.value, memoryview):
            names = (part.value for part in fields(field.value) if part.number == ATTRIBUTE_NAME)
            found[text(next(names, 0))] = field.value
    return found


def _after(output: str, nodes: list[tuple[str, list[str], list[str], memoryview]]) -> frozenset[str]:
    """Collect the operators that depend on an output; nodes stand in the order in which they are computed."""
    reached, operators = {output}, set()
    for operator, inputs, outputs, _ in nodes:
        if reached.intersection(inputs):
            reached.update(outputs)
            operators.add(operator)
    return frozenset(operators)


def _tensor(body: memoryview) -> NDArray[np.float64]:
    kind, raw = 0, None
    for field in fields(body, skip_runs_of=(TENSOR_FLOATS, TENSOR_INTEGERS, TENSOR_DOUBLES)):
        if field.number == TENSOR_TYPE and isinstance(field.value, int):
            kind = field.value
        elif field.number == TENSOR_RAW and isinstance(field.value, memoryview):
            raw = field.value
    if raw is not None and kind in TENSOR_TYPES:
        return np.frombuffer(raw, dtype=TENSOR_TYPES[kind]).astype(np.float64)
    if kind == 11:
        return _fixed(body, TENSOR_DOUBLES, "<f8")
    return _fixed(body, TENSOR_FLOATS, "<f4") if kind == 1 else _integers(body, TENSOR_INTEGERS).astype(np.float64)


def _fixed(body: memoryview, number: int, kind: str) -> NDArray[np.float64]:
    """Read a repeated field of floats or doubles, packed or one by one."""
    width = np.dtype(kind).itemsize
    parts = []
    for field in fields(body, skip_runs_of=(number,)):
        if field.number == number and field.wire_type == LENGTH and isinstance(field.value, memoryview):
            parts.append(np.frombuffer(field.value, dtype=kind))
        elif field.number == number:
            rows = np.frombuffer(_run(number, width).match(body, field.start - 1)[0], np.uint8)  # type: ignore[index]
            parts.append(np.ascontiguousarray(rows.reshape(-1, 1 + width)[:, 1:]).view(kind).ravel())
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)


def _integers(body: memoryview, number: int) -> NDArray[np.int64]:
    """Read a repeated field of integers, packed or one by one."""
    parts = []
    for field in fields(body, skip_runs_of=(number,)):
        if field.number == number and field.wire_type == LENGTH:
            parts.append(np.fromiter(packed_varints(field.value), dtype=np.uint64).view(np.int64))
        elif field.number == number:
            run = _run(number, 0).match(body, field.start - 1)[0]  # type: ignore[index]
            parts.append(_varints(np.frombuffer(run, np.uint8))[1::2])
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _varints(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Decode numbers that stand one behind the other."""
    last = np.flatnonzero(data < 0x80)
    first = np.concatenate([[0], last[:-1] + 1])
    value = np.zeros(last.size, dtype=np.uint64)
    for place in range(int((last - first).max(initial=-1)) + 1):
        has = first + place <= last
        value[has] |= (data[first[has] + place].astype(np.uint64) & np.uint64(0x7F)) << np.uint64(7 * place)
    return value.view(np.int64)


@cache
def _run(number: int, width: int) -> re.Pattern[bytes]:
    """Match a run of fields of one number below 16: of ``width`` bytes each, or varints where that is 0."""
    tag = number << 3 | {0: 0, 8: 1, 4: 5}[width]
    value = rb".{%d}" % width if width else rb"[\x80-\xff]{0,9}+[\x00-\x7f]"
    return re.compile(rb"(?:\x%02x%s)++" % (tag, value), re.DOTALL)


def _message(number: int, content: bytes) -> bytes:
    return _number(number << 3 | LENGTH) + _number(len(content)) + content


def _number(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _number(rest) if rest else bytes([low])
