"""Personal data in tables and in the model's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from holdfast.auditing.api import audit
from holdfast.checks.privacy.personal_data import shape_of
from holdfast.core.check import Outcome
from holdfast.core.errors import NotRun
from tests.harness import run_check

CHECK = "privacy.personal_data"


def people(n: int = 400, *, share: float = 0.0, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    remark = [
        f"please write to p{at}@example.org" if at < share * n else f"order {at} paid in {at % 9} parts"
        for at in range(n)
    ]
    return pl.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "remark": remark,
            "pay": rng.normal(3000, 400, n).round(),
            "y": [0, 1] * (n // 2),
        }
    )


def found(outcome: Outcome) -> dict[str, Any]:
    return {item.id: item for item in outcome.measurements}


def test_rows_that_name_a_person_are_counted_and_pointed_at() -> None:
    outcome = run_check(CHECK, train=people(share=0.1), test=people(seed=1), target="y")
    assert found(outcome)["row_share.train"].value == pytest.approx(0.1)
    assert found(outcome)["row_share.train"].exact
    assert found(outcome)["row_share.test"].value == 0.0
    assert sorted(outcome.tables["affected_rows"]["row"]) == list(range(40))
    assert "EMAIL_ADDRESS in remark" in found(outcome)["row_share.train"].plain


def test_a_sample_of_rows_has_an_interval_that_holds_the_share() -> None:
    outcome = run_check(CHECK, train=people(5000, share=0.1), effort="quick")
    share = found(outcome)["row_share.train"]
    assert share.n == 2000
    assert share.interval.low < 0.1 < share.interval.high
    assert share.interval.high - share.interval.low < 0.04


def test_no_value_stands_in_the_evidence() -> None:
    outcome = run_check(CHECK, train=people(share=0.5), test=people(share=0.5, seed=1))
    written = " ".join(str(frame.rows()) for frame in outcome.tables.values()) + str(outcome.measurements)
    assert "example.org" not in written
    assert "x0@xxxxxxx.xxx" in outcome.tables["labels"]["example_shape"][0]


def test_an_input_of_identifiers_is_counted_and_other_columns_are_named() -> None:
    table = people().with_columns(pl.Series("contact", [f"a{at}@example.org" for at in range(400)]))
    outcome = run_check(CHECK, train=table, test=table)
    assert found(outcome)["n_identifier_columns"].value == 1
    assert "contact" in found(outcome)["n_identifier_columns"].plain
    line = outcome.tables["columns"].filter(column="contact").row(0, named=True)
    assert (line["label"], line["role"], line["is_input"]) == ("EMAIL_ADDRESS", "direct identifier", True)
    assert line["low"] > 0.9


def test_special_categories_are_counted() -> None:
    table = people().with_columns(religion=pl.lit("none"), diagnosis=pl.lit("J45"))
    assert found(run_check(CHECK, train=table))["n_special_columns"].value == 2


def test_long_numbers_are_read_and_amounts_are_not() -> None:
    numbers = pl.DataFrame({"phone": [442079460958] * 60, "amount": np.linspace(1e3, 1e9, 60)})
    outcome = run_check(CHECK, train=numbers)
    assert set(outcome.tables["labels"]["column"]) == {"phone"}


def test_without_rows_nothing_is_said() -> None:
    with pytest.raises(NotRun, match="no table with a row"):
        run_check(CHECK)


@pytest.mark.parametrize(
    ("value", "shape"), [("Ann Lee", "xxx xxx"), ("+44 20 7946", "+00 00 0000"), ("ä" * 60, "x" * 40 + "…"), ("", "")]
)
def test_shapes_show_no_letter_or_digit(value: str, shape: str) -> None:
    assert shape_of(value) == shape


@pytest.mark.slow
def test_the_model_file_keeps_what_its_encoder_was_given(tmp_path: Path) -> None:
    table = people().with_columns(pl.Series("contact", [f"a{at % 20}@example.org" for at in range(400)]))
    frame = table.to_pandas()
    encoder = make_column_transformer((OneHotEncoder(), ["contact"]), remainder="drop")
    model = make_pipeline(encoder, LogisticRegression()).fit(frame.drop(columns="y"), frame["y"])
    result = audit(
        model,
        train=table,
        test=table,
        target="y",
        out=tmp_path / "audit",
        cache=False,
        check=[CHECK, "privacy.minimisation"],
    )
    measured = {item.id: item for finding in result.findings for item in finding.measurements}
    assert measured[f"{CHECK}.model_file_values"].value == 20
    # The contact says nothing of the outcome: the model can be trained without it.
    assert "privacy.minimisation.without_cost.contact" in measured
