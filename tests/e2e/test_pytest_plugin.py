"""``pytest --holdfast holdfast.yaml`` in somebody else's project."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from tests.e2e.workplace import Workplace

RULES = """
name: mine
rules:
  - {measurement: data.schema.violation_share, max: 0.5}
  - {measurement: data.duplicates.train_test_overlap, max: LIMIT, because: copies flatter}
  - {measurement: cost.latency.p99_ms, max: 1000, required: false}
"""


def run(place: Workplace, *arguments: str, limit: str = "0.5") -> tuple[int, str, dict[str, str]]:
    """Run pytest; return its exit code, what it printed and the outcome of each item."""
    (place.folder / "policy.yaml").write_text(RULES.replace("LIMIT", limit))
    config = place.folder / "holdfast.yaml"
    config.write_text(config.read_text() + "check: [data.schema, data.duplicates]\n")
    plugin = ("-p", "holdfast.interfaces.pytest_plugin.plugin", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *plugin, "--junitxml", "out.xml", *arguments]
    environment = {**place.env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=place.folder, env=environment, capture_output=True, text=True, timeout=300)
    outcomes = {}
    for case in ElementTree.parse(place.folder / "out.xml").iter("testcase"):
        outcomes[case.get("name", "")] = next((child.tag for child in case if child.tag != "properties"), "passed")
    return done.returncode, done.stdout + done.stderr, outcomes


def test_every_verdict_and_every_other_finding_is_an_item(place: Workplace) -> None:
    code, output, outcomes = run(place, "--holdfast", "holdfast.yaml")
    assert code == 0, output
    assert outcomes["data.schema.violation_share"] == "passed"
    assert outcomes["data.duplicates.train_test_overlap"] == "passed"
    assert outcomes["cost.latency.p99_ms"] == "skipped"
    assert outcomes["performance.predictive"] == "skipped"


def test_threshold_that_does_not_hold_is_a_failed_item_with_its_reason(place: Workplace) -> None:
    code, output, outcomes = run(place, "--holdfast", "holdfast.yaml", limit="-0.5")
    failed = [name for name, outcome in outcomes.items() if outcome == "failure"]
    assert (code, failed) == (1, ["data.duplicates.train_test_overlap"]), output
    assert "copies flatter" in output
    assert "Traceback" not in output
    assert "plugin.py" not in output


def test_audit_is_written_where_the_option_says(place: Workplace) -> None:
    run(place, "--holdfast", "holdfast.yaml", "--holdfast-out", "kept")
    assert (place.folder / "kept" / "report.html").is_file()


def test_audit_stands_beside_other_tests(place: Workplace) -> None:
    (place.folder / "test_mine.py").write_text("def test_mine():\n    assert True\n")
    code, output, outcomes = run(place, "--holdfast", "holdfast.yaml", "test_mine.py")
    assert code == 0, output
    assert {"test_mine", "data.schema.violation_share"} <= set(outcomes)


def test_without_the_option_nothing_is_audited(place: Workplace) -> None:
    (place.folder / "test_mine.py").write_text("def test_mine():\n    assert True\n")
    assert run(place)[2] == {"test_mine": "passed"}
    assert not (place.folder / ".holdfast").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [("targte: y\n", "did you mean 'target'?"), ("target: aproved\ntest: test.csv\n", "'approved'")],
)
def test_wrong_configuration_is_one_readable_error(place: Workplace, text: str, message: str) -> None:
    (place.folder / "wrong.yaml").write_text(text)
    code, output, _ = run(place, "--holdfast", "wrong.yaml")
    assert code != 0
    assert message in output
    assert "auditing/" not in output


def test_missing_configuration_is_an_error(place: Workplace) -> None:
    code, output, _ = run(place, "--holdfast", "nothing.yaml")
    assert code != 0
    assert "nothing.yaml" in output
