"""What the ledger holds of a run, an audit and a model reaches the events and the picture of their lineage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.core.finding import Finding
from holdfast.core.measurement import Measurement
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.statement import Statement
from holdfast.records.entered import read_entered
from holdfast.records.known import Known, KnownRun, gather
from holdfast.records.lineage import trace
from holdfast.records.node_facts import audit_facts
from holdfast.records.outgoing import events_of
from holdfast.reports.lineage_picture import lineage_svg
from tests.evidence.ledgers import lasting_key
from tests.records.audits import audit
from tests.records.manifests import MODEL, manifest, record

KEY = digest_bytes(b"a key")
BILL = {"event": "made", "components": 3, "vulnerabilities": ["CVE-1"]}


def about_model(kind: Any, **said: Any) -> Statement:
    return Statement(kind=kind, subjects={"model.onnx": MODEL}, predicate=said)


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    """A ledger with a run, and a signature and a bill of the model that it wrote."""
    place = str(tmp_path / "ledger.db")
    run = Statement(kind="training-run", subjects={"manifest": manifest().record, "model": MODEL}, predicate={})
    with Ledger.create(place, lasting_key()) as log:
        log.enter([run, about_model("signature", event="made", key=KEY), about_model("bill-of-materials", **BILL)])
        log.enter([about_model("signature", event="checked", holds=False)])
        log.enter([about_model("signature", event="checked", holds=True)])
    return place


def known(place: str) -> Known:
    return Known(records=(record(),), runs=(KnownRun(manifest=manifest()),), audits=(), entered=read_entered(place))


def test_events_of_a_run_say_under_which_number_it_was_entered(ledger: str) -> None:
    everything = known(ledger)
    events = [json.loads(line) for line in events_of(trace("train", everything), everything)]
    assert [event["run"]["facets"]["holdfast_ledger"]["index"] for event in events] == [1, 1]


def test_without_a_ledger_events_say_nothing_of_one() -> None:
    everything = known("none")
    events = [json.loads(line) for line in events_of(trace("train", everything), everything)]
    assert not any("holdfast_ledger" in event["run"]["facets"] for event in events)


def test_a_model_shows_the_newest_of_what_was_entered_on_its_signature_and_its_bill(ledger: str) -> None:
    found = trace("train", known(ledger))
    (model,) = [node for node in found.nodes if node.kind == "model"]
    said = (
        f"signed with key {KEY[7:19]} (ledger 2)",
        "bill: 3 components, 1 known vulnerabilities (ledger 3)",
        "signature holds (ledger 5)",
    )
    assert set(said) <= set(model.facts)
    assert not any("does not hold" in fact for fact in model.facts)
    assert "signature holds (ledger 5)" in lineage_svg(found, is_page=False)


def test_a_ledger_that_cannot_be_read_is_noted_and_the_rest_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database")
    monkeypatch.setenv("HOLDFAST_LEDGER", str(tmp_path / "ledger.db"))
    with pytest.raises(InputError):
        read_entered()
    assert any("the ledger was not read" in note for note in gather((tmp_path,), records=tmp_path / "r").notes)


def measured(check: str, **counts: int) -> Finding:
    values = tuple(
        Measurement(
            id=f"{check}.{name}", name=name, value=value, unit="", direction="lower_is_better", bound="estimate", n=9,
            no_interval_reason="a count", plain="",
        )
        for name, value in counts.items()
    )  # fmt: skip
    return Finding(
        check=check, title="", state="measured", measurements=values, seed=0, digests={}, work={}, versions={},
        parameters={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("check", "counts", "said"),
    [
        ("signature", {"n_untrusted": 0, "n_altered": 0, "n_unsigned": 0}, "signature: holds"),
        ("signature", {"n_untrusted": 1, "n_altered": 0, "n_unsigned": 2}, "signature: none that is trusted"),
        (
            "signature",
            {"n_untrusted": 0, "n_altered": 1, "n_unsigned": 2},
            "signature: 3 files it does not vouch for",
        ),
        ("bill_of_materials", {"n_components": 7, "n_vulnerable": 1}, "bill of materials: 7 components, 1 vulnerable"),
        ("bill_of_materials", {"n_components": 7}, "bill of materials: 7 components, not looked up"),
        ("bill_of_materials", {"n_components": 7, "n_other_model": 1}, "bill of materials: of another model"),
        ("artefact_scan", {"n_failed": 2}, "scan: 2 files failed"),
    ],
)
def test_an_audit_shows_what_its_supply_chain_checks_came_to(check: str, counts: dict[str, int], said: str) -> None:
    from dataclasses import replace

    plain = audit()
    finding = measured(f"supply_chain.{check}", **counts)
    assert said in audit_facts(replace(plain, findings=replace(plain.findings, findings=(finding,))))
