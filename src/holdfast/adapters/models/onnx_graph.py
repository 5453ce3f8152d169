"""The few facts of an ONNX file that the runtime does not tell: class labels, what produced an output, external data.

Reads the protobuf encoding directly and descends only where needed, so that large weights cost nothing. Field numbers
are those of ``onnx.proto`` (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from holdfast.core.errors import InputError
from holdfast.core.subject import Label

MODEL_PRODUCER, MODEL_PRODUCER_VERSION, MODEL_GRAPH = 2, 3, 7
GRAPH_NODE, GRAPH_INITIALIZER = 1, 5
NODE_INPUT, NODE_OUTPUT, NODE_OPERATOR, NODE_ATTRIBUTE = 1, 2, 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_INTEGERS, ATTRIBUTE_STRINGS = 1, 8, 9
TENSOR_DATA_LOCATION, EXTERNAL = 14, 1
LABEL_ATTRIBUTES = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
PASSING = ("Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "QuantizeLinear", "DequantizeLinear")
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


@dataclass(slots=True)
class Graph:
    """Facts about one file.

    Attributes
    ----------
    producer
        Name and version of the program that wrote it.
    labels
        Distinct lists of class labels that nodes carry, those of ZipMap first.
    producers
        Output name to the operator that makes it and that operator's first input.
    """

    producer: str = ""
    labels: list[tuple[Label, ...]] = field(default_factory=list)
    producers: dict[str, tuple[str, str]] = field(default_factory=dict)

    def operator_of(self, output: str) -> str:
        """Return the operator that computes an output, looking through those that only reshape or convert."""
        operator, source = self.producers.get(output, ("", ""))
        for _ in range(len(self.producers)):
            if operator not in PASSING:
                break
            operator, source = self.producers.get(source, ("", ""))
        return operator


def read_graph(data: bytes) -> Graph:
    """Read the facts.

    Raises
    ------
    InputError
        When the bytes are no ONNX model, or its weights lie in other files.
    """
    graph = Graph()
    producer = {MODEL_PRODUCER: "", MODEL_PRODUCER_VERSION: ""}
    try:
        for number, value in _fields(memoryview(data)):
            if number in producer and isinstance(value, memoryview):
                producer[number] = _text(value)
            elif number == MODEL_GRAPH and isinstance(value, memoryview):
                _read_nodes(value, graph)
    except (ValueError, IndexError) as error:
        raise InputError(f"this is not a readable ONNX model: {error}", hint="export the model again") from None
    graph.producer = " ".join(part for part in producer.values() if part)
    return graph


def _read_nodes(body: memoryview, graph: Graph) -> None:
    for number, value in _fields(body):
        if number == GRAPH_NODE and isinstance(value, memoryview):
            _read_node(value, graph)
        elif number == GRAPH_INITIALIZER and isinstance(value, memoryview):
            _refuse_external(value)


def _refuse_external(tensor: memoryview) -> None:
    if any(part == (TENSOR_DATA_LOCATION, EXTERNAL) for part in _fields(tensor)):
        raise InputError(
            "the weights of this ONNX model lie in other files, which are not read",
            hint="save it as one file: onnx.save_model(model, path, save_as_external_data=False)",
        )


def _read_node(body: memoryview, graph: Graph) -> None:
    operator, inputs, outputs = "", [], []
    for number, value in _fields(body):
        if not isinstance(value, memoryview):
            continue
        if number == NODE_INPUT:
            inputs.append(_text(value))
        elif number == NODE_OUTPUT:
            outputs.append(_text(value))
        elif number == NODE_OPERATOR:
            operator = _text(value)
        elif number == NODE_ATTRIBUTE:
            labels = _class_labels(value)
            if labels and labels not in graph.labels:
                graph.labels.append(labels)
    for output in outputs:
        graph.producers[output] = (operator, inputs[0] if inputs else "")


def _class_labels(attribute: memoryview) -> tuple[Label, ...]:
    name = ""
    labels: list[Label] = []
    for number, value in _fields(attribute):
        if number == ATTRIBUTE_NAME and isinstance(value, memoryview):
            name = _text(value)
            if name not in LABEL_ATTRIBUTES:
                return ()
        elif number == ATTRIBUTE_STRINGS and isinstance(value, memoryview):
            labels.append(_text(value))
        elif number == ATTRIBUTE_INTEGERS:
            labels.extend(map(_signed, [value] if isinstance(value, int) else _packed(value)))
    return tuple(labels) if name in LABEL_ATTRIBUTES else ()


def _fields(body: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    position = 0
    while position < len(body):
        tag, position = _varint(body, position)
        kind = tag & 7
        if kind == VARINT:
            value, position = _varint(body, position)
            yield tag >> 3, value
            continue
        if kind == LENGTH:
            size, position = _varint(body, position)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"unknown wire type {kind} at byte {position}")
        if size > len(body) - position:
            raise ValueError(f"a field of {size} bytes does not fit at byte {position}")
        yield tag >> 3, body[position : position + size]
        position += size


def _varint(body: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError(f"a number of more than ten bytes at byte {position}")


def _packed(body: memoryview) -> Iterator[int]:
    position = 0
    while position < len(body):
        value, position = _varint(body, position)
        yield value


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _text(value: memoryview) -> str:
    return bytes(value).decode("utf-8")
