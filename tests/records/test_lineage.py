"""The graph joins by digests, goes the whole way, and shows what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.core.lineage import Lineage
from holdfast.core.provenance import Artefact, DataStatement, FileState, Member, Source
from holdfast.records.foreign_events import ForeignData, ForeignRun
from holdfast.records.known import Known, KnownRun, gather
from holdfast.records.lineage import trace
from holdfast.records.things import Things
from tests.records.audits import TEST, audit
from tests.records.manifests import CONTENT, EMPTY, MODEL, TRAIN, file, manifest, record

TEST_RECORD = record(name="test", digest=TEST, file="test.csv", file_digest=digest_bytes(b"test.csv"))


def known(**changes: object) -> Known:
    usual: dict[str, object] = {
        "records": (record(), TEST_RECORD),
        "runs": (KnownRun(manifest=manifest()),),
        "audits": (audit(),),
    }
    return Known(**{**usual, **changes})  # type: ignore[arg-type]


def links(lineage: Lineage) -> set[tuple[str, str]]:
    """Edges by the kinds and titles of their ends."""
    names = {node.id: f"{node.kind} {node.title}" for node in lineage.nodes}
    return {(names[edge.source], names[edge.target]) for edge in lineage.edges}


WHOLE = {
    ("data train", "run python train.py"),
    ("run python train.py", "model model.onnx"),
    ("model model.onnx", "audit audit"),
    ("data train", "audit audit"),
    ("data test", "audit audit"),
    ("audit audit", "decision pass"),
}


@pytest.mark.parametrize("what", ["train", CONTENT, record().record[:19]])
def test_the_whole_way_is_found_from_data(what: str) -> None:
    found = trace(what, known())
    assert links(found) == WHOLE
    assert found.missing == ()


def test_what_came_of_a_table_brings_everything_else_that_went_into_it() -> None:
    assert links(trace("test", known())) == WHOLE


def test_a_model_that_no_run_wrote_shows_a_missing_run() -> None:
    found = trace("train", known(runs=()))
    lost = next(node for node in found.nodes if node.state == "missing")
    assert (lost.kind, lost.title) == ("run", "no training run")
    assert [edge.is_known for edge in found.edges if edge.source == lost.id] == [False]


def test_a_table_without_a_record_is_unregistered() -> None:
    found = trace("train", known(records=(record(),)))
    assert [(node.title, node.state) for node in found.missing] == [("test.csv", "unregistered")]


def test_an_audit_of_another_model_is_not_joined_by_name() -> None:
    other = audit(model=digest_bytes(b"another"), test=TEST)
    found = trace("train", known(audits=(other,)))
    assert ("model model.onnx", "audit audit") not in links(found)


def test_an_audit_without_a_decision_says_so() -> None:
    found = trace("train", known(audits=(audit(is_decided=False),)))
    assert [(node.kind, node.title) for node in found.missing] == [("decision", "no decision")]


def test_a_failed_run_and_one_without_an_end_are_marked() -> None:
    failed = manifest(run="11111111-0000-0000-0000-000000000000", state="failed", exit_code=1, outputs=())
    begun = manifest(
        run="22222222-0000-0000-0000-000000000000", state="running", ended=None, exit_code=None, outputs=()
    )
    found = trace("train", known(runs=(KnownRun(manifest=failed), KnownRun(manifest=begun))))
    states = sorted(node.state for node in found.nodes if node.kind == "run" and node.state != "missing")
    assert states == ["failed", "unfinished"]


def test_data_made_from_data_is_joined_and_a_lost_source_is_drawn() -> None:
    raw = record(name="raw", digest=digest_bytes(b"raw"), file_digest=digest_bytes(b"raw.csv"))
    made = record(
        made_from=(
            Source(name="raw", record=raw.record, digest=raw.digest),
            Source(name="lost", record=digest_bytes(b"lost record"), digest=digest_bytes(b"lost")),
        ),
        statement=DataStatement(transformations=("rows under 18 left out",)),
    )
    found = trace("train", known(records=(raw, made, TEST_RECORD)))
    assert {("data raw", "data train"), ("data lost", "data train")} <= links(found)
    assert [(node.title, node.state) for node in found.missing] == [("lost", "missing")]
    assert "rows under 18 left out" in {edge.label for edge in found.edges}


def test_records_that_disagree_are_named() -> None:
    other = record(name="again", statement=DataStatement(licence="MIT", lawful_basis="consent", origin="a register"))
    found = trace("train", known(records=(record(), other, TEST_RECORD)))
    assert found.notes == ("records of train disagree on its licence: CC-BY-4.0 / MIT",)


def test_a_model_inside_a_folder_that_was_written_is_joined() -> None:
    folder = FileState(
        kind="folder", digest=digest_bytes(b"m"), n_files=1, members=(Member(path="x", digest=MODEL, n_bytes=1),)
    )
    run = manifest(outputs=(Artefact(path="models", before=EMPTY, after=folder),))
    assert ("run python train.py", "model model.onnx") in links(trace("train", known(runs=(KnownRun(manifest=run),))))


def test_a_chain_of_runs_is_followed_through_what_they_hand_on() -> None:
    raw, clean = digest_bytes(b"raw.csv"), file(TRAIN, CONTENT)
    first = manifest(
        run="33333333-0000-0000-0000-000000000000",
        command=("python", "clean.py"),
        inputs=(Artefact(path="raw.csv", before=file(raw, digest_bytes(b"raw rows"))),),
        outputs=(Artefact(path="train.csv", before=EMPTY, after=clean),),
    )
    found = trace("train", known(runs=(KnownRun(manifest=first), KnownRun(manifest=manifest()))))
    assert {("data raw.csv", "run python clean.py"), ("run python clean.py", "data train")} <= links(found)


def test_a_file_that_is_another_today_or_gone_is_marked(tmp_path: Path) -> None:
    run = KnownRun(manifest=manifest(), folder=tmp_path)
    gone = trace("train", known(runs=(run,)))
    assert {node.title: node.facts[-2] for node in gone.missing} == {
        "train": "the file train.csv is gone", "model.onnx": "the file model.onnx is gone",
    }  # fmt: skip
    (tmp_path / "train.csv").write_bytes(b"train.csv")
    (tmp_path / "model.onnx").write_bytes(b"another")
    changed = trace("train", known(runs=(run,)))
    assert {node.title: node.facts[-2] for node in changed.missing} == {
        "model.onnx": "the file model.onnx is another today"
    }


def test_events_of_other_tools_are_joined_by_digest_or_by_name() -> None:
    data = {("pg", "people"): ForeignData("pg", "people", None), ("s3", "t"): ForeignData("s3", "t", CONTENT)}
    outside = ForeignRun(run="r1", job="airflow/export", producer="", state="COMPLETE", time="2026-01-01T00:00:00Z")
    outside.inputs, outside.outputs = {("pg", "people"): data["pg", "people"]}, {("s3", "t"): data["s3", "t"]}
    found = trace("train", known(foreign=(outside,)))
    assert {("data people", "run airflow/export"), ("run airflow/export", "data train")} <= links(found)


def test_a_circle_ends() -> None:
    one = ForeignData("pg", "people", None)
    run = ForeignRun(run="r1", job="tidy", producer="", state="COMPLETE", time="2026-01-01T00:00:00Z")
    run.inputs = run.outputs = {("pg", "people"): one}
    into = ForeignRun(run="r2", job="export", producer="", state="START", time="2026-01-01T00:00:00Z")
    into.inputs, into.outputs = {("pg", "people"): one}, {("s3", "t"): ForeignData("s3", "t", CONTENT)}
    found = trace("train", known(foreign=(run, into)))
    assert {("data people", "run tidy"), ("run tidy", "data people")} <= links(found)
    assert [node.state for node in found.nodes if node.title == "export"] == ["unfinished"]


def test_a_file_that_nothing_names_says_so(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("a\n1\n")
    found = trace(str(tmp_path / "new.csv"), known())
    assert [node.title for node in found.nodes] == ["new.csv"]
    assert found.notes == ("nothing that was recorded names new.csv",)


def test_a_model_that_nobody_audited_says_so(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model.onnx")
    found = trace(str(tmp_path / "model.onnx"), known(audits=()))
    assert [(node.kind, node.title) for node in found.missing] == [("audit", "no audit")]


def test_a_file_that_is_no_table_and_that_nothing_names_is_not_recorded(tmp_path: Path) -> None:
    (tmp_path / "notes.bin").write_bytes(b"\x00\x01")
    assert [node.state for node in trace(str(tmp_path / "notes.bin"), known()).nodes] == ["unrecorded"]


def test_what_is_nothing_is_refused_with_the_closest() -> None:
    with pytest.raises(InputError, match="no file, folder or data set 'trian'") as caught:
        trace("trian", known())
    assert "'train'" in caught.value.hint


def test_a_place_without_anything_is_no_error(tmp_path: Path) -> None:
    assert gather((tmp_path,), records=tmp_path / "none") == Known(records=(), runs=(), audits=())


def test_what_is_damaged_beneath_a_place_is_left_out_and_noted(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit/findings.json").write_text("{}")
    (tmp_path / "x.training.json").write_text("{}")
    found = gather((tmp_path,), records=tmp_path / "none")
    assert len(found.notes) == 2
    assert all(note.startswith("left out: ") for note in found.notes)


def test_a_search_ends_in_a_huge_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.records.known.MOST_ENTRIES", 2)
    for number in range(4):
        (tmp_path / str(number)).touch()
    assert "not searched to the end" in gather((tmp_path,), records=tmp_path / "none").notes[0]


def test_digests_are_joined_whatever_the_order() -> None:
    one, two = Things(), Things()
    one.join(("c", "b"))
    one.join(("b", "a"))
    two.join(("a", "b"))
    two.join((None, "c", "b"))
    for things in (one, two):
        assert things.of("a") is things.of("b") is things.of("c")
        assert things.of("d") is not things.of("a")
