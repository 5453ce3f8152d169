"""``holdfast audit`` of a model behind an endpoint, as it works and as it breaks off."""

from __future__ import annotations

import json
import math
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from holdfast.interfaces.cli.main import main
from tests.e2e.workplace import Workplace
from tests.model_server import MODEL, Reply, Served, serving, tensor

INPUTS = ["age", "hours", "debt", "sex"]
SECRET = "s3cr3t-of-the-endpoint"
STATED = {
    "platform": "hand-made",
    "versions": ["7"],
    "inputs": [tensor(name, "FP64", -1, 1) for name in INPUTS],
    "outputs": [tensor("probabilities", "FP64", -1, 2)],
}
CONFIG = """
model: {url}
train: train.csv
test: test.csv
target: approved
effort: quick
policy: policy.yaml
deployment: {{sensitive: [sex], immutable: [sex, age]}}
endpoint:
  headers: {{Authorization: "Bearer ${{TOKEN}}"}}
  retries: {retries}
  backoff_s: 0.01
  timeout_s: 5
  {more}
"""
AUDIT = ("audit", "--config", "holdfast.yaml", "--out", "audit")
FEW = ("--check=performance.predictive", "--check=data.duplicates", "--check=fairness.group_gaps")
ATTACK = "--check=robustness.evasion"


class Done(NamedTuple):
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


def score(columns: dict[str, list[Any]]) -> list[float]:
    signals = (0.04 * (h - 40) - 1.5 * (d - 0.8) for h, d in zip(columns["hours"], columns["debt"], strict=True))
    return [1 / (1 + math.exp(-2 * signal)) for signal in signals]


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(score, stated=STATED) as server:
        yield server


