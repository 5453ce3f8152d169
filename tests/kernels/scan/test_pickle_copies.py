import io
import pickle
import struct
from collections.abc import Callable
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import OneHotEncoder

from holdfast.kernels.scan.pickle_copies import ENDLESS, FREE_COPIES, MOST_SHARED, Copies, lazy, size_of, written_out
from holdfast.kernels.scan.pickle_values import FLOAT, Dict, Global, Heavy, Instance, Lazy, List, Tuple
from holdfast.kernels.scan.worklist import Scan
from tests.kernels.scan.conftest import ScanFile
from tests.kernels.scan.gadgets import PROTO, RIDGE, call, made, name, text

Rules = Callable[[Scan], set[str]]
COPIES, COUNT = "suspicious pickle.copies", "suspicious pickle.count"
INDEXES = "pandas.core.indexes."
LSTM = ("torch.nn.modules.rnn", "LSTM")


def number(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def range_index(stop: int) -> bytes:
    items = text("start") + b"K\x00" + text("stop") + number(stop) + text("step") + b"K\x01" + text("name") + b"N"
    return call(INDEXES + "base", "_new_Index", name(INDEXES + "range", "RangeIndex"), b"}(" + items + b"u")


def index_of(data: bytes) -> bytes:
    arguments = b"}(" + text("data") + data + text("name") + b"Nu"
    return call(INDEXES + "base", "_new_Index", name(INDEXES + "base", "Index"), arguments)


def lstm(layers: bytes) -> bytes:
    return PROTO + made(*LSTM) + b"}" + text("num_layers") + layers + b"sb."


def calls(module: str, path: str, value: bytes, times: int) -> bytes:
    """One call of one value, made once and called many times."""
    return PROTO + name(module, path) + b"\x94" + value + b"\x9400" + b"h\x00h\x01\x85R0" * times + b"N."


@pytest.mark.parametrize(
    "data",
    [
        calls("builtins", "set", b"](" + b"K\x01" * 20_000 + b"e", 1_000),
        calls("builtins", "bytearray", b"B" + struct.pack("<I", 1 << 20) + bytes(1 << 20), 1_000),
        calls("collections", "OrderedDict", b"](" + b"N" * 20_000 + b"e", 1_000),
    ],
    ids=["set", "bytes", "pairs"],
)
def test_value_that_is_copied_a_thousand_times_is_suspicious(data: bytes, scan_file: ScanFile, rules: Rules) -> None:
    assert rules(scan_file(data)) == {COPIES}


def test_quoted_text_that_is_encoded_many_times_is_suspicious(scan_file: ScanFile, rules: Rules) -> None:
    encode = name("_codecs", "encode") + b"\x94" + b"S'" + b"x" * 100_000 + b"'\n\x94" + text("latin1") + b"\x94000"
    assert rules(scan_file(PROTO + encode + b"h\x00h\x01h\x02\x86R0" * 2_000 + b"N.")) == {COPIES}


def test_state_that_many_objects_are_given_is_suspicious(scan_file: ScanFile, rules: Rules) -> None:
    state = b"}" + text("alpha") + b"K\x01s\x940"
    data = PROTO + state + (made(*RIDGE) + b"h\x00b0") * (MOST_SHARED + 2) + b"N."
    assert rules(scan_file(data)) == {COPIES}


def test_empty_state_that_many_objects_are_given_passes(scan_file: ScanFile) -> None:
    data = PROTO + b"}\x940" + (made(*RIDGE) + b"h\x00b0") * (MOST_SHARED + 2) + b"N."
    assert scan_file(data).verdict == "pass"


def test_range_that_an_index_writes_out_is_suspicious(scan_file: ScanFile, rules: Rules) -> None:
    assert rules(scan_file(PROTO + index_of(range_index(1 << 40)) + b".")) == {COPIES}


def test_python_range_that_an_index_writes_out_is_suspicious(scan_file: ScanFile, rules: Rules) -> None:
    data = PROTO + index_of(call("builtins", "range", b"K\x00", number(1 << 40))) + b"."
    assert rules(scan_file(data)) == {COPIES}


@pytest.mark.parametrize("option", [text("copy") + b"\x88", text("dtype") + text("object")])
def test_index_that_copies_its_data_into_a_new_array_is_unknown(
    option: bytes, scan_file: ScanFile, rules: Rules
) -> None:
    arguments = b"}(" + text("data") + b"N" + option + b"u"
    data = PROTO + call(INDEXES + "base", "_new_Index", name(INDEXES + "base", "Index"), arguments) + b"."
    assert "unknown pickle.call" in rules(scan_file(data))


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([1.5, 2.5]),
        pd.Index(["a", "b"], dtype=object),
        pd.date_range("2000", periods=9, freq="h", tz="UTC"),
        pd.timedelta_range("1h", periods=9),
        pd.period_range("2000", periods=9, freq="D"),
        pd.CategoricalIndex(["a", "b"]),
        pd.interval_range(0, 9),
        pd.MultiIndex.from_product([["a", "b"], pd.RangeIndex(1_000)]),
    ],
    ids=lambda index: type(index).__name__,
)
def test_index_that_pandas_writes_passes(index: pd.Index, scan_file: ScanFile) -> None:
    assert scan_file(pickle.dumps(pd.DataFrame({"x": range(len(index))}, index=index))).verdict == "pass"


