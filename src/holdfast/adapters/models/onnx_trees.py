"""The operators of an ONNX graph, and the one that holds trees: its attributes as arrays, and what follows it.

Reads the encoding directly. Field numbers are those of ``onnx.proto`` (ModelProto, GraphProto, NodeProto,
AttributeProto, TensorProto); repeated numbers are written one by one or packed, and read as arrays either way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.formats.protobuf import LENGTH, fields, packed_varints, signed, text

OPERATORS = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")
MODEL_GRAPH, GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_OUTPUT, VALUE_NAME = 7, 1, 5, 12, 1
NODE_INPUT, NODE_OUTPUT, NODE_OPERATOR, NODE_ATTRIBUTE = 1, 2, 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_FLOAT, ATTRIBUTE_INTEGER, ATTRIBUTE_STRING, ATTRIBUTE_TENSOR = 1, 2, 3, 4, 5
ATTRIBUTE_FLOATS, ATTRIBUTE_INTEGERS, ATTRIBUTE_STRINGS = 7, 8, 9
TENSOR_FLOATS, TENSOR_TYPE, TENSOR_INTEGERS, TENSOR_NAME, TENSOR_RAW, TENSOR_DOUBLES = 4, 2, 5, 8, 9, 10
NUMBERS = (TENSOR_FLOATS, TENSOR_INTEGERS, TENSOR_DOUBLES)
TENSOR_TYPES = {1: "<f4", 2: "u1", 6: "<i4", 7: "<i8", 11: "<f8"}


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One operator of a graph.

    Attributes
    ----------
    operator, inputs, outputs
        Its name, and those of what it takes and makes.
    attributes
        Encoded attributes by name.
    after
        Operators between its scores and the outputs of the graph; only told of the tree operator.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, memoryview]
    after: frozenset[str] = frozenset()

    @property
    def source(self) -> str:
        """What the trees are given."""
        return self.inputs[0]

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
        return next((signed(value) for value in values if isinstance(value, int)), default)

    def number(self, name: str, default: float) -> float:
        """Return one number of single precision."""
        found = fields(self.attributes.get(name, memoryview(b"")))
        values = (field.value for field in found if field.number == ATTRIBUTE_FLOAT)
        return next((float(np.frombuffer(each, "<f4")[0]) for each in values if isinstance(each, memoryview)), default)

    def tensor(self, name: str) -> NDArray[np.float64]:
        """Return the numbers of a tensor of floats, doubles or bytes."""
        for field in fields(self.attributes.get(name, memoryview(b""))):
            if field.number == ATTRIBUTE_TENSOR and isinstance(field.value, memoryview):
                return _tensor(field.value)
        return np.zeros(0)


def find_trees(data: bytes) -> TreeNode | None:
    """Return the tree operator of a readable ONNX model that has exactly one."""
    nodes = list(nodes_of(data))
    found = [node for node in nodes if node.operator in OPERATORS]
    if len(found) != 1 or not found[0].inputs or not found[0].outputs:
        return None
    return replace(found[0], after=_after(found[0].outputs[-1], nodes))


def with_outputs(data: bytes, names: Iterable[str]) -> bytes:
    """Add outputs to a model: of a message that occurs twice, as the graph then does, readers join the fields."""
    added = (_message(MODEL_GRAPH, _message(GRAPH_OUTPUT, _message(VALUE_NAME, name.encode()))) for name in names)
    return data + b"".join(added)


def outputs_of(data: bytes) -> frozenset[str]:
    """Names of the outputs of a graph."""
    values = (part for output in _of_graph(data, GRAPH_OUTPUT) for part in fields(output))
    return frozenset(text(part.value) for part in values if part.number == VALUE_NAME)


def nodes_of(data: bytes) -> Iterator[TreeNode]:
    """Yield the operators of a graph, in the order in which they are computed."""
    for part in _of_graph(data, GRAPH_NODE):
        named: dict[int, list[str]] = {NODE_INPUT: [], NODE_OUTPUT: [], NODE_OPERATOR: []}
        for field in fields(part):
            if field.number in named:
                named[field.number].append(text(field.value))
        inputs, outputs = tuple(named[NODE_INPUT]), tuple(named[NODE_OUTPUT])
        yield TreeNode("".join(named[NODE_OPERATOR]), inputs, outputs, _attributes(part))


def constants_of(data: bytes) -> frozenset[str]:
    """Names of the tensors that a graph holds."""
    names = (part for tensor in _of_graph(data, GRAPH_INITIALIZER) for part in fields(tensor, skip_runs_of=NUMBERS))
    return frozenset(text(part.value) for part in names if part.number == TENSOR_NAME)


def _of_graph(data: bytes, number: int) -> Iterator[memoryview]:
    for field in fields(memoryview(data)):
        if field.number == MODEL_GRAPH and isinstance(field.value, memoryview):
            for part in fields(field.value):
                if part.number == number and isinstance(part.value, memoryview):
                    yield part.value


def _attributes(body: memoryview) -> dict[str, memoryview]:
    found = {}
    for field in fields(body):
        if field.number == NODE_ATTRIBUTE and isinstance(field.value, memoryview):
            names = (part.value for part in fields(field.value) if part.number == ATTRIBUTE_NAME)
            found[text(next(names, 0))] = field.value
    return found


def _after(output: str, nodes: list[TreeNode]) -> frozenset[str]:
    """Collect the operators that depend on an output; nodes stand in the order in which they are computed."""
    reached, operators = {output}, set()
    for node in nodes:
        if reached.intersection(node.inputs):
            reached.update(node.outputs)
            operators.add(node.operator)
    return frozenset(operators)


def _tensor(body: memoryview) -> NDArray[np.float64]:
    kind, raw = 0, None
    for field in fields(body, skip_runs_of=NUMBERS):
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
