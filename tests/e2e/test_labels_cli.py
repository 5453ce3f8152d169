"""``holdfast labels`` as a user runs it."""

from __future__ import annotations

import io
import json

import numpy as np
import polars as pl
import pytest

from tests.e2e.workplace import Workplace

CLASSES = ("red", "green", "blue")


@pytest.fixture
def shop(place: Workplace) -> Workplace:
    """A table in which every twentieth outcome is wrong, and what an ideal observer says of each row."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 1200)
    x = rng.normal(size=(1200, 3))
    x[np.arange(1200), truth] += 4
    logs = 4 * x
    p = np.exp(logs - logs.max(axis=1, keepdims=True))
    given = np.where(np.arange(1200) % 20 == 0, (truth + 1) % 3, truth)
    colours = pl.Series("colour", [CLASSES[place] for place in given])
    pl.DataFrame(x, schema=["a", "b", "c"]).with_columns(colours).write_csv(place.folder / "shop.csv")
    pl.DataFrame(p / p.sum(axis=1, keepdims=True), schema=CLASSES).write_csv(place.folder / "p.csv")
    return place


def test_wrong_outcomes_are_listed_first(shop: Workplace) -> None:
    output = shop.run("labels", "shop.csv", "--target", "colour", "--probabilities", "p.csv", "--format", "csv")
    table = pl.read_csv(io.StringIO(output.stdout))
    assert (output.returncode, table.columns) == (0, ["row", "given", "suggested", "score", "suspect"])
    suspects = table.filter("suspect")
    assert table.height == 1200
    assert set(suspects["row"]) >= set(range(0, 1200, 20)) - set(suspects["row"].to_list()[-5:])
    assert (table.head(40)["row"] % 20 == 0).all()
    assert (suspects["given"] != suspects["suggested"]).mean() > 0.9


def test_models_are_trained_where_no_probabilities_are_given(shop: Workplace) -> None:
    output = shop.run("labels", "shop.csv", "--target", "colour", "--effort", "quick", "--format", "json")
    found = json.loads(output.stdout)
    assert output.returncode == 0, output
    assert found["low"] < 0.05 < found["high"] + 0.02
    assert sum(row["row"] % 20 == 0 for row in found["rows"][:40]) >= 36
    again = shop.run("labels", "shop.csv", "--target", "colour", "--effort", "quick", "--format", "json")
    assert again.stdout == output.stdout


def test_terminal_gets_a_sentence_and_a_file_gets_the_rest(shop: Workplace) -> None:
    common = ("labels", "shop.csv", "--target", "colour", "--probabilities", "p.csv")
    shown = shop.run(*common)
    assert shown.stdout.startswith("Of 1,000 outcomes about 5")
    written = shop.run(*common, "--format", "csv", "--out", "found.csv")
    assert (written.stdout, pl.read_csv(shop.folder / "found.csv").height) == ("", 1200)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.head(5), "expected one row of probabilities for each of the 1200 rows, got 5"),
        (lambda p: p.select(pl.all() * 2), "the first is row 0"),
        (lambda p: p.rename({"green": "gren"}), "did you mean 'gren'?"),
        (lambda p: p.with_columns(id=pl.lit("x")), "expected numbers in the column 'id'"),
    ],
)
def test_probabilities_that_do_not_fit_are_refused(shop: Workplace, change, message: str) -> None:  # type: ignore[no-untyped-def]
    change(pl.read_csv(shop.folder / "p.csv")).write_csv(shop.folder / "bad.csv")
    output = shop.run("labels", "shop.csv", "--target", "colour", "--probabilities", "bad.csv")
    assert (output.returncode, "Traceback" in output.stderr) == (2, False)
    assert message in output.stderr


def test_faultless_numbers_are_not_said_to_be_all_wrong(place: Workplace) -> None:
    values = [row % 50 for row in range(300)]
    pl.DataFrame({"a": values, "price": [2.5 * value for value in values]}).write_csv(place.folder / "prices.csv")
    output = place.run("labels", "prices.csv", "--target", "price", "--effort", "quick", "--format", "json")
    assert json.loads(output.stdout)["high"] < 0.1
    assert "1,000)" not in place.run("labels", "prices.csv", "--target", "price", "--effort", "quick").stdout


def test_target_and_format_are_checked(shop: Workplace) -> None:
    assert "did you mean 'colour'?" in shop.run("labels", "shop.csv", "--target", "color").stderr
    assert "did you mean 'csv'?" in shop.run("labels", "shop.csv", "--target", "colour", "--format", "cvs").stderr
