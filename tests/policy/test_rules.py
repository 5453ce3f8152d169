"""Policies as people write them: what is read and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml

from holdfast.core.errors import InputError
from holdfast.core.parse import json_schema
from holdfast.policy.presets import PRESETS, load_policy, preset
from holdfast.policy.rules import Policy, matches, parse_policy

WRITTEN = """
name: my policy
inconclusive: fail
rules:
  - measurement: performance.calibration.ece
    max: 0.05
    severity: critical
    because: agreed with the board
waivers:
  - {measurement: performance.calibration.ece, owner: Ada, reason: retrained in May, expires: 2027-01-31}
"""


def test_policy_is_read_as_written() -> None:
    policy = parse_policy(WRITTEN, source="p.yaml")
    rule, waiver = policy.rules[0], policy.waivers[0]
    assert (policy.name, policy.inconclusive, policy.fail_on) == ("my policy", "fail", "medium")
    assert (rule.comparison, rule.limit, rule.severity, rule.required) == ("max", 0.05, "critical", True)
    assert waiver.expires == date(2027, 1, 31)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("inconclusive: fail", "inconclusve: fail", "did you mean 'inconclusive'"),
        ("severity:", "sevrity:", "did you mean 'severity'"),
        ("owner:", "ower:", "did you mean 'owner'"),
        ("severity: critical", "severity: criticl", "'critical', 'high', 'medium' or 'low'"),
        ("max: 0.05", "max: 0.05\n    min: 0.01", "exactly one of max and min"),
        ("    max: 0.05\n", "", "exactly one of max and min"),
        ("max: 0.05", "max: .nan", "finite"),
        ("max: 0.05", "max: low", "valid number"),
        ("measurement: performance.calibration.ece\n", "measurement: ece\n", "family.check.name"),
        ("measurement: performance.calibration.ece\n", "measurement: a..b\n", "family.check.name"),
        ("expires: 2027-01-31", "expires: soon", "date"),
        ("owner: Ada", "owner: ''", "expected owner"),
        ("name: my policy", "name: my policy\nname: other", "occurs twice"),
        ("name: my policy", "name: !!python/name:os.system x", "tag"),
    ],
)
def test_mistake_is_refused_with_a_hint(old: str, new: str, said: str) -> None:
    assert old in WRITTEN
    with pytest.raises(InputError, match=said):
        parse_policy(WRITTEN.replace(old, new), source="p.yaml")


def test_mistake_names_file_and_rule() -> None:
    with pytest.raises(InputError, match=r"rule 1 \('performance.calibration.ece'\) of p.yaml"):
        parse_policy(WRITTEN.replace("max: 0.05", "max: .inf"), source="p.yaml")


@pytest.mark.parametrize("text", ["", "rules: []", "name: nothing yet"])
def test_policy_without_rules_is_read_as_empty(text: str) -> None:
    assert parse_policy(text, source="p.yaml").rules == ()


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("a.b.c", "a.b.c", True),
        ("a.b.c", "a.b.cd", False),
        ("a.b.*", "a.b.c.d e.f\ng", True),
        ("a.*", "a.b.c", True),
        ("a.*.c", "a.b.c", True),
        ("a.*.c", "a.b.x.c", False),
        ("a.b.c*d.*", "a.b.cxd.e", True),
        ("a.b.c", "axbxc", False),
    ],
)
def test_star_stands_for_the_rest_or_a_part_of_a_segment(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


@pytest.mark.parametrize("name", PRESETS)
def test_every_threshold_of_a_preset_gives_its_reason(name: str) -> None:
    policy = preset(name)
    assert policy.name == name
    assert all(len(rule.because) > 40 for rule in policy.rules)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_ask_for_a_model_that_beats_the_trivial_answer(name: str) -> None:
    rules = {rule.measurement: rule for rule in preset(name).rules}
    assert rules["performance.predictive.skill_vs_baseline"].required


def test_fairness_is_required_where_regulated() -> None:
    required = {
        name: {rule.required for rule in preset(name).rules if rule.measurement.startswith("fairness.group_gaps.")}
        for name in PRESETS
    }
    assert required == {"baseline": {False}, "regulated": {True}, "research": {False}}


def test_no_threshold_is_laxer_where_regulated() -> None:
    baseline = {rule.measurement: rule for rule in preset("baseline").rules}
    for rule in preset("regulated").rules:
        other = baseline.get(rule.measurement)
        if other is not None and rule.severity != "low":
            assert rule.limit >= other.limit if rule.comparison == "min" else rule.limit <= other.limit


def test_schema_accepts_the_presets() -> None:
    for name in PRESETS:
        text = Path(__file__).parents[2].joinpath("src/holdfast/policy/presets", f"{name}.yaml").read_text("utf-8")
        jsonschema.validate(yaml.safe_load(text), json_schema(Policy))


def test_schema_refuses_a_misspelt_severity() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"rules": [{"measurement": "a.b.c", "severity": "hihg"}]}, json_schema(Policy))


def test_policy_is_loaded_by_name_or_path(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(WRITTEN, encoding="utf-8-sig")
    assert load_policy(path) == load_policy(str(path)) == parse_policy(WRITTEN, source="p.yaml")
    assert load_policy("research") == preset("research")


@pytest.mark.parametrize("name", ["basline", "Baseline"])
def test_unknown_preset_is_an_error_that_names_the_closest(name: str) -> None:
    with pytest.raises(InputError, match="did you mean 'baseline'"):
        load_policy(name)


def test_policy_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_policy(tmp_path)


def test_policy_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(b"name: caf\xe9")
    with pytest.raises(InputError, match="UTF-8"):
        load_policy(tmp_path / "p.yaml")


@pytest.mark.parametrize("key", ["max", "min"])
def test_threshold_that_is_a_yes_is_no_number(key: str) -> None:
    text = f"rules:\n  - {{measurement: performance.calibration.ece, {key}: true}}\n"
    with pytest.raises(InputError, match=f"expected a number as {key} in rule 1 of p.yaml, got true"):
        parse_policy(text, source="p.yaml")
