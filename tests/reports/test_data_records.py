"""Records of data sets as text and as Croissant, and what a comparison says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from holdfast.adapters.tables.croissant import read_croissant
from holdfast.core.provenance import DataRecord, DataStatement, Source
from holdfast.reports.croissant import render_croissant
from holdfast.reports.data_records import render_comparison, render_list, render_record, sheet_of
from tests.records.manifests import TRAIN, record

SAID = DataStatement(
    origin="https://example.org/data",
    licence="MIT",
    collection="a form",
    collected_from="2024-01-01",
    collected_to="2024-12-31",
    lawful_basis="consent",
    retention="2030-01-01",
    transformations=("deduplicated", "rows under 18 left out"),
)
RAW = Source(name="raw", record=TRAIN, digest=TRAIN)
STATED = record(statement=SAID, made_from=(RAW,))


def test_what_was_stated_takes_the_place_of_what_is_to_be_filled_in() -> None:
    found = json.loads(render_croissant(sheet_of(STATED), STATED))
    assert found["license"] == "https://spdx.org/licenses/MIT"
    assert found["rai:dataPreprocessingProtocol"] == ["deduplicated", "rows under 18 left out"]
    assert found["isBasedOn"] == [f"raw ({TRAIN})"]
    assert found["rai:dataUseCases"].startswith("To be filled in")
    assert found["recordSet"][0]["field"][0]["description"] == "age; 60 different values; 0 missing."


def test_what_is_written_as_croissant_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(render_croissant(sheet_of(STATED), STATED))
    read = read_croissant(path)
    assert (read.licence, read.collection, read.transformations) == ("MIT", "a form", SAID.transformations)
    assert (read.origin, read.collected_from, read.collected_to) == (SAID.origin, "2024-01-01", "2024-12-31")


@pytest.mark.filterwarnings("ignore")
def test_the_description_is_valid_to_the_library_of_croissant(tmp_path: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")
    path = tmp_path / "c.json"
    path.write_text(render_croissant(sheet_of(STATED), STATED))
    read = croissant.Dataset(jsonld=path).metadata
    assert not read.issues.errors
    assert read.data_collection == "a form"


def test_a_record_shows_what_nobody_stated() -> None:
    text = render_record(record(statement=DataStatement()))
    assert text.count("not stated") == 7
    assert "raw (" in render_record(STATED)


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in render_record(record(statement=DataStatement(origin="\x1b[31mred")))


def test_the_list_has_a_line_for_each() -> None:
    assert render_list([STATED, record(name="x")]).count("\n") == 2
    assert render_list([]) == "no data set is registered\n"


def said(record: DataRecord, *, same: bool = False, **rows: Sequence[int] | None) -> str:
    return render_comparison(
        record, same_file=False, same_content=same, columns=["sex is gone"], rows=rows, reason="", is_overdue=False
    )


def test_a_comparison_names_rows_and_says_what_it_cannot_tell() -> None:
    text = said(STATED, new=range(30), gone=[2], altered=None)
    assert "new: 30 rows (rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 20 more)" in text
    assert "gone: 1 row (rows 2)" in text
    assert "register with --id COLUMN" in text
    assert "column sex is gone" in text


def test_the_same_content_in_another_file_is_unchanged() -> None:
    assert said(STATED, same=True).startswith("unchanged: the same content in another file")
