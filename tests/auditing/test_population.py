"""A population is held against the tables before an audit begins."""

from __future__ import annotations

import polars as pl
import pytest

from holdfast.auditing.population import check_population
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError
from holdfast.core.subject import Table

ROWS = pl.DataFrame({"sex": ["Female", "Male", None], "age": [20, 40, 60]})
SEXES = {"Female": 0.51, "Male": 0.49}


def told(population: dict[str, dict[str, float]] | None = None, people: pl.DataFrame | None = None) -> None:
    tables = {"test": Table(name="test", frame=ROWS, digest="x")}
    if people is not None:
        tables["population"] = Table(name="population", frame=people, digest="y")
    check_population(Deployment(population=population or {}), tables)


def test_a_population_that_fits_is_accepted() -> None:
    told({"sex": SEXES, "age": {"<30": 0.333, "30-50": 0.333, ">50": 0.333}})
    told(people=pl.DataFrame({"sex": ["Female", "Male"], "count": [5, 4]}))
    told({"sex": {"Female": 0.5, "Male": 0.49, "neither": 0.01}})


@pytest.mark.parametrize(
    ("population", "message", "hint"),
    [
        ({"sxe": SEXES}, "names a column 'sxe'", "did you mean 'sex'?"),
        ({"sex": {"Female": 0.51, "Male": 0.4}}, "to sum to 1, they sum to 0.91", "name all categories"),
        ({"sex": {"Female": 51, "Male": 49}}, "they sum to 100", "write 51 % as 0.51"),
        ({"sex": {}}, "they sum to 0", "name all categories"),
        ({"sex": {"Female": 1.51, "Male": -0.51}}, "got -0.51 for 'Male'", ""),
        ({"sex": {"Female": float("nan"), "Male": 1.0}}, "got nan", ""),
        ({"sex": {"female": 0.51, "Male": 0.49}}, "names 'female' in 'sex', which no table holds", "'Female'"),
        ({"sex": {"w": 0.51, "m": 0.49}}, "names none of the categories of 'sex'", "'Female', 'Male'"),
        ({"age": {"young": 0.5, "old": 0.5}}, "a column of numbers", "whom the model is for"),
        ({"age": {"<40": 0.5, "30+": 0.5}}, "do not overlap", "whom the model is for"),
    ],
)
def test_shares_that_cannot_be_meant_are_refused(
    population: dict[str, dict[str, float]], message: str, hint: str
) -> None:
    with pytest.raises(InputError) as caught:
        told(population)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("people", "message"),
    [
        (pl.DataFrame({"gender": ["f"]}), "has no column of the test table"),
        (pl.DataFrame({"sex": ["f", "m"]}), "names none of the categories"),
        (pl.DataFrame({"sex": ["Female"], "count": ["many"]}), "expected numbers of zero or more"),
        (pl.DataFrame({"sex": ["Female"], "count": [0]}), "expected numbers of zero or more"),
        (pl.DataFrame({"sex": ["Female"]}).clear(), "has no rows"),
    ],
)
def test_a_table_that_cannot_be_the_population_is_refused(people: pl.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        told(people=people)


def test_a_population_is_stated_once() -> None:
    with pytest.raises(InputError, match="stated twice"):
        told({"sex": SEXES}, pl.DataFrame({"sex": ["Female"]}))
