"""What users, files and models do wrong: one clear message, the right exit code, nothing half-written, no hang."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import holdfast
from holdfast.core.errors import HoldfastError, InputError, ModelError
from tests.e2e.workplace import COMMAND, Workplace

resource = pytest.importorskip("resource", reason="needs the pipes and limits of Unix")
CHECKS = ("--check", "performance.predictive", "--effort", "quick", "--policy", "policy.yaml")
GIVEN = ("--model", "model.onnx", "--test", "test.csv", "--target", "approved")
MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "]]>&amp;<!--",
    "../../etc/passwd",
    "\u202eRTL",
)


@pytest.fixture(scope="module")
def shared(prototype: Path, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """One folder for all tests that only add files of their own."""
    return Workplace(Path(shutil.copytree(prototype, tmp_path_factory.mktemp("bad") / "work")))


@pytest.fixture(scope="module")
def audited(shared: Workplace) -> Workplace:
    """The same folder with a finished audit in ``done``."""
    output = shared.run("audit", *GIVEN, *CHECKS, "--out", "done")
    assert "report:" in output.stdout, output
    return shared


@dataclass(frozen=True)
class Crafted:
    """Unpickles to a ``Model()`` of this source, in a process that has never seen it."""

    source: str

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"(lambda scope: (exec({self.source!r}, scope), scope['Model']())[1])({{}})",)


def refused(output: subprocess.CompletedProcess[str], message: str, *, exit_code: int = 2) -> bool:
    """Whether this is one clear message and nothing else."""
    assert "Traceback" not in output.stderr, output.stderr
    assert output.returncode == exit_code, output
    assert message in output.stderr, output.stderr
    return output.stdout == ""


# Tables

TABLES: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "no-rows.csv": (lambda text: text.splitlines()[0], "has no rows"),
    "empty.csv": (lambda text: "", "empty file"),
    "repeated-name.csv": (lambda text: text.replace("hours", "age", 1), "'age' in columns 1, 2"),
    "pattern-name.csv": (lambda text: text.replace("hours", "*", 1), "'*' (column 2), which stands for several"),
    "regex-name.csv": (lambda text: text.replace("hours", "^a.*$", 1), "which stands for several"),
    "long-line.csv": (lambda text: text.replace("\n", "\n1,2,3,4,5,6\n", 1), "line 2: expected 5 fields"),
    "short-line.csv": (lambda text: text + "1,2\n", "line 402: expected 5 fields"),
    "utf-16-unmarked.csv": (lambda text: text.encode("utf-16-le"), "zero byte in line 1"),
    "gzip.csv": (lambda text: b"\x1f\x8b\x08" + bytes(20), "gzip"),
    "text.parquet": (lambda text: text, "expected a Parquet file in text.parquet"),
    "cut.parquet": (lambda text: b"PAR1" + bytes(40), "cut short"),
    "no-target.csv": (lambda text: text.replace("approved", "aproved", 1), "did you mean 'aproved'?"),
    "target-missing.csv": (lambda text: text.replace(",yes", ",", 1), "missing in 1 rows"),
    "unseen-label.csv": (lambda text: text.replace(",yes", ",perhaps", 1), "3 classes"),
}


@pytest.mark.parametrize("name", TABLES)
def test_table_that_cannot_be_used_is_refused_by_name(shared: Workplace, name: str) -> None:
    spoil, message = TABLES[name]
    content = spoil((shared.folder / "test.csv").read_text())
    (shared.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert refused(shared.run("audit", *GIVEN, *CHECKS, "--test", name, "--out", "refused"), message)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marked_encodings_are_read(audited: Workplace, encoding: str) -> None:
    text = (audited.folder / "test.csv").read_text()
    (audited.folder / f"{encoding}.csv").write_bytes(text.encode(encoding))
    output = audited.run("audit", *GIVEN, *CHECKS, "--test", f"{encoding}.csv", "--out", encoding)
    assert "report:" in output.stdout, output
    assert audited.read(f"{encoding}/findings.json")["subject"]["tables"]["test"]["rows"] == 400


@pytest.mark.parametrize("name", ["no such.csv", "pipe", "/dev/zero", "."])
@pytest.mark.parametrize("option", ["--test", "--model", "--policy", "--config", "--predictions"])
def test_path_that_is_no_file_is_refused_at_once(shared: Workplace, option: str, name: str) -> None:
    if not (shared.folder / "pipe").exists():
        os.mkfifo(shared.folder / "pipe")
    given = ("--target", "approved") if option == "--predictions" else GIVEN
    output = shared.run("audit", *given, option, name, "--out", "refused", "--check", "data.schema")
    assert refused(output, name if name != "." else "folder")


@pytest.mark.parametrize("rows", [1, 2])
def test_a_row_or_two_are_too_few_to_pass(shared: Workplace, rows: int) -> None:
    name = f"rows-{rows}.csv"
    pl.read_csv(shared.folder / "test.csv").head(rows).write_csv(shared.folder / name)
    output = shared.run("audit", *GIVEN, *CHECKS, "--test", name, "--out", name.removesuffix(".csv"))
    assert (output.returncode, "inconclusive" in output.stdout) == (3, True), output


def test_many_classes_predicted_at_random_are_no_contradiction_of_their_order(shared: Workplace) -> None:
    rng = np.random.default_rng(0)
    scores = pl.DataFrame(rng.dirichlet(np.ones(60), 300), schema=[f"s{i:02}" for i in range(60)])
    labels = pl.Series("y", [f"class {i % 60:02}" for i in range(300)])
    scores.with_columns(labels).write_csv(shared.folder / "many.csv")
    columns = [part for name in scores.columns for part in ("--score-column", name)]
    output = shared.run("audit", "--predictions", "many.csv", "--target", "y", *columns, *CHECKS, "--out", "many")
    assert "report:" in output.stdout, output


def test_markup_in_names_and_cells_reaches_no_report(shared: Workplace) -> None:
    rng = np.random.default_rng(1)
    names = [*MARKUP, "label", "row", "Age", "age", "n" * 2000]
    columns: dict[str, list[str] | list[float]] = {name: rng.normal(size=300).round(2).tolist() for name in names}
    columns["text"] = [MARKUP[i % len(MARKUP)] for i in range(300)]
    columns["y"] = [MARKUP[i % 2] for i in range(300)]
    columns["p"] = rng.random(300).tolist()
    pl.DataFrame(columns).write_parquet(shared.folder / "markup.parquet")
    config = {
        "predictions": "markup.parquet", "target": "y", "score_column": ["p"], "effort": "quick",
        "policy": "markup-policy.yaml", "check": ["performance.predictive", "data.schema", "fairness.group_gaps"],
        "deployment": {"purpose": MARKUP[0], "affected": MARKUP[1], "sensitive": ["text"]},
    }  # fmt: skip
    rule = {"measurement": "performance.predictive.accuracy", "min": 0.3, "because": f"</style>{MARKUP[0]}"}
    (shared.folder / "markup.yaml").write_text(json.dumps(config))
    (shared.folder / "markup-policy.yaml").write_text(json.dumps({"name": MARKUP[0], "rules": [rule]}))
    assert shared.run("audit", "--config", "markup.yaml", "--out", "markup").returncode == 0
    page = (shared.folder / "markup" / "report.html").read_text()
    assert "alert(1)" in page
    assert not [tag for tag in ("<script", "<img", "</style><") if tag in page.lower()]
    assert "default-src &#39;none&#39;" in page


# Configurations and policies


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [1]\nb: *a\n", "anchors"),
        ("model: !!python/object/apply:os.system ['touch stolen']\n", "tag"),
        ("model: !!python/name:os.system\n", "tag"),
        ("[" * 1000, "levels deep"),
        pytest.param("target: " + "x" * (2 << 20), "longer", id="two megabytes of text"),
        ("tragte: y\n", "did you mean 'target'?"),
        ("deployment: {sensitive: sex}\n", "expected a list; got 'sex'"),
        ("deployment: [1]\n", "expected a mapping"),
        ("target: a\ntarget: b\n", "twice"),
        ('target: "\\ud800"\n', "Unicode"),
        ("level: .nan\n", "confidence level"),
        ("seed: -1\n", "seed"),
        ("deployment: {ranges: {age: [.nan, 1]}}\n", "deployment.ranges of 'age'"),
        ("deployment: {ranges: {age: [9, 1]}}\n", "deployment.ranges of 'age'"),
        ("deployment: {classes: [yes, yes]}\n", "each class once"),
        ("parameters: {data.schema: {margin: .inf}}\n", "finite number as margin"),
        ("parameters: {data.schema: {margn: 1}}\nmodel: model.onnx\n", "did you mean 'margin'?"),
        ("deployment: {ignore: [age, hours, debt, sex]}\nmodel: model.onnx\n", "left as an input"),
    ],
)
def test_configuration_that_cannot_mean_anything_is_refused(shared: Workplace, text: str, message: str) -> None:
    given = "" if "target" in text else "target: approved\n"
    (shared.folder / "crafted.yaml").write_text(text + (f"{given}test: test.csv\n" if text[0] not in "[a" else ""))
    assert refused(shared.run("audit", "--config", "crafted.yaml", "--out", "refused"), message)
    assert not (shared.folder / "stolen").exists()


def test_yes_and_no_in_a_configuration_are_labels(audited: Workplace) -> None:
    config = "model: model.onnx\ntest: test.csv\ntarget: approved\ndeployment: {classes: [no, yes], positive: yes}\n"
    (audited.folder / "labels.yaml").write_text(config)
    output = audited.run("audit", "--config", "labels.yaml", *CHECKS, "--out", "labels")
    assert "report:" in output.stdout, output
    assert audited.read("labels/findings.json")["subject"]["positive"] == "yes"


@pytest.mark.parametrize(
    ("rule", "exit_code", "message"),
    [
        ("{measurement: performance.predictive.accuracy, min: .nan}", 2, "finite"),
        ("{measurement: performance.predictve.accuracy, min: 1}", 2, "did you mean 'performance.predictive'?"),
        ("{measurement: performance.predictive.accuracy, mim: 1}", 2, "did you mean 'min'?"),
        ("{measurement: performance.predictive.accuracy, min: high}", 2, "valid number"),
        ('{measurement: performance.predictive.accuracy, min: 0.1, because: "\\ud800"}', 2, "Unicode"),
    ],
)
def test_policy_that_cannot_mean_anything_is_refused(
    audited: Workplace, rule: str, exit_code: int, message: str
) -> None:
    (audited.folder / "crafted-policy.yaml").write_text(f"rules:\n  - {rule}\n")
    assert refused(audited.run("gate", "done", "--policy", "crafted-policy.yaml"), message, exit_code=exit_code)


def test_empty_policy_fails(audited: Workplace) -> None:
    (audited.folder / "empty-policy.yaml").write_text("")
    assert audited.run("gate", "done", "--policy", "empty-policy.yaml").returncode == 1


@pytest.mark.parametrize("name", ["findings.json", "decision.json", "run.json"])
def test_folder_of_something_else_is_no_audit(audited: Workplace, tmp_path: Path, name: str) -> None:
    shutil.copytree(audited.folder / "done", tmp_path / "done")
    (tmp_path / "done" / name).unlink()
    assert refused(audited.run("gate", tmp_path / "done"), name)
    os.mkfifo(tmp_path / "done" / name)
    assert refused(audited.run("gate", tmp_path / "done"), name)


# Models


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os.abort()", "SIGABRT"),
        ("os._exit(0)", "exited with status 0"),
        ("return np.full(len(X) - 1, 'yes')", "expected one answer per row"),
        ("return np.full(len(X), 'other')", "none of the classes"),
        ("raise ValueError('\\x1b[31mboom')", "\\x1b[31mboom"),
    ],
)
def test_model_that_misbehaves_ends_its_check_and_not_the_audit(shared: Workplace, body: str, reason: str) -> None:
    source = f"""class Model:
    classes_ = ["no", "yes"]
    _estimator_type = "classifier"
    def predict(self, X):
        import os
        import numpy as np
        {body}
