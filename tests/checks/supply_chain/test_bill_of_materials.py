from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from holdfast.core.check import Outcome
from holdfast.core.errors import NotRun
from holdfast.core.materials import AdvisorySource, Bill, Component, Vulnerability
from tests.harness import run_check

TEST = pl.DataFrame({"a": [1.0, 2.0]})
MODEL = Component(ref="m", kind="machine-learning-model", name="m")
GOOD = Component(ref="g", kind="library", name="good", version="1", licences=("MIT",), hashes={"SHA-256": "0" * 64})
LOOSE = Component(ref="l", kind="library", name="loose", version="1", loose="installed from a folder")
SOURCE = AdvisorySource(digest="sha256:" + "0" * 64, records=9, withdrawn=1)
FAULT = Vulnerability(id="CVE-1", aliases=("GHSA-1",), affects=("g",), fixed=("2",), severity="high")
BILL = Bill(source="m.cdx.json", components=(MODEL, GOOD, LOOSE))


def run(bill: Bill | None) -> Outcome:
    return run_check("supply_chain.bill_of_materials", test=TEST, materials=bill)


def values(outcome: Outcome) -> dict[str, float]:
    return {measured.id: measured.value for measured in outcome.measurements}


def test_software_is_counted_by_what_is_amiss_with_it() -> None:
    found = values(run(replace(BILL, advisories=SOURCE, vulnerabilities=(FAULT,))))
    assert found == {"n_components": 2, "n_vulnerable": 1, "n_without_licence": 1, "n_loose": 1}


def test_one_component_with_two_faults_counts_once() -> None:
    both = (FAULT, replace(FAULT, id="CVE-2", aliases=()))
    assert values(run(replace(BILL, advisories=SOURCE, vulnerabilities=both)))["n_vulnerable"] == 1


def test_where_nobody_looked_there_is_no_number_of_vulnerable_components() -> None:
    outcome = run(BILL)
    assert "n_vulnerable" not in values(outcome)
    assert any("No advisories were given" in words for words in outcome.assumptions)


def test_looking_and_finding_nothing_is_a_zero() -> None:
    assert values(run(replace(BILL, advisories=SOURCE)))["n_vulnerable"] == 0


@pytest.mark.parametrize(("is_of_model", "expected"), [(True, 0), (False, 1), (None, None)])
def test_a_bill_of_another_model_is_told(is_of_model: bool | None, expected: float | None) -> None:
    assert values(run(replace(BILL, is_of_model=is_of_model))).get("n_other_model") == expected


def test_every_vulnerability_has_a_row_for_each_component() -> None:
    fault = replace(FAULT, affects=("g", "l"))
    table = run(replace(BILL, advisories=SOURCE, vulnerabilities=(fault,))).tables["vulnerabilities"]
    assert table["component"].to_list() == ["good 1", "loose 1"]
    assert table.row(0)[:2] == ("CVE-1", "GHSA-1")


def test_without_a_bill_the_check_is_not_run() -> None:
    with pytest.raises(NotRun, match="bill of materials") as refused:
        run(None)
    assert "holdfast bom" in refused.value.hint
