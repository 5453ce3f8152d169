"""A finished audit with every state, verdict and kind of chart, and with names that try to break a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from holdfast.core.decision import Decision, Verdict, VerdictKind
from holdfast.core.deployment import Deployment
from holdfast.core.finding import Chart, Finding
from holdfast.core.measurement import Measurement
from holdfast.core.record import Attempt, Audit, Findings, PlanItem, Run, SubjectCard, TableCard

SCRIPT = "<script>alert(1)</script>"
PIPE = "a|b"
LONG = "a column with a very long name that nobody shortened because the export tool wrote it " * 2
RTL = "الجنس"
UNICODE = "Größe 東京 🜁"
DIGEST = "sha256:" + "3f" * 32


def share(
    check: str, key: str, name: str, value: float, low: float | None, high: float | None, **more: Any
) -> Measurement:
    """A share with a 95 % interval."""
    settings: dict[str, Any] = {"level": 0.95, "method": "bootstrap, percentile", "n": 16280, "unit": "share"} | more
    return Measurement(id=f"{check}.{key}", name=name, value=value, low=low, high=high, **settings)


def build_audit(folder: Path) -> Audit:
    """Write the evidence into ``folder`` and return the audit."""
    findings = (
        calibration(folder),
        predictive(folder),
        slices(folder),
        groups(folder),
        corruptions(folder),
        evasion(),
        leakage(),
        latency(folder),
        not_run(),
        not_applicable(),
        crashed(folder),
    )
    return Audit(
        findings=Findings(subject=subject(), findings=findings), decision=decision(), run=run(), folder=str(folder)
    )


def subject() -> SubjectCard:
    """The card of a model of incomes."""
    return SubjectCard(
        name="income-gbm.onnx",
        task="binary",
        target="income",
        classes=("<=50K", ">50K"),
        positive=">50K",
        features=("age", "education", RTL, SCRIPT, PIPE),
        model_format="onnx",
        model_description="ONNX opset 17, LightGBM 4.6 pipeline",
        model_digest=DIGEST,
        capabilities=("labels", "scores", "query"),
        tables={
            "train": TableCard(rows=32561, columns=15, digest="sha256:" + "a1" * 32, source="adult_train.csv"),
            "test": TableCard(rows=16280, columns=15, digest="sha256:" + "b2" * 32, source="adult test.csv"),
        },
        deployment=Deployment(purpose="Decides who is offered a loan", affected="Applicants", sensitive=("sex", RTL)),
        assumptions=(
            "The positive class is '>50K', the last in sorted order.",
            f"The column '{SCRIPT}' was taken for a category because it holds 4 different texts.",
        ),
    )


def write(folder: Path, check: str, name: str, table: pl.DataFrame) -> dict[str, str]:
    """Write one evidence table and return its entry."""
    path = Path("evidence") / check / f"{name}.parquet"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(folder / path)
    return {name: path.as_posix()}


def provenance() -> dict[str, Any]:
    """Fields that every finding carries."""
    return {
        "seed": 8812341,
        "digests": {"key": "sha256:" + "c3" * 32, "model": DIGEST},
        "work": {"points": 16280, "resamples": 2000},
        "versions": {"numpy": "2.4.6", "scipy": "1.16.0"},
        "parameters": {"n_bins": 15, "columns": ("age", SCRIPT), "adaptive": True},
    }


def calibration(folder: Path) -> Finding:
    """A failed finding with a band chart."""
    check = "performance.calibration"
    p = [step / 10 for step in range(11)]
    observed = [value**1.35 for value in p]
    table = pl.DataFrame(
        {
            "predicted": p,
            "observed": observed,
            "low": [max(value - 0.04, 0.0) for value in observed],
            "high": [min(value + 0.04, 1.0) for value in observed],
        }
    )
    chart = Chart(
        id="reliability",
        title="Reliability",
        kind="line",
        table="reliability",
        x="predicted",
        y="observed",
        low="low",
        high="high",
        x_title="Predicted probability",
        y_title="Observed share",
        diagonal=True,
        caption="The curve sags below the diagonal: between 40 and 80 % the model promises more than happens.",
    )
    ece = share(
        check,
        "ece",
        "Expected calibration error",
        0.0712,
        0.0655,
        0.0771,
        direction="lower_is_better",
        plain="Promised probabilities are off by about 7 in 100 on average (6.6 to 7.7 in 100).",
    )
    brier = share(check, "brier", "Brier score", 0.0931, 0.0902, 0.0960, direction="lower_is_better")
    return Finding(
        check=check,
        title="Calibration",
        state="measured",
        measurements=(ece, brier),
        charts=(chart,),
        evidence=write(folder, check, "reliability", table),
        evidence_codes=("CAL",),
        remediation="Refit the last step with isotonic calibration on rows the model has not seen, then audit again.",
        assumptions=("Rows are independent draws from the population that the model will meet.",),
        **provenance(),
    )


def predictive(folder: Path) -> Finding:
    """A passing finding with grouped bars."""
    check = "performance.predictive"
    table = pl.DataFrame(
        {
            "metric": ["accuracy", "balanced accuracy", "F1"] * 3,
            "who": ["the model"] * 3 + ["logistic baseline"] * 3 + ["majority"] * 3,
            "value": [0.874, 0.801, 0.713, 0.846, 0.762, 0.655, 0.764, 0.5, 0.0],
        }
    )
    chart = Chart(
        id="baselines",
        title="Against simple baselines",
        kind="bars",
        table="scores",
        x="metric",
        y="value",
        series="who",
        y_title="Score",
        caption="The model beats a logistic regression by about three points of accuracy.",
    )
    return Finding(
        check=check,
        title="Predictive performance",
        state="measured",
        charts=(chart,),
        measurements=(
            share(
                check,
                "accuracy",
                "Accuracy",
                0.8742,
                0.8690,
                0.8792,
                direction="higher_is_better",
                method="Clopper-Pearson",
            ),
            share(
                check,
                "roc_auc",
                "Area under the ROC curve",
                0.9274,
                0.9231,
                0.9315,
                direction="higher_is_better",
                method="DeLong",
            ),
            share(check, "gain", "Gain over the baseline", 0.0282, 0.0231, 0.0330, direction="higher_is_better"),
        ),
        evidence=write(folder, check, "scores", table),
        evidence_codes=("PERF", "BASE"),
        remediation="Compare with the baseline: where the gain is small, prefer the simpler model.",
        **provenance(),
    )


def slices(folder: Path) -> Finding:
    """An inconclusive finding with more categories than a picture holds."""
    check = "performance.slices"
    names = [
        SCRIPT,
        PIPE,
        LONG,
        RTL,
        UNICODE,
        *(f"education = level {step} & age in [{step}, {step + 5})" for step in range(45)),
    ]
    drops = [0.02 + 0.003 * ((7 * step) % 50) for step in range(len(names))]
    table = pl.DataFrame(
        {
            "slice": names,
            "error": drops,
            "low": [drop * 0.7 for drop in drops],
            "high": [drop * 1.4 for drop in drops],
        }
    )
    chart = Chart(
        id="slices",
        title="Error by slice",
        kind="points",
        table="slices",
        x="slice",
        y="error",
        low="low",
        high="high",
        y_title="Error rate",
        reference=0.126,
        caption="Each row is a group of people; the dashed line is everybody.",
    )
    worst = share(
        check,
        "worst_gap",
        "Worst slice: extra errors",
        0.094,
        0.041,
        0.147,
        n=812,
        direction="lower_is_better",
        plain=f"In the group {SCRIPT}, about 9 more of 100 people get a wrong answer (4 to 15 more).",
    )
    return Finding(
        check=check,
        title="Worst slices",
        state="measured",
        measurements=(worst,),
        charts=(chart,),
        evidence=write(folder, check, "slices", table),
        evidence_codes=("SLICE",),
        remediation=f"Collect more rows for the slices shown, first '{PIPE}'.",
        **provenance(),
    )


def groups(folder: Path) -> Finding:
    """A waived finding, one measurement per group."""
    check = "fairness.group_gaps"
    table = pl.DataFrame(
        {
            "group": ["men", "women", RTL, UNICODE],
            "rate": [0.26, 0.09, 0.15, 0.2],
            "low": [0.24, 0.07, 0.08, 0.11],
            "high": [0.28, 0.11, 0.24, 0.31],
        }
    )
    chart = Chart(
        id="rates",
        title="Selection rate by group",
        kind="points",
        table="rates",
        x="group",
        y="rate",
        low="low",
        high="high",
        y_title="Share predicted '>50K'",
        reference=0.2,
        caption="Men are selected almost three times as often as women.",
    )
    gap = share(
        check,
        "demographic_parity.sex",
        "Demographic parity gap, sex",
        0.17,
        0.148,
        0.192,
        direction="lower_is_better",
        plain="Of 100 men 26 are selected, of 100 women 9: a gap of 17 in 100 (15 to 19).",
    )
    each = tuple(
        share(check, f"rate.{index}", f"Selection rate, {name}", rate, rate - 0.02, rate + 0.02, n=4000 + index)
        for index, (name, rate) in enumerate(
            [("men", 0.26), ("women", 0.09), (RTL, 0.15), (UNICODE, 0.2), (LONG, 0.21)] * 3
        )
    )
    return Finding(
        check=check,
        title="Gaps between groups",
        state="measured",
        measurements=(gap, *each),
        charts=(chart,),
        evidence=write(folder, check, "rates", table),
        evidence_codes=("FAIR",),
        remediation="Decide with the people affected which gap matters, then set group-aware thresholds.",
        **provenance(),
    )


def corruptions(folder: Path) -> Finding:
    """A measured finding without a rule, with a line per series."""
    check = "robustness.corruptions"
    severities = [0, 1, 2, 3, 4, 5]
    kinds = {"missing values": 0.012, "noise": 0.02, "unit errors": 0.048, SCRIPT: 0.03}
    table = pl.DataFrame(
        [
            {
                "severity": s,
                "kind": kind,
                "accuracy": 0.874 - slope * s,
                "low": 0.868 - slope * s,
                "high": 0.88 - slope * s,
            }
            for kind, slope in kinds.items()
            for s in severities
        ]
    )
    chart = Chart(
        id="severity",
        title="Accuracy under damage",
        kind="line",
        table="curves",
        x="severity",
        y="accuracy",
        low="low",
        high="high",
        series="kind",
        x_title="Severity",
        y_title="Accuracy",
        reference=0.764,
        caption="Unit errors hurt most; at severity 3 the model is worse than always answering the majority.",
    )
    drop = share(
        check, "worst_drop", "Largest loss of accuracy", 0.24, None, 0.252, direction="lower_is_better", bound="upper"
    )
    return Finding(
        check=check,
        title="Natural damage",
        state="measured",
        measurements=(drop,),
        charts=(chart,),
        evidence=write(folder, check, "curves", table),
        evidence_codes=("CORR",),
        remediation="Validate units at the entrance of the pipeline.",
        **provenance(),
    )


def evasion() -> Finding:
    """An attack that stayed on the good side."""
    check = "robustness.evasion"
    flips = share(
        check,
        "flip_rate",
        "Answers flipped",
        0.034,
        0.021,
        0.052,
        n=500,
        bound="lower",
        direction="lower_is_better",
        method="Clopper-Pearson",
        plain="Of 500 people, 17 could flip their answer by small changes (2 to 5 in 100).",
    )
    return Finding(
        check=check,
        title="Evasion by small changes",
        state="measured",
        measurements=(flips,),
        evidence_codes=("EVADE",),
        remediation="Keep the inputs that an applicant can change out of the decision where you can.",
        **provenance(),
    )


def leakage() -> Finding:
    """A critical failure, and a count without an interval."""
    check = "data.leakage"
    worst = share(
        check,
        "single_feature_auc",
        f"Strongest single column, {SCRIPT}",
        0.998,
        0.996,
        0.9995,
        direction="lower_is_better",
    )
    columns = Measurement(
        id=f"{check}.columns",
        name="Columns that look like identifiers",
        value=2,
        unit="columns",
        no_interval_reason="a count over the whole table, no sampling",
        n=15,
        direction="lower_is_better",
    )
    return Finding(
        check=check,
        title="Leakage",
        state="measured",
        measurements=(worst, columns),
        evidence_codes=("DATAQ",),
        remediation=f"Drop the column {SCRIPT}: it knows the answer before the model does.",
        **provenance(),
    )


def latency(folder: Path) -> Finding:
    """Milliseconds, and sideways bars."""
    check = "cost.latency"
    table = pl.DataFrame({"batch": [1, 8, 64, 512, 4096], "rows_per_s": [840.0, 6100.0, 31000.0, 88000.0, 91000.0]})
    chart = Chart(
        id="throughput",
        title="Throughput by batch size",
        kind="bars",
        table="throughput",
        x="batch",
        y="rows_per_s",
        x_title="Batch size (rows)",
        y_title="Rows per second",
        caption="Beyond 512 rows a larger batch brings nothing.",
    )
    p99 = Measurement(
        id=f"{check}.p99",
        name="99th percentile of one request",
        value=4.812,
        low=4.61,
        high=5.33,
        level=0.95,
        method="order statistics",
        n=2000,
        unit="ms",
        direction="lower_is_better",
    )
    return Finding(
        check=check,
        title="Latency",
        state="measured",
        measurements=(p99,),
        charts=(chart,),
        evidence=write(folder, check, "throughput", table),
        evidence_codes=("DOS", "ENERGY"),
        remediation="Serve batches of 64 to 512 rows.",
        **provenance(),
    )


def not_run() -> Finding:
    """A check that lacked something."""
    return Finding(
        check="privacy.membership",
        title="Membership inference",
        state="not_run",
        reason="the model cannot be trained again",
        needed="a scikit-learn pipeline, or the training command",
    )


def not_applicable() -> Finding:
    """A check whose question makes no sense here."""
    return Finding(
        check="data.time",
        title="Order in time",
        state="not_applicable",
        reason="no column orders the rows in time",
        needed="a table with a time column",
    )


def crashed(folder: Path) -> Finding:
    """A check that stopped, with a traceback as evidence."""
    path = "evidence/data.duplicates/traceback.txt"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text("Traceback (most recent call last):\n  ...\nMemoryError\n")
    return Finding(
        check="data.duplicates",
        title="Duplicates",
        state="error",
        reason="MemoryError while hashing \x00 rows",
        needed="a machine with more memory, or fewer columns",
        evidence={"traceback": path},
        **provenance(),
    )


def verdict(
    measurement: str,
    kind: VerdictKind,
    limit: float,
    numbers: tuple[float, float | None, float | None] | None,
    **more: Any,
) -> Verdict:
    """One verdict of the sample policy."""
    value, low, high = numbers or (None, None, None)
    settings: dict[str, Any] = {"severity": "high", "comparison": "max", "rule": measurement} | more
    check = ".".join(measurement.split(".")[:2])
    return Verdict(
        measurement=measurement, check=check, verdict=kind, limit=limit, value=value, low=low, high=high, **settings
    )


def decision() -> Decision:
    """A failed decision that holds every kind of verdict."""
    return Decision(
        outcome="fail",
        exit_code=1,
        policy="baseline",
        policy_digest="sha256:" + "d4" * 32,
        date="2026-11-23",
        findings_digest="sha256:" + "e5" * 32,
        subject_digests={"model": DIGEST, "test": "sha256:" + "b2" * 32},
        summary="2 of 8 rules are broken: a column gives the answer away, and promised probabilities are too high.",
        verdicts=(
            verdict(
                "performance.predictive.accuracy",
                "pass",
                0.8,
                (0.8742, 0.8690, 0.8792),
                comparison="min",
                because="better than 8 in 10",
            ),
            verdict(
                "performance.calibration.ece",
                "fail",
                0.05,
                (0.0712, 0.0655, 0.0771),
                p_value=1e-5,
                adjusted_p_value=4e-5,
            ),
            verdict(
                "data.leakage.single_feature_auc",
                "fail",
                0.95,
                (0.998, 0.996, 0.9995),
                severity="critical",
                p_value=1e-9,
                adjusted_p_value=1e-8,
            ),
            verdict("performance.slices.worst_gap", "inconclusive", 0.1, (0.094, 0.041, 0.147), severity="medium"),
            verdict("robustness.evasion.flip_rate", "not_broken", 0.1, (0.034, 0.021, 0.052), severity="medium"),
            verdict("data.duplicates.exact", "could_not_evaluate", 0.01, None, reason="the check stopped by an error"),
            verdict(
                "fairness.group_gaps.demographic_parity.sex",
                "waived",
                0.1,
                (0.17, 0.148, 0.192),
                rule="fairness.group_gaps.demographic_parity.*",
                waiver=f"Dana Q. {SCRIPT}: pilot only, until 2027-01-31",
            ),
            verdict("data.time.order", "not_applicable", 0.0, None, severity="low", required=False),
        ),
    )


def run() -> Run:
    """When, where and how the sample ran."""
    checks = (
        "performance.calibration",
        "performance.predictive",
        "performance.slices",
        "fairness.group_gaps",
        "robustness.corruptions",
        "robustness.evasion",
        "data.leakage",
        "cost.latency",
        "data.duplicates",
    )
    plan = tuple(
        PlanItem(
            check=check,
            title=check.split(".")[1].replace("_", " ").capitalize(),
            action="run",
            effort="default",
            reason="its needs are met",
        )
        for check in checks
    )
    skipped = (
        PlanItem(
            check="privacy.membership",
            title="Membership inference",
            action="skip",
            effort="default",
            reason="the model cannot be trained again",
            needed="a scikit-learn pipeline, or the training command",
        ),
        PlanItem(
            check="data.time",
            title="Order in time",
            action="skip",
            effort="default",
            reason="no column orders the rows in time",
            needed="a table with a time column",
        ),
    )
    attempts = tuple(
        Attempt(
            check=check,
            started="2026-11-23T10:00:01+00:00",
            seconds=0.4 + 1.7 * index,
            reused=index == 2,
            outcome="measured",
        )
        for index, check in enumerate(checks)
    )
    return Run(
        started="2026-11-23T10:00:00+00:00",
        finished="2026-11-23T10:01:12+00:00",
        seconds=72.4,
        command=("holdfast", "audit", "--model", "income-gbm.onnx", "--test", "adult test.csv", "--target", "income"),
        version="0.1.0",
        host={"system": "Linux 6.1", "python": "3.11.7", "cores": 2},
        confinement={"network": "namespace", "memory": "4096 MB"},
        seed=8812341,
        seed_derived=True,
        effort="default",
        budget_s=None,
        jobs=2,
        plan=plan + skipped,
        attempts=attempts,
        notes=("Column roles were guessed: no holdfast.yaml was given.",),
    )
