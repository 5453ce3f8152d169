import datetime
import decimal
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.pickle_outline import outline

VALUES = [
    None,
    3,
    1.5,
    "text",
    [1, {"a": (1, 2)}],
    {1, 2},
    b"bytes",
    datetime.date(2020, 1, 1),
    decimal.Decimal(3),
    np.arange(3),
    slice(1),
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_pickle_of_python_is_a_candidate(protocol: int, value: object) -> None:
    assert outline(memoryview(pickle.dumps(value, protocol))) != "none"


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'ls'\ntR.",
        b"cos\nsystem\n(S'ls'\ntRthen noise",
        b"(S'ls'\nios\nsystem\n.",
        b"(cos\nsystem\nS'ls'\no.",
        b"Vos\nVsystem\n\x93(Vls\ntR",
        b"cantigravity\nx\nbroken",
        b"cmymodule\nf\n)R",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.",
        b"I1\n0I2\n0cos\nsystem\n(S'ls'\ntR.",
    ],
)
def test_pickle_that_calls_something_before_it_breaks_is_a_candidate(data: bytes) -> None:
    assert outline(memoryview(data)) != "none"


@pytest.mark.parametrize(
    "line",
    [b"I0x10", b"I 16", b"I\t1", b"I", b"I017", b"I1_0", b"I5\0rest",
     b"L0x10L", b"L 16L", b"Finfinity", b"F+NAN", b"F.5",
     b"F 1.0", b"F1e5", b"Np 0", b"V" + b"a" * 70_500, b"S'" + b"a" * 70_500 + b"'"],
)  # fmt: skip
def test_line_that_some_parser_takes_is_no_reason_to_stop(line: bytes) -> None:
    assert outline(memoryview(line + b"\n0cos\nsystem\n(S'ls'\ntR.")) == "calls"


@pytest.mark.parametrize("line", [b"Iamsterdam", b"I1 2", b"Fine", b"Nginx 1.0", b"Large 16L"])
def test_line_that_no_parser_takes_ends_it(line: bytes) -> None:
    assert outline(memoryview(line + b"\n0cos\nsystem\n(S'ls'\ntR.")) == "none"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"class\ncat\ndog\n",
        b"import os\nimport sys\n",
        b"R",
        b"(",
        b"0",
        b"\x80\xff.",
        b"g0\n.",
        b"Nothing",
        b"tuple\n",
    ],
)
def test_other_text_is_none(data: bytes) -> None:
    assert outline(memoryview(data)) == "none"


def test_long_pickle_is_a_candidate_without_being_read_to_its_end() -> None:
    assert outline(memoryview(pickle.dumps(list(range(300_000)), 0))) == "complete"


@given(st.binary(max_size=100))
def test_any_bytes_have_an_outline(data: bytes) -> None:
    assert outline(memoryview(data)) in ("none", "calls", "complete")


@given(st.binary(max_size=60))
def test_what_python_loads_without_names_is_complete(data: bytes) -> None:
    class Refusing(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> object:
            raise LookupError

    import io

    try:
        Refusing(io.BytesIO(data)).load()
    except Exception:
        return
    assert outline(memoryview(data)) != "none"
