"""A log of decisions, named in ``holdfast.yaml``, as a user audits it."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from holdfast.auditing.patrols import patrol_log
from tests.e2e.workplace import Workplace

SAID = """
test: log.csv
decisions: {table: log.csv, group: area, time: day, decision: patrolled, propensity: chance, outcome: incident}
"""
CHECK = "monitoring.feedback_loop"


@pytest.fixture
def station(place: Workplace) -> Workplace:
    patrol_log(np.random.default_rng(0), is_loop=True).write_csv(place.folder / "log.csv")
    (place.folder / "holdfast.yaml").write_text(SAID)
    return place


def test_a_loop_fails_the_audit_and_belongs_to_its_evidence(station: Workplace) -> None:
    output = station.run("audit", "--config", "holdfast.yaml", "--check", CHECK, "--out", "out")
    assert output.returncode == 1, output
    findings = json.loads((station.folder / "out" / "findings.json").read_bytes())
    finding = next(item for item in findings["findings"] if item["check"] == CHECK)
    assert "decisions" in finding["digests"]
    assert all("decisions" not in item["digests"] for item in findings["findings"] if item is not finding)
    answers = pl.read_parquet(station.folder / "out" / finding["evidence"]["answers"])
    assert dict(answers.select("question", "answer").rows())["Do selections cause later selections?"] == "yes"
    again = station.run("audit", "--config", "holdfast.yaml", "--check", CHECK, "--out", "again")
    assert again.returncode == 1
    assert (station.folder / "again" / "findings.json").read_bytes() == (
        station.folder / "out" / "findings.json"
    ).read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("propensity: chance", "propensity: score"), "with which the decision was taken"),
        (("time: day", "time: dya"), "did you mean 'day'?"),
        (("group: area", "gruop: area"), "did you mean 'group'?"),
        (("decision: patrolled", "decision: area"), "expected two decisions"),
    ],
)
def test_a_log_that_does_not_fit_is_refused(station: Workplace, change: tuple[str, str], said: str) -> None:
    log = pl.read_csv(station.folder / "log.csv").with_columns(score=pl.lit(1.5))
    log.write_csv(station.folder / "log.csv")
    (station.folder / "holdfast.yaml").write_text(SAID.replace(*change))
    output = station.run("audit", "--config", "holdfast.yaml", "--out", "out")
    assert output.returncode == 2
    assert said in output.stderr
