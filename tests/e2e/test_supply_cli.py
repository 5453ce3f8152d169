"""A signature and a bill of materials on the command line: made, checked, audited, and refused with a next step."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from typing import Any

import pytest

from tests.e2e.workplace import COMMAND, Workplace

SUPPLY = ("signature", "bill_of_materials")
POLICY = """
name: supply
rules:
  - {measurement: supply_chain.signature.n_untrusted, max: 0}
  - {measurement: supply_chain.signature.n_altered, max: 0}
  - {measurement: supply_chain.signature.n_unsigned, max: 0}
  - {measurement: supply_chain.bill_of_materials.n_vulnerable, max: 0}
  - {measurement: supply_chain.bill_of_materials.n_other_model, max: 0}
"""
CONFIG = """
model: model.onnx
test: test.csv
target: approved
policy: policy.yaml
signature: model.onnx.sig
trusted_keys: [keys/holdfast-ec.pem]
bill_of_materials: model.onnx.cdx.json
advisories: osv.json
"""


def advisory(name: str) -> str:
    affected = {"package": {"ecosystem": "PyPI", "name": name}, "versions": []}
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    return json.dumps([{"id": "CVE-2026-1", "affected": [{**affected, "ranges": ranges}]}])


@pytest.fixture
def signed(place: Workplace) -> Workplace:
    """A place with a key, and the model signed with it."""
    assert place.run("keys", "init", "--ec", "--folder", "keys").returncode == 0
    done = place.run("sign", "model.onnx")
    assert (done.returncode, done.stdout) == (0, f"{place.folder / 'model.onnx.sig'}\n")
    return place


def verify(place: Workplace, *more: str) -> Any:
    return place.run("verify", "model.onnx", "--signature", "model.onnx.sig", *more)


def test_what_was_signed_holds_until_one_bit_is_turned(signed: Workplace) -> None:
    assert verify(signed).returncode == 0
    model = bytearray((signed.folder / "model.onnx").read_bytes())
    model[-1] ^= 1
    (signed.folder / "model.onnx").write_bytes(model)
    done = verify(signed)
    assert done.returncode == 1
    assert "model.onnx" in done.stdout


def test_a_key_that_is_missing_wrong_or_another_ones_is_told_apart(signed: Workplace) -> None:
    assert signed.run("keys", "init", "--ec", "--folder", "other").returncode == 0
    stranger = verify(signed, "--key", "other/holdfast-ec.pem")
    assert stranger.returncode == 1
    assert "not among the trusted" in stranger.stdout
    for key, said in (("none.pem", "none.pem"), ("test.csv", "test.csv")):
        done = verify(signed, "--key", key)
        assert done.returncode == 2
        assert said in done.stderr
        assert "hint:" in done.stderr
    done = signed.run("sign", "model.onnx", "--key", "none.key", "--out", "again.sig")
    assert done.returncode == 2
    assert "hint:" in done.stderr
    assert not (signed.folder / "again.sig").exists()


@pytest.mark.slow
def test_a_folder_whose_files_are_gone_is_not_what_was_signed(signed: Workplace) -> None:
    folder = signed.folder / "m"
    folder.mkdir()
    for name in ("a.bin", "b.bin"):
        (folder / name).write_bytes(name.encode())
    assert signed.run("sign", "m").returncode == 0
    (folder / "a.bin").unlink()
    done = signed.run("verify", "m", "--signature", "m.sig")
    assert done.returncode == 1
    assert "a.bin" in done.stdout
    gone = signed.run("verify", "m", "--signature", "none.sig")
    assert gone.returncode == 2
    assert "holdfast sign" in gone.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nothing-here", "onnxruntime"])
def test_a_bill_says_by_its_exit_code_whether_something_is_known_against_it(name: str, place: Workplace) -> None:
    (place.folder / "osv.json").write_text(advisory(name))
    done = place.run("bom", "model.onnx", "--train", "train.csv", "--advisories", "osv.json", "--out", "b.json")
    found = place.read("b.json")
    assert done.returncode == len(found["vulnerabilities"]) == (name == "onnxruntime")
    assert {one["name"] for one in found["components"]} >= {"train.csv", "onnxruntime"}


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["none", "altered model", "no signature", "vulnerable"])
def test_an_audit_judges_the_signature_and_the_bill(fault: str, signed: Workplace) -> None:
    folder = signed.folder
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "osv.json").write_text(advisory("onnxruntime" if fault == "vulnerable" else "nothing-here"))
    assert signed.run("bom", "model.onnx").returncode == 0
    if fault == "altered model":
        table = folder / "model.onnx"
        table.write_bytes(table.read_bytes() + b"\x32\x00")  # one more field, empty: it loads as before
    (folder / "supply.yaml").write_text(
        CONFIG.replace("signature: model.onnx.sig\n", "") if fault == "no signature" else CONFIG
    )
    checks = [word for name in SUPPLY for word in ("--check", f"supply_chain.{name}")]
    done = signed.run("audit", "--config", "supply.yaml", "--jobs", "1", *checks)
    failed = {one["measurement"] for one in signed.read("audit/decision.json")["verdicts"] if one["verdict"] == "fail"}
    expected = {
        "none": set(),
        "altered model": {"signature.n_altered", "bill_of_materials.n_other_model"},
        "no signature": {"signature.n_untrusted", "signature.n_unsigned"},
        "vulnerable": {"bill_of_materials.n_vulnerable"},
    }[fault]
    assert failed == {f"supply_chain.{name}" for name in expected}
    assert done.returncode == (1 if expected else 0)
    assert "Signature of the model" in (folder / "audit" / "report.html").read_text()


COMMANDS = {
    "sign": (["sign", "model.onnx", "--out", "out.sig"], "out.sig"),
    "bom": (["bom", "model.onnx", "--out", "out.json"], "out.json"),
    "register": (["data", "register", "train.csv", "--licence", "MIT"], ".holdfast/records/data/*.json"),
    "run": (["run", "--output", "o", "--", "cp", "test.csv", "o"], "*.training.json"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_killed_leaves_nothing_half_written(name: str, place: Workplace) -> None:
    assert place.run("keys", "init", "--ec", "--folder", "keys").returncode == 0
    command, written = COMMANDS[name]
    begin = time.monotonic()
    assert place.run(*command).returncode == 0
    whole = time.monotonic() - begin
    for path in place.folder.glob(written):
        path.unlink()
    for share in (0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0):
        process = place.start(*command)
        time.sleep(whole * share)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for path in place.folder.glob(written):
            json.loads(path.read_bytes())
    assert place.run(*command).returncode == 0
    assert list(place.folder.glob(written))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_full_is_said_and_nothing_half_written_stays(name: str, place: Workplace) -> None:
    """A limit on the size of files stands for the disk: every write beyond it fails in the same way."""
    assert place.run("keys", "init", "--ec", "--folder", "keys").returncode == 0
    command, written = COMMANDS[name]
    words = shlex.join([*COMMAND, *command])
    limited = ["bash", "-c", f"ulimit -f 0; trap '' XFSZ; exec {words}"]
    env = {**place.env, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(limited, cwd=place.folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2, done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr
    for path in place.folder.glob(written):
        json.loads(path.read_bytes())
