import pytest

from holdfast.kernels.scan.keras_traces import PIECE, report_keras_code
from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.record import Record


def places(data: bytes) -> list[int]:
    record = Record(Place(("f",), 0, len(data)))
    report_keras_code(record, memoryview(data))
    return [one.place.start for one in record.observations]


@pytest.mark.parametrize(
    "text",
    [
        b'{"class_name": "Lambda", "config"',
        b'\\"class_name\\":\\"Lambda\\"',
        b'"function_type": "lambda"',
        b'"class_name":"__lambda__"',
        b'"class_name": "\\u004cambda"',
        b'\\"class\\\\u005fname\\": \\"Lambda\\"',
        b'"class_name"' + b" " * 2000 + b': "Lambda"',
        b'"class_name":' + b"\n" * 2000 + b'"Lambda"',
    ],
)
def test_layer_with_code_is_found_in_any_bytes(text: bytes) -> None:
    assert len(places(b"\0\1" + text + b"\xff")) == 1


def test_layer_across_two_pieces_is_found() -> None:
    assert places(bytes(PIECE - 5) + b'"class_name": "Lambda"' + bytes(50))


def test_ordinary_layer_is_not_reported() -> None:
    assert places(b'"class_name": "Dense", "name": "Lambda"') == []