"""
    (shared.folder / "model.joblib").write_bytes(pickle.dumps(Crafted(source)))
    arguments = (
        "--model",
        "model.joblib",
        "--trust-pickle",
        "--out",
        "misbehaved",
        "--no-cache",
        "--check",
        "data.schema",
    )
    output = shared.run("audit", *GIVEN, *CHECKS, *arguments)
    states = {item["check"]: item["state"] for item in shared.read("misbehaved/findings.json")["findings"]}
    assert (output.returncode, output.stderr) == (3, ""), output
    assert reason in output.stdout
    assert (states["performance.predictive"], states["data.schema"]) == ("error", "measured")
    assert "\x1b" not in output.stdout


# The machine


@pytest.mark.parametrize("size", [1000, 12_000])
def test_full_disk_is_said_and_nothing_is_half_written(shared: Workplace, tmp_path: Path, size: int) -> None:
    command = [*COMMAND, "audit", *GIVEN, *CHECKS, "--out", str(tmp_path / "full"), "--no-cache"]
    output = subprocess.run(
        command,
        cwd=shared.folder,
        env=shared.env,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    assert refused(output, "cannot ")
    for path in (tmp_path / "full").rglob("*.json"):
        json.loads(path.read_bytes())
    assert not (tmp_path / "full" / "bundle.holdfast").exists()


def test_reader_that_goes_away_is_no_traceback_and_no_verdict(audited: Workplace) -> None:
    process = audited.start("explain", "performance.predictive")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in errors) == (3, False), errors


def test_file_name_that_is_no_text_is_refused_before_anything_runs(shared: Workplace) -> None:
    assert refused(shared.run("audit", *GIVEN, "--out", os.fsdecode(b"out\xff")), "Unicode")


def test_output_that_cannot_show_a_letter_spells_it_out(audited: Workplace) -> None:
    environment = {**audited.env, "PYTHONIOENCODING": "latin-1"}
    command = [*COMMAND, "audit", *GIVEN, *CHECKS, "--out", "学"]
    output = subprocess.run(command, cwd=audited.folder, env=environment, capture_output=True, text=True, timeout=120)
    assert (output.stderr, "report: \\u5b66" in output.stdout) == ("", True), output


def test_signing_key_that_cannot_be_used_is_said_before_the_work(place: Workplace) -> None:
    (place.folder / "keys").mkdir()
    (place.folder / "keys" / "holdfast.key").write_text("no key")
    (place.folder / "keys" / "holdfast.key").chmod(0o600)
    assert refused(place.run("audit", *GIVEN, *CHECKS, "--out", "out"), "holdfast.key")
    assert not (place.folder / ".holdfast").exists()


def test_two_audits_at_once_in_one_folder_both_finish(place: Workplace) -> None:
    processes = [place.start("audit", *GIVEN, *CHECKS, "--out", "same") for _ in range(2)]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
    assert ended == [("", 3), ("", 3)]  # two rules of the policy are about checks that were left out
    assert place.run("verify", "same").returncode == 4


# Python


@pytest.mark.parametrize(
    "test", [[[1, 2]], {"a": [1]}, 5, pl.LazyFrame({"a": [1]}), pl.Series([1.0]), np.ones((2, 2, 2, 2, 2))]
)
def test_object_that_is_no_table_is_refused(test: object) -> None:
    with pytest.raises(InputError, match="expected"):
        holdfast.audit(lambda X: X[:, 0], test=test, target="y", cache=False)


@pytest.mark.parametrize("model", [5, {"model": 1}, [1], dict])
def test_object_that_is_no_model_is_refused(model: object) -> None:
    with pytest.raises(InputError, match="expected"):
        holdfast.audit(model, test=pl.DataFrame({"x": [1.0, 2.0], "y": [0, 1]}), target="y", cache=False)


@pytest.mark.parametrize(
    "answer",
    [
        lambda X: None,
        lambda X: "yes",
        lambda X: np.ones(1),
        lambda X: np.full(len(X), np.nan),
        lambda X: np.ones((len(X), 2, 2)),
        lambda X: 1 / 0,
        lambda X: sys.exit(7),
        lambda: None,
    ],
)
def test_callable_that_answers_nonsense_is_the_models_fault(answer: Callable[..., object]) -> None:
    table = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [0, 1, 0, 1]})
    with pytest.raises(ModelError):
        holdfast.audit(answer, test=table, target="y", cache=False, check=["performance.predictive"])


@pytest.mark.parametrize(
    "settings",
    [
        {"jobs": -1},
        {"jobs": "many"},
        {"config": [1]},
        {"config": {"tragte": "y"}},
        {"predictions": pl.DataFrame({"a": [1]})},
        {"target": 5},
        {"target": "\ud800"},
        {"level": 2},
        {"seed": 1.5},
        {"colour": "red"},
        {"check": "performance.predictive"},
        {"parameters": {"data.schema": {"margin": float("nan")}}},
    ],
    ids=str,
)
def test_settings_of_the_wrong_type_are_refused(settings: dict[str, Any]) -> None:
    table = pl.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    given: dict[str, Any] = {"test": table, "target": "y", "cache": False, **settings}
    with pytest.raises(HoldfastError):
        holdfast.audit(lambda X: X[:, 0] > 1, **given)
