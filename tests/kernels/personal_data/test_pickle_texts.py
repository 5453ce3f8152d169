"""Texts, numbers and arrays in pickles and files of joblib are read, and nothing of them is executed."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.passages import Passage
from holdfast.kernels.personal_data.pickle_texts import pickle_passages

MAILS = [f"user{i}@example.org" for i in range(8, 12)]


def read(data: bytes) -> tuple[list[Passage], list[str]]:
    notes: list[str] = []
    return list(pickle_passages(memoryview(data), notes=notes)), notes


def texts(data: bytes) -> set[str]:
    found, notes = read(data)
    assert not notes
    return {passage.text for passage in found}


def dumped(value: Any, *, compress: int = 0) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream, compress=compress)
    return stream.getvalue()


@pytest.mark.parametrize("protocol", range(6))
def test_all_protocols_are_read(protocol: int) -> None:
    value = {"categories_": [*MAILS, "x" * 70_000, "ü" * 200], "id": 48221234567, "few": 12}
    found = texts(pickle.dumps(value, protocol=protocol))
    assert {*MAILS, "x" * 70_000, "ü" * 200, "48221234567"} <= found
    assert "12" not in found


@pytest.mark.parametrize("kind", ["<U18", "S18", "O"])
@pytest.mark.parametrize("write", [pickle.dumps, dumped])
def test_arrays_of_texts_are_read(kind: str, write: Any) -> None:
    assert set(MAILS) <= texts(write({"first": np.array(MAILS, dtype=kind), "second": np.array(MAILS[:1], dtype=kind)}))


@pytest.mark.parametrize("write", [pickle.dumps, dumped])
def test_thresholds_that_equal_identifiers_are_read(write: Any) -> None:
    assert "48221234567" in texts(write([np.array([0.25, 48221234567.0]), np.arange(5)]))


def test_the_attribute_before_a_text_is_its_place_and_context() -> None:
    found, _ = read(pickle.dumps({"categories_": ["Anna"]}))
    (name,) = [passage for passage in found if passage.text == "Anna"]
    assert name.place.part.startswith("categories_, byte ")
    assert name.context == "categories: "


class _Armed:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("executed-by-a-pickle"),)


def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found, _ = read(pickle.dumps([_Armed(), "jane.roe@example.org"]))
    assert not list(tmp_path.iterdir())
    assert "jane.roe@example.org" in {passage.text for passage in found}


def test_pickles_behind_each_other_are_read() -> None:
    assert {"one", "two"} <= texts(pickle.dumps("one") + pickle.dumps("two"))


def test_a_broken_pickle_is_read_as_far_as_it_goes() -> None:
    found, notes = read(pickle.dumps(["first", "second"])[:-8])
    assert "first" in {passage.text for passage in found}
    assert "was read up to byte" in notes[0]


def test_reading_ends_when_the_time_is_up() -> None:
    notes: list[str] = []
    list(pickle_passages(memoryview(pickle.dumps("x")), notes=notes, expired=lambda: True))
    assert "the time allowed" in notes[0]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    read(data)


@given(st.data())
def test_altered_pickles_are_read_without_an_error(data: st.DataObject) -> None:
    whole = bytearray(dumped({"a_b": [np.array(MAILS), MAILS, 48221234567]}))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(whole))


@given(st.lists(st.text(max_size=20) | st.dictionaries(st.text(max_size=5), st.text(max_size=300), max_size=3)))
def test_every_text_is_found(value: Any) -> None:
    found = texts(pickle.dumps(value))
    parts = [part for item in value for part in (item.values() if isinstance(item, dict) else [item])]
    assert {part for part in parts if part} <= found