@pytest.fixture
def command(place: Workplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``holdfast`` in this process, in the folder with the inputs."""
    monkeypatch.chdir(place.folder)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    for name, value in {**place.env, **threads, "TOKEN": SECRET}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["holdfast", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


def configure(place: Workplace, url: str, more: str = "", *, retries: int = 1) -> None:
    (place.folder / "holdfast.yaml").write_text(CONFIG.format(url=url, more=more, retries=retries))


def findings(place: Workplace, folder: str = "audit") -> dict[str, Any]:
    return {item["check"]: item for item in place.read(f"{folder}/findings.json")["findings"]}


def everything_written(folder: Path) -> Iterator[tuple[Path, bytes]]:
    yield from ((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file())


def test_whole_audit_of_an_endpoint(place: Workplace, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", SECRET)
    configure(place, served.model)
    done = place.run("audit", "--config", "holdfast.yaml", "--out", "audit", "--jobs", "2")
    assert done.returncode == 0, done
    found = findings(place)
    assert {item["state"] for item in found.values()} <= {"measured", "not_applicable", "not_run"}
    assert found["robustness.evasion"]["state"] == "measured"
    assert "network to the endpoint" in found["cost.latency"]["assumptions"][0]
    subject = place.read("audit/findings.json")["subject"]
    assert subject["model_digest"] is None
    assert subject["model_description"] == f"endpoint {served.model} (hand-made, 7)"
    assert served.headers[0]["Authorization"] == f"Bearer {SECRET}"
    assert served.most_at_once <= 4
    hidden = SECRET.encode()
    assert not [path for path, body in everything_written(place.folder) if hidden in body]
    assert SECRET not in done.stdout + done.stderr


def test_second_run_asks_again_and_finds_the_same(place: Workplace, command: Command, served: Served) -> None:
    configure(place, served.model)
    for folder in ("first", "second"):
        before = len(served.at)
        done = command("audit", "--config", "holdfast.yaml", "--out", folder, *FEW)
        assert done.returncode == 0, done
        assert len(served.at) > before
    assert (place.folder / "first/findings.json").read_bytes() == (place.folder / "second/findings.json").read_bytes()


def test_endpoint_that_dies_keeps_what_was_finished_and_comes_back(
    place: Workplace, command: Command, served: Served
) -> None:
    configure(place, served.model)
    served.replies = lambda number: Reply(None) if number > 5 else None
    done = command(*AUDIT, "--cache", "cache", *FEW, ATTACK)
    assert done.returncode == 3, done
    found = findings(place)
    for check in ("performance.predictive", "fairness.group_gaps", "data.duplicates"):
        assert found[check]["state"] == "measured", found[check]
    lost = found["robustness.evasion"]
    assert lost["state"] == "error"
    assert lost["reason"].startswith(f"the endpoint {served.model} failed answering")
    assert "run the same command again when the endpoint answers" in lost["needed"]
    assert "The endpoint stopped answering" in place.read("audit/run.json")["notes"][0]
    attempts = [item["check"] for item in place.read("audit/run.json")["attempts"]]
    assert attempts.count("robustness.evasion") == 2
    with sqlite3.connect(place.folder / "cache/store.sqlite") as store:
        assert store.execute("select count(*) from items where kind in ('partial', 'finding')").fetchone() == (0,)
    store.close()
    served.replies = lambda number: None
    again = command(*AUDIT, "--cache", "cache", *FEW, ATTACK)
    assert again.returncode == 0, again
    assert findings(place)["robustness.evasion"]["state"] == "measured"


def test_short_outage_costs_a_second_attempt_that_asks_only_what_was_open(
    place: Workplace, command: Command, served: Served
) -> None:
    configure(place, served.model, "batch_rows: 100", retries=0)
    command(*AUDIT, ATTACK)
    undisturbed = sorted(map(json.dumps, served.asked))
    calm = (place.folder / "audit/findings.json").read_bytes()
    served.asked.clear()
    failing = len(served.at) + len(undisturbed) - 3
    served.replies = lambda number: Reply(503) if number == failing else None
    command(*AUDIT, ATTACK)
    assert [item["outcome"] for item in place.read("audit/run.json")["attempts"]] == ["measured", "measured"]
    assert set(map(json.dumps, served.asked)) == set(undisturbed)
    assert len(served.asked) < len(undisturbed) + 10
    assert (place.folder / "audit/findings.json").read_bytes() == calm


def test_nobody_there_is_no_verdict(place: Workplace, command: Command) -> None:
    with serving(score) as gone:
        url = gone.model
    configure(place, url)
    done = command(*AUDIT)
    assert done.returncode == 3, done
    assert f"the endpoint {url} failed saying what it is: ConnectError" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_budget_of_questions_is_planned_and_kept(place: Workplace, command: Command, served: Served) -> None:
    configure(place, served.model, "max_queries: 1500")
    done = command(*AUDIT, *FEW, ATTACK)
    found = findings(place)
    assert found["performance.predictive"]["state"] == "measured"
    assert found["robustness.evasion"]["state"] == "measured"
    notes = " ".join(found["robustness.evasion"]["assumptions"])
    assert "the questions that may be asked were spent" in notes
    assert done.returncode == 0, done
    sent = sum(len(document["inputs"][0]["data"]) for document in served.asked)
    assert sent <= 1500


def test_times_under_a_rate_limit_are_not_taken(place: Workplace, command: Command, served: Served) -> None:
    configure(place, served.model, "requests_per_second: 500")
    command(*AUDIT, "--check", "cost.latency")
    latency = findings(place)["cost.latency"]
    assert latency["state"] == "not_run"
    assert "500 requests per second" in latency["reason"]


def test_missing_secret_names_the_variable(
    place: Workplace, command: Command, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKEN")
    configure(place, served.model)
    done = command(*AUDIT)
    assert done.returncode == 2
    assert "environment variable TOKEN, which is not set" in done.stderr
    assert not served.at


def test_url_on_the_command_line_and_its_secrets_stay_out_of_the_record(
    place: Workplace, command: Command, served: Served
) -> None:
    url = served.model.replace("http://", "http://me:${TOKEN}@") + "?tenant=blue"
    tables = ("--train=train.csv", "--test=test.csv", "--target=approved")
    done = command("audit", f"--model={url}", *tables, "--policy=policy.yaml", "--out=audit", *FEW)
    assert done.returncode == 0, done
    run = (place.folder / "audit/run.json").read_text()
    assert f"--model={served.model}" in json.loads(run)["command"]
    assert "TOKEN" not in run
    assert "blue" not in run
    assert served.headers[0]["Authorization"].startswith("Basic ")


def test_password_on_the_command_line_is_refused_and_not_repeated(
    place: Workplace, command: Command, served: Served
) -> None:
    url = served.model.replace("http://", "http://me:hunter2@")
    done = command("audit", "--model", url, "--test", "test.csv", "--target", "approved", "--out", "audit")
    assert done.returncode == 2, done
    assert "a password stands in the URL" in done.stderr
    assert not [path for path, body in everything_written(place.folder) if b"hunter2" in body]
    assert "hunter2" not in done.stdout + done.stderr


def test_init_writes_the_url_as_it_is(place: Workplace, command: Command, served: Served) -> None:
    done = command("init", "--model", served.model, "--test", "test.csv", "--target", "approved", "--force")
    assert done.returncode == 0, done
    assert f'model: "{served.url}{MODEL}"' in (place.folder / "holdfast.yaml").read_text()
