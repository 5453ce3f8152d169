"""``holdfast scan`` as a user, or somebody hostile, runs it."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.e2e.workplace import COMMAND, Workplace

CLEAN = pickle.dumps({"weights": [1.0, 2.0]}, protocol=4)
HOSTILE = b"cos\nsystem\n(Vtouch stolen\ntR."
posix = pytest.mark.skipif(sys.platform == "win32", reason="names of any bytes and pipes are POSIX's")


@pytest.fixture
def shelf(tmp_path: Path) -> Workplace:
    (tmp_path / "models").mkdir()
    return Workplace(tmp_path)


@pytest.mark.parametrize(
    ("content", "code"), [(CLEAN, 0), (b"", 0), (HOSTILE, 1), (CLEAN[:-1], 3), (bytes(range(128, 256)) * 3, 3)]
)
def test_the_exit_code_says_what_was_found(content: bytes, code: int, shelf: Workplace) -> None:
    (shelf.folder / "models" / "m.pkl").write_bytes(content)
    output = shelf.run("scan", "models")
    assert (output.returncode, output.stderr) == (code, ""), output
    assert not (shelf.folder / "stolen").exists()


@pytest.mark.parametrize(
    "arguments",
    [[], ["absent"], ["models", "--format", "xml"], ["models", "--limit-seconds", "0"], ["--policy", "x", "."]],
)
def test_wrong_use_is_exit_code_2(arguments: list[str], shelf: Workplace) -> None:
    assert shelf.run("scan", *arguments).returncode == 2


def test_one_missing_path_spoils_the_scan(shelf: Workplace) -> None:
    (shelf.folder / "m.pkl").write_bytes(CLEAN)
    assert shelf.run("scan", "m.pkl", "absent").returncode == 2


def test_json_keeps_to_its_schema(shelf: Workplace) -> None:
    (shelf.folder / "models" / "a.pkl").write_bytes(CLEAN)
    (shelf.folder / "models" / "b.pkl").write_bytes(HOSTILE)
    output = shelf.run("scan", "models", "--format", "json")
    document = json.loads(output.stdout)
    schema = Path(__file__).parents[2] / "docs" / "schema" / "scan.json"
    jsonschema.validate(document, json.loads(schema.read_text()))
    assert [file["verdict"] for file in document["files"]] == ["pass", "fail"]


def test_a_report_goes_to_a_file_and_the_outcome_to_stderr(shelf: Workplace) -> None:
    (shelf.folder / "models" / "b.pkl").write_bytes(HOSTILE)
    output = shelf.run("scan", "models", "--format", "sarif", "--out", "scan.sarif")
    assert (output.returncode, output.stdout) == (1, "")
    assert "1 of 1 file failed" in output.stderr
    assert shelf.read("scan.sarif")["version"] == "2.1.0"


def test_an_approval_in_a_policy_lets_a_file_through_by_its_digest(shelf: Workplace) -> None:
    (shelf.folder / "models" / "b.pkl").write_bytes(HOSTILE)
    digest = json.loads(shelf.run("scan", "models", "--format", "json").stdout)["files"][0]["digest"]
    approval = {"digest": digest, "owner": "Ada", "reason": "read it", "expires": "2999-01-01"}
    (shelf.folder / "policy.yaml").write_text(
        json.dumps({"artefacts": {"approved": [approval]}}).replace('"2999-01-01"', "2999-01-01")
    )
    output = shelf.run("scan", "models", "--policy", "policy.yaml")
    assert (output.returncode, "approved by Ada until 2999-01-01: read it" in output.stdout) == (0, True)


@posix
def test_names_of_any_bytes_are_scanned_and_shown_escaped(shelf: Workplace) -> None:
    name = b"a\nb\x1b[31m\xff.pkl"
    with open(os.path.join(os.fsencode(shelf.folder), name), "wb") as stream:
        stream.write(HOSTILE)
    command = [*(os.fsencode(part) for part in COMMAND), b"scan", name]
    output = subprocess.run(command, cwd=shelf.folder, env=shelf.env, capture_output=True, timeout=60)
    assert output.returncode == 1
    assert rb"a\nb\x1b[31m\xff.pkl" in output.stdout
    assert b"\x1b" not in output.stdout + output.stderr


@posix
def test_a_pipe_does_not_hang(shelf: Workplace) -> None:
    os.mkfifo(shelf.folder / "models" / "p")
    assert shelf.run("scan", "models").returncode == 3


def test_a_joblib_model_is_audited_without_a_flag(place: Workplace) -> None:
    import joblib
    import polars as pl
    from sklearn.linear_model import LogisticRegression

    train = pl.read_csv(place.folder / "train.csv")
    inputs = ["age", "hours", "debt", "sex"]
    fitted = LogisticRegression(max_iter=500).fit(train.select(inputs).to_numpy(), train["approved"].to_numpy())
    joblib.dump(fitted, place.folder / "model.joblib")
    checks = ("--check", "performance.predictive", "--check", "supply_chain.artefact_scan")
    output = place.run("audit", "--config", "holdfast.yaml", "--model", "model.joblib", "--out", "joblib", *checks)
    assert "Traceback" not in output.stderr
    states = {item["check"]: item for item in place.read("joblib/findings.json")["findings"]}
    assert states["performance.predictive"]["state"] == "measured", output
    assert states["supply_chain.artefact_scan"]["measurements"][0]["value"] == 0


def test_an_approved_pickle_is_audited_and_the_evidence_says_by_whom(place: Workplace) -> None:
    hostile = b"\x80\x04csklearn.dummy\n_x\n."
    (place.folder / "model.pkl").write_bytes(hostile)
    refused = place.run("audit", "--config", "holdfast.yaml", "--model", "model.pkl")
    assert (refused.returncode, "artefacts: approved:" in refused.stderr) == (2, True)


def test_forcing_takes_no_other_word(place: Workplace) -> None:
    output = place.run("audit", "--config", "holdfast.yaml", "--trust-pickle=yes")
    assert (output.returncode, "unconfined" in output.stderr) == (2, True)
