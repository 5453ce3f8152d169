"""Text that people wrote: strict, with the place and the closest valid key."""

from __future__ import annotations

import pytest

from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.parse import DEEPEST_YAML, LARGEST_YAML, from_mapping, parse_yaml
from holdfast.core.record import TableCard


def test_plain_yaml_becomes_plain_values() -> None:
    text = "purpose: credit\nsensitive: [age, sex]\nranges: {age: [0, 120]}\n"
    expected = {"purpose": "credit", "sensitive": ["age", "sex"], "ranges": {"age": [0, 120]}}
    assert parse_yaml(text, source="holdfast.yaml") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "'a' occurs twice"),
        ("x:\n  a: 1\n  a: 2", "line 3.*'a' occurs twice"),
        ("a: &x 1\nb: *x", "anchors and aliases"),
        ("a: &x 1", "anchors and aliases"),
        ("a: !!python/object/apply:os.system ['true']", "tag .* is not accepted"),
        ("!custom 1", "the tag '!custom'"),
        ("a: [1", "not valid YAML"),
        ("a: 1\n b: 2", "line 2, column"),
        ("? [1, 2]\n: x", "keys must be plain words"),
        ("a: \x00", "not valid YAML"),
        ("--- 1\n--- 2", "not valid YAML"),
    ],
)
def test_hostile_or_broken_yaml_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_yaml(text, source="holdfast.yaml")
    assert "holdfast.yaml" in str(caught.value)


def test_large_yaml_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(InputError, match="at most"):
        parse_yaml("#" * (LARGEST_YAML + 1), source="x")


def test_deep_yaml_is_refused() -> None:
    with pytest.raises(InputError, match="levels deep"):
        parse_yaml("[" * (DEEPEST_YAML + 1) + "]" * (DEEPEST_YAML + 1), source="x")


def test_yaml_at_the_limit_of_depth_is_accepted() -> None:
    assert parse_yaml("[" * DEEPEST_YAML + "]" * DEEPEST_YAML, source="x")


def test_mapping_becomes_the_dataclass() -> None:
    deployment = from_mapping(Deployment, {"sensitive": ["age"], "ranges": {"age": [0, 9]}}, source="holdfast.yaml")
    assert deployment == Deployment(sensitive=("age",), ranges={"age": (0.0, 9.0)})


def test_unknown_key_names_the_closest_valid_one() -> None:
    with pytest.raises(InputError, match=r"unknown key 'sensitiv' in holdfast\.yaml") as caught:
        from_mapping(Deployment, {"sensitiv": ["age"]}, source="holdfast.yaml")
    assert caught.value.hint == "did you mean 'sensitive'?"


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"purpose": 3}, "purpose"),
        ({"task": "clustering"}, "task"),
        ({"sensitive": "age"}, "sensitive"),
        ({"ranges": {"age": [0]}}, "ranges.age"),
    ],
)
def test_wrong_type_names_its_place(value: dict[str, object], place: str) -> None:
    with pytest.raises(InputError, match=f"holdfast.yaml, at {place}"):
        from_mapping(Deployment, value, source="holdfast.yaml")


def test_missing_field_names_its_place() -> None:
    with pytest.raises(InputError, match="at digest"):
        from_mapping(TableCard, {"rows": 1, "columns": 2}, source="x")


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_document_that_is_no_mapping_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="expected a mapping"):
        from_mapping(Deployment, value, source="x")


def test_suggestion_ignores_case_and_lists_the_choices_otherwise() -> None:
    assert did_you_mean("AGE", ["age", "sex"]) == "did you mean 'age'?"
    assert did_you_mean("zzz", ["age", "sex"]) == "valid choices: 'age', 'sex'"
    assert did_you_mean("zzz", []) == "there are no valid choices"


@pytest.mark.parametrize(("text", "value"), [("1e-5", 1e-5), ("2E3", 2000.0), ("-1.5e3", -1500.0), ("'1e5'", "1e5")])
def test_powers_of_ten_are_numbers_as_people_write_them(text: str, value: object) -> None:
    assert parse_yaml(f"a: {text}", source="x") == {"a": value}
