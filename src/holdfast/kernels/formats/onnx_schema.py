"""Field numbers of the ONNX messages: for each message its fields, and for each field the message it holds.

References
----------
ONNX, onnx.proto, as of version 1.19 and IR version 13.
"""

from __future__ import annotations

from holdfast.kernels.formats.protobuf import FIXED32, FIXED64, LENGTH, VARINT

Shape = dict[int, str]
INTEGER, FLOAT, DOUBLE, TEXT, INTEGERS, FLOATS, DOUBLES = (
    "integer",
    "float",
    "double",
    "text",
    "integers",
    "floats",
    "doubles",
)
WIRE_TYPES: dict[str, tuple[int, ...]] = {
    INTEGER: (VARINT,), FLOAT: (FIXED32,), DOUBLE: (FIXED64,), TEXT: (LENGTH,), INTEGERS: (VARINT, LENGTH),
    FLOATS: (FIXED32, LENGTH), DOUBLES: (FIXED64, LENGTH),
}  # fmt: skip
_ENTRIES = "StringStringEntry"


def _texts(*numbers: int) -> Shape:
    return dict.fromkeys(numbers, TEXT)


MESSAGES: dict[str, Shape] = {
    "Model": _texts(2, 3, 4, 6)
    | {1: INTEGER, 5: INTEGER, 7: "Graph", 8: "OperatorSetId", 14: _ENTRIES, 20: "TrainingInfo", 25: "Function"}
    | {26: "DeviceConfiguration"},
    "Graph": _texts(2, 10)
    | {1: "Node", 5: "Tensor", 11: "ValueInfo", 12: "ValueInfo", 13: "ValueInfo", 14: "TensorAnnotation"}
    | {15: "SparseTensor", 16: _ENTRIES},
    "Node": _texts(1, 2, 3, 4, 6, 7, 8) | {5: "Attribute", 9: _ENTRIES, 10: "NodeDeviceConfiguration"},
    "Attribute": _texts(1, 4, 9, 13, 21)
    | {2: FLOAT, 3: INTEGER, 5: "Tensor", 6: "Graph", 7: FLOATS, 8: INTEGERS, 10: "Tensor", 11: "Graph", 14: "Type"}
    | {15: "Type", 20: INTEGER, 22: "SparseTensor", 23: "SparseTensor"},
    "Tensor": _texts(6, 8, 9, 12)
    | {1: INTEGERS, 2: INTEGER, 3: "Segment", 4: FLOATS, 5: INTEGERS, 7: INTEGERS, 10: DOUBLES, 11: INTEGERS}
    | {13: _ENTRIES, 14: INTEGER, 16: _ENTRIES},
    "Function": _texts(1, 4, 5, 6, 8, 10, 13)
    | {7: "Node", 9: "OperatorSetId", 11: "Attribute", 12: "ValueInfo", 14: _ENTRIES},
    "TrainingInfo": {1: "Graph", 2: "Graph", 3: _ENTRIES, 4: _ENTRIES},
    "SparseTensor": {1: "Tensor", 2: "Tensor", 3: INTEGERS},
    "ValueInfo": _texts(1, 3) | {2: "Type", 4: _ENTRIES},
    "OperatorSetId": {1: TEXT, 2: INTEGER},
    _ENTRIES: _texts(1, 2),
    "TensorAnnotation": {1: TEXT, 2: _ENTRIES},
    "Segment": {1: INTEGER, 2: INTEGER},
    "Type": {
        1: "TypeTensor",
        4: "TypeElement",
        5: "TypeMap",
        6: TEXT,
        7: "TypeOpaque",
        8: "TypeTensor",
        9: "TypeElement",
    },
    "TypeTensor": {1: INTEGER, 2: "TensorShape"},
    "TypeElement": {1: "Type"},
    "TypeMap": {1: INTEGER, 2: "Type"},
    "TypeOpaque": _texts(1, 2),
    "TensorShape": {1: "Dimension"},
    "Dimension": {1: INTEGER} | _texts(2, 3),
    "DeviceConfiguration": _texts(1, 3) | {2: INTEGER},
    "NodeDeviceConfiguration": {1: TEXT, 2: "ShardingSpec", 3: INTEGER},
    "ShardingSpec": {1: TEXT, 2: INTEGERS, 3: "IntIntListEntry", 4: "ShardedDim"},
    "IntIntListEntry": {1: INTEGER, 2: INTEGERS},
    "ShardedDim": {1: INTEGER, 2: "SimpleShardedDim"},
    "SimpleShardedDim": {1: INTEGER, 2: TEXT, 3: INTEGER},
}
# bits of one element by TensorProto.DataType; strings (8) are counted otherwise
ELEMENT_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16, 17: 8,
    18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2, 27: 6, 28: 6,
}  # fmt: skip
