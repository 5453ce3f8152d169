"""Audit a clean subject and copies of it with planted faults: the share found, and the false alarms."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from holdfast.auditing.api import Result, audit
from holdfast.auditing.credit import REGIONS, TARGET, Twin, clean_twin
from holdfast.auditing.planting import FAULTS, planted
from holdfast.core.deployment import Deployment
from holdfast.core.record import Audit

DEPLOYMENT = Deployment(
    purpose="decide about consumer credit",
    affected="applicants",
    task="binary",
    sensitive=("sex",),
    population={
        "sex": {"female": 0.5, "male": 0.5},
        "region": dict.fromkeys(REGIONS, 0.25),
        "housing": {"rent": 0.5, "own": 0.35, "family": 0.15},
    },
    immutable=("age", "sex"),
    positive=0,
)
PATROLS = {"group": "area", "time": "day", "decision": "patrolled", "propensity": "chance", "outcome": "incident"}
BAD = ("fail",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One planted fault and whether the audit found it.

    Attributes
    ----------
    found
        Whether the threshold that must fail did, or one that must not did not.
    value
        The measurement on the faulty copy, ``None`` when there was none.
    clean_value
        The same measurement on the clean twin.
    """

    fault: str
    description: str
    measurement: str
    must_fail: bool
    found: bool
    value: float | None
    clean_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What was planted, what was found, and what was raised on the clean twin."""

    seed: int
    trials: tuple[Trial, ...]
    clean_thresholds: int
    false_alarms: tuple[str, ...]
    clean_errors: tuple[str, ...]


def run_selftest(folder: Path, *, seed: int = 0, say: Callable[[str], None] = lambda line: None) -> SelfTest:
    """Run the self-test; each audit leaves its report beneath the folder."""
    clean = _audit(clean_twin(seed), folder / "clean")
    say(f"clean twin: {clean.decision.summary}")
    trials = []
    for name, fault in FAULTS.items():
        result = _audit(planted(name, seed=seed), folder / name, checks=[fault.check], sensitive=fault.sensitive)
        verdicts = {verdict.measurement: verdict.verdict for verdict in result.decision.verdicts}
        trial = Trial(
            fault=name,
            description=fault.description,
            measurement=fault.measurement,
            must_fail=fault.must_fail,
            found=(verdicts.get(fault.measurement) in BAD) == fault.must_fail,
            value=_value(result.audit, fault.measurement),
            clean_value=_value(clean.audit, fault.measurement),
        )
        trials.append(trial)
        right, wrong = ("found", "MISSED") if fault.must_fail else ("quiet", "ALARM")
        mark = right if trial.found else wrong
        say(f"{mark:<7} {name}: {fault.description} -> {fault.measurement} = {_shown(trial)}")
    return SelfTest(
        seed=seed,
        trials=tuple(trials),
        clean_thresholds=len(clean.decision.verdicts),
        false_alarms=tuple(v.measurement for v in clean.decision.verdicts if v.verdict in BAD),
        clean_errors=tuple(finding.check for finding in clean.findings if finding.state == "error"),
    )


def _audit(
    twin: Twin, folder: Path, *, checks: list[str] | None = None, sensitive: tuple[str, ...] = DEPLOYMENT.sensitive
) -> Result:
    with tempfile.TemporaryDirectory(prefix="holdfast-files-") as files:
        for name, content in twin.files.items():
            (Path(files) / name).write_bytes(content)
        return audit(
            twin.model,
            trainer=twin.trained_on,
            train=twin.train,
            test=twin.test,
            target=TARGET,
            deployment=replace(DEPLOYMENT, sensitive=sensitive),
            out=folder,
            cache=False,
            check=checks,
            artefacts=[files] if twin.files else [],
            decisions=twin.decisions,
            config={} if twin.decisions is None else {"decisions": PATROLS},
        )


def _value(audit: Audit, measurement: str) -> float | None:
    for finding in audit.findings.findings:
        for found in finding.measurements:
            if found.id == measurement:
                return found.value
    return None


def _shown(trial: Trial) -> str:
    numbers = [f"{value:.4g}" if value is not None else "none" for value in (trial.value, trial.clean_value)]
    return f"{numbers[0]} (clean: {numbers[1]})"
