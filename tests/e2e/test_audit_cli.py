"""``holdfast audit`` as a user runs it, and as a user interrupts it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.e2e.workplace import FinishedAudit, Workplace

FILES = {
    "findings.json",
    "decision.json",
    "run.json",
    "report.html",
    "results.sarif",
    "junit.xml",
    "model_card.md",
    "bundle.holdfast",
}
TIMING = "cost.latency"


def findings_of(folder: Path) -> dict[str, Any]:
    return {finding["check"]: finding for finding in json.loads((folder / "findings.json").read_bytes())["findings"]}


def finished_in_store(cache: Path) -> int:
    """Count the findings that are durable so far, without touching the store."""
    if not (cache / "store.sqlite").exists():
        return 0
    try:
        with sqlite3.connect(f"file:{cache / 'store.sqlite'}?mode=ro", uri=True, timeout=5) as connection:
            (count,) = connection.execute("select count(*) from items where name = 'finding.json'").fetchone()
        connection.close()
    except sqlite3.OperationalError:
        return 0
    return int(count)


def wait_for_findings(process: subprocess.Popen[str], cache: Path, count: int) -> None:
    for _ in range(6000):
        if finished_in_store(cache) >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("no finding within a minute")


def processes_of_session(session: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


# A whole audit


def test_audit_passes_and_says_so(finished: FinishedAudit) -> None:
    assert finished.output.returncode == 0, finished.output
    assert "report: audit/report.html" in finished.output.stdout


def test_nothing_but_data_goes_to_stdout_and_nothing_to_stderr(finished: FinishedAudit) -> None:
    assert finished.output.stderr == ""
    assert "\033" not in finished.output.stdout


def test_every_file_is_written_and_nothing_else_lies_about(finished: FinishedAudit) -> None:
    assert {path.name for path in finished.folder.iterdir()} == {*FILES, "evidence"}


def test_every_check_measured(finished: FinishedAudit) -> None:
    states = {check: finding["state"] for check, finding in findings_of(finished.folder).items()}
    others = {check: state for check, state in states.items() if state != "measured"}
    # The file keeps no rows or values, no cell is missing, it predicts no numbers, inputs are no images, nobody
    # stated differential privacy, the model has no trees and is no network, no outcome looks wrong, no input is text,
    # no decisions were logged, nothing came of today, no run was recorded, nothing was signed.
    assert others == {
        "data.fitted_on_test": "not_applicable",
        "data.missingness": "not_applicable",
        "data.near_images": "not_applicable",
        "monitoring.feedback_loop": "not_run",
        "performance.estimated": "not_run",
        "performance.intervals": "not_applicable",
        "privacy.defences": "not_run",
        "privacy.dp_audit": "not_applicable",
        "privacy.exposure": "not_applicable",
        "privacy.inversion": "not_run",
        "privacy.structural_disclosure": "not_run",
        "robustness.certified": "not_run",
        "robustness.other_attacks": "not_run",
        "robustness.retraining": "not_run",
        "robustness.smoothing": "not_run",
        "robustness.text": "not_applicable",
        "supply_chain.bill_of_materials": "not_run",
        "supply_chain.provenance": "not_run",
        "supply_chain.reproducibility": "not_run",
        "supply_chain.signature": "not_run",
    }
    assert len(states) >= 12


def test_every_evidence_path_is_a_file_that_can_be_read(finished: FinishedAudit) -> None:
    for finding in findings_of(finished.folder).values():
        for path in finding["evidence"].values():
            assert (
                finished.place.read(f"{finished.folder.name}/{path}")
                if path.endswith(".json")
                else (pl.read_parquet(finished.folder / path).width)
            )


def test_decision_is_about_these_findings(finished: FinishedAudit) -> None:
    decision = json.loads((finished.folder / "decision.json").read_bytes())
    known = {item["id"] for finding in findings_of(finished.folder).values() for item in finding["measurements"]}
    judged = {verdict["measurement"] for verdict in decision["verdicts"] if verdict["value"] is not None}
    assert judged
    assert judged <= known


def test_no_clock_host_or_path_in_the_findings(finished: FinishedAudit) -> None:
    text = (finished.folder / "findings.json").read_text()
    assert str(finished.place.folder) not in text
    assert str(time.gmtime().tm_year) + "-" not in text
    assert os.uname().nodename not in text or len(os.uname().nodename) < 4


def test_second_run_reuses_everything_and_changes_nothing(finished: FinishedAudit) -> None:
    output = finished.place.run("audit", "--config", "holdfast.yaml", "--out", "again", "--jobs", "2")
    again = finished.place.folder / "again"
    run = json.loads((again / "run.json").read_bytes())
    assert (output.returncode, output.stdout) == (0, finished.output.stdout.replace("audit/", "again/"))
    assert [attempt["check"] for attempt in run["attempts"] if not attempt["reused"]] == []
    assert len(run["attempts"]) == sum(item["action"] == "run" for item in run["plan"])
    assert (again / "findings.json").read_bytes() == (finished.folder / "findings.json").read_bytes()


def test_findings_are_the_same_bytes_without_cache_and_with_one_process(
    finished: FinishedAudit, place: Workplace
) -> None:
    output = place.run("audit", "--config", "holdfast.yaml", "--out", "audit", "--jobs", "1", "--no-cache")
    assert output.returncode == 0, output
    alone, beside = findings_of(place.folder / "audit"), findings_of(finished.folder)
    assert alone[TIMING]["digests"] == beside[TIMING]["digests"]
    for findings in (alone, beside):
        findings.pop(TIMING)
    assert alone == beside
    for finding in alone.values():
        for path in finding["evidence"].values():
            assert (place.folder / "audit" / path).read_bytes() == (finished.folder / path).read_bytes()
    assert not (place.folder / ".holdfast").exists()


# Interruption


def test_killed_audit_resumes_with_what_was_finished(finished: FinishedAudit, place: Workplace) -> None:
    command = ("audit", "--config", "holdfast.yaml", "--out", "audit", "--cache", "kept", "--jobs", "2")
    process = place.start(*command)
    wait_for_findings(process, place.folder / "kept", 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = finished_in_store(place.folder / "kept")
    output = place.run(*command)
    assert output.returncode == 0, output
    reused = [attempt for attempt in place.read("audit/run.json")["attempts"] if attempt["reused"]]
    assert len(reused) >= kept >= 2
    resumed, whole = findings_of(place.folder / "audit"), findings_of(finished.folder)
    for findings in (resumed, whole):
        findings.pop(TIMING)
    assert resumed == whole


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see processes")
def test_killed_audit_leaves_no_process_behind(place: Workplace) -> None:
    process = place.start("audit", "--config", "holdfast.yaml", "--cache", "kept", "--jobs", "2")
    wait_for_findings(process, place.folder / "kept", 1)
    process.kill()
    process.communicate()
    for _ in range(200):
        if not processes_of_session(process.pid):
            break
        time.sleep(0.05)
    assert processes_of_session(process.pid) == []


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_interrupted_audit_writes_what_is_finished(place: Workplace, jobs: str) -> None:
    command = ("audit", "--config", "holdfast.yaml", "--out", "audit", "--cache", "kept", "--jobs", jobs)
    process = place.start(*command)
    wait_for_findings(process, place.folder / "kept", 1)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in errors) == (3, False), errors
    findings = findings_of(place.folder / "audit")
    assert place.read("audit/run.json")["cancelled"]
    reasons = [finding["reason"] for finding in findings.values()]
    assert "the run was cancelled" in reasons
    assert set(reasons) != {"the run was cancelled"}
    assert place.run("verify", "audit").returncode == 4


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc to see what is loaded")
@pytest.mark.parametrize("after", [0.0, 0.02, 0.04, 0.06, 0.1])
def test_interrupt_while_libraries_load_is_no_traceback(place: Workplace, after: float) -> None:
    process = place.start("audit", "--config", "holdfast.yaml", "--out", "audit")
    while "pydantic_core" not in Path(f"/proc/{process.pid}/maps").read_text():
        time.sleep(0.001)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "Traceback" not in errors


# Other ways to call it


def test_predictions_alone_are_enough(place: Workplace) -> None:
    arguments = ("--predictions", "predictions.csv", "--target", "approved", "--score-column", "p")
    output = place.run("audit", *arguments, "--out", "audit", "--effort", "quick")
    findings = findings_of(place.folder / "audit")
    assert output.returncode in (0, 3), output
    assert findings["performance.predictive"]["state"] == "measured"
    assert findings["robustness.evasion"]["state"] == "not_run"
    assert findings["robustness.evasion"]["needed"] == "give the model itself with --model"
    assert {finding["state"] for finding in findings.values()} <= {"measured", "not_run", "not_applicable"}


def test_predicted_whole_numbers_are_classes(place: Workplace) -> None:
    table = pl.read_csv(place.folder / "predictions.csv")
    frame = pl.DataFrame({"y": (table["approved"] == "yes").cast(int), "pred": (table["p"] > 0.5).cast(int)})
    frame.write_csv(place.folder / "labels.csv")
    output = place.run(
        "audit", "--predictions", "labels.csv", "--target", "y", "--check", "performance.predictive", "--out", "audit"
    )
    assert place.read("audit/findings.json")["subject"]["task"] == "binary", output
    assert "holdfast.yaml that lies here was not read" in output.stdout
    assert output.stdout.count("left out by --check") == 1
    assert "thresholds: left out by --check" in output.stdout


def test_first_config_is_one_that_audits(place: Workplace) -> None:
    (place.folder / "holdfast.yaml").unlink()
    files = ("--model", "model.onnx", "--train", "train.csv", "--test", "test.csv")
    made = place.run("init", *files, "--target", "approved")
    assert (made.returncode, "target: " in made.stdout) == (0, True), made
    assert (place.folder / "holdfast.yaml").read_text() == made.stdout
    output = place.run("audit", "--config", "holdfast.yaml", "--check", "data.schema", "--out", "audit")
    assert "Traceback" not in output.stderr
    assert "was not read" not in output.stdout
    assert findings_of(place.folder / "audit")["data.schema"]["state"] == "measured"


def test_init_does_not_replace_a_file(place: Workplace) -> None:
    before = (place.folder / "holdfast.yaml").read_bytes()
    output = place.run("init", "--test", "test.csv", "--target", "approved")
    assert (output.returncode, "--force" in output.stderr) == (2, True)
    assert (place.folder / "holdfast.yaml").read_bytes() == before


# What cannot be used


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--test", "test.csv", "--target", "aproved"), "did you mean 'approved'?"),
        (("--test", "tset.csv", "--target", "approved"), "did you mean 'test.csv'?"),
        (("--test", "test.csv", "--target", "approved", "--model", "modle.onnx"), "did you mean 'model.onnx'?"),
        (("--test", "test.csv", "--target", "approved", "--check", "data.schemas"), "did you mean 'data.schema'?"),
        (("--test", "test.csv", "--target", "approved", "--effort", "quik"), "did you mean 'quick'?"),
        (("--test", "test.csv", "--target", "approved", "--budget", "soon"), "expected a duration"),
        (("--test", "test.csv", "--target", "approved", "--policy", "baselin"), "baseline"),
        (("--test", "test.csv", "--target", "approved", "--model", "test.csv"), "model"),
        (("--test", "model.onnx", "--target", "approved"), "model.onnx"),
        (("--test", "test.csv", "--target", "approved", "--jobs", "-1"), "jobs"),
        (("--config", "nothing.yaml"), "holdfast init"),
        (("--predictions", "predictions.csv", "--target", "approved", "--score-column", "q"), "'q'"),
        ((), "is read with --config holdfast.yaml"),
        (("--colour", "red"), "colour"),
    ],
)
def test_wrong_use_is_one_message_and_exit_code_2(place: Workplace, arguments: tuple[str, ...], message: str) -> None:
    output = place.run("audit", *arguments)
    assert output.returncode == 2
    assert message in output.stderr
    assert "Traceback" not in output.stderr
    assert output.stdout == ""


def test_output_folder_with_other_files_is_refused_before_anything_runs(place: Workplace) -> None:
    (place.folder / "mine").mkdir()
    (place.folder / "mine" / "thesis.txt").write_text("mine")
    output = place.run("audit", "--config", "holdfast.yaml", "--out", "mine")
    assert (output.returncode, "holds other files" in output.stderr) == (2, True)
    assert [path.name for path in (place.folder / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that nobody can write to")
def test_output_folder_that_cannot_be_written_is_refused(place: Workplace) -> None:
    output = place.run("audit", "--config", "holdfast.yaml", "--out", "/proc/audit")
    assert (output.returncode, "cannot make the output folder" in output.stderr) == (2, True)


def test_model_that_is_damaged_is_refused_by_name(place: Workplace) -> None:
    whole = (place.folder / "model.onnx").read_bytes()
    (place.folder / "model.onnx").write_bytes(whole[: len(whole) // 2])
    output = place.run("audit", "--config", "holdfast.yaml")
    assert output.returncode in (2, 3)
    assert "model.onnx" in output.stderr
    assert "Traceback" not in output.stderr


def test_pickle_is_refused_unless_trusted(place: Workplace) -> None:
    (place.folder / "model.pkl").write_bytes(b"\x80\x04cos\nsystem\n(Vtouch stolen\ntR.")
    output = place.run("audit", "--model", "model.pkl", "--test", "test.csv", "--target", "approved")
    assert (output.returncode, "--trust-pickle" in output.stderr) == (2, True)
    assert not (place.folder / "stolen").exists()


# What a finished audit is good for


@pytest.mark.parametrize(
    ("format", "beginning"),
    [
        ("html", "<!doctype html>"),
        ("json", "{"),
        ("sarif", "{"),
        ("junit", "<?xml"),
        ("markdown", "#"),
        ("model-card", "---"),
    ],
)
def test_report_is_written_in_every_format(finished: FinishedAudit, format: str, beginning: str) -> None:
    output = finished.place.run("report", "audit", "--format", format)
    assert (output.returncode, output.stderr) == (0, "")
    assert output.stdout.lower().startswith(beginning)


def test_unknown_report_format_names_the_known_ones(finished: FinishedAudit) -> None:
    output = finished.place.run("report", "audit", "--format", "pdf")
    assert (output.returncode, "markdown" in output.stderr) == (2, True)


@pytest.mark.parametrize(
    ("rule", "exit_code"),
    [
        ("{measurement: performance.predictive.accuracy, min: 0.5}", 0),
        ("{measurement: performance.predictive.accuracy, min: 0.999}", 1),
        ("{measurement: performance.predictive.rmse, max: 1}", 3),
    ],
)
def test_gate_exits_as_the_policy_decides(finished: FinishedAudit, tmp_path: Path, rule: str, exit_code: int) -> None:
    (tmp_path / "policy.yaml").write_text(f"name: mine\nrules:\n  - {rule}\n")
    output = finished.place.run("gate", "audit", "--policy", tmp_path / "policy.yaml")
    assert output.returncode == exit_code, output


def test_gate_without_policy_repeats_the_decision_of_the_audit(finished: FinishedAudit) -> None:
    output = finished.place.run("gate", "audit")
    assert output.returncode == finished.output.returncode
    assert output.stdout.strip() in finished.output.stdout


def test_gate_refuses_findings_that_were_changed(finished: FinishedAudit, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "audit")
    text = (tmp_path / "audit" / "findings.json").read_text()
    (tmp_path / "audit" / "findings.json").write_text(text.replace('"value":0.', '"value":0.0', 1))
    output = finished.place.run("gate", tmp_path / "audit")
    assert (output.returncode, "other findings" in output.stderr) == (2, True)


def test_diff_with_itself_finds_nothing(finished: FinishedAudit) -> None:
    output = finished.place.run("diff", "audit", "audit")
    same, _, all_of = output.stdout.strip().splitlines()[-1].split()[:3]
    assert (output.returncode, same) == (0, all_of)


def test_diff_of_two_audits_names_what_moved(finished: FinishedAudit) -> None:
    place = finished.place
    changed = pl.read_csv(place.folder / "test.csv").head(200)
    changed.write_csv(place.folder / "smaller.csv")
    arguments = ("--config", "holdfast.yaml", "--test", "smaller.csv", "--check", "performance.predictive")
    assert place.run("audit", *arguments, "--out", "smaller").returncode in (0, 1, 3)
    output = place.run("diff", "audit", "smaller")
    assert output.returncode == 0
    assert any(line.split()[:1] == ["Accuracy"] and "->" in line for line in output.stdout.splitlines())


# Verification


def test_audit_without_a_key_is_intact_of_unknown_origin(finished: FinishedAudit) -> None:
    output = finished.place.run("verify", "audit")
    assert output.returncode == 4, output
    assert "origin" in output.stdout


def test_audit_signed_with_a_known_key_verifies(place: Workplace) -> None:
    assert place.run("keys", "init").returncode == 0
    assert place.run("audit", "--config", "holdfast.yaml", "--check", "data.schema", "--out", "audit").returncode == 3
    inputs = ("--input", "model=model.onnx", "--input", "test=test.csv")
    assert place.run("verify", "audit", *inputs).returncode == 0
    changed = (place.folder / "test.csv").read_bytes().replace(b"yes", b"no ", 1)
    (place.folder / "test.csv").write_bytes(changed)
    output = place.run("verify", "audit", *inputs)
    assert (output.returncode, "test" in output.stdout) == (1, True)


@pytest.mark.parametrize("name", ["report.html", "findings.json", "evidence/performance.predictive"])
def test_tampered_file_is_named_with_its_bytes(finished: FinishedAudit, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(finished.folder, tmp_path / "audit"))
    path = next((copy / name).glob("*")) if (copy / name).is_dir() else copy / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    output = finished.place.run("verify", copy)
    assert output.returncode == 1
    assert path.relative_to(copy).as_posix() in output.stdout
    assert "byte" in output.stdout


def test_missing_and_added_files_are_named(finished: FinishedAudit, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(finished.folder, tmp_path / "audit"))
    (copy / "model_card.md").unlink()
    (copy / "addendum.txt").write_text("and all is well")
    output = finished.place.run("verify", copy)
    assert output.returncode == 1
    assert {"model_card.md", "addendum.txt"} <= set(output.stdout.replace(":", " ").split())


# Costs of starting


HEAVY = ("sklearn", "torch", "pandas", "scipy", "polars", "onnxruntime", "altair", "vl_convert", "sqlalchemy")


@pytest.mark.parametrize(
    "code",
    [
        "import holdfast",
        "import sys; sys.argv = ['holdfast', 'list']; from holdfast.interfaces.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass",
        "import sys; sys.argv = ['holdfast', 'scan', 'model.onnx']; import os; os.chdir({folder!r})\n"
        "from holdfast.interfaces.cli.main import main\ntry:\n    main()\nexcept SystemExit:\n    pass",
        "import sys; sys.argv = ['holdfast', '--help']; from holdfast.interfaces.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass",
    ],
)
def test_nothing_heavy_is_loaded(place: Workplace, code: str) -> None:
    report = f"\nimport sys; print('loaded', [name for name in {HEAVY} if name in sys.modules])"
    output = subprocess.run(
        [sys.executable, "-c", code.replace("{folder!r}", repr(str(place.folder))) + report],
        env=place.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert output.stdout.splitlines()[-1] == "loaded []"


def test_list_names_every_check_and_explain_shows_its_page(finished: FinishedAudit) -> None:
    listed = finished.place.run("list")
    assert {line.split()[0] for line in listed.stdout.splitlines()} == set(findings_of(finished.folder))
    explained = finished.place.run("explain", "performance.calibration")
    assert (explained.returncode, "Measurements" in explained.stdout) == (0, True)
