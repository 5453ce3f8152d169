"""SARIF, JUnit, Markdown, model card, notebook: valid, escaped, complete."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from holdfast.core.decision import DecisionKind
from holdfast.core.record import Audit
from holdfast.reports.junit import render_junit
from holdfast.reports.markdown import escape_markdown, render_markdown
from holdfast.reports.model_card import HUMAN, render_model_card
from holdfast.reports.notebook import render_notebook_html
from holdfast.reports.sarif import render_sarif


@pytest.mark.parametrize(
    "render", [render_sarif, render_junit, render_markdown, render_model_card, render_notebook_html]
)
def test_same_audit_gives_the_same_text(audit: Audit, render: Callable[[Audit], str]) -> None:
    assert render(audit) == render(audit)


@pytest.mark.parametrize("render", [render_markdown, render_model_card, render_notebook_html])
def test_markup_in_names_is_escaped(audit: Audit, render: Callable[[Audit], str]) -> None:
    body = render(audit).split("\n---\n")[-1]
    assert "<script" not in body
    assert "&lt;script&gt;" in body


def sarif(audit: Audit) -> dict[str, Any]:
    run: dict[str, Any] = json.loads(render_sarif(audit))["runs"][0]
    return run


def test_sarif_holds_a_result_for_each_rule_that_needs_a_hand(audit: Audit) -> None:
    results = sarif(audit)["results"]
    assert [(r["ruleId"], r["level"]) for r in results] == [
        ("performance.calibration.ece", "error"),
        ("data.leakage.single_feature_auc", "error"),
        ("performance.slices.worst_gap", "warning"),
        ("data.duplicates.exact", "note"),
    ]


def test_sarif_has_the_required_structure(audit: Audit) -> None:
    document = json.loads(render_sarif(audit))
    assert document["version"] == "2.1.0"
    run = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[\w./%~-]+", uri)


def test_sarif_message_carries_the_interval(audit: Audit) -> None:
    message = sarif(audit)["results"][0]["message"]["text"]
    assert message == "Fail: Expected calibration error is 7.1 % (6.6 to 7.7 %), the policy asks for at most 5 %."


def test_sarif_fingerprint_survives_a_new_value(audit: Audit) -> None:
    moved = replace(audit.decision.verdicts[1], value=0.08, low=0.07, high=0.09)
    verdicts = (audit.decision.verdicts[0], moved, *audit.decision.verdicts[2:])
    after = replace(audit, decision=replace(audit.decision, verdicts=verdicts))
    prints = [[r["partialFingerprints"] for r in sarif(one)["results"]] for one in (audit, after)]
    assert prints[0] == prints[1]


def test_sarif_reports_a_check_that_stopped_without_a_rule(audit: Audit) -> None:
    bare = replace(audit, decision=replace(audit.decision, verdicts=()))
    assert [r["ruleId"] for r in sarif(bare)["results"]] == ["data.duplicates"]


def test_junit_counts_what_it_holds(audit: Audit) -> None:
    root = ElementTree.fromstring(render_junit(audit))
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["11", "2", "1", "4"]
    for suite in root:
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))


def test_junit_groups_checks_by_family(audit: Audit) -> None:
    suites = [suite.get("name") for suite in ElementTree.fromstring(render_junit(audit))]
    assert suites == ["cost", "data", "fairness", "performance", "privacy", "robustness"]


def test_junit_fails_an_inconclusive_rule_only_when_the_policy_does(audit: Audit) -> None:
    strict = replace(audit, decision=replace(audit.decision, outcome="inconclusive", exit_code=3))
    assert ElementTree.fromstring(render_junit(strict)).get("failures") == "3"


def test_junit_drops_control_characters(audit: Audit) -> None:
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", render_junit(audit))


@pytest.mark.parametrize("outcome", ["pass", "fail", "inconclusive", "could_not_evaluate"])
def test_markdown_states_every_outcome(audit: Audit, outcome: DecisionKind) -> None:
    changed = replace(audit, decision=replace(audit.decision, outcome=outcome))
    assert render_markdown(changed).startswith("## ")


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        ("a|b", "a\\|b"),
        ("[x](http://e.example)", "\\[x\\](http://\u2060e.example)"),
        ("@team see #12", "@\u2060team see \\#\u206012"),
        ("two\nlines", "two lines"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        ("7.1 %", "7.1 %"),
        ("`code` *b* <i>", "\\`code\\` \\*b\\* &lt;i&gt;"),
    ],
)
def test_markdown_characters_stand_for_themselves(raw: str, written: str) -> None:
    assert escape_markdown(raw) == written


def test_markdown_table_keeps_its_columns(audit: Audit) -> None:
    rows = [line for line in render_markdown(audit).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def front_matter(audit: Audit) -> dict[str, Any]:
    _, head, _ = render_model_card(audit).split("---\n", 2)
    data: dict[str, Any] = yaml.safe_load(head)
    return data


def test_card_front_matter_holds_measured_metrics(audit: Audit) -> None:
    head = front_matter(audit)
    result = head["model-index"][0]["results"][0]
    assert {metric["type"]: metric["value"] for metric in result["metrics"]} == {
        "accuracy": 0.8742,
        "roc_auc": 0.9274,
        "brier_score": 0.0931,
    }
    assert result["task"]["type"] == "tabular-classification"


def test_card_front_matter_survives_a_hostile_name(audit: Audit) -> None:
    name = "x: [\n---\n&a !!python/object: '\"\u202e"
    subject = replace(audit.findings.subject, name=name)
    head = front_matter(replace(audit, findings=replace(audit.findings, subject=subject)))
    assert head["model-index"][0]["name"].startswith("x: [ --- &a")


def test_card_refers_to_measurement_ids_and_leaves_human_fields_open(audit: Audit) -> None:
    card = render_model_card(audit)
    assert "`performance.calibration.ece`" in card
    assert card.count(HUMAN) >= 6


def test_notebook_fragment_brings_no_script_and_no_global_style(audit: Audit, sample: ModuleType) -> None:
    fragment = render_notebook_html(audit)
    assert "<style" not in fragment
    assert sample.SCRIPT not in fragment
    assert "Failed" in fragment
