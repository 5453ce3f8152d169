"""A k-anonymous release of a table, from Python and from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from holdfast.auditing.anonymising import anonymise, write_release
from holdfast.core.errors import InputError
from holdfast.interfaces.cli.pii_anonymise import anonymise as command


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    n = 400
    frame = pl.DataFrame(
        {
            "age": pl.Series([None if at % 50 == 0 else int(rng.integers(18, 90)) for at in range(n)]),
            "town": rng.choice(["x", "y", "z"], n, p=[0.7, 0.25, 0.05]),
            "born": pl.Series(rng.integers(0, 20_000, n)).cast(pl.Date),
            "contact": [f"p{at}@example.org" for at in range(n)],
            "illness": rng.choice(["none", "flu", "asthma"], n),
            "nationality": rng.choice(["a", "b"], n),
            "score": rng.normal(size=n),
        }
    )
    frame.write_parquet(tmp_path / "people.parquet")
    return tmp_path / "people.parquet"


QUASI = ("age", "town", "born")


def test_every_released_row_looks_like_k_others(table: Path) -> None:
    release = anonymise(table, quasi=QUASI, k=4)
    sizes = release.frame.group_by(*QUASI).len()["len"]
    assert sizes.min() == release.k
    assert release.k >= 4
    assert len(sizes) == release.n_classes
    assert release.unique_before > 0.9
    assert 0 < release.loss.total < 1


def test_what_is_not_coarsened_stays_and_rows_change_places(table: Path) -> None:
    before = pl.read_parquet(table)
    release = anonymise(table, quasi=QUASI, k=4)
    assert sorted(release.frame["score"]) == sorted(before["score"])
    assert release.frame["score"].to_list() != before["score"].to_list()
    assert release.frame.height == 400


def test_columns_that_name_people_are_left_out_and_known_ones_are_told(table: Path) -> None:
    release = anonymise(table, quasi=QUASI, k=4)
    assert release.dropped == ("contact",)
    assert "contact" not in release.frame.columns
    assert release.still_known == ("nationality",)


def test_texts_that_name_people_are_told_though_they_stay(table: Path) -> None:
    frame = pl.read_parquet(table)
    remarks = ["call p1@example.org" if at == 7 else "none" for at in range(frame.height)]
    frame.with_columns(pl.Series("remarks", remarks)).write_parquet(table)
    release = anonymise(table, quasi=QUASI, k=4)
    assert release.naming_texts == {"remarks": ("EMAIL_ADDRESS",)}
    assert anonymise(table, quasi=QUASI, k=4, drop=["remarks"]).naming_texts == {}


def test_a_column_named_twice_counts_once_and_is_not_both_kept_and_dropped(table: Path) -> None:
    assert anonymise(table, quasi=("age", "age"), k=4).quasi == ("age",)
    for sensitive, drop in (((), ["age"]), (["illness"], ["illness"])):
        with pytest.raises(InputError, match=r"to keep the column '(age|illness)' or to drop it, got both"):
            anonymise(table, quasi=("age",), k=4, sensitive=sensitive, drop=drop)


def test_groups_keep_the_diversity_asked_for(table: Path) -> None:
    release = anonymise(table, quasi=QUASI, k=4, sensitive=["illness"], l=3, t=0.4)
    assert release.given_away["illness"].l >= 3
    assert release.given_away["illness"].t <= 0.4
    fewest = release.frame.group_by(*QUASI).agg(pl.col("illness").n_unique())["illness"].min()
    assert fewest == release.given_away["illness"].l


def test_the_original_is_never_written_over(table: Path) -> None:
    release, content = anonymise(table, quasi=QUASI, k=4), table.read_bytes()
    with pytest.raises(InputError, match="never written over"):
        write_release(release, table, source=table)
    other = table.with_name("other.csv")
    other.write_text("mine")
    with pytest.raises(InputError, match="never written over"):
        write_release(release, other, source=table)
    assert (table.read_bytes(), other.read_text()) == (content, "mine")
    with pytest.raises(InputError, match=r"\.csv or \.parquet"):
        write_release(release, table.with_name("out.xlsx"), source=table)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"quasi": ["agee"], "k": 4}, "expected a column of the table, got 'agee'"),
        ({"quasi": [], "k": 4}, "at least one quasi-identifier"),
        ({"quasi": ["age"], "k": 1}, "k >= 2"),
        ({"quasi": ["age"], "k": 500}, "at least k = 500 rows"),
        ({"quasi": ["age"], "k": 4, "sensitive": ["illness"], "l": 9}, "the whole table"),
    ],
)
def test_bad_input_is_refused(table: Path, given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        anonymise(table, **given)  # type: ignore[arg-type]


def test_the_command_writes_the_release_and_says_what_it_cost(table: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    out = table.with_name("release.csv")
    said = CliRunner().invoke(app, [str(table), "--quasi", "age, town", "-k", "5", "-o", str(out), "--json"])
    assert said.exit_code == 0
    found = json.loads(said.stdout)
    assert found["k"] >= 5
    assert pl.read_csv(out).group_by("age", "town").len()["len"].min() == found["k"]
    again = CliRunner().invoke(
        app, [str(table), "--quasi", "age", "-o", str(table.with_name("b.csv")), "--sensitive", "illness"]
    )
    assert "illness: at least" in again.stdout
    assert "left out: contact" in again.stdout
    assert "not coarsened" in again.stdout
