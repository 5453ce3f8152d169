from __future__ import annotations

import json

import pytest

from holdfast.core.scan import Approved, Location, Observed, ScannedFile, ScanReport, ScanTotals
from holdfast.reports import scan_sarif
from holdfast.reports.scan_sarif import render_scan_sarif
from holdfast.reports.scan_text import MOST_FILES, render_scan_text

ESCAPES = "evil\x1b[31m\u202e\n<script>"


def observed(kind: str = "executes", rule: str = "pickle.call", detail: str = "os.system") -> Observed:
    return Observed(kind, rule, Location(("m.pt", "data.pkl"), 2, 40), "it is called while loading", detail)  # type: ignore[arg-type]


def failed(path: str = "models/m.pt", **facts: object) -> ScannedFile:
    given = {"observations": (observed(), observed(detail="os.popen")), **facts}
    return ScannedFile(path=path, format="zip", verdict="fail", digest=f"sha256:{'a' * 64}", size=2048, **given)  # type: ignore[arg-type]


def report(*files: ScannedFile) -> ScanReport:
    outcomes = [file.outcome for file in files]
    totals = ScanTotals(
        files=len(files),
        passed=outcomes.count("pass"),
        failed=outcomes.count("fail"),
        not_examined=outcomes.count("not_examined"),
        approved=outcomes.count("approved"),
        bytes=sum(file.size or 0 for file in files),
    )
    outcome = "fail" if totals.failed else "not_examined" if totals.not_examined else "pass"
    versions = {"holdfast": "0.1.0", "python": "3.11.0"}
    return ScanReport(
        roots=("models",),
        outcome=outcome,
        files=files,
        totals=totals,
        versions=versions,
        allow_list="sha256:0",
        limits={},
    )  # fmt: skip


PASSED = ScannedFile(path="ok.onnx", format="onnx", verdict="pass", digest="sha256:0", size=10)
UNSEEN = ScannedFile(
    path="blob", format="", verdict="not_examined", observations=(observed("not_examined", "file.refused", ""),)
)
APPROVED = failed("mine.pkl", approved=Approved("Ada", "read it", "2030-01-01"))


def test_the_verdict_comes_first() -> None:
    text = render_scan_text(report(PASSED, UNSEEN, failed()))
    assert text.splitlines()[0] == "FAIL: 1 of 3 files failed, 1 not examined, 1 passed (2.1 kB)"
    assert text.index("models/m.pt") < text.index("blob")


def test_reasons_of_one_rule_stand_in_one_line_with_their_details() -> None:
    text = render_scan_text(report(failed()))
    assert "it is called while loading: os.system, os.popen at m.pt!data.pkl[2:40] (and 1 more) [pickle.call]" in text


def test_an_approved_file_says_who_and_why_and_is_not_called_passed() -> None:
    text = render_scan_text(report(APPROVED))
    assert text.startswith("PASS: 1 of 1 file approved")
    assert "APPROVED mine.pkl" in text
    assert "approved by Ada until 2030-01-01: read it" in text


def test_many_files_are_counted_not_listed() -> None:
    text = render_scan_text(report(*(failed(f"m{n}.pt") for n in range(MOST_FILES + 5))))
    assert "... and 5 more failed" in text
    assert f"m{MOST_FILES}.pt" not in text


def test_a_colour_never_hides_in_a_name() -> None:
    text = render_scan_text(report(failed(ESCAPES)), lambda words, outcome: f"\x1b[31m{words}\x1b[0m")
    assert text.count("\x1b[31m") == 2


@pytest.mark.parametrize("render", [render_scan_text, render_scan_sarif])
def test_nothing_from_a_file_reaches_a_terminal_raw(render) -> None:  # type: ignore[no-untyped-def]
    hostile = failed(ESCAPES, observations=(observed(detail=ESCAPES),), notes=(ESCAPES,))
    text = render(report(hostile))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_sarif_has_a_result_per_observation_and_an_artefact_per_file() -> None:
    (run,) = json.loads(render_scan_sarif(report(failed(), PASSED, UNSEEN)))["runs"]
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning"]
    assert [item["properties"]["verdict"] for item in run["artifacts"]] == ["fail", "pass", "not_examined"]
    assert run["artifacts"][0]["hashes"]["sha-256"] == "a" * 64
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


def test_sarif_counts_what_it_does_not_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_sarif, "MOST_RESULTS", 3)
    (run,) = json.loads(render_scan_sarif(report(failed("a"), failed("b"), failed("c"))))["runs"]
    assert len(run["results"]) == 3
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith("3 more observations")


def test_sarif_marks_results_of_an_approved_file_as_suppressed() -> None:
    (run,) = json.loads(render_scan_sarif(report(APPROVED)))["runs"]
    assert run["results"][0]["suppressions"][0]["justification"] == "approved by Ada until 2030-01-01: read it"
