"""Guesses from names and contents: the roles of well-known tables, and no role where there is none."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from holdfast.auditing.guessing import apply_guesses, guess_roles, words_of
from holdfast.core.deployment import Deployment
from holdfast.core.subject import Table

N = 200
ADULT: dict[str, Any] = {
    "age": [17 + row % 70 for row in range(N)],
    "workclass": ["Private", "State-gov"] * (N // 2),
    "fnlwgt": [12285 + 7 * row for row in range(N)],
    "education": ["Bachelors", "HS-grad"] * (N // 2),
    "education-num": [1 + row % 16 for row in range(N)],
    "marital-status": ["Married-civ-spouse", "Never-married"] * (N // 2),
    "occupation": ["Adm-clerical", "Sales"] * (N // 2),
    "relationship": ["Husband", "Own-child"] * (N // 2),
    "race": ["White", "Black"] * (N // 2),
    "sex": ["Male", "Female"] * (N // 2),
    "capital-gain": [row * 11 for row in range(N)],
    "capital-loss": [0] * N,
    "hours-per-week": [40] * N,
    "native-country": ["United-States", "Mexico"] * (N // 2),
    "income": ["<=50K", ">50K"] * (N // 2),
}
GERMAN: dict[str, Any] = {
    "checking_status": ["<0", "no checking"] * (N // 2),
    "duration": [6 + row % 60 for row in range(N)],
    "duration_in_month": [6 + row % 60 for row in range(N)],
    "credit_history": ["existing paid", "critical/other existing credit"] * (N // 2),
    "purpose": ["radio/tv", "education"] * (N // 2),
    "credit_amount": [250 + 13 * row for row in range(N)],
    "savings_status": ["<100", "no known savings"] * (N // 2),
    "employment_since": ["1<=X<4", ">=7"] * (N // 2),
    "personal_status_sex": ["male single", "female div/dep/mar"] * (N // 2),
    "residence_since": [1, 2, 3, 4] * (N // 4),
    "age": [19 + row % 55 for row in range(N)],
    "number_credits": [1, 2] * (N // 2),
    "num_dependents": [1, 2] * (N // 2),
    "own_telephone": ["none", "yes"] * (N // 2),
    "foreign_worker": ["yes", "no"] * (N // 2),
    "class": ["good", "bad"] * (N // 2),
}


def roles(columns: dict[str, Any], target: str | None = None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    table = Table(name="test", frame=pl.DataFrame(columns), digest="sha256:t")
    for guess in guess_roles(table, target=target):
        assert guess.reason
        found.setdefault(guess.role, []).append(guess.column)
    return found


def test_roles_of_adult() -> None:
    assert roles(ADULT, "income") == {
        "sensitive": ["age", "race", "sex", "native-country"],
        "immutable": ["age", "race", "sex", "native-country"],
    }


def test_roles_of_german_credit() -> None:
    assert roles(GERMAN, "class") == {
        "sensitive": ["personal_status_sex", "age", "foreign_worker"],
        "immutable": ["personal_status_sex", "age"],
    }


def test_target_has_no_other_role() -> None:
    assert roles({"sex": ["m", "f"] * 20}, "sex") == {}


@pytest.mark.parametrize("name", ["id", "ID", "customer_id", "customerId", "CustomerID", "row-id", "uuid", "Index"])
def test_identifier_that_is_always_different_is_an_id(name: str) -> None:
    assert roles({name: list(range(N))}) == {"id": [name]}


@pytest.mark.parametrize(
    "columns",
    [
        {"id": [0.5 * row for row in range(N)]},
        {"id": [1] * N},
        {"id": [None, *range(N - 1)]},
        {"income": list(range(N))},
        {"paid": list(range(N))},
        {"width": list(range(N))},
        {"number_credits": list(range(N))},
        {"phone_no_of_calls": list(range(N))},
    ],
)
def test_other_columns_are_no_id(columns: dict[str, Any]) -> None:
    assert "id" not in roles(columns)


def test_few_rows_prove_no_id() -> None:
    assert "id" not in roles({"house_number": [7, 9, 12]})


def test_identifier_that_repeats_groups_rows() -> None:
    assert roles({"patient_id": [row // 2 for row in range(N)]}) == {"group": ["patient_id"]}


def test_only_one_column_is_the_id() -> None:
    assert roles({"id": list(range(N)), "uuid": [f"u{row}" for row in range(N)]})["id"] == ["id"]


@pytest.mark.parametrize(
    "cells",
    [
        [date(2024, 1, 1) + timedelta(days=row) for row in range(N)],
        [f"2024-{1 + row % 12:02}-01" for row in range(N)],
        [f"{1 + row % 28}.{1 + row % 12}.2024" for row in range(N)],
    ],
)
def test_dates_are_the_time(cells: list[Any]) -> None:
    assert roles({"created_date": cells}) == {"time": ["created_date"]}


@pytest.mark.parametrize(
    "columns",
    [{"month": [1, 2] * 100}, {"time_at_address": [3, 4] * 100}, {"day": ["Mon", "Tue"] * 100}, {"year": [None] * N}],
)
def test_parts_and_spans_of_time_are_no_time(columns: dict[str, Any]) -> None:
    assert "time" not in roles(columns)


@pytest.mark.parametrize(("name", "n_levels"), [("orientation", 61), ("race", 150)])
def test_name_of_a_protected_ground_with_too_many_levels_is_not_sensitive(name: str, n_levels: int) -> None:
    assert "sensitive" not in roles({name: [f"v{row % n_levels}" for row in range(N)]})


@pytest.mark.parametrize(
    "name", ["stage", "message", "average_balance", "package", "sextant", "trace", "embrace", "usage"]
)
def test_word_within_a_word_is_no_protected_ground(name: str) -> None:
    assert roles({name: [1, 2] * 100}) == {}


def test_sentences_are_text() -> None:
    assert roles({"note": [f"the customer called about case {row}" for row in range(N)]}) == {"text": ["note"]}


def test_few_long_categories_are_no_text() -> None:
    assert roles({"status": ["no known savings at all", "critical account with other credits"] * 100}) == {}


@pytest.mark.parametrize(
    "columns", [{"": [1, 2]}, {"年齢": [1, 2]}, {"<script>": ["a", "b"]}, {"id": [None, None]}, {"sex": []}]
)
def test_odd_columns_do_no_harm(columns: dict[str, Any]) -> None:
    assert "id" not in roles(columns)


def test_guesses_fill_empty_fields_only() -> None:
    table = Table(name="test", frame=pl.DataFrame(ADULT), digest="x")
    deployment = apply_guesses(
        Deployment(sensitive=("race",)), guess_roles(table, target="income"), roles=("sensitive", "immutable")
    )
    assert deployment == Deployment(sensitive=("race",), immutable=("age", "race", "sex", "native-country"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("birthYear", ["birth", "year"]),
        ("HTTPStatus2", ["http", "status", "2"]),
        ("a b-c_d", ["a", "b", "c", "d"]),
        ("", []),
    ],
)
def test_names_are_split_into_words(name: str, words: list[str]) -> None:
    assert words_of(name) == words
