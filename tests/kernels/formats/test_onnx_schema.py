import onnx
import pytest

from holdfast.kernels.formats.onnx_schema import ELEMENT_BITS, MESSAGES, WIRE_TYPES

NAMES = {
    "TypeProto.Tensor": "TypeTensor", "TypeProto.SparseTensor": "TypeTensor", "TypeProto.Sequence": "TypeElement",
    "TypeProto.Optional": "TypeElement", "TypeProto.Map": "TypeMap", "TypeProto.Opaque": "TypeOpaque",
    "TensorShapeProto.Dimension": "Dimension", "TensorProto.Segment": "Segment",
}  # fmt: skip


def described():  # type: ignore[no-untyped-def]
    stack = list(onnx.onnx_pb.DESCRIPTOR.message_types_by_name.values())
    while stack:
        message = stack.pop()
        stack.extend(message.nested_types)
        yield message


def name_of(message) -> str:  # type: ignore[no-untyped-def]
    full = message.full_name.removeprefix("onnx.")
    return NAMES.get(full, full.removesuffix("Proto"))


@pytest.mark.parametrize("message", list(described()), ids=name_of)
def test_fields_are_those_of_the_official_definition(message) -> None:  # type: ignore[no-untyped-def]
    known = MESSAGES[name_of(message)]
    for field in message.fields:
        if field.message_type:
            assert known[field.number] == name_of(field.message_type)
        else:
            assert known[field.number] in WIRE_TYPES
    assert {field.number for field in message.fields} == set(known)


def test_every_element_type_but_text_has_a_size() -> None:
    numbers = set(onnx.TensorProto.DataType.values()) - {onnx.TensorProto.UNDEFINED, onnx.TensorProto.STRING}
    assert numbers <= set(ELEMENT_BITS)
