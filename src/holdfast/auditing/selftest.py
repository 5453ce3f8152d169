"""Audit a clean subject and copies of it with planted faults: the share found, and the false alarms."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from holdfast.auditing.api import Result, audit
from holdfast.auditing.credit import REGIONS, Twin, clean_twin
from holdfast.auditing.planting import FAULTS, planted
from holdfast.core.deployment import Deployment
from holdfast.core.record import Audit
from holdfast.evidence.entering import NONE
from holdfast.evidence.record_store import BESIDE
from holdfast.policy.presets import preset

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
    """What was planted and found, what was left out and why, and what was raised on the clean twin."""

    seed: int
    trials: tuple[Trial, ...]
    left_out: Mapping[str, str]
    clean_thresholds: int
    false_alarms: tuple[str, ...]
    clean_errors: tuple[str, ...]


def run_selftest(folder: Path, *, seed: int = 0, say: Callable[[str], None] = lambda line: None) -> SelfTest:
    """Run the self-test; each audit leaves its report beneath the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    policy = _write_policy(folder / "policy.yaml")
    whole = _audit(clean_twin(seed), folder / "clean", policy=policy)
    clean: dict[tuple[Callable[[int], Twin], str], Result] = {}
    say(f"clean twin: {whole.decision.summary}")
    trials, left_out = [], dict[str, str]()
    for name, fault in FAULTS.items():
        if fault.why_not:
            left_out[name] = fault.why_not
            say(f"{'skipped':<7} {name}: {fault.why_not}")
            continue
        checks = [fault.check, *fault.beside]
        ground = whole if fault.twin is clean_twin else clean.get((fault.twin, fault.check))
        if ground is None:
            ground = _audit(fault.twin(seed), folder / f"clean_{name}", policy=policy, checks=checks)
            clean[fault.twin, fault.check] = ground
        copy = planted(name, seed=seed)
        result = _audit(copy, folder / name, policy=policy, checks=checks, sensitive=fault.sensitive)
        verdicts = {verdict.measurement: verdict.verdict for verdict in result.decision.verdicts}
        trial = Trial(
            fault=name,
            description=fault.description,
            measurement=fault.measurement,
            must_fail=fault.must_fail,
            found=(verdicts.get(fault.measurement) in BAD) == fault.must_fail,
            value=_value(result.audit, fault.measurement),
            clean_value=_value(ground.audit, fault.measurement),
        )
        trials.append(trial)
        right, wrong = ("found", "MISSED") if fault.must_fail else ("quiet", "ALARM")
        mark = right if trial.found else wrong
        say(f"{mark:<7} {name}: {fault.description} -> {fault.measurement} = {_shown(trial)}")
    results = [whole, *clean.values()]
    held = [verdict for result in results for verdict in result.decision.verdicts]
    return SelfTest(
        seed=seed,
        trials=tuple(trials),
        left_out=left_out,
        clean_thresholds=len(whole.decision.verdicts),
        false_alarms=tuple(verdict.measurement for verdict in held if verdict.verdict in BAD),
        clean_errors=tuple(f.check for result in results for f in result.findings if f.state == "error"),
    )


def _write_policy(path: Path) -> str:
    """Write the baseline with a threshold for every planted fault that it says nothing of; return the path."""
    import yaml

    baseline = preset("baseline")
    limits = {fault.measurement: fault.limit for fault in FAULTS.values() if fault.limit is not None}
    because = "A threshold of the self-test, which presets leave to the purpose of the model."
    added = [
        {"measurement": name, "max": limit, "required": False, "because": because} for name, limit in limits.items()
    ]
    kept = [{key: value for key, value in asdict(rule).items() if value is not None} for rule in baseline.rules]
    head = {"name": "self-test", "inconclusive": baseline.inconclusive, "fail_on": baseline.fail_on}
    path.write_text(yaml.safe_dump({**head, "rules": [*kept, *added]}, sort_keys=False), encoding="utf-8")
    return str(path)


def _audit(
    twin: Twin,
    folder: Path,
    *,
    policy: str,
    checks: list[str] | None = None,
    sensitive: tuple[str, ...] = DEPLOYMENT.sensitive,
) -> Result:
    is_binary = twin.task == "binary"
    credit = replace(DEPLOYMENT, sensitive=sensitive, task=twin.task, positive=0 if is_binary else None)
    with tempfile.TemporaryDirectory(prefix="holdfast-files-") as scratch:
        files, given = Path(scratch, "model"), Path(scratch, "given")
        for place, contents in ((files, twin.files), (given, twin.given)):
            for name, content in contents.items():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_bytes(content)
        settings: dict[str, Any] = {
            name: [str(given / name)] if name == "trusted_keys" else str(given / name) for name in twin.given
        }
        return audit(
            twin.model,
            trainer=twin.trained_on,
            train=twin.train,
            test=twin.test,
            current=twin.current,
            target=twin.target,
            deployment=twin.deployment or credit,
            policy=policy,
            out=folder,
            cache=False,
            check=checks,
            artefacts=[str(files)] if twin.files else [],
            decisions=twin.decisions,
            config=_settings(twin, files),
            ledger=NONE,
            **settings,
        )


def _settings(twin: Twin, files: Path) -> dict[str, object]:
    """Name the columns of a log of decisions, and the manifest among the files, where there are such."""
    manifests = [str(files / name) for name in twin.files if name.endswith(BESIDE)]
    found: dict[str, object] = {} if twin.decisions is None else {"decisions": PATROLS}
    return found | ({"provenance": {"manifest": manifests[0], "records": str(files)}} if manifests else {})


def _value(audit: Audit, measurement: str) -> float | None:
    for finding in audit.findings.findings:
        for found in finding.measurements:
            if found.id == measurement:
                return found.value
    return None


def _shown(trial: Trial) -> str:
    numbers = [f"{value:.4g}" if value is not None else "none" for value in (trial.value, trial.clean_value)]
    return f"{numbers[0]} (clean: {numbers[1]})"
