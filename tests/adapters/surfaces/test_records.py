"""JSON lines and documents are read record by record, and nothing in them is passed over."""

from __future__ import annotations

import io
import json

import pytest

from holdfast.adapters.surfaces import records as module
from holdfast.adapters.surfaces.records import json_file_passages, record_passages
from holdfast.core.errors import InputError
from holdfast.kernels.personal_data.passages import Passage, Place

LINES = b'{"id": "r1", "text": "one", "by": {"name": "Jo"}}\n\n{"text": "two", "id": null}\n'


def read(data: bytes, *fields: str) -> tuple[list[Passage], list[str]]:
    notes: list[str] = []
    return list(record_passages(io.BytesIO(data), fields, notes, source="a.jsonl")), notes


def test_a_record_has_its_id_or_its_number() -> None:
    found, notes = read(LINES, "text")
    assert [(one.text, one.place) for one in found] == [("one", Place("r1", 1, "text")), ("two", Place(3, 3, "text"))]
    assert notes == []


def test_fields_inside_fields_and_all_fields() -> None:
    assert [one.text for one in read(LINES, "by.name")[0]] == ["Jo"]
    assert [one.place.part for one in read(LINES)[0]] == ["$.id", "$.text", "$.by.name", "$.text"]


def test_a_field_that_is_nowhere_is_an_error_that_names_the_near_one() -> None:
    with pytest.raises(InputError, match=r"expected the field 'txet' in a\.jsonl") as error:
        read(LINES, "txet")
    assert error.value.hint == "did you mean 'text'?"


@pytest.mark.parametrize("line", [b"no json", b'{"a": 1, "a": "b"}', b'{"text": "\xff', b"[" * 100_000, b"\0\0x"])
def test_lines_that_are_no_plain_json_are_looked_at_as_text(line: bytes) -> None:
    found, notes = read(b'{"text": "x"}\n' + line + b'\n{"text": "y"}\n', "text")
    assert found[1].text == line.decode("utf-8", "replace")
    assert found[1].place == Place(2, 2)
    assert [found[0].text, found[2].text] == ["x", "y"]
    assert notes == ["1 of 3 lines are no plain JSON: they were looked at as text"]


def test_a_line_beyond_the_limit_is_looked_at_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_RECORD", 50)
    found, _ = read(json.dumps({"text": "z" * 200}).encode() + b'\n{"text": "y"}\n', "text")
    assert "".join(one.text for one in found).count("z") == 200
    assert found[-1].place.line == 2


def document(value: object, *fields: str) -> tuple[list[Passage], list[str]]:
    notes: list[str] = []
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(json_file_passages(io.BytesIO(data), fields, notes, source="a.json")), notes


def test_items_of_a_list_are_records() -> None:
    found, _ = document([{"id": "a", "text": "x"}, {"text": "y"}])
    assert [(one.text, one.place.record, one.place.part) for one in found] == [
        ("a", "a", "$[0].id"),
        ("x", "a", "$[0].text"),
        ("y", 2, "$[1].text"),
    ]
    assert [one.text for one in document({"text": "x"}, "text")[0]] == ["x"]
    with pytest.raises(InputError, match="expected the field 'name'"):
        document([{"text": "x"}], "name")


def test_values_under_a_key_that_stands_twice_are_looked_at_too() -> None:
    found, notes = document(b'{"a": "first", "a": "second"}')
    assert any("first" in one.text for one in found)
    assert "twice" in notes[0]


def test_too_deep_json_is_looked_at_as_text() -> None:
    found, notes = document(b'[{"a":' * 100_000 + b'"x"')
    assert found[0].text.endswith('"x"')
    assert "nests too deeply" in notes[0]
