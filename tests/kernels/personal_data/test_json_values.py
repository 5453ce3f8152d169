"""Every value of JSON is looked at, under its path and behind its key."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.json_values import json_passages, text_of
from holdfast.kernels.personal_data.passages import Place

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def looked_at(value: Any) -> list[tuple[str, str, str]]:
    return [(one.place.part, one.context, one.text) for one in json_passages(value)]


def test_keys_are_the_context_and_the_path_the_place() -> None:
    value = {"customer": {"dateOfBirth": "1990-01-31", "tel": ["+48 22", 221]}, "ok": True, "none": None}
    assert looked_at(value) == [
        ("$.customer.dateOfBirth", "customer date Of Birth: ", "1990-01-31"),
        ("$.customer.tel[0]", "customer tel: ", "+48 22"),
    ]


def test_numbers_that_may_be_identifiers_are_looked_at_as_text() -> None:
    assert looked_at({"age": 42, "pesel": 44051401359.0}) == [
        ("$.age", "age: ", "42"),
        ("$.pesel", "pesel: ", "44051401359"),
    ]
    assert looked_at([1, 2.5, 99999, 100000, -44051401359, 1e300]) == [
        ("$[3]", "", "100000"),
        ("$[4]", "", "-44051401359"),
    ]


def test_keys_that_are_no_plain_words_are_looked_at_themselves() -> None:
    (key, value) = looked_at({"jane.roe@example.org": "admin"})
    assert key == ("$ (key)", "", "jane.roe@example.org")
    assert value[0] == '$["jane.roe@example.org"]'


def test_record_and_line_are_kept() -> None:
    (found,) = json_passages({"a": "b"}, Place("r1", 7))
    assert found.place == Place("r1", 7, "$.a")


def test_deep_values_do_not_recurse() -> None:
    value: Any = "deep"
    for _ in range(50_000):
        value = [value]
    (found,) = json_passages(value)
    assert found.text == "deep"


def test_tensors_of_texts_in_base64_are_decoded() -> None:
    tensor = {"name": "email", "datatype": "BYTES", "shape": [1], "data": ["amFuZS5yb2VAZXhhbXBsZS5vcmc="]}
    assert ("$.inputs[0].data[0] (base64)", "email: ", "jane.roe@example.org") in looked_at({"inputs": [tensor]})


@given(VALUES)
def test_every_text_of_a_document_is_looked_at(value: Any) -> None:
    texts = {text for _, _, text in looked_at(value)}
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, str) and part:
            assert part in texts
        stack.extend(part.values() if isinstance(part, dict) else part if isinstance(part, list) else [])


@given(st.integers() | st.text() | st.booleans())
def test_texts_and_whole_numbers_are_written_as_json_writes_them(value: Any) -> None:
    expected = value if isinstance(value, str) else "" if isinstance(value, bool) else json.dumps(value)
    assert text_of(value) == expected
