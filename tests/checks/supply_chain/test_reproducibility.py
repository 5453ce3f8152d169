"""Training again: the same bytes, the same answers, or how many differ."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from holdfast.adapters.models.opening import wrap_model
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.origin import read_provenance
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import ModelError, NotRun
from holdfast.core.provenance import Provenance, ProvenanceSettings
from holdfast.core.subject import Table
from holdfast.records.training import record_run

CHECK = "supply_chain.reproducibility"


def table(seed: int, *, rows: int = 400, is_regression: bool = False) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3))
    y = X @ [1.0, -2.0, 0.5] + rng.normal(size=rows)
    return pl.DataFrame(X, schema=["a", "b", "c"]).with_columns(
        y=pl.Series(y if is_regression else (y > 0).astype(int))
    )


def audited(model: Any, train: pl.DataFrame, test: pl.DataFrame, provenance: Provenance | None = None) -> AuditSubject:
    wrapped = wrap_model(model)
    tables = {name: Table(name=name, frame=frame, digest=name) for name, frame in (("train", train), ("test", test))}
    facts = settle(Deployment(), target="y", train=tables["train"], test=tables["test"], model=wrapped)
    return AuditSubject(facts=facts, deployment=Deployment(), model=wrapped, provenance=provenance, **tables)


def run(subject: AuditSubject, **parameters: Any) -> dict[str, Measured]:
    return {measured.id: measured for measured in outcome_of(subject, **parameters).measurements}


def outcome_of(subject: AuditSubject, **parameters: Any) -> Outcome:
    entry = entry_for(CHECK)
    return import_module(entry.module).run(subject.view(entry.spec), RunContext(check=CHECK, seed=5), **parameters)


def fitted(estimator: Any, frame: pl.DataFrame) -> Any:
    return estimator.fit(frame.select("a", "b", "c").to_numpy(), frame["y"].to_numpy())


def test_a_model_without_chance_is_the_same_again() -> None:
    train = table(0)
    found = run(audited(fitted(LogisticRegression(), train), train, table(1)))
    share = found["changed_share"]
    assert share.value == 0
    assert share.interval is not None
    assert share.interval.high == pytest.approx(1 - 0.025 ** (1 / 400))
    assert found["difference_p99"].value < 1e-6


def test_a_model_of_other_rows_is_told_by_its_answers() -> None:
    subject = audited(fitted(DecisionTreeClassifier(random_state=0), table(2)), table(0), table(1))
    found = run(subject)
    truth = np.mean(
        fitted(DecisionTreeClassifier(random_state=0), table(2)).predict(table(1).drop("y").to_numpy())
        != fitted(DecisionTreeClassifier(random_state=5), table(0)).predict(table(1).drop("y").to_numpy())
    )
    assert found["changed_share"].value == truth > 0.05
    assert outcome_of(subject).tables["affected_rows"].height == round(truth * 400)


def test_values_are_compared_in_standard_deviations() -> None:
    train, other = table(0, is_regression=True), table(9, rows=30, is_regression=True)
    model = fitted(LinearRegression(), other)
    test = table(1, is_regression=True)
    found = run(audited(model, train, test))
    X = test.drop("y").to_numpy()
    apart = np.abs(fitted(LinearRegression(), train).predict(X) - model.predict(X)) / np.std(model.predict(X))
    assert found["difference_p99"].value == pytest.approx(np.quantile(apart, 0.99, method="inverted_cdf"))
    assert found["changed_share"].value == 1.0


def test_a_model_that_cannot_be_fitted_says_what_to_do() -> None:
    subject = audited(lambda X: (X[:, 0] > 0).astype(int), table(0), table(1))
    with pytest.raises(NotRun, match="--allow-code"):
        run(subject)


class TestByCommand:
    """The recorded command is run again."""

    @pytest.fixture
    def place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        from skl2onnx import to_onnx

        monkeypatch.chdir(tmp_path)
        for name, seed in (("first", 0), ("second", 4)):
            model = fitted(LogisticRegression(), table(seed, rows=60))
            onnx = to_onnx(model, np.zeros((1, 3), dtype=np.float32), options={"zipmap": False})
            (tmp_path / f"{name}.onnx").write_bytes(onnx.SerializeToString())
        (tmp_path / "out").mkdir()
        return tmp_path

    def subject(self, place: Path, *, allow_code: bool = True) -> AuditSubject:
        from holdfast.core.canonical import digest_bytes

        model = place / "out/model.onnx"
        digests = {"model": digest_bytes(model.read_bytes())}
        origin = read_provenance(ProvenanceSettings(), model=model, digests=digests, tables=(), allow_code=allow_code)
        assert origin is not None
        subject = audited(fitted(LogisticRegression(), table(0, rows=60)), table(0, rows=60), table(1))
        return replace(subject, provenance=origin)

    def record(self, *command: str) -> None:
        record_run(command, inputs=[Path("first.onnx")], outputs=[Path("out/model.onnx")])

    def test_the_same_bytes_come_again_and_the_model_is_not_touched(self, place: Path) -> None:
        self.record("cp", "first.onnx", "out/model.onnx")
        written = (place / "out/model.onnx").stat().st_mtime_ns
        found = run(self.subject(place))
        assert (found["same_digest"].value, found["changed_share"].value) == (1, 0)
        assert (place / "out/model.onnx").stat().st_mtime_ns == written

    def test_a_command_that_writes_another_model_each_time_is_found_out(self, place: Path) -> None:
        # the second time the marker is there: it lies outside the outputs, as the state of a careless script does
        script = "if [ -e marks/one ]; then cp second.onnx out/model.onnx; else cp first.onnx out/model.onnx; fi; "
        (place / "marks").mkdir()
        self.record("sh", "-c", script + "touch marks/one")
        found = run(self.subject(place))
        assert found["same_digest"].value == 0
        assert found["changed_share"].value > 0

    def test_an_input_that_changed_stops_it(self, place: Path) -> None:
        self.record("cp", "first.onnx", "out/model.onnx")
        (place / "first.onnx").write_bytes((place / "second.onnx").read_bytes())
        with pytest.raises(NotRun, match=r"first\.onnx is another today"):
            run(self.subject(place))

    def test_a_command_that_fails_is_said_so(self, place: Path) -> None:
        self.record("sh", "-c", "[ ! -e marks ] && cp first.onnx out/model.onnx && mkdir marks")
        with pytest.raises(ModelError, match="failed with 1"):
            run(self.subject(place))

    def test_a_command_that_names_its_own_folder_is_not_run(self, place: Path) -> None:
        self.record("cp", "first.onnx", str(place / "out/model.onnx"))
        with pytest.raises(NotRun, match="write over the model"):
            run(self.subject(place))

    def test_nothing_runs_without_leave(self, place: Path) -> None:
        self.record("cp", "first.onnx", "out/model.onnx")
        found = run(self.subject(place, allow_code=False))
        assert "same_digest" not in found
