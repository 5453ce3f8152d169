"""Links, records and what became of inputs are counted as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from holdfast.core.canonical import digest_bytes
from holdfast.core.check import Outcome
from holdfast.core.errors import NotRun
from holdfast.core.provenance import Artefact, Code, EarlierAudit, FileState, Member, Provenance
from tests.harness import run_check
from tests.records.manifests import CONTENT, MODEL, TRAIN, file, manifest, record

TEST = pl.DataFrame({"a": [1.0, 2.0]})
OTHER = digest_bytes(b"something else")
SOUND = Provenance(
    manifest=manifest(),
    model=MODEL,
    tables={"train": CONTENT, "test": OTHER},
    records=(record(),),
    now={"train.csv": (TRAIN,)},
)


def run(**changes: Any) -> Outcome:
    return run_check("supply_chain.provenance", test=TEST, provenance=replace(SOUND, **changes))


def values(outcome: Outcome) -> dict[str, float]:
    return {measured.id: measured.value for measured in outcome.measurements}


def states(outcome: Outcome) -> list[str]:
    return outcome.tables["inputs"]["state"].to_list()


def test_everything_recorded_and_unchanged_counts_nothing() -> None:
    outcome = run()
    assert values(outcome) == {"n_broken_links": 0, "n_unregistered": 0, "n_missing": 0, "n_changed": 0}
    assert outcome.tables["inputs"].row(0, named=True) == {
        "input": "train.csv", "digest": TRAIN, "state": "the same", "data_set": "train", "licence": "CC-BY-4.0",
        "lawful_basis": "consent", "retention": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"model": OTHER}, "the run wrote this model"),
        ({"tables": {"train": OTHER}}, "the training table went into the run"),
        ({"manifest": manifest(state="failed", exit_code=1)}, "the run finished"),
        ({"manifest": manifest(code=Code(commit="b" * 40, is_dirty=True, diff=OTHER))}, "the code was committed"),
        ({"manifest": manifest(code=Code())}, "the code was committed"),
    ],
)
def test_each_link_that_does_not_hold_is_counted(changes: dict[str, Any], broken: str) -> None:
    outcome = run(**changes)
    assert values(outcome)["n_broken_links"] == 1
    assert outcome.tables["links"].filter(~pl.col("holds"))["link"].to_list() == [broken]


def test_the_broken_link_is_said_in_words() -> None:
    outcome = run(manifest=manifest(code=Code()))
    assert outcome.measurements[0].plain == "1 of 4 links does not hold: the code was not committed (no repository)."


def test_a_link_that_cannot_be_known_is_not_broken() -> None:
    outcome = run(model=None, tables={})
    assert values(outcome)["n_broken_links"] == 0
    assert outcome.tables["links"]["holds"].null_count() == 2


def test_a_table_without_a_record_is_unregistered() -> None:
    assert values(run(records=()))["n_unregistered"] == 1


def test_the_same_rows_in_another_file_are_registered() -> None:
    parquet = manifest(inputs=(Artefact(path="train.parquet", before=file(OTHER, CONTENT)),))
    assert values(run(manifest=parquet))["n_unregistered"] == 0


def test_a_file_that_is_no_table_cannot_be_unregistered() -> None:
    settings = manifest(inputs=(Artefact(path="settings.toml", before=file(OTHER)),))
    assert values(run(manifest=settings))["n_unregistered"] == 0


@pytest.mark.parametrize(
    ("now", "state"),
    [({"train.csv": (OTHER, CONTENT)}, "the same"), ({"train.csv": (OTHER,)}, "changed"), ({"train.csv": ()}, "gone"),
     ({}, "not looked at")],
)  # fmt: skip
def test_what_became_of_an_input(now: dict[str, tuple[str, ...]], state: str) -> None:
    outcome = run(now=now)
    assert states(outcome) == [state]
    assert (values(outcome)["n_changed"], values(outcome)["n_missing"]) == (state == "changed", state == "gone")


def test_the_table_inside_a_folder_that_went_in_counts_for_the_link() -> None:
    folder = FileState(kind="folder", digest=OTHER, n_files=1, members=(Member(path="t", digest=CONTENT, n_bytes=1),))
    assert values(run(manifest=manifest(inputs=(Artefact(path="data", before=folder),))))["n_broken_links"] == 0


def test_what_is_another_than_in_the_earlier_audit_is_counted() -> None:
    outcome = run(since=EarlierAudit(model=OTHER, tables={"train": CONTENT, "gone": OTHER}))
    changed = next(measured for measured in outcome.measurements if measured.id == "n_changed_since")
    assert (changed.value, changed.n) == (1, 2)


def test_an_absolute_path_is_shown_by_its_name() -> None:
    far = manifest(inputs=(Artefact(path="/home/somebody/train.csv", before=file(TRAIN, CONTENT)),))
    assert run(manifest=far).tables["inputs"]["input"].to_list() == ["train.csv"]


def test_without_a_manifest_the_next_step_is_said() -> None:
    with pytest.raises(NotRun, match="holdfast run"):
        run_check("supply_chain.provenance", test=TEST)
