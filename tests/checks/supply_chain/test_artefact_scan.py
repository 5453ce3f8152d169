from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from holdfast.core.check import Outcome
from holdfast.core.errors import NotRun
from holdfast.core.scan import Approved, Location, Observed, ScannedFile, ScanVerdict
from tests.harness import run_check

TEST = pl.DataFrame({"a": [1.0, 2.0]})


def file(verdict: ScanVerdict, *, approved: bool = False, rules: Sequence[str] = ()) -> ScannedFile:
    observations = tuple(
        Observed("executes", rule, Location(("m.pt", "data.pkl"), 2, 40), "it is called", "os.system") for rule in rules
    )
    who = Approved("Ada", "read it", "2030-01-01") if approved else None
    return ScannedFile(
        path="models/m.pt", format="zip", verdict=verdict, size=10, observations=observations, approved=who
    )


def run(*files: ScannedFile) -> Outcome:
    return run_check("supply_chain.artefact_scan", test=TEST, artefacts=files)


def values(outcome: Outcome) -> dict[str, float]:
    return {measured.id: measured.value for measured in outcome.measurements}


def test_files_are_counted_by_what_became_of_them() -> None:
    found = values(run(file("pass"), file("fail"), file("not_examined"), file("fail", approved=True)))
    assert found == {"n_failed": 1, "n_not_examined": 1, "n_approved": 1}


def test_a_clean_file_gives_zeros_that_are_exact() -> None:
    outcome = run(file("pass", approved=True))
    assert set(values(outcome).values()) == {0}
    assert all(measured.exact and measured.n == 1 for measured in outcome.measurements)


def test_every_observation_has_a_row_with_its_place() -> None:
    table = run(file("fail", rules=["pickle.call", "pickle.global"])).tables["observations"]
    assert table["rule"].to_list() == ["pickle.call", "pickle.global"]
    assert table.row(0, named=True) | {} == {
        "file": "models/m.pt!data.pkl",
        "start": 2,
        "end": 40,
        "kind": "executes",
        "rule": "pickle.call",
        "message": "it is called",
        "detail": "os.system",
    }


def test_every_file_has_a_row() -> None:
    assert run(file("pass"), file("fail")).tables["files"]["outcome"].to_list() == ["pass", "fail"]


def test_without_files_the_check_is_not_run() -> None:
    with pytest.raises(NotRun, match="no model files"):
        run()
