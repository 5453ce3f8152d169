"""Registering tables, and holding tables against what was registered."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from holdfast.core.errors import InputError
from holdfast.core.provenance import DataStatement
from holdfast.evidence.record_store import (
    find_data_record,
    in_force,
    read_data_record,
    read_data_records,
)
from holdfast.evidence.statement import parse_statement
from holdfast.records.data_sets import Registered, compare, forget_rows, register
from holdfast.records.row_digests import digest_rows, read_salt
from holdfast.records.stating import state

SAID = DataStatement(licence="CC-BY-4.0", lawful_basis="consent", origin="a register")


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOLDFAST_RECORDS", raising=False)
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"id": range(50), "age": rng.integers(18, 80, 50), "sex": rng.choice(["f", "m"], 50)})
    frame.write_csv(tmp_path / "people.csv")
    return tmp_path / "people.csv"


def registered(table: Path, statement: DataStatement = SAID, **options: object) -> Registered:
    return register(table, statement, **options)  # type: ignore[arg-type]


def test_a_record_says_what_the_table_holds(people: Path) -> None:
    record = registered(people, id_column="id").record
    assert (record.name, record.rows, record.file, record.n_bytes) == (
        "people",
        50,
        "people.csv",
        people.stat().st_size,
    )
    assert [(column.name, column.type, column.distinct) for column in record.columns][:1] == [("id", "Int64", 50)]
    assert record.statement == SAID


def test_a_record_is_read_as_it_was_written(people: Path) -> None:
    done = registered(people)
    assert done.path.name == f"people-{done.record.record[7:19]}.json"
    assert read_data_record(done.path) == done.record


def test_no_row_and_no_digest_of_one_stands_in_the_record(people: Path) -> None:
    done = registered(people)
    text = done.path.read_text()
    frame = pl.read_csv(people)
    salt = read_salt(done.record, Path(".holdfast/records"))
    assert salt is not None
    assert salt.hex() not in text
    unsalted = digest_rows(frame, salt=bytes(32), id_column=None)
    assert done.record.row_root != unsalted.root
    assert digest_rows(frame, salt=salt, id_column=None).root == done.record.row_root


def test_the_salt_is_for_its_owner_and_never_committed(people: Path) -> None:
    registered(people)
    salts = people.parent / ".holdfast/records/salts"
    assert {path.name: path.stat().st_mode & 0o077 for path in salts.glob("*.salt")}.popitem()[1] == 0
    assert (salts / ".gitignore").read_text() == "*\n"


def test_the_event_names_content_file_and_record_by_digest(people: Path) -> None:
    done = registered(people)
    statement = parse_statement(done.statements[0].encode(), source="the event")
    assert statement.kind == "data-set"
    assert statement.subjects == {
        "content": done.record.digest, "file": done.record.file_digest, "record": done.record.record,
    }  # fmt: skip


def test_registering_again_changes_nothing(people: Path) -> None:
    first, second = registered(people), registered(people)
    assert (first.is_new, second.is_new, second.statements) == (True, False, ())
    assert first.record == second.record
    assert len(read_data_records(Path(".holdfast/records"))) == 1


def test_the_same_table_with_another_statement_is_refused_and_said(people: Path) -> None:
    registered(people)
    with pytest.raises(InputError, match=r"licence: 'CC-BY-4\.0' then, 'MIT' now"):
        registered(people, DataStatement(licence="MIT", lawful_basis="consent", origin="a register"))


def test_a_record_that_takes_the_place_of_another_names_it(people: Path) -> None:
    first = registered(people)
    second = registered(people, DataStatement(licence="MIT"), replace=True)
    known = read_data_records(Path(".holdfast/records"))
    assert second.record.replaces == first.record.record
    assert in_force(known) == (second.record,)
    assert find_data_record("people", known) == second.record
    assert find_data_record(first.record.record[:20], known) == first.record


def test_another_table_does_not_take_a_name(people: Path) -> None:
    registered(people)
    pl.read_csv(people).head(10).write_csv(people)
    with pytest.raises(InputError, match="taken by a table of 50 rows"):
        registered(people)


def test_a_data_set_names_what_it_was_made_from(people: Path) -> None:
    first = registered(people).record
    pl.read_csv(people).filter(pl.col("age") > 30).write_csv("adults.csv")
    made = registered(Path("adults.csv"), DataStatement(made_from=("people",))).record
    assert [(source.name, source.record, source.digest) for source in made.made_from] == [
        ("people", first.record, first.digest)
    ]


def test_a_source_that_is_not_registered_is_refused(people: Path) -> None:
    registered(people)
    with pytest.raises(InputError, match="no data set 'poeple'") as caught:
        registered(people, DataStatement(made_from=("poeple",)), name="other")
    assert "did you mean 'people'?" in caught.value.hint


@pytest.mark.parametrize(("column", "said"), [("sex", "does not tell its rows apart"), ("nr", "no column 'nr'")])
def test_an_id_that_is_none_is_refused(people: Path, column: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        registered(people, id_column=column)


def test_an_edit_by_hand_is_noticed(people: Path) -> None:
    done = registered(people)
    done.path.write_text(done.path.read_text().replace("CC-BY-4.0", "CC0-1.0"))
    with pytest.raises(InputError, match="does not have the digest that it states"):
        read_data_records(Path(".holdfast/records"))


def test_a_record_under_the_name_of_another_is_noticed(people: Path) -> None:
    done = registered(people)
    moved = done.path.with_name("people-0123456789ab.json")
    done.path.rename(moved)
    with pytest.raises(InputError, match="another record than its name says"):
        read_data_record(moved)


def test_a_full_disk_leaves_no_record_and_no_salt(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        registered(people)
    assert [path for path in (people.parent / ".holdfast").rglob("*") if path.is_file()] == []


class TestComparison:
    """A table against its record."""

    def test_the_same_file_is_the_same(self, people: Path) -> None:
        registered(people)
        found = compare(people)
        assert (found.same_file, found.same_content, found.new) == (True, True, ())

    def test_the_same_rows_in_another_format_are_the_same(self, people: Path) -> None:
        registered(people)
        pl.read_csv(people).write_parquet("people.parquet")
        found = compare(Path("people.parquet"))
        assert (found.same_file, found.same_content) == (False, True)

    def test_rows_that_came_went_and_changed_are_named(self, people: Path) -> None:
        registered(people, id_column="id")
        frame = pl.read_csv(people)
        changed = frame.with_columns(age=pl.when(pl.col("id") == 7).then(99).otherwise("age")).filter(pl.col("id") != 3)
        pl.concat([changed, pl.DataFrame({"id": [50], "age": [20], "sex": ["f"]})]).reverse().write_csv(people)
        found = compare(people)
        now = pl.read_csv(people)["id"].to_list()
        assert [now[row] for row in found.new or ()] == [50]
        assert [now[row] for row in found.altered or ()] == [7]
        assert found.gone == (3,)

    def test_columns_that_changed_are_named(self, people: Path) -> None:
        registered(people)
        pl.read_csv(people).with_columns(pl.col("age") + 0.5).rename({"sex": "gender"}).write_csv(people)
        assert compare(people).columns == ("sex is gone", "gender is new", "age was Int64 and is Float64")

    def test_without_the_salt_only_the_whole_is_compared(self, people: Path) -> None:
        registered(people)
        record, erased = forget_rows("people")
        pl.read_csv(people).head(10).write_csv(people)
        found = compare(people)
        assert len(erased) == 2
        assert (found.same_content, found.new, found.reason) == (False, None, "the salt was erased")
        assert read_salt(record, Path(".holdfast/records")) is None

    def test_without_row_digests_only_the_whole_is_compared(self, people: Path) -> None:
        registered(people, keep_rows=False)
        pl.read_csv(people).head(10).write_csv(people)
        assert "not kept" in compare(people).reason

    def test_row_digests_that_are_not_those_of_the_record_are_refused(self, people: Path) -> None:
        registered(people)
        rows = next((people.parent / ".holdfast/records/rows").iterdir())
        data = bytearray(rows.read_bytes())
        data[-1] ^= 1
        rows.write_bytes(data)
        pl.read_csv(people).head(10).write_csv(people)
        with pytest.raises(InputError, match="not those of the record"):
            compare(people)

    def test_a_day_that_has_passed_is_said(self, people: Path) -> None:
        registered(people, DataStatement(retention="2020-01-31"))
        assert compare(people).is_overdue


class TestStatement:
    """What people state, from options, YAML and Croissant."""

    def test_options_go_before_yaml_and_yaml_before_croissant(self, tmp_path: Path) -> None:
        (tmp_path / "c.json").write_text(
            json.dumps(
                {
                    "distribution": [],
                    "license": "https://spdx.org/licenses/MIT",
                    "rai:dataCollection": ["a form", "To be filled in by a person: how"],
                    "rai:dataCollectionTimeframe": ["1994-01-01T00:00:00Z", "1994-12-31"],
                    "url": "https://example.org/data",
                }
            )
        )
        (tmp_path / "s.yaml").write_text("licence: CC0-1.0\ncollected_to: 1995-06-30\n")
        said = state({"origin": "an office"}, file=tmp_path / "s.yaml", croissant=tmp_path / "c.json")
        assert said == DataStatement(
            origin="an office", licence="CC0-1.0", collection="a form", collected_from="1994-01-01",
            collected_to="1995-06-30",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"lawful_basis": "because"}, "lawful_basis"),
            ({"collected_from": "last May"}, "expected a day such as 2026-03-01 as collected_from, got 'last May'"),
            ({"collected_from": "2026-02-01", "collected_to": "2026-01-01"}, "2026-01-01 before 2026-02-01"),
            ({"origin": "ask ada@example.org"}, "e-mail address"),
            ({"licence": "x" * 3000}, "at most 2,000 characters"),
        ],
    )
    def test_what_cannot_be_is_refused(self, given: dict[str, str], said: str) -> None:
        with pytest.raises(InputError, match=said):
            state(given)

    def test_an_unknown_field_names_the_closest(self, tmp_path: Path) -> None:
        (tmp_path / "s.yaml").write_text("license: MIT\n")
        with pytest.raises(InputError, match="unknown key 'license'") as caught:
            state({}, file=tmp_path / "s.yaml")
        assert "licence" in caught.value.hint

    @pytest.mark.parametrize("text", ["[]", "{", "null", '{"a": 1}'])
    def test_what_is_no_croissant_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "c.json").write_text(text)
        with pytest.raises(InputError, match=r"c\.json"):
            state({}, croissant=tmp_path / "c.json")


def test_a_file_that_changes_while_it_is_read_is_refused(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.adapters.tables import reading

    parse = reading.parse_csv

    def slow(raw: bytes, *, source: str) -> object:
        people.write_bytes(raw + b"50,20,f\n")
        return parse(raw, source=source)

    monkeypatch.setattr(reading, "parse_csv", slow)
    with pytest.raises(InputError, match="changed while it was read"):
        registered(people)
