"""Constraints name inputs that exist and have the right kind; rows that break them are named."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from holdfast.auditing.constraining import check_constraints
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError
from holdfast.core.subject import Table

ROWS = pl.DataFrame(
    {
        "amount": [1.0, 2.0, 3.5, 90.0],
        "limit": [2, 2, 4, 100],
        "job": ["a", "b", "a", "b"],
        "grade": [1, 2, 1, 2],
        "rents": [1, 0, 0, 1],
        "owns": [0, 1, 1, 0],
        "row_id": [1, 2, 3, 4],
    }
)
FEATURES = ROWS.columns[:-1]


def told(test: pl.DataFrame = ROWS, train: pl.DataFrame | None = ROWS, **stated: Any) -> tuple[str, ...]:
    tables = [Table(name="test", frame=test, digest="x")]
    tables += [Table(name="train", frame=train, digest="y")] if train is not None else []
    return check_constraints(Deployment(**stated), tables, FEATURES)


def test_constraints_that_hold_say_nothing() -> None:
    stated: dict[str, Any] = {
        "ranges": {"amount": (0.0, 99.0), "limit": (4.0, 4.0)}, "integer": ("limit",),
        "directions": {"limit": "up"}, "costs": {"job": 2.0},
        "one_hot": (("rents", "owns"),), "relations": ("amount <= limit", "grade follows job"),
    }  # fmt: skip
    assert told(**stated) == ()


@pytest.mark.parametrize(
    "stated",
    [
        {"ranges": {"amuont": (0.0, 1.0)}},
        {"integer": ("amuont",)},
        {"directions": {"amuont": "up"}},
        {"costs": {"amuont": 2.0}},
        {"one_hot": (("amuont", "owns"),)},
        {"relations": ("amuont <= limit",)},
    ],
)
def test_a_column_that_is_not_there_is_refused_with_the_closest(stated: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"deployment.{next(iter(stated))} names a column 'amuont'") as caught:
        told(**stated)
    assert caught.value.hint == "did you mean 'amount'?"


def test_a_column_that_is_no_input_is_refused() -> None:
    with pytest.raises(InputError, match=r"inputs of the model under deployment.costs, got 'row_id'"):
        told(costs={"row_id": 2.0})
    assert told(ranges={"row_id": (0.0, 9.0)}) == ()


@pytest.mark.parametrize(
    "stated", [{"ranges": {"job": (0.0, 1.0)}}, {"integer": ("job",)}, {"directions": {"job": "up"}}]
)
def test_numbers_are_not_said_of_text(stated: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"column of numbers under deployment\.\w+, got 'job' of type String"):
        told(**stated)


@pytest.mark.parametrize("group", [("job", "owns"), ("owns",), ("owns", "owns")])
def test_a_group_is_two_or_more_columns_of_0_and_1(group: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="one_hot"):
        told(one_hot=(group,))


def test_a_relation_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match=r"deployment.relations: expected .* got 'os' at position"):
        told(relations=("amount <= import os",))


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (
            {"ranges": {"amount": (1.0, 80.0)}},
            "1 of 4 rows of the test table break the constraint 'range of amount': rows 3",
        ),
        ({"integer": ("amount",)}, "'whole numbers in amount': rows 2, counted from 0"),
    ],
)
def test_rows_outside_of_what_is_stated_are_named_for_each_table(stated: dict[str, Any], said: str) -> None:
    of_test, of_train = told(**stated)
    assert said in of_test
    assert "of the train table" in of_train


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"relations": ("amount <= limit",)}, "'amount <= limit': rows 0, 3, counted from 0"),
        ({"relations": ("grade follows job",)}, "'grade follows job': rows 0"),
        ({"one_hot": (("rents", "owns"),)}, "'one of rents, owns': rows 0"),
    ],
)
def test_test_rows_that_break_what_training_rows_fulfil_are_named(stated: dict[str, Any], said: str) -> None:
    broken = ROWS.with_columns(
        amount=pl.Series([9.0, 2.0, 3.5, 300.0]), grade=pl.Series([2, 2, 1, 2]), owns=pl.Series([1, 1, 1, 0])
    )
    (of_test,) = told(broken, **stated)
    assert said in of_test


def test_levels_that_contradict_each_other_in_training_are_left_to_the_checks() -> None:
    assert told(train=ROWS.with_columns(grade=pl.Series([1, 2, 2, 2])), relations=("grade follows job",)) == ()
