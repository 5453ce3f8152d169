"""From a table to a decision on the command line: registered, recorded, audited, drawn."""

from __future__ import annotations

import json

import pytest

from tests.e2e.workplace import Workplace


@pytest.fixture
def traced(place: Workplace) -> Workplace:
    """A model that a recorded run wrote, audited; the test table is not registered."""
    said = ["--licence", "CC-BY-4.0", "--lawful-basis", "consent"]
    assert place.run("data", "register", "train.csv", *said, "--statement", "event.json").returncode == 0
    command = [
        "--input",
        "train.csv",
        "--output",
        "trained.onnx",
        "--seed",
        "4",
        "--",
        "cp",
        "model.onnx",
        "trained.onnx",
    ]
    assert place.run("run", *command).returncode == 0
    done = place.run(
        "audit", "--model", "trained.onnx", "--train", "train.csv", "--test", "test.csv", "--target", "approved",
        "--check", "supply_chain.provenance", "--check", "supply_chain.reproducibility", "--allow-code", "--jobs", "1",
    )  # fmt: skip
    assert "supply_chain.provenance.n_changed" in done.stdout
    return place


@pytest.mark.slow
def test_the_whole_way_is_drawn_and_what_is_missing_is_said(traced: Workplace) -> None:
    done = traced.run(
        "lineage", "trained.onnx", "--html", "page.html", "--svg", "way.svg", "--openlineage", "events", "--json"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    kinds = {node["id"]: f"{node['kind']} {node['title']}" for node in found["nodes"]}
    assert {(kinds[edge["source"]], kinds[edge["target"]]) for edge in found["edges"]} == {
        ("data train", "run cp model.onnx"),
        ("run cp model.onnx", "model trained.onnx"),
        ("model trained.onnx", "audit audit"),
        ("data train", "audit audit"),
        ("data test.csv", "audit audit"),
        ("audit audit", f"decision {next(node['title'] for node in found['nodes'] if node['kind'] == 'decision')}"),
    }
    assert [node["title"] for node in found["nodes"] if node["state"] != "known"] == ["test.csv"]
    assert "test.csv (not registered)" in (traced.folder / "page.html").read_text()
    assert (traced.folder / "way.svg").read_text().startswith("<svg")
    events = [json.loads(line) for line in (traced.folder / "events").read_text().splitlines()]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE", "START", "COMPLETE"]
    statement = json.loads((traced.folder / "event.json").read_text())
    assert statement["predicateType"] == "https://holdfast.dev/predicate/data-set/1"

    findings = {one["check"]: one for one in traced.read("audit/findings.json")["findings"]}
    values = {one["id"].rpartition(".")[2]: one["value"] for one in findings["supply_chain.provenance"]["measurements"]}
    assert values == {"n_broken_links": 1, "n_unregistered": 0, "n_missing": 0, "n_changed": 0}  # no repository
    assert findings["supply_chain.reproducibility"]["measurements"][0]["value"] == 1


@pytest.mark.slow
def test_events_are_entered_in_the_ledger_of_the_place(place: Workplace) -> None:
    assert place.run("keys", "init", "--folder", "keys").returncode == 0
    assert place.run("ledger", "init").returncode == 0
    registered = place.run("data", "register", "train.csv", "--licence", "MIT")
    ran = place.run("run", "--input", "train.csv", "--output", "copy.csv", "--", "cp", "train.csv", "copy.csv")
    assert "ledger: entered as 1" in registered.stderr
    assert "ledger: entered as 2" in ran.stderr
    shown = place.run("ledger", "show").stdout
    assert [kind for kind in ("data-set", "training-run") if kind in shown] == ["data-set", "training-run"]


def test_a_command_keeps_its_environment_its_output_and_its_exit_code(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    done = place.run("run", "--", "sh", "-c", 'echo "${OMP_NUM_THREADS-unset}"; exit 9')
    assert (done.stdout, done.returncode) == ("unset\n", 9)
    assert "recorded: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--", "no-such-command"], "there is no command 'no-such-command'"),
        (["lineage", "nothing"], "there is no file, folder or data set 'nothing'"),
    ],
)
def test_bad_input_says_what_came_and_what_to_do(place: Workplace, arguments: list[str], said: str) -> None:
    done = place.run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "hint:" in done.stderr