def test_long_range_that_nothing_writes_out_passes(scan_file: ScanFile) -> None:
    assert scan_file(PROTO + range_index(1 << 40) + b".").verdict == "pass"


def test_recurrent_layer_that_counts_far_is_suspicious(scan_file: ScanFile, rules: Rules) -> None:
    assert COUNT in rules(scan_file(lstm(number(1 << 40))))


def test_recurrent_layer_whose_number_is_no_constant_is_suspicious(scan_file: ScanFile, rules: Rules) -> None:
    assert COUNT in rules(scan_file(lstm(b"G" + bytes(8))))


def test_recurrent_layer_of_a_few_layers_passes(scan_file: ScanFile) -> None:
    assert scan_file(lstm(b"K\x04")).verdict == "pass"


def dumped(value: object) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream)
    return stream.getvalue()


X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] > 0
ORDINARY: dict[str, Callable[[], object]] = {
    "forest": lambda: RandomForestClassifier(300, max_depth=3).fit(X, Y),
    "grid": lambda: GridSearchCV(LogisticRegression(), {"C": list(np.logspace(-2, 2, 40))}, cv=2).fit(X, Y),
    "categories": lambda: OneHotEncoder().fit(np.array([f"c{n}" for n in range(100_000)], dtype=object)[:, None]),
    "complex numbers": lambda: [complex(n, n + 0.5) for n in range(30_000)],
    "slices": lambda: [slice(0.5, n / 3, None) for n in range(30_000)],
    "namespaces": lambda: [SimpleNamespace(a=n, b=str(n)) for n in range(3 * MOST_SHARED)],
    "one model in many places": lambda: [LogisticRegression().fit(X, Y)] * 3 * MOST_SHARED,
    "many models": lambda: [LogisticRegression(C=n + 1).fit(X, Y) for n in range(MOST_SHARED + 20)],
    "sets": lambda: [set(range(n % 9)) for n in range(50_000)],
    "words": lambda: {f"word{n}": n for n in range(200_000)},
    "strings in a frame": lambda: pd.DataFrame({"s": [f"row {n % 5_000}" for n in range(100_000)]}),
    "intervals of a range": lambda: pd.IntervalIndex.from_arrays(pd.RangeIndex(5_000), pd.RangeIndex(1, 5_001)),
}


@pytest.mark.parametrize("label", ORDINARY)
@pytest.mark.parametrize("dump", [lambda value: pickle.dumps(value, 2), pickle.dumps, dumped], ids=["2", "4", "joblib"])
def test_ordinary_object_passes(label: str, dump: Callable[[object], bytes], scan_file: ScanFile) -> None:
    assert scan_file(dump(ORDINARY[label]())).verdict == "pass"


def test_numbers_have_no_size_and_texts_one_item_for_eight_bytes() -> None:
    assert size_of(FLOAT) == 0
    assert size_of("x" * 80) == 10


def test_lists_and_dicts_are_as_large_as_they_are_when_they_are_copied() -> None:
    filled = Dict()
    filled.size = 7
    assert size_of(Tuple([List(5), filled])) == 2 + 5 + 7


def test_value_that_is_not_kept_has_the_size_that_is_known_of_it() -> None:
    assert size_of(Heavy("str", 12)) == 12


def test_copies_may_grow_with_the_bytes_read() -> None:
    copies = Copies()
    copies.take(List(FREE_COPIES + 10))
    assert copies.trouble(at=2) != ""
    assert copies.trouble(at=3) == ""


RANGE = Instance(Global("builtins", "range", None, (0, 0)))


@pytest.mark.parametrize(
    ("bounds", "count"),
    [
        ([1_000], 1_001),
        ([0, 1_000, 1], 1_001),
        ([1_000, 0, -1], 1_001),
        ([5, 1, 1], 0),
        ([0, FLOAT, 1], ENDLESS),
        ([0, 9, 0], ENDLESS),
    ],
)
def test_range_stands_for_no_fewer_numbers_than_it_has(bounds: list[object], count: int) -> None:
    made_range = lazy("builtins:range", RANGE, bounds)  # type: ignore[arg-type]
    assert isinstance(made_range, Lazy)
    assert made_range.count == count


def test_ranges_under_other_keys_are_not_written_out() -> None:
    kept = Dict()
    kept.kept = {"data": Lazy(RANGE.of, 40), "start": Lazy(RANGE.of, 50)}
    assert written_out(INDEXES + "base:_new_Index", Tuple([None, kept])) == 40
    assert written_out("somewhere:else", Tuple([None, kept])) == 0
