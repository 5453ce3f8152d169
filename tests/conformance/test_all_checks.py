"""Every check on every kind of small subject: what all of them must do, whoever wrote them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from holdfast.auditing.catalogue import CheckEntry, catalogue
from holdfast.auditing.context import RunContext
from holdfast.auditing.execution import Completed, execute
from holdfast.auditing.planning import available_needs
from holdfast.auditing.subject import AuditSubject
from holdfast.core.canonical import canonical_json
from holdfast.core.deployment import Deployment
from tests.harness import SimpleModel, subject_for

ROWS = 160
CHECKS = sorted(catalogue())
NOT_REPEATABLE = {check for check, entry in catalogue().items() if entry.spec.alone}


def inputs(rows: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "amount": rng.lognormal(5, 1, rows),
            "age": rng.integers(18, 80, rows),
            "sex": rng.choice(["f", "m"], rows),
            "<script>alert(1)</script>": rng.choice(["a", "b", "c<b>"], rows),
            "gap": pl.Series(np.where(np.arange(rows) % 40 == 3, np.nan, rng.normal(size=rows))).fill_nan(None),
        }
    )


def signal(frame: pl.DataFrame) -> np.ndarray:
    return (frame["amount"].log().to_numpy() - 5) + 0.03 * (frame["age"].to_numpy() - 45)


def probabilities(frame: pl.DataFrame) -> np.ndarray:
    p = 1 / (
        1
        + np.exp(
            -np.nan_to_num(signal(frame.with_columns(pl.col("amount").fill_null(100), pl.col("age").fill_null(45))))
        )
    )
    return np.column_stack([1 - p, p])


def three_classes(frame: pl.DataFrame) -> np.ndarray:
    p = probabilities(frame)[:, 1]
    return np.column_stack([(1 - p) / 2, (1 - p) / 2, p])


class LabelsOnly(SimpleModel):
    def __init__(self) -> None:
        super().__init__(lambda frame: np.where(probabilities(frame)[:, 1] > 0.5, "yes", "no"))


class Values(SimpleModel):
    def __init__(self) -> None:
        super().__init__(lambda frame: probabilities(frame)[:, 1] * 10)
        from dataclasses import replace

        self.info = replace(self.info, capabilities=frozenset({"values", "query"}))


def table(rows: int, seed: int, kind: str) -> pl.DataFrame:
    frame = inputs(rows, seed)
    rng = np.random.default_rng(seed + 1)
    p = probabilities(frame)[:, 1]
    match kind:
        case "regression":
            return frame.with_columns(pl.Series("y", p * 10 + rng.normal(size=rows)))
        case "multiclass":
            return frame.with_columns(pl.Series("y", np.where(rng.random(rows) < p, 2, rng.integers(0, 2, rows))))
        case "one class":
            return frame.with_columns(pl.lit("no").alias("y"))
        case _:
            return frame.with_columns(pl.Series("y", np.where(rng.random(rows) < p, "yes", "no")))


def subject(kind: str) -> AuditSubject:
    models: dict[str, Callable[[], object]] = {
        "regression": Values,
        "multiclass": lambda: SimpleModel(three_classes),
        "labels only": LabelsOnly,
        "no model": lambda: None,
    }
    model = models.get(kind, lambda: SimpleModel(probabilities))()
    deployment = Deployment(
        sensitive=("sex",), immutable=("sex",), classes=("no", "yes") if kind == "one class" else ()
    )
    rows = 1 if kind == "one row" else ROWS
    training = None if kind == "no training table" else table(ROWS, 0, kind)
    current = table(rows, 11, kind).with_columns(y=pl.when(pl.int_range(rows) % 3 == 0).then("y"))
    if kind == "one row":
        deployment = Deployment(sensitive=("sex",), classes=("no", "yes"))
    return subject_for(
        model=model, train=training, test=table(rows, 7, kind), current=current, target="y", deployment=deployment
    )


KINDS = ["binary", "multiclass", "regression", "labels only", "no training table", "one class", "one row", "no model"]


def run(entry: CheckEntry, on: AuditSubject, seed: int = 3) -> Completed:
    context = RunContext(check=entry.id, seed=seed, effort=entry.spec.effort.get("quick", {}))
    return execute(entry, on, context, entry.parameters, {"key": "-"})


def can_run(entry: CheckEntry, on: AuditSubject) -> bool:
    tables = [
        name for name, found in (("train", on.train), ("test", on.test), ("current", on.current)) if found is not None
    ]
    offered = available_needs(on.facts, tables=tables, model_file=False)
    return on.task in entry.spec.tasks and set(entry.spec.needs) <= offered


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("check", CHECKS)
def test_a_check_answers_or_says_why_not(check: str, kind: str) -> None:
    entry, on = catalogue()[check], subject(kind)
    if not can_run(entry, on):
        pytest.skip(f"{check} does not claim to work on: {kind}")
    finding = run(entry, on).finding
    assert finding.state != "error", finding.reason
    assert finding.measurements or (finding.reason and finding.needed)


@pytest.mark.parametrize("check", CHECKS)
def test_the_tables_are_not_modified(check: str) -> None:
    entry, on = catalogue()[check], subject("binary")
    before = [on.train.frame.clone(), on.test.frame.clone()]
    run(entry, on)
    assert before[0].equals(on.train.frame)
    assert before[1].equals(on.test.frame)


@pytest.mark.parametrize("check", sorted(set(CHECKS) - NOT_REPEATABLE))
def test_the_same_seed_gives_the_same_bytes(check: str) -> None:
    entry = catalogue()[check]
    first, second = (run(entry, subject("binary")) for _ in range(2))
    assert canonical_json(first.finding) == canonical_json(second.finding)
    assert first.files == second.files


@pytest.mark.parametrize("check", CHECKS)
def test_intervals_hold_their_value_and_keep_to_the_range(check: str) -> None:
    entry = catalogue()[check]
    for measurement in run(entry, subject("binary")).finding.measurements:
        low, high = measurement.low, measurement.high
        assert low is None or low <= measurement.value + 1e-12, measurement
        assert high is None or measurement.value <= high + 1e-12, measurement
        if measurement.unit == "share":
            assert -1 <= measurement.value <= 1, measurement


@pytest.mark.parametrize("check", CHECKS)
def test_the_page_is_one_a_reader_can_use(check: str) -> None:
    entry = catalogue()[check]
    assert len(entry.page.split()) > 120
    assert entry.spec.question.endswith("?")
    assert entry.spec.evidence_codes
    assert entry.spec.measures


@pytest.mark.parametrize("check", CHECKS)
def test_no_sensitive_value_stands_in_the_evidence_of_single_rows(check: str) -> None:
    import io

    completed = run(catalogue()[check], subject("binary"))
    for name, body in completed.files.items():
        if name.endswith(".parquet"):
            columns = pl.read_parquet(io.BytesIO(body)).columns
            assert not ("row" in columns and "sex" in columns), name
