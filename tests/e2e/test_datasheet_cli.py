"""``holdfast datasheet`` as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.workplace import Workplace


@pytest.fixture(scope="module")
def described(prototype: Path, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A table with gaps and an identifier, and its card; no test changes these."""
    place = Workplace(Path(shutil.copytree(prototype, tmp_path_factory.mktemp("card") / "work")))
    table = pl.read_csv(place.folder / "train.csv").with_row_index("customer_id", offset=1000)
    gaps = pl.when(pl.int_range(pl.len()) % 20 > 0).then("hours").alias("hours")
    table.with_columns(gaps).write_csv(place.folder / "customers.csv")
    output = place.run("datasheet", "customers.csv", "--target", "approved", "-o", "card")
    assert output.returncode == 0, output
    assert output.stdout.split() == ["card/README.md", "card/croissant.json"]
    return place


def test_the_card_holds_what_was_measured(described: Workplace) -> None:
    card = (described.folder / "card/README.md").read_text()
    truth = pl.read_csv(described.folder / "customers.csv")
    share = (truth["approved"] == "yes").mean()
    assert f"yes: {share:.1%}" in card
    assert "| hours | number | 25 (5.0%) |" in card
    assert "Columns named like protected attributes:** age, sex" in card
    assert "Columns that name single rows:** customer\\_id" in card
    assert "**Missing cells:** In 0 of 1 inputs" in card
    assert "**Annotation, measured:**" in card
    assert "1000" not in card.split("## Dataset structure")[1]  # no identifier of a person


def test_a_card_is_not_written_over(described: Workplace) -> None:
    again = described.run("datasheet", "customers.csv", "-o", "card")
    assert again.returncode == 2
    assert "somebody may have written into it" in again.stderr


@pytest.mark.filterwarnings("ignore")
def test_the_rows_can_be_read_by_the_description_alone(described: Workplace, tmp_path: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")
    shutil.copy(described.folder / "customers.csv", tmp_path)
    dataset = croissant.Dataset(jsonld=shutil.copy(described.folder / "card/croissant.json", tmp_path))
    assert not dataset.metadata.issues.errors
    rows = list(dataset.records("rows"))
    truth = pl.read_csv(described.folder / "customers.csv")
    assert len(rows) == truth.height
    assert [row["rows/age"] for row in rows] == truth["age"].to_list()
    assert sum(row["rows/hours"] is None for row in rows) == truth["hours"].null_count()


def test_the_same_table_gives_the_same_card_over_an_old_one(described: Workplace) -> None:
    shutil.copytree(described.folder / "card", described.folder / "again")
    (described.folder / "again/README.md").write_text("an old one")
    described.run("datasheet", "customers.csv", "--target", "approved", "-o", "again", "--force")
    for name in ("README.md", "croissant.json"):
        assert (described.folder / "again" / name).read_bytes() == (described.folder / "card" / name).read_bytes()


def test_a_population_is_part_of_the_description(described: Workplace) -> None:
    (described.folder / "census.csv").write_text("age,share\n<50,0.9\n50+,0.1\n")
    described.run("datasheet", "customers.csv", "--population", "census.csv", "-o", "counted")
    biases = json.loads((described.folder / "counted/croissant.json").read_text())["rai:dataBiases"]
    assert any("and 10.0% of the population" in text or "and 90.0% of the population" in text for text in biases)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("customer.csv",), "did you mean 'customers.csv'?"),
        (("customers.csv", "--target", "aproved"), "did you mean 'approved'?"),
        (("customers.csv", "--population", "nowhere.csv"), "there is no file nowhere.csv"),
    ],
)
def test_what_cannot_be_read_is_said(described: Workplace, arguments: tuple[str, ...], said: str) -> None:
    output = described.run("datasheet", *arguments, "-o", "other")
    assert output.returncode == 2
    assert said in output.stderr
