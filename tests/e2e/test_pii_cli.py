"""``holdfast pii`` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from holdfast.core.errors import InputError
from holdfast.interfaces.cli.pii import app

MAIL = "jane.roe@example.org"
SHARED = Path(__file__).parents[3] / "shared/data/pii/dev.jsonl"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.jsonl"
    texts = ({"id": "a1", "text": f"dès: {MAIL}"}, {"text": "call +44 20 7946 0123", "mail": MAIL}, {"text": "none"})
    path.write_text("".join(json.dumps(text) + "\n" for text in texts))
    return path


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def test_one_line_per_span_says_record_offsets_label_and_score(notes: Path) -> None:
    lines = [json.loads(line) for line in run("scan", notes, "--field", "text", "--format", "jsonl").splitlines()]
    assert [(line["record"], line["start"], line["end"], line["label"]) for line in lines] == [
        ("a1", 5, 5 + len(MAIL), "EMAIL_ADDRESS"),
        (2, 5, 21, "PHONE_NUMBER"),
    ]
    assert all(0.5 <= line["score"] <= 1 and "text" not in line for line in lines)


def test_values_are_shown_on_request_only(notes: Path) -> None:
    for form in ("text", "jsonl", "json", "sarif"):
        assert MAIL not in run("scan", notes, "--format", form), form
    for form in ("text", "jsonl", "json"):
        assert MAIL in run("scan", notes, "--format", form, "--show"), form


def test_table_for_people(notes: Path) -> None:
    shown = run("scan", notes)
    assert "aaaa.aaa@aaaaaaa.aaa" in shown
    assert "$.mail" in shown
    assert "3 pieces of personal data found." in shown


def test_sarif_and_json_hold_every_span(notes: Path) -> None:
    results = json.loads(run("scan", notes, "--format", "sarif"))["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["pii.EMAIL_ADDRESS", "pii.PHONE_NUMBER", "pii.EMAIL_ADDRESS"]
    content = json.loads(run("scan", notes, "--format", "json"))
    assert content["labels"] == {"EMAIL_ADDRESS": 2, "PHONE_NUMBER": 1}
    assert content["files"][0]["n_found"] == len(content["spans"]) == 3


def test_labels_choose_and_the_gate_counts(notes: Path) -> None:
    run("scan", notes, "--gate", "3")
    run("scan", notes, "--gate", "2", code=1)
    run("scan", notes, "--labels", "PHONE_NUMBER", "--gate", "1")
    (notes.parent / "b.zip").write_bytes(b"PK\5\6" + bytes(18))
    run("scan", notes.parent, "--gate", "100", code=3)
    run("scan", notes.parent)


def test_results_go_to_a_file_and_the_original_stays(notes: Path) -> None:
    before, out = notes.read_bytes(), notes.parent / "found.jsonl"
    assert run("scan", notes, "--format", "jsonl", "--out", out) == ""
    assert len(out.read_text().splitlines()) == 3
    assert notes.read_bytes() == before


def test_a_wrong_field_is_an_error_with_a_hint(notes: Path) -> None:
    with pytest.raises(InputError) as error:
        run("scan", notes, "--field", "txt")
    assert error.value.hint == "did you mean 'text'?"


def sample(folder: Path, n_records: int) -> Path:
    path = folder / "sample.jsonl"
    spans = [{"start": 3, "end": 3 + len(MAIL), "label": "EMAIL"}]
    records: list[dict[str, Any]] = [{"text": f"to {MAIL}", "spans": spans, "of": i % 8} for i in range(n_records)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_scores_with_intervals_and_a_gate(tmp_path: Path) -> None:
    shown = run("eval", sample(tmp_path, 60), "--min-f1", "0.9", "--max-leak", "0.1")
    assert "EMAIL_ADDRESS" in shown
    assert "1.000 [0.9" in shown
    run("eval", sample(tmp_path, 60), "--group", "of", "--min-f1", "0.9", code=1)
    scores = json.loads(run("eval", sample(tmp_path, 60), "--format", "json"))["scores"]
    assert scores[0]["leak"]["value"] == 0.0
    assert 0.0 < scores[0]["leak"]["high"] < 0.1
    with pytest.raises(InputError, match="expected --map FROM=TO"):
        run("eval", sample(tmp_path, 5), "--map", "EMAIL")


def test_columns_are_told_what_they_hold(tmp_path: Path) -> None:
    rows = "".join(f"user{i}@example.org,{i % 9}\n" for i in range(60))
    (tmp_path / "a.csv").write_text(f"contact,rooms\n{rows}")
    shown = run("classify", tmp_path / "a.csv")
    assert "60 of 60 values looked at are EMAIL_ADDRESS as a whole" in shown
    columns = json.loads(run("classify", tmp_path / "a.csv", "--format", "json"))["columns"]
    assert (columns["contact"]["label"], columns["rooms"]["label"]) == ("EMAIL_ADDRESS", "")
    assert columns["contact"]["found"]["low"] > 0.9


def test_whole_command_from_outside(notes: Path) -> None:
    command = [sys.executable, "-m", "holdfast", "pii", "scan", str(notes), "--gate", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "found 3, more than --gate 0 allows" in done.stderr


@pytest.mark.skipif(not SHARED.exists(), reason="shared data is absent")
def test_cards_and_accounts_of_the_labelled_sample_are_found() -> None:
    content = json.loads(run("eval", SHARED, "--labels", "CREDIT_CARD,IBAN_CODE", "--format", "json"))
    assert content["scores"][0]["f1"]["value"] > 0.95
