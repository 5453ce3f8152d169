"""The ledger as a user meets it: made, filled by scans and audits, verified, exported, witnessed, its keys changed."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from holdfast.evidence.bundle import BUNDLE_NAME, guide_text
from holdfast.interfaces.cli.main import main


class Desk:
    """A folder with keys, a table of predictions, and the command, run in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"HOLDFAST_KEYS": str(folder / "keys"), "HOLDFAST_LEDGER": ""}
        pl.DataFrame({"y": [0, 1] * 40, "p": [0.2, 0.7, 0.4, 0.9] * 20}).write_csv(folder / "predictions.csv")

    def run(self, *words: str, expect: int = 0) -> str:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["holdfast", *words])
            for name, value in self.environment.items():
                patch.setenv(name, value)
            try:
                main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        assert code == expect, out.getvalue() + err.getvalue()
        return out.getvalue() + err.getvalue()

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "holdfast", *words]
        pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env={**os.environ, **self.environment}, **pipe)

    def audit(self, *words: str, expect: int = 0) -> str:
        given = ["--predictions", "predictions.csv", "--target", "y", "--score-column", "p", "--no-cache"]
        kept = ["--check", "performance.predictive", "--out", "audit", "--jobs", "1"]
        return self.run("audit", *given, *kept, *words, expect=expect)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key and a ledger that holds the key and a scan."""
    desk = Desk(tmp_path_factory.mktemp("example"))
    desk.run("keys", "init")
    desk.run("ledger", "init", "--origin", "example.com/audits")
    desk.run("scan", "predictions.csv")
    return desk.folder


@pytest.fixture
def filled(example: Path, tmp_path: Path) -> Desk:
    """A copy of the example."""
    shutil.copytree(example, tmp_path / "copy")
    return Desk(tmp_path / "copy")


def test_no_key_no_ledger(desk: Desk) -> None:
    assert "holdfast keys init" in desk.run("ledger", "init", expect=2)
    assert "there is no ledger here" in desk.run("ledger", "show", expect=2)
    assert not (desk.folder / ".holdfast").exists()


def test_an_audit_is_entered_and_its_bundle_proves_it_without_the_ledger(filled: Desk) -> None:
    assert "entered in the ledger" in filled.audit()
    shown = filled.run("ledger", "show")
    assert re.findall(r"Z  (\S+)", shown) == ["key", "scan", "audit", "decision"]
    (filled.folder / ".holdfast" / "ledger.db").unlink()
    said = filled.run("verify", "audit")
    assert "entry 2 of the ledger example.com/audits, which held 4 then; signed by a trusted key" in said
    filled.environment["HOLDFAST_KEYS"] = str(filled.folder / "no keys")
    said = filled.run("verify", "audit", expect=4)
    assert "signed by a key that is not among yours" in said


def test_another_policy_s_decision_is_entered_and_the_audit_s_own_only_once(filled: Desk) -> None:
    filled.audit()
    assert "ledger" not in filled.run("gate", "audit")
    (filled.folder / "lax.yaml").write_text(
        "name: lax\nrules:\n  - {measurement: performance.predictive.*, max: 1000}\n"
    )
    assert "ledger: entered as 4" in filled.run("gate", "audit", "--policy", "lax.yaml")
    last = json.loads(filled.run("ledger", "show", "--kind", "decision", "--json").splitlines()[-1])
    assert last["predicate"]["policy"] == "lax"
    assert last["predicate"]["outcome"] == "pass"
    assert {one["name"] for one in last["subject"]} == {"decision", "findings"}
    filled.environment["HOLDFAST_KEYS"] = str(filled.folder / "no keys")
    assert "needs a key" in filled.run("gate", "audit", "--policy", "lax.yaml", expect=2)


def test_a_proof_of_another_audit_is_found(filled: Desk) -> None:
    filled.audit()
    other = (filled.folder / "audit" / "ledger.json").read_bytes()
    filled.audit("--seed", "5")
    # A signer who lies: the bundle is signed again, with the proof of another audit in it.
    (filled.folder / "audit" / "ledger.json").write_bytes(other)
    script = (
        "from pathlib import Path; from holdfast.evidence.bundle import sign_again;"
        "from holdfast.evidence.keys import own_key; sign_again(Path('audit'), key=own_key())"
    )
    subprocess.run(
        [sys.executable, "-c", script], cwd=filled.folder, env={**os.environ, **filled.environment}, check=True
    )
    assert "its entry is about other files than these" in filled.run("verify", "audit", expect=1)


def test_the_guide_in_the_bundle_verifies_it_without_holdfast(filled: Desk) -> None:
    filled.audit()
    unpacked = filled.folder / "unpacked"
    with zipfile.ZipFile(filled.folder / "audit" / BUNDLE_NAME) as archive:
        archive.extractall(unpacked)
    assert (unpacked / "VERIFY.txt").read_bytes() == guide_text()
    (unpacked / "signer.pub").write_bytes((filled.folder / "keys" / "holdfast.pub").read_bytes())
    steps = guide_text().decode().partition("  2. ")[2].splitlines()
    code = "".join(line[7:] + "\n" for line in steps if line.startswith("       ") and "<n>" not in line)
    assert "key.verify(raw[4:]" in code
    subprocess.run([sys.executable, "-I", "-c", code], cwd=unpacked, check=True)
    # What stands in the ledger alone is altered, so that step 5 is the one to say so.
    code = code.replace("assert not (altered", "(altered")
    ledger = unpacked / "outputs" / "ledger.json"
    ledger.write_text(ledger.read_text().replace("performance", "performanze"))
    broken = subprocess.run([sys.executable, "-I", "-c", code], cwd=unpacked, capture_output=True, check=False)
    assert b"AssertionError" in broken.stderr


def test_an_audit_is_entered_later(filled: Desk) -> None:
    assert "entered" not in filled.audit("--ledger", "none")
    assert not (filled.folder / "audit" / "ledger.json").exists()
    assert "entry 2 of example.com/audits" in filled.run("ledger", "enter", "audit")
    assert "entry 2 of the ledger" in filled.run("verify", "audit")
    (filled.folder / "audit" / "report.html").write_text("another report")
    assert "is not as it was signed" in filled.run("ledger", "enter", "audit", expect=2)


def test_a_ledger_that_cannot_be_written_is_said_before_the_work(filled: Desk) -> None:
    filled.run("keys", "init", "--folder", "others")
    filled.environment["HOLDFAST_KEYS"] = str(filled.folder / "others")
    for said in (filled.audit(expect=2), filled.run("scan", "predictions.csv", expect=2)):
        assert "the ledger is signed with the key" in said
    assert not (filled.folder / "audit").exists()


def test_verify_finds_what_was_altered_and_what_was_rolled_back(filled: Desk) -> None:
    filled.run("ledger", "witness", "--file", "kept.txt")
    said = filled.run("ledger", "verify", "--since", "kept.txt")
    assert "intact: 2 entries of example.com/audits, signed by a trusted key" in said
    assert "an older copy of this ledger would look the same" in filled.run("ledger", "verify")
    filled.run("ledger", "export", "--out", "whole.jsonl")
    assert "intact" in filled.run("ledger", "verify", "whole.jsonl", "--since", "kept.txt")
    kept = (filled.folder / "kept.txt").read_text()
    filled.run("scan", "predictions.csv")
    assert "intact: 3 entries" in filled.run("ledger", "verify", "--since", "kept.txt")
    filled.run("ledger", "witness", "--file", "kept.txt")
    assert (filled.folder / "kept.txt").read_text() != kept
    with sqlite3.connect(filled.folder / ".holdfast" / "ledger.db") as database:
        for what in ("entries where position = 2", "checkpoints where size = 3", "nodes where number >= 1"):
            database.execute(f"delete from {what}")
    database.close()
    assert "intact: 2 entries" in filled.run("ledger", "verify")
    assert "rolled back: it held 3 entries then" in filled.run("ledger", "verify", "--since", "kept.txt", expect=1)
    with sqlite3.connect(filled.folder / ".holdfast" / "ledger.db") as database:
        database.execute("update entries set payload = x'7b7d' where position = 1")
    database.close()
    assert "entry 1: its content is not what its hash says" in filled.run("ledger", "verify", expect=1)
    assert "is read only" in filled.run("scan", "predictions.csv", expect=2)


def test_one_entry_is_shown_whole(filled: Desk) -> None:
    said = json.loads(filled.run("ledger", "show", "--entry", "1"))
    assert said["predicateType"] == "https://holdfast.dev/predicate/scan/1"
    assert "expected an entry from 0 to 1, got 7" in filled.run("ledger", "show", "--entry", "7", expect=2)
    assert filled.run("ledger", "show", "--kind", "scan", "--json").count("\n") == 1


def test_keys_change_and_are_revoked(filled: Desk) -> None:
    filled.run("keys", "init", "--folder", "second")
    assert "entry 2: " in filled.run("ledger", "key", "--new", "second")
    assert "intact: 3 entries" in filled.run("ledger", "verify")
    assert "the ledger is signed with the key" in filled.run("scan", "predictions.csv", expect=2)
    former = str(filled.folder / "keys" / "holdfast.pub")
    filled.environment["HOLDFAST_KEYS"] = str(filled.folder / "second")
    filled.run("ledger", "revoke", former, "--since", "1", "--reason", "stolen")
    assert "a trusted key vouches for 1 of 4 entries" in filled.run("ledger", "verify", "--key", former, expect=4)
    assert "intact: 4 entries" in filled.run("ledger", "verify")
    filled.run("keys", "init", "--folder", "third")
    filled.run("ledger", "key", "--new", "third", "--lost")
    assert "vouches for 4 of 5 entries" in filled.run("ledger", "verify", expect=4)


def test_a_witness_signs_over_http(filled: Desk) -> None:
    log = _log_key(filled)
    serving = filled.start("ledger", "serve-witness", "--log", log, "--folder", "w", "--name", "witness", "--port", "0")
    try:
        assert serving.stdout is not None
        name = serving.stdout.readline().removeprefix("witness: ").strip()
        url = serving.stdout.readline().removeprefix("address: ").strip()
        at = ["--url", url, "--witness-key", name]
        for _ in range(2):
            note = filled.run("ledger", "witness", *at, "--out", "signed.txt")
            assert note.count("\N{EM DASH}") == 2
            filled.run("scan", "predictions.csv")
        assert "intact: 4 entries" in filled.run("ledger", "verify", "--since", "signed.txt")
        assert "is not by the key" in filled.run("ledger", "witness", "--url", url, "--witness-key", log, expect=2)
        database = filled.folder / ".holdfast" / "ledger.db"
        database.unlink()
        filled.run("ledger", "init", "--origin", "example.com/audits")
        assert "entries are gone" in filled.run("ledger", "witness", *at, expect=2)
    finally:
        serving.kill()
        serving.communicate()
    assert "cannot reach the witness" in filled.run("ledger", "witness", *at, expect=2)


def _log_key(desk: Desk) -> str:
    said = json.loads(desk.run("ledger", "show", "--entry", "0"))
    return str(said["predicate"]["key"])


def test_a_waiver_enters_without_the_name_of_who_signed_it(filled: Desk) -> None:
    policy = {
        "name": "strict",
        "rules": [{"measurement": "performance.predictive.accuracy", "min": 0.999}],
        "waivers": [
            {
                "measurement": "performance.predictive.accuracy",
                "owner": "the head of lending",
                "reason": "known",
                "expires": "2999-01-01",
            }
        ],
    }
    (filled.folder / "policy.yaml").write_text(json.dumps(policy))
    filled.audit("--policy", "policy.yaml", expect=0)
    said = filled.run("ledger", "show", "--kind", "waiver", "--json")
    statement = json.loads(said)
    assert "lending" not in said
    salt = statement["predicate"]["accepted"]["salt"]
    assert "erased" in filled.run("ledger", "erase", salt)
    assert "no salt" in filled.run("ledger", "erase", salt, expect=2)
    assert "intact" in filled.run("ledger", "verify")
