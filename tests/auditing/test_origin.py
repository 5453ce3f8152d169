"""What an audit finds of where its model comes from reaches the check, and is part of what the finding depends on."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import holdfast as hf
from holdfast.adapters.tables.reading import read_table
from holdfast.auditing.api import Result
from holdfast.auditing.origin import read_provenance
from holdfast.core.canonical import canonical_json, digest_bytes
from holdfast.core.errors import InputError
from holdfast.core.provenance import Artefact, ProvenanceSettings
from holdfast.evidence.record_store import write_data_record
from tests.records.manifests import EMPTY, file, manifest, record

MODEL = b"the bytes of a model"
TABLE = pl.DataFrame({"a": [float(k % 7) for k in range(60)], "y": [int(k % 7 > 3) for k in range(60)]})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a run has read ``train.csv`` and written ``model.bin``."""
    monkeypatch.chdir(tmp_path)
    TABLE.write_csv("train.csv")
    (tmp_path / "model.bin").write_bytes(MODEL)
    before = file(digest_bytes((tmp_path / "train.csv").read_bytes()), read_table("train.csv", name="train").digest)
    run = manifest(
        inputs=(Artefact(path="train.csv", before=before, after=before),),
        outputs=(Artefact(path="model.bin", before=EMPTY, after=file(digest_bytes(MODEL))),),
        beside="model.bin.training.json",
    )
    (tmp_path / "model.bin.training.json").write_bytes(canonical_json(run))
    return tmp_path


def audited(**settings: object) -> Result:
    return hf.audit(
        lambda X: (X[:, 0] > 3).astype(int), train="train.csv", test="train.csv", target="y",
        check=["supply_chain.provenance"], config={"provenance": {"manifest": "model.bin.training.json", **settings}},
        out="audit", cache=".holdfast",
    )  # fmt: skip


def test_a_changed_input_fails_the_audit_and_is_never_reused_from_before(place: Path) -> None:
    assert audited()["supply_chain.provenance"]["n_changed"].value == 0
    TABLE.head(50).write_csv("train.csv")
    result = audited()
    assert result["supply_chain.provenance"]["n_changed"].value == 1
    assert result.decision.outcome == "fail"


def test_an_earlier_audit_is_compared_with(place: Path) -> None:
    audited()
    (place / "audit").rename(place / "earlier")
    TABLE.head(50).write_csv("train.csv")
    assert audited(since="earlier")["supply_chain.provenance"]["n_changed_since"].value == 2  # train and test


def test_the_manifest_beside_the_model_is_found_by_its_digest(place: Path) -> None:
    write_data_record(record(), place / ".holdfast/records")
    found = read_provenance(
        ProvenanceSettings(), model=place / "model.bin", digests={"model": digest_bytes(MODEL)}, tables=(),
        allow_code=False,
    )  # fmt: skip
    assert found is not None
    assert found.folder == str(place)
    assert found.records == (record(),)
    assert found.now == {"train.csv": (digest_bytes((place / "train.csv").read_bytes()),)}


def test_a_model_that_no_manifest_names_has_no_provenance(place: Path) -> None:
    other = {"model": digest_bytes(b"another")}
    assert (
        read_provenance(ProvenanceSettings(), model=place / "model.bin", digests=other, tables=(), allow_code=False)
        is None
    )


@pytest.mark.parametrize("settings", [{"manifest": "gone.json"}, {"manifest": "model.bin.training.json", "since": "x"}])
def test_what_is_named_and_not_there_is_an_error(place: Path, settings: dict[str, str]) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_provenance(ProvenanceSettings(**settings), model=None, digests={}, tables=(), allow_code=False)
