"""`holdfast pii redact`, `restore`, `keys` and `erase`, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holdfast.core.errors import InputError
from holdfast.interfaces.cli.pii import app

PLAN = """
purpose: research
default: keep
subject: name
columns:
  name: vault
  card: {transform: encrypt, label: CREDIT_CARD}
  age: generalise
"""
TABLE = "name,card,age\nZita Quark,4539148803436467,34\nOtto Plum,6011000990139424,91\n"


def holdfast(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holdfast", "pii", *map(str, arguments)],
        capture_output=True, text=True, input=stdin, timeout=300, check=False,
    )  # fmt: skip


def test_a_table_is_redacted_restored_and_a_person_erased(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "a.csv").write_text(TABLE)
    key = ("--key-file", tmp_path / "keys.json")
    made = holdfast("keys", key[1])
    assert made.returncode == 0, made.stderr
    key_id = made.stdout.split()[1]
    assert (key[1].stat().st_mode & 0o777) == 0o600  # type: ignore[union-attr]

    redacted = holdfast(
        "redact", tmp_path / "a.csv", "-o", tmp_path / "b.csv", "--plan", tmp_path / "plan.yaml", *key,
        "--vault", tmp_path / "vault", "--format", "json", "--html", tmp_path / "report.html", "--no-look-again",
    )  # fmt: skip
    assert redacted.returncode == 0, redacted.stderr
    report = json.loads(redacted.stdout)
    assert {(c["label"], c["method"], c["n"]) for c in report["treated"]} == {
        ("AGE", "generalise", 2), ("CREDIT_CARD", "encrypt", 2), ("NAME", "vault", 2),
    }  # fmt: skip
    assert report["remaining"] is None
    page = (tmp_path / "report.html").read_text()
    assert "Pseudonymised data is still personal data" in page
    assert key_id in page
    written = b"".join(p.read_bytes() for p in tmp_path.iterdir() if p.name != "a.csv")
    assert not any(value in written for value in (b"Zita", b"Quark", b"0880343", b"0099013942"))

    without = holdfast("restore", tmp_path / "b.csv", "-o", tmp_path / "c.csv", "--vault", tmp_path / "vault")
    assert without.returncode == 2
    assert f"needs the key {key_id}, and none was given" in without.stderr

    back = holdfast("restore", tmp_path / "b.csv", "-o", tmp_path / "c.csv", *key, "--vault", tmp_path / "vault")
    assert back.returncode == 0, back.stderr
    assert (tmp_path / "c.csv").read_text() == TABLE.replace(",34\n", ",30\n").replace(",91\n", ",90\n")

    erased = holdfast("erase", "-", "--vault", tmp_path / "vault", *key, stdin="Zita Quark\n")
    assert erased.stdout == "1 value erased\n"
    again = holdfast("restore", tmp_path / "b.csv", "-o", tmp_path / "d.csv", *key, "--vault", tmp_path / "vault")
    assert "1 token left as found: the value was erased" in again.stdout
    assert "Otto Plum" in (tmp_path / "d.csv").read_text()
    assert "Zita" not in (tmp_path / "d.csv").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--plan", "shar"), "expected a redaction plan or file, got 'shar'"),
        (("--plan", "share"), "which needs a key, and none was given"),
        (("--model", "m.onnx"), "--model and --target belong together"),
        (("--max-leak", "0.1"), "--max-leak needs a labelled sample"),
        (("--gate", "0", "--no-look-again"), "--gate counts what the second search finds"),
        (("--format", "yaml"), "expected one of the formats text, json"),
        (("--layout", "xml"), "expected one of the formats jsonl"),
    ],
)
def test_wrong_use_is_said_and_nothing_is_written(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    (tmp_path / "a.log").write_text("nothing\n")
    result = CliRunner().invoke(app, ["redact", str(tmp_path / "a.log"), "-o", str(tmp_path / "b.log"), *options])
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)
    assert not (tmp_path / "b.log").exists()


def test_the_leak_gate_decides_by_the_interval(tmp_path: Path) -> None:
    with (tmp_path / "sample.jsonl").open("w") as sample:
        for n in range(200):
            value = f"user{n}@mail.example.org"
            span = {"start": 9, "end": 9 + len(value), "label": "EMAIL_ADDRESS"}
            sample.write(json.dumps({"text": f"write to {value} now", "spans": [span]}) + "\n")
    (tmp_path / "a.log").write_text("write to user1@mail.example.org now\n")
    for name, most, code in (("one", "0.03", 0), ("two", "0.001", 3)):
        wanted = ["--truth", str(tmp_path / "sample.jsonl"), "--max-leak", most]
        result = CliRunner().invoke(app, ["redact", str(tmp_path / "a.log"), "-o", str(tmp_path / name), *wanted])
        assert result.exit_code == code
    assert (tmp_path / "one").read_text() == "write to [EMAIL_ADDRESS_1] now\n"
