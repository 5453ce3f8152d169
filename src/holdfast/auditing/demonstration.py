"""The demonstration: audit a model of real data, then show what the audit finds of planted faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from holdfast.auditing.api import Result, audit
from holdfast.auditing.folder import prepare_folder
from holdfast.auditing.selftest import run_selftest
from holdfast.core.canonical import canonical_json
from holdfast.evidence.writing import write_durably


def run_demonstration(folder: Path, *, say: Callable[[str], None]) -> None:
    """Write reports and the result of the self-test beneath the folder.

    Raises
    ------
    InputError
        When the folder cannot be written, or holds something else.
    """
    for name in ("breast_cancer", "selftest/clean"):
        prepare_folder(folder / name)
    say("1. A random forest that tells benign from malignant tumours (Wisconsin data, 569 patients)")
    result = audit_of_real_data(folder / "breast_cancer")
    say(f"   {result.decision.outcome.replace('_', ' ')}: {result.decision.summary}")
    say("2. A generated credit table: the same audit on a clean copy, then on copies with one planted fault each")
    outcome = run_selftest(folder / "selftest", say=lambda line: say(f"   {line}"))
    write_durably(folder / "selftest" / "selftest.json", canonical_json(outcome))
    faults = [trial for trial in outcome.trials if trial.must_fail]
    alarms = [*outcome.false_alarms, *(t.fault for t in outcome.trials if not (t.must_fail or t.found))]
    found = sum(trial.found for trial in faults)
    say(f"   found {found} of {len(faults)} planted faults; false alarms: {', '.join(alarms) or 'none'}")
    if outcome.left_out:
        say(f"   not planted: {'; '.join(f'{name} ({why})' for name, why in outcome.left_out.items())}")
    say("")
    say(f"report: {result.report.resolve()}")
    say(f"        {(folder / 'selftest' / 'clean' / 'report.html').resolve()}")


def audit_of_real_data(folder: Path) -> Result:
    """Train on half of the Wisconsin breast-cancer data that ships with scikit-learn, audit on the other half."""
    import polars as pl
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    X_train, X_test, y_train, y_test = train_test_split(
        data.data, data.target, test_size=0.5, random_state=0, stratify=data.target
    )
    tables = {
        name: pl.DataFrame(X, schema=names).with_columns(pl.Series("diagnosis", y))
        for name, X, y in (("train", X_train, y_train), ("test", X_test, y_test))
    }
    model = RandomForestClassifier(n_estimators=50, random_state=0).fit(X_train, y_train)
    return audit(
        model,
        train=tables["train"],
        test=tables["test"],
        target="diagnosis",
        deployment={"purpose": "help decide about a biopsy", "affected": "patients", "task": "binary", "positive": 0},
        out=folder,
        cache=False,
    )
