from __future__ import annotations

from typing import Any

import pytest

from holdfast.kernels.robustness.flips_in_words import changes_in_words, example_rows

BEFORE: dict[str, list[Any]] = {
    "pay": [1.0, 2.0, 3.0],
    "job": ["cook", "clerk", None],
    "sex": ["f", "m", "f"],
    "age": [30, 40, 50],
}
AFTER: dict[str, list[Any]] = {
    "pay": [1.5, 2.25, None],
    "job": [None, "cook", None],
    "sex": [None, None, "m"],
}


def examples(**options: Any) -> dict[str, list[Any]]:
    points = {"row": [10, 11, 12], "label": ["no"] * 3, "distance": [0.2, 0.1, 0.0]}
    chosen: dict[str, Any] = {"classes": ["no", "yes"], "hidden": ["sex"], "is_whole": False} | options
    return example_rows(BEFORE, AFTER, points=points, **chosen)


def test_changed_cells_are_told_and_hidden_ones_named() -> None:
    told = changes_in_words(BEFORE, AFTER, hidden=["sex"])
    assert told == ["pay: 1 → 1.5", "pay: 2 → 2.25, job: clerk → cook", "sex"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (1.0, 1.0000001, "x: 1 → 1.0000001"),
        (59999.99, 60000.01, "x: 59999.99 → 60000.01"),
        (150000.0, 160000.0, "x: 150000 → 160000"),
        (7, 8, "x: 7 → 8"),
        (False, True, "x: false → true"),
        (1.0, 1e30, "x: 1 → 1e+30"),
    ],
)
def test_numbers_have_as_few_digits_as_tell_them_apart(old: Any, new: Any, words: str) -> None:
    assert changes_in_words({"x": [old]}, {"x": [new]}, hidden=[]) == [words]


def test_fewest_changed_cells_come_first_and_the_shortest_move_among_them() -> None:
    assert list(dict.fromkeys(examples()["row"])) == [12, 10, 11]


def test_flips_by_other_columns_come_before_more_of_the_same() -> None:
    after = {"pay": [None] + [2.0] * 7, "job": ["b"] + [None] * 7}
    before = {"pay": [1.0] * 8, "job": ["a"] * 8}
    points = {"row": list(range(8)), "label": ["no"] * 8, "distance": [9.0] + [0.1] * 7}
    found = example_rows(before, after, points=points, classes=["no", "yes"], hidden=[], is_whole=False)
    assert list(dict.fromkeys(found["row"])) == [1, 0, 2, 3, 4]


def test_columns_that_stay_are_told_only_of_whole_rows() -> None:
    assert set(examples()["column"]) == {"pay", "job", "sex"}
    whole = examples(is_whole=True)
    assert list(dict.fromkeys(whole["column"])) == ["sex", "pay", "job", "age"]
    told = zip(whole["column"], whole["before"], whole["after"], whole["is_changed"], strict=True)
    assert ("age", "30", "30", False) in told


def test_hidden_values_are_never_told() -> None:
    found = examples(is_whole=True)
    told = {
        (b, a) for name, b, a in zip(found["column"], found["before"], found["after"], strict=True) if name == "sex"
    }
    assert told == {("not shown", "not shown")}


def test_the_answer_after_is_known_with_two_classes_only() -> None:
    assert set(examples()["answer_after"]) == {"yes"}
    assert set(examples(classes=["no", "yes", "maybe"])["answer_after"]) == {"another"}


def test_missing_cells_are_called_missing() -> None:
    found = examples(is_whole=True)
    assert ("missing", "missing") in zip(found["before"], found["after"], strict=True)


def test_without_flips_there_are_no_examples() -> None:
    none: dict[str, list[Any]] = {"row": [], "label": [], "distance": []}
    found = example_rows({"a": []}, {"a": []}, points=none, classes=["no", "yes"], hidden=[], is_whole=True)
    assert found["row"] == []
    assert changes_in_words({}, {}, hidden=[]) == []
