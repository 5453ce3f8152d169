import pickle

import numpy as np
import pytest

from holdfast.kernels.scan.hidden import report_hidden
from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.record import Record


def found(data: bytes) -> list[str]:
    record = Record(Place(("f",), 0, len(data)))
    report_hidden(record, memoryview(data), 0, "a tensor")
    return [one.rule for one in record.observations]


@pytest.mark.parametrize(
    "data",
    [b"\x7fELF" + bytes(50), b"PK\3\4" + bytes(50), b"#!/bin/sh\n" + bytes(50), pickle.dumps({"a": [1, 2], "b": 3})],
)
def test_file_in_place_of_numbers_is_reported(data: bytes) -> None:
    assert found(data) == ["payload.hidden"]


def test_numbers_are_not() -> None:
    rng = np.random.default_rng(0)
    assert not any(found(rng.normal(size=50).astype(np.float32).tobytes()) for _ in range(500))
    assert found(bytes(100)) == []
