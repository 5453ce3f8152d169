"""A card says what was measured and leaves open what only a person knows; machines can read both files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.core.datasheet import ColumnFacts, Datasheet
from holdfast.core.finding import Finding
from holdfast.core.measurement import Measurement
from holdfast.reports.croissant import TO_BE_FILLED, render_croissant
from holdfast.reports.dataset_card import HUMAN, render_dataset_card

# The fields of a card's metadata that the Hub knows (hub-docs, datasetcard.md) and of its dataset_info.
HUB_KEYS = {
    "annotations_creators", "language_creators", "language", "language_details", "license", "license_name",
    "license_link", "pretty_name", "size_categories", "source_datasets", "tags", "task_categories", "task_ids",
    "configs", "dataset_info", "paperswithcode_id", "viewer", "train-eval-index", "extra_gated_prompt",
}  # fmt: skip
HOSTILE = "<b>|\n---\n`@x"
DUPLICATES = Finding(
    check="data.duplicates",
    title="Duplicate rows",
    state="measured",
    measurements=(
        Measurement(
            id="data.duplicates.duplicate_share_test",
            name="Repeats",
            value=0.1,
            no_interval_reason="counted",
            plain="4 of the 40 rows of the test table repeat an earlier one.",
        ),
    ),
)
MISSING = Finding(
    check="data.missingness", title="Missing cells", state="not_applicable", reason="no cell is missing", needed="-"
)
SHEET = Datasheet(
    name="people",
    file="people.csv",
    n_bytes=1234,
    sha256="0" * 64,
    media_type="text/csv",
    digest="sha256:abc",
    rows=40,
    columns=(
        ColumnFacts(name="id", kind="text", roles=("id",), distinct=40),
        ColumnFacts(name="age", kind="whole number", roles=("sensitive",), distinct=30, quantiles=(20.0, 41.0, 77.0)),
        ColumnFacts(name=HOSTILE, kind="number", distinct=1, missing=4),
        ColumnFacts(name="y", kind="text", roles=("target",), distinct=2, frequent=(("no", 30), ("yes", 10))),
    ),
    target="y",
    task="binary",
    findings=(DUPLICATES, MISSING),
    notes=("commas separate the fields",),
    version="0.1.0",
)


def front_matter(card: str) -> dict[str, Any]:
    _, matter, _ = card.split("---\n", 2)
    found = yaml.safe_load(matter)
    assert isinstance(found, dict)
    return found


def test_metadata_has_only_keys_that_the_hub_knows() -> None:
    found = front_matter(render_dataset_card(SHEET))
    assert set(found) <= HUB_KEYS
    assert found["size_categories"] == ["n<1K"]
    assert found["task_categories"] == ["tabular-classification"]
    assert found["dataset_info"]["splits"][0]["num_examples"] == 40
    assert found["dataset_info"]["features"][1] == {"name": "age", "dtype": "int64"}


@pytest.mark.parametrize(("rows", "size"), [(999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**10, "n>1B")])
def test_size_is_one_of_the_hubs_categories(rows: int, size: str) -> None:
    assert front_matter(render_dataset_card(replace(SHEET, rows=rows)))["size_categories"] == [size]


def test_measured_fields_are_filled_and_human_fields_are_marked() -> None:
    card = render_dataset_card(SHEET)
    assert "no: 75.0%, yes: 25.0%" in card
    assert "4 of the 40 rows of the table repeat an earlier one" in card
    assert "Not measured, because no cell is missing" in card
    assert "5 % below 20, median 41, 5 % above 77" in card
    for field in ("Licence", "Direct use", "Rationale", "Annotation", "Personal and sensitive information"):
        assert f"- **{field}:** {HUMAN}" in card
    assert "license" not in front_matter(card)


def test_hostile_names_stay_in_their_cells() -> None:
    card = render_dataset_card(SHEET)
    assert "<b>" not in card.split("---\n", 2)[2]
    assert card.count("\n---\n") == 1
    assert json.loads(render_croissant(SHEET))["recordSet"][0]["field"][2]["source"]["extract"]["column"] == HOSTILE


def test_croissant_marks_what_a_person_has_to_fill_in() -> None:
    found = json.loads(render_croissant(SHEET))
    assert found["distribution"][0]["sha256"] == SHEET.sha256
    assert found["license"].startswith(TO_BE_FILLED)
    assert found["rai:dataCollection"].startswith(TO_BE_FILLED)
    assert found["rai:dataLimitations"][0].startswith("4 of the 40 rows")
    assert found["rai:dataLimitations"][-1].startswith(TO_BE_FILLED)
    assert found["rai:personalSensitiveInformation"][:2] == [
        "age: a protected attribute, going by its name.",
        "id: names single rows.",
    ]


@pytest.mark.filterwarnings("ignore")
def test_croissant_is_valid_to_its_own_library(tmp_path: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")
    hostile = replace(SHEET, columns=(*SHEET.columns, ColumnFacts(name="a g/e", kind="date"), SHEET.columns[1]))
    for number, sheet in enumerate((SHEET, hostile)):
        path = tmp_path / f"{number}.json"
        path.write_text(render_croissant(sheet), encoding="utf-8")
        read = croissant.Dataset(jsonld=path).metadata
        assert not read.issues.errors
        assert read.data_biases[-1].startswith(TO_BE_FILLED)
        assert len(read.record_sets[0].fields) == len(sheet.columns)
