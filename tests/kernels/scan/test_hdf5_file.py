import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.scan.hdf5_file import look_at
from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.record import Record


@pytest.mark.parametrize("name", ["hdf5_compressed.h5", "hdf5_latest.h5", "dense.h5", "dense.keras"])
def test_ordinary_file_passes(scan_file, sample, name) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(sample(name)).verdict == "pass"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("hdf5_external_link.h5", "suspicious hdf5.external-link"),
        ("hdf5_external_data.h5", "suspicious hdf5.external-data"),
        ("hdf5_virtual.h5", "suspicious hdf5.virtual"),
        ("hdf5_dense.h5", "not_examined hdf5.dense"),
        ("lambda.h5", "executes keras.code"),
        ("hdf5_pickled.h5", "unknown pickle.global"),
    ],
)
def test_what_reaches_out_or_holds_code_is_reported(scan_file, sample, rules, name, rule) -> None:  # type: ignore[no-untyped-def]
    assert rule in rules(scan_file(sample(name)))


@pytest.mark.parametrize("hidden", ["reserved bytes", "free space before"])
def test_values_are_found_where_the_library_finds_them(scan_file, sample, rules, hidden) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(sample("hdf5_pickled.h5"))
    heap = data.index(b"GCOL")
    if hidden == "reserved bytes":
        data[heap + 5 : heap + 8] = b"\1\2\3"
    else:
        size = int.from_bytes(data[heap + 8 : heap + 16], "little")
        free = bytes(8) + (32).to_bytes(8, "little") + bytes(16)
        data[heap + 16 : heap + size] = (free + data[heap + 16 : heap + size])[: size - 16]
    assert "unknown pickle.global" in rules(scan_file(bytes(data)))


def test_long_value_is_looked_at_to_its_end() -> None:
    hidden = b"cposix\nsystem\n(S'x'\ntR."
    value = b"B" + (65 << 20).to_bytes(4, "little") + bytes(65 << 20) + b"0" + hidden + bytes(100)
    record = Record(Place(("f",), 0, len(value)))
    look_at(record, memoryview(value), 0, len(value))
    assert [len(child.data) for child in record.children] == [len(value) - 100]


def test_filter_that_is_a_plugin_is_not_examined(scan_file, sample, rules) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(sample("hdf5_compressed.h5"))
    at = data.index(b"\1\1\0\0\0\0\0\0\1\0\x08\0") + 8
    data[at : at + 2] = (32004).to_bytes(2, "little")
    assert rules(scan_file(bytes(data))) == {"not_examined hdf5.filter"}


def test_truncated_file_is_not_examined(scan_file, sample) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(sample("dense.h5")[:900]).verdict == "not_examined"


def test_bytes_before_the_superblock_are_reported(scan_file, sample, rules) -> None:  # type: ignore[no-untyped-def]
    assert "suspicious ledger.gap" in rules(scan_file(b"\1payload".ljust(512, b"\1") + sample("hdf5_latest.h5")))


@settings(max_examples=150)
@given(st.data())
def test_any_damage_is_walked(scan_file, sample, draw) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(
        sample(draw.draw(st.sampled_from(["hdf5_compressed.h5", "hdf5_latest.h5", "hdf5_external_link.h5"])))
    )
    for _ in range(draw.draw(st.integers(1, 6))):
        data[draw.draw(st.integers(0, min(len(data), 2500) - 1))] = draw.draw(st.integers(0, 255))
    scan_file(bytes(data[: draw.draw(st.integers(100, len(data)))]))
