from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.errors import InputError
from holdfast.redaction.documents import document_leaves, number_of, rebuilt, redact_record, rule_at
from holdfast.redaction.plan import Plan
from holdfast.redaction.redacting import Redactor
from holdfast.redaction.restoring import Restorer
from tests.redaction.finding import KEYS, Finding, plan_of

JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


def redacted(document: Any, plan: Plan) -> Any:
    leaves, subject = document_leaves(document, plan, source="a test")
    record = redact_record(leaves, Finding().find([leaf.text for leaf in leaves]), Redactor(plan, keys=KEYS), subject)
    return None if record is None else rebuilt(document, iter(record.values))


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_documents_without_personal_data_stay_as_they_are(document: Any) -> None:
    assert json.dumps(redacted(document, plan_of("keep"))) == json.dumps(document)


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_every_value_under_a_rule_comes_back(document: Any) -> None:
    plan = plan_of("token", paths={"*": "token", "*.*": "token", "[]": "token"})
    changed = redacted(document, plan)
    restorer = Restorer(KEYS)
    leaves, _ = document_leaves(changed, plan, source="a test")
    values = [
        None if leaf.is_null else number_of(leaf.text) if leaf.is_number else restorer.restore_value(leaf.text)
        for leaf in leaves
    ]
    assert json.dumps(rebuilt(changed, iter(values))) == json.dumps(document)


def test_types_and_places_are_kept() -> None:
    document = {"age": 37, "old": 99, "zip": 94110, "id": 7, "ok": True, "x": 1.5, "n": None, "c": 4111111111111111}
    plan = plan_of(
        "encrypt",
        paths={"age": "generalise", "old": {"transform": "generalise", "to": "age_band"}, "id": "drop",
               "zip": {"transform": "generalise", "to": "zip_prefix"}},
    )  # fmt: skip
    found = redacted(document, plan)
    assert list(found) == list(document)
    card = found.pop("c")
    assert isinstance(card, int)
    assert str(card).startswith("411111")
    assert found == {"age": 30, "old": 90, "zip": 94100, "id": None, "ok": True, "x": 1.5, "n": None}


def test_keys_that_are_personal_data_are_treated_and_stay_apart() -> None:
    assert redacted({"ann@x.org": 1, "bob@x.org": {"Ann Lee": 2}}, plan_of("mask")) == {
        "***@*.***": 1,
        "***@*.***_2": {"*** ***": 2},
    }


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("user.email", "user.email", True),
        ("user.email", "user.emails", False),
        ("*.email", "user.email", True),
        ("items[].card", "items[12].card", True),
        ("items[0].card", "items[1].card", False),
        ("[*].name", "[3].name", True),
        ("email", "email[#key]", False),
    ],
)
def test_paths_name_values(pattern: str, path: str, fits: bool) -> None:
    assert rule_at(plan_of(paths={pattern: "drop"}), path) == (pattern if fits else "")


def test_the_subject_of_a_document_moves_its_dates() -> None:
    plan = plan_of("shift_date", subject="patient.id")
    one, again, other = (redacted({"patient": {"id": who}, "seen": "2020-01-01"}, plan)["seen"] for who in (1, 1, 2))
    assert one == again != other


def test_depth_is_bounded() -> None:
    document: Any = "x"
    for _ in range(200):
        document = [document]
    with pytest.raises(InputError, match="at most 100 levels of JSON"):
        redacted(document, plan_of("keep"))


def test_keys_are_what_values_are_searched_behind() -> None:
    document = {"user": {"dateOfBirth": "1980", "12 34": 5}, "tel": [481516, 7, 1.0], "x": [{"datatype": "BYTES",
                "name": "mail", "data": ["am9obkBleGFtcGxlLm9yZw=="]}]}  # fmt: skip
    leaves, _ = document_leaves(document, plan_of("keep"), source="a test")
    found = {(leaf.context, leaf.searched) for leaf in leaves if leaf.context}
    assert found == {
        ("user date Of Birth: ", "1980"), ("user: ", "12 34"), ("user 12 34: ", "5"), ("tel: ", "481516"),
        ("mail: ", "john@example.org"), ("x datatype: ", "BYTES"), ("x name: ", "mail"),
    }  # fmt: skip


@pytest.mark.parametrize("value", [True, False, 1.5, -0.0, 24428557.0, 1e200, 0, -3, None, "x"])
@pytest.mark.parametrize("method", ["token", "encrypt", "drop", "replace", "generalise"])
def test_a_rule_of_a_path_is_for_values_of_all_types(value: Any, method: str) -> None:
    plan = plan_of(paths={"a": {"transform": method, "label": "AGE"}})
    changed = redacted({"a": value}, plan)["a"]
    if value is None:
        assert changed is None
    elif method == "generalise" and value in (0, 1.5, -3, 1e200):
        assert changed in (0, 90, "[AGE_1]")
    else:
        assert isinstance(changed, str) or (changed is None and method == "drop")
        assert changed != value
    if method in ("token", "encrypt"):
        leaves, _ = document_leaves({"a": changed}, plan_of("keep"), source="a test")
        back = None if value is None else Restorer(KEYS).restore_value(leaves[1].text)
        assert json.dumps(back) == json.dumps(value)
