"""A bill lists the files of a model, its data and what it needs; an audit joins it with advisories."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from holdfast.auditing.materials import Billed, make_bill
from holdfast.auditing.signing import sign_model
from holdfast.auditing.supplying import looked_up, materials_given
from holdfast.core.errors import InputError
from holdfast.core.materials import Bill, Component, Vulnerability
from holdfast.evidence.ec_keys import ephemeral_ec_key

SCHEMA = JsonStrictValidator(SchemaVersion.V1_6)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def advisory(name: str, fixed: str, id: str = "CVE-2026-1") -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    affected = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"id": id, "affected": [affected]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two files, a table, and advisories; only looked at."""
    import joblib
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("place")
    (folder / "m").mkdir()
    joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), folder / "m" / "model.joblib")
    (folder / "m" / "config.json").write_text("{}")
    (folder / "train.csv").write_text("a,y\n1,0\n")
    records = [advisory("scikit-learn", "99"), advisory("some-other-library", "99", "CVE-2026-2")]
    (folder / "osv.json").write_text(json.dumps(records))
    return folder


@pytest.fixture(scope="module")
def made(place: Path) -> Billed:
    return make_bill(place / "m", data={"train": place / "train.csv"}, advisories=place / "osv.json")


def test_a_bill_lists_files_data_and_the_software_that_the_model_names(made: Billed, place: Path) -> None:
    assert SCHEMA.validate_str(made.document.decode()) is None
    found = {one.ref: one for one in made.bill.components}
    for name in ("model.joblib", "config.json"):
        assert found[f"file:{name}"].hashes == {"SHA-256": sha256(place / "m" / name)}
    assert found["data:train"].hashes == {"SHA-256": sha256(place / "train.csv")}
    names = {one.name for one in made.bill.components if one.is_package}
    assert {"scikit-learn", "numpy"} <= names
    assert "pytest" not in names
    assert [one.id for one in made.bill.vulnerabilities] == ["CVE-2026-1"]
    assert made.statement.predicate["vulnerabilities"] == ["CVE-2026-1"]


def test_a_bill_and_a_signature_know_the_model_by_one_digest(made: Billed, place: Path) -> None:
    signed = sign_model(place / "m", ephemeral_ec_key(), out=place / "m.sig")
    assert set(signed.statement.subjects.values()) == {made.bill.model_digest}
    assert set(made.statement.subjects.values()) == {made.bill.model_digest}


def test_an_audit_reads_the_bill_back_and_tells_whether_it_is_of_the_model(made: Billed, tmp_path: Path) -> None:
    (tmp_path / "m.cdx.json").write_bytes(made.document)
    for digest, expected in ((made.bill.model_digest, True), ("sha256:" + "0" * 64, False), (None, None)):
        found = materials_given(
            bill=tmp_path / "m.cdx.json", advisories=None, model_digest=digest, model_format="sklearn"
        )
        assert found is not None
        assert found.is_of_model is expected
        assert {one.ref for one in found.components} == {one.ref for one in made.bill.components}


def test_without_a_bill_the_software_of_this_environment_that_loads_the_format_is_looked_up(place: Path) -> None:
    found = materials_given(bill=None, advisories=place / "osv.json", model_digest=None, model_format="sklearn")
    assert found is not None
    assert [one.id for one in found.vulnerabilities] == ["CVE-2026-1"]
    assert "pytest" not in {one.name for one in found.components}
    assert materials_given(bill=None, advisories=None, model_digest=None, model_format="sklearn") is None


def test_what_a_bill_states_and_what_is_looked_up_is_one_fault_under_any_of_its_names(tmp_path: Path) -> None:
    library = Component(ref="p", kind="library", name="lib", version="1", purl="pkg:pypi/lib@1")
    stated = (Vulnerability(id="GHSA-1", affects=("p",)), Vulnerability(id="OWN-1", affects=("p",)))
    records = tmp_path / "osv.json"
    records.write_text(json.dumps({**advisory("lib", "2"), "aliases": ["GHSA-1"]}))
    found = looked_up(Bill(source="x", components=(library,), vulnerabilities=stated), records)
    assert [one.id for one in found.vulnerabilities] == ["CVE-2026-1", "OWN-1"]


def test_a_card_needs_a_finished_audit(place: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="finished audit") as refused:
        make_bill(place / "m" / "config.json", audit=tmp_path)
    assert "holdfast audit" in refused.value.hint


@pytest.mark.parametrize("missing", ["model", "data", "advisories"])
def test_what_is_not_there_is_said(missing: str, place: Path) -> None:
    gone = place / "gone"
    with pytest.raises(InputError, match="gone") as refused:
        make_bill(
            gone if missing == "model" else place / "m" / "config.json",
            data={"train": gone} if missing == "data" else None,
            advisories=gone if missing == "advisories" else None,
        )
    assert refused.value.hint


def test_a_link_in_a_model_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("config.json")
    with pytest.raises(InputError, match="cannot be listed"):
        make_bill(tmp_path)
