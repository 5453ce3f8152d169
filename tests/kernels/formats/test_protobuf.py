import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from holdfast.kernels.formats.protobuf import Field, WireError, fields, packed_varints, signed, text, varint

TAG_1_VARINT, TAG_2_TEXT, TAG_3_FIXED32, TAG_4_FIXED64 = 8, 18, 29, 33


def read(data: bytes, **options: object) -> list[Field]:
    return list(fields(memoryview(data), **options))  # type: ignore[arg-type]


def test_documented_example_of_the_encoding() -> None:
    assert read(bytes([8, 150, 1])) == [Field(1, 0, 150, 1)]


def test_all_wire_types_are_read_with_their_positions() -> None:
    data = bytes([TAG_1_VARINT, 5, TAG_2_TEXT, 2]) + b"ab" + bytes([TAG_3_FIXED32, 1, 0, 0, 0, TAG_4_FIXED64, *[9] * 8])
    assert [(part.number, part.wire_type, part.start) for part in read(data)] == [
        (1, 0, 1),
        (2, 2, 4),
        (3, 5, 7),
        (4, 1, 12),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"\x80",
        b"\x08",
        b"\x08" + b"\xff" * 10,
        b"\x08" + b"\xff" * 9 + b"\x02",
        b"\x12\x05ab",
        b"\x0b",
        b"\x0f\x00",
        b"\x00\x00",
        b"\x1d\x00",
        b"\x21\x00",
    ],
)
def test_broken_message_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        read(data)


def test_largest_number_of_64_bits_is_read() -> None:
    assert varint(memoryview(b"\xff" * 9 + b"\x01"), 0) == ((1 << 64) - 1, 10)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_signed_numbers_come_back(value: int) -> None:
    encoded = TensorProto(dims=[value]).SerializeToString()
    assert [signed(n) for part in read(encoded) for n in packed_varints(part.value)] == [value]


def test_skipping_runs_keeps_the_first_of_each_and_everything_else() -> None:
    attribute = helper.make_attribute("a", list(range(1000)))
    attribute.doc_string = "behind"
    encoded = attribute.SerializeToString()
    kept = read(encoded, skip_runs_of=(8,))
    assert [part for part in read(encoded) if part.number != 8] == [part for part in kept if part.number != 8]
    assert sum(part.number == 8 for part in kept) == 1


def test_skipping_runs_still_finds_a_broken_value() -> None:
    with pytest.raises(WireError):
        read(b"\x40\x01\x40\x02\x40\xff", skip_runs_of=(8,))


def test_packed_numbers_are_the_same_as_single_ones() -> None:
    assert list(packed_varints(memoryview(b"\x01\xac\x02"))) == [1, 300]


def test_text_shows_what_is_no_utf8() -> None:
    assert text(memoryview(b"a\xff")) == "a\\xff"


def test_fields_are_those_that_the_reference_parser_sees() -> None:
    node = helper.make_node("Relu", ["x"], ["y"], name="r", domain="d")
    model = helper.make_model(helper.make_graph([node], "g", [], []))
    seen = {part.number for part in read(model.SerializeToString())}
    assert seen == {field.number for field, _ in onnx.ModelProto.FromString(model.SerializeToString()).ListFields()}


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, skip: bool) -> None:
    try:
        for part in read(data, skip_runs_of=range(1, 16) if skip else ()):
            assert isinstance(part.value, int) or part.start + len(part.value) <= len(data)
    except WireError:
        pass
