"""``holdfast estimate`` as a user runs it."""

from __future__ import annotations

import io
import json

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from tests.e2e.workplace import Workplace

COMMON = ("estimate", "past.csv", "today.csv", "--target", "paid", "--score-column", "p", "--id", "case")


@pytest.fixture
def shop(place: Workplace) -> Workplace:
    """Scores that mean what they say in the past and less today."""

    def cases(n: int, seed: int, concept: float) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        x = rng.normal(0, 1.5, n)
        return pl.DataFrame(
            {
                "case": [f"c{seed}-{number}" for number in range(n)],
                "day": np.arange(n) // 100,
                "x": x,
                "p": expit(x),
                "paid": np.where(rng.random(n) < expit(concept * x), "yes", "no"),
            }
        )

    cases(3000, 0, 1.0).write_csv(place.folder / "past.csv")
    today = cases(2000, 1, 0.2)
    today.drop("paid").write_csv(place.folder / "today.csv")
    today.sample(600, seed=0).select("case", "paid").write_csv(place.folder / "late.csv")
    return place


def test_without_labels_the_assumption_stands_beside_the_number(shop: Workplace) -> None:
    output = shop.run(*COMMON)
    assert output.returncode == 0, output.stderr
    assert output.stdout.startswith("assumes: A stated probability, for like inputs, means what it meant")
    assert "auc by period" in output.stdout
    assert "ssumption violated" not in output.stdout


def test_labels_that_come_late_restate_and_refute(shop: Workplace) -> None:
    output = shop.run(*COMMON, "--labels", "late.csv", "--periods", "4", "--time", "day", "--format", "json")
    found = json.loads(output.stdout)
    assert output.returncode == 0, output.stderr
    measured = {item["id"].removeprefix("performance.estimated."): item for item in found["measurements"]}
    assert measured["refutation"]["value"] < 0.001
    assert measured["estimated.auc"]["high"] < 0.65
    auc = [row for row in found["periods"] if row["metric"] == "auc"]
    assert [row["period"] for row in auc] == [0, 1, 2, 3]
    assert all(row["low"] > 0.7 for row in auc)
    assert sum(row["n_labelled"] for row in auc) == 600


def test_chosen_cases_come_with_their_probability_and_go_back_in(shop: Workplace) -> None:
    chosen = pl.read_csv(io.StringIO(shop.run(*COMMON, "--choose", "50", "--format", "to-label").stdout))
    assert chosen.columns == ["row", "probability", "case"]
    assert chosen["case"].n_unique() == 50
    answers = chosen.with_columns(paid=pl.Series(["yes", "no"] * 25)).select("case", "paid", "probability")
    answers.write_csv(shop.folder / "answers.csv")
    output = shop.run(*COMMON, "--labels", "answers.csv", "--periods", "1", "--format", "csv")
    table = pl.read_csv(io.StringIO(output.stdout))
    assert output.returncode == 0, output.stderr
    assert table["n_labelled"].unique().to_list() == [50]
    assert table.filter(pl.col("metric") == "accuracy")["restated"][0] == pytest.approx(0.5, abs=0.25)


def test_a_model_file_is_asked_about_both_tables(place: Workplace) -> None:
    table = pl.read_csv(place.folder / "train.csv").drop("approved")
    table.write_csv(place.folder / "today.csv")
    output = place.run("estimate", "test.csv", "today.csv", "--target", "approved", "--model", "model.onnx")
    assert output.returncode == 0, output.stderr
    assert "AUC of today's cases" in output.stdout


def test_a_page_with_pictures_needs_nothing_else(shop: Workplace) -> None:
    output = shop.run(*COMMON, "--labels", "late.csv", "--html", "page.html", "--out", "page.txt")
    page = (shop.folder / "page.html").read_text()
    assert output.returncode == 0, output.stderr
    assert page.count('class="chart"') == 2
    assert "assumption violated" in page
    assert "<script" not in page
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--labels", "late.csv", "--id", "cse"), "did you mean 'case'?"),
        (("--format", "pdf"), "expected one of the formats"),
        (("--every", "soon", "--time", "day"), "such as 7d"),
        (("--labels", "nowhere.csv"), "nowhere.csv"),
        (("--score-column", "x"), "'x'"),
    ],
)
def test_what_cannot_be_used_is_said(shop: Workplace, arguments: tuple[str, ...], said: str) -> None:
    output = shop.run(*COMMON, *arguments)
    assert output.returncode == 2, output.stdout
    assert said in output.stderr
