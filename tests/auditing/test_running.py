"""Whole audits in this process: what is reused, what is said, and what stopping leaves behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.auditing.catalogue import catalogue
from holdfast.auditing.config import AuditConfig
from holdfast.auditing.running import Finished, Options, Silent, check_jobs, default_cache, run_audit
from holdfast.core.canonical import canonical_json
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError
from holdfast.core.finding import Finding
from holdfast.core.record import PlanItem

CHECKS = ("data.duplicates", "data.schema")
DESCRIBED = Deployment(purpose="tests")


def table(rows: int = 120, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, rows)
    return pl.DataFrame(
        {"age": age, "sex": rng.choice(["f", "m"], rows), "y": (age + rng.normal(0, 10, rows) > 45).astype(int)}
    )


def older(X: pl.DataFrame) -> np.ndarray:
    p = 1 / (1 + np.exp(-(X["age"].to_numpy() - 45) / 10))
    return np.column_stack([1 - p, p])


def audit(
    *, cache: Path | None = None, observer: Any = None, objects: dict[str, Any] | None = None, **config: Any
) -> Finished:
    settings: dict[str, Any] = {"target": "y", "check": CHECKS, "deployment": DESCRIBED, "effort": "quick", **config}
    given = objects if objects is not None else {"test": table(), "train": table(seed=1)}
    return run_audit(AuditConfig(**settings), Options(cache=cache), objects=given, observer=observer)


def reused(finished: Finished) -> dict[str, bool]:
    return {attempt.check: attempt.reused for attempt in finished.run.attempts}


def test_every_check_of_the_catalogue_has_one_finding_in_order() -> None:
    finished = audit()
    assert [finding.check for finding in finished.findings.findings] == list(catalogue())
    assert {item.check for item in finished.run.plan} == set(catalogue())


def test_checks_that_were_left_out_say_so() -> None:
    finding = next(item for item in audit().findings.findings if item.check == "performance.predictive")
    assert (finding.state, finding.reason) == ("not_run", "left out by --check, which names other checks")


def test_same_input_gives_the_same_bytes_with_and_without_a_store(tmp_path: Path) -> None:
    bodies = {canonical_json(audit(cache=cache).findings) for cache in (None, None, tmp_path, tmp_path)}
    assert len(bodies) == 1


def test_second_run_reuses_findings_with_their_evidence(tmp_path: Path) -> None:
    first, second = audit(cache=tmp_path), audit(cache=tmp_path)
    assert reused(first) == dict.fromkeys(CHECKS, False)
    assert reused(second) == dict.fromkeys(CHECKS, True)
    assert (first.findings, first.evidence) == (second.findings, second.evidence)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 5},
        {"level": 0.9},
        {"target": "sex"},
        {"objects": {"test": table(seed=2), "train": table(seed=1)}},
        {"objects": {"test": table()}},
    ],
)
def test_what_a_finding_depends_on_makes_it_run_again(tmp_path: Path, changes: dict[str, Any]) -> None:
    audit(cache=tmp_path)
    assert not any(reused(audit(cache=tmp_path, **changes)).values())


@pytest.mark.parametrize("changes", [{"deployment": Deployment(purpose="other")}, {"budget": "1h"}])
def test_what_no_finding_depends_on_keeps_it(tmp_path: Path, changes: dict[str, Any]) -> None:
    audit(cache=tmp_path)
    assert all(reused(audit(cache=tmp_path, **changes)).values())


def test_seed_follows_from_the_inputs() -> None:
    same, again, other = audit(), audit(), audit(objects={"test": table(seed=3)})
    assert same.run.seed == again.run.seed != other.run.seed
    assert same.run.seed_derived


def test_seed_of_the_user_is_recorded_as_such() -> None:
    run = audit(seed=11).run
    assert (run.seed, run.seed_derived) == (11, False)


def test_object_without_content_digest_is_never_reused(tmp_path: Path) -> None:
    given = {"test": table(), "train": table(seed=1), "model": older}
    audit(cache=tmp_path, objects=given)
    assert not any(reused(audit(cache=tmp_path, objects=given)).values())


def test_callable_is_audited_as_what_it_answers() -> None:
    finished = audit(
        objects={"test": table(), "train": table(seed=1), "model": older}, check=("performance.predictive",)
    )
    subject = finished.findings.subject
    states = {finding.check: finding.state for finding in finished.findings.findings}
    assert (subject.task, "scores" in subject.capabilities) == ("binary", True)
    assert states["performance.predictive"] == "measured"


def test_guesses_are_stated_when_no_deployment_was_given() -> None:
    subject = audit(deployment=Deployment()).findings.subject
    assert subject.deployment.sensitive == ("age", "sex")
    assert "Taken to be protected attributes, going by their names: age, sex." in subject.assumptions


def test_nothing_is_guessed_beside_a_deployment() -> None:
    subject = audit().findings.subject
    assert subject.deployment == DESCRIBED
    assert not any("Taken to be" in text for text in subject.assumptions)


def test_short_budget_is_quick_and_recorded() -> None:
    run = audit(effort=None, budget="30s").run
    assert (run.effort, run.budget_s) == ("quick", 30.0)


def test_attempts_lie_between_start_and_end_of_the_run() -> None:
    run = audit().run
    assert all(run.started[:19] <= attempt.started[:19] <= run.finished[:19] for attempt in run.attempts)


class Impatient(Silent):
    """Stops the run when a check starts, as Ctrl-C does."""

    def __init__(self, after: int) -> None:
        self.after = after

    def started(self, check: str) -> None:
        self.after -= 1
        if self.after < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [0, 1])
def test_stopped_run_keeps_what_is_finished_and_says_what_is_not(tmp_path: Path, after: int) -> None:
    finished = audit(cache=tmp_path, observer=Impatient(after))
    states = [finding.state for finding in finished.findings.findings if finding.check in CHECKS]
    assert finished.run.cancelled
    assert sorted(states) == ["measured"] * after + ["not_run"] * (2 - after)
    assert sum(reused(audit(cache=tmp_path)).values()) == after


class Listener(Silent):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def planned(self, plan: Sequence[PlanItem]) -> None:
        self.heard.append("plan")

    def started(self, check: str) -> None:
        self.heard.append(f"start {check}")

    def finished(self, finding: Finding, *, seconds: float, reused: bool) -> None:
        self.heard.append(f"end {finding.check}")


def test_observer_hears_plan_start_and_end() -> None:
    listener = Listener()
    audit(observer=listener)
    assert listener.heard[0] == "plan"
    assert listener.heard[1:] == [f"{word} {check}" for check in CHECKS for word in ("start", "end")]


def test_damaged_store_entry_is_computed_again(tmp_path: Path) -> None:
    whole = audit(cache=tmp_path)
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("update items set body = x'7b7d' where name in ('finding.json', 'facts')")
    connection.close()
    again = audit(cache=tmp_path)
    assert canonical_json(again.findings) == canonical_json(whole.findings)


@pytest.mark.parametrize("jobs", [-1, -8])
def test_negative_number_of_jobs_is_refused(jobs: int) -> None:
    with pytest.raises(InputError, match="jobs"):
        check_jobs(jobs)


def test_zero_jobs_is_one_per_core() -> None:
    assert check_jobs(0) >= 1
    assert check_jobs(3) == 3


def test_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOLDFAST_CACHE", str(tmp_path / "named"))
    assert default_cache() == tmp_path / "named"
    monkeypatch.delenv("HOLDFAST_CACHE")
    assert default_cache(tmp_path) == tmp_path / ".holdfast"
