"""The configuration: strict about what people write, and about what a stranger's file may do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.auditing.config import AuditConfig, load_config, override, seconds_of, validated
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "holdfast.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("targte: y", "did you mean 'target'?"),
        ("deployment: {sensitiv: [age]}", "did you mean 'sensitive'?"),
        ("Target: y", "did you mean 'target'?"),
    ],
)
def test_unknown_key_names_the_one_that_was_meant(tmp_path: Path, text: str, hint: str) -> None:
    with pytest.raises(InputError, match="unknown key") as caught:
        load_config(written(tmp_path, text))
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("seed: often", "seed"),
        ("seed: 1.5", "seed"),
        ("target: [y]", "target"),
        ("target: 2019", "target"),
        ("check: performance.predictive", "check"),
        ("effort: heroic", "effort"),
        ("level: high", "level"),
        ("deployment: {task: clustering}", "deployment.task"),
        ("deployment: {sensitive: age}", "deployment.sensitive"),
        ("deployment: {ranges: {age: [0]}}", "deployment.ranges.age"),
        ("deployment: none", "deployment"),
        ("parameters: {data.schema: 3}", "parameters.data.schema"),
        ("parameters: {data.schema: {a: [[1]]}}", "parameters.data.schema.a"),
    ],
)
def test_value_of_the_wrong_type_is_refused_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert f"{path}, at {place}" in caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "anchors and aliases"),
        ("target: &t y\nmodel: *t", "anchors and aliases"),
        ("target: !!python/name:os.system y", "the tag"),
        ("<<: {target: y}", "not valid YAML"),
        ("target: a\ntarget: b", "'target' occurs twice"),
        ("deployment:\n  id: a\n  id: b", "'id' occurs twice"),
        ("- target", "expected a mapping"),
        ("target", "expected a mapping"),
        ("target: y\n---\ntarget: z", "not valid YAML"),
        ("parameters: " + "{a: " * 30 + "1" + "}" * 30, "levels deep"),
        ("target: [y", "not valid YAML"),
        (b"target: caf\xe9", "UTF-8"),
        (b"\x00\x01\x02", "not valid YAML"),
        (b"#" * (1 << 20) + b"\n", "longer"),
    ],
)
def test_hostile_file_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config(written(tmp_path, text))


@pytest.mark.parametrize("value", ["1" * 5000, "2024-13-45", "2024-02-30T00:00:00", "0b", "0x"])
def test_scalar_that_yaml_cannot_build_is_refused_as_input(tmp_path: Path, value: str) -> None:
    with pytest.raises(InputError):
        load_config(written(tmp_path, f"seed: {value}"))


def test_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, b"\xef\xbb\xbftarget: y\n")).target == "y"


def test_empty_file_is_the_default_configuration(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "# nothing yet\n")) == AuditConfig()


def test_missing_file_says_which_command_writes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file") as caught:
        load_config(tmp_path / "holdfast.yaml")
    assert "holdfast init" in caught.value.hint


def test_paths_are_relative_to_the_file_they_stand_in(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, "model: m.onnx\ntest: data/t.csv\npolicy: rules.yml"))
    assert (config.model, config.test, config.policy) == (
        str(tmp_path / "m.onnx"),
        str(tmp_path / "data" / "t.csv"),
        str(tmp_path / "rules.yml"),
    )


def test_absolute_paths_stay(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "model: /models/m.onnx")).model == "/models/m.onnx"


def test_policy_preset_is_no_path(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "policy: regulated")).policy == "regulated"


def test_a_list_of_words_is_a_parameter(tmp_path: Path) -> None:
    text = "parameters: {robustness.text: {words: 2, synonyms: ['good=fine,nice', 'bad=poor']}}"
    expected = {"robustness.text": {"words": 2, "synonyms": ("good=fine,nice", "bad=poor")}}
    assert load_config(written(tmp_path, text)).parameters == expected
    as_list = {"robustness.text": {"synonyms": ["good=fine,nice", "bad=poor"], "words": 2}}
    assert override(AuditConfig(), {"parameters": as_list}).parameters == expected


def test_options_override_the_file_and_the_rest_stays() -> None:
    config = AuditConfig(target="a", seed=3, deployment=Deployment(id="key"))
    changed = override(config, {"target": "y", "seed": None, "check": (), "model": "m"})
    assert changed == AuditConfig(target="y", seed=3, model="m", deployment=Deployment(id="key"))


def test_a_range_of_one_value_is_accepted() -> None:
    deployment = {"ranges": {"age": [40, 40]}}
    assert override(AuditConfig(), {"deployment": deployment}).deployment.ranges == {"age": (40.0, 40.0)}


def test_seed_zero_overrides() -> None:
    assert override(AuditConfig(seed=3), {"seed": 0}).seed == 0


def test_path_object_is_as_good_as_its_text() -> None:
    assert override(AuditConfig(), {"predictions": Path("p.csv")}).predictions == "p.csv"


def test_unknown_option_names_the_one_that_was_meant() -> None:
    with pytest.raises(InputError, match="'polcy'") as caught:
        override(AuditConfig(), {"polcy": "x"})
    assert caught.value.hint == "did you mean 'policy'?"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("check", "data.schema"),
        ("score_column", "p"),
        ("seed", "x"),
        ("budget", 90),
        ("level", "high"),
        ("effort", "big"),
    ],
)
def test_option_of_the_wrong_type_is_refused(setting: str, value: Any) -> None:
    with pytest.raises(InputError, match=setting):
        override(AuditConfig(), {setting: value})


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, 95.0, float("nan")])
def test_level_outside_its_range_is_refused(level: float) -> None:
    with pytest.raises(InputError, match="confidence level"):
        validated(AuditConfig(level=level))


def test_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="seed"):
        validated(AuditConfig(seed=-1))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90.0), ("5m", 300.0), ("1.5h", 5400.0), ("45", 45.0), (" 2 m ", 120.0)]
)
def test_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5m", "5 d", "1e3", "m", "5m5m", "nan", "inf"])
def test_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="duration"):
        seconds_of(text)


def test_no_budget_is_no_limit() -> None:
    assert seconds_of(None) is None


def test_url_of_an_endpoint_is_no_path(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, "model: https://host/v2/models/m\ntest: test.csv"))
    assert config.model == "https://host/v2/models/m"


def test_endpoint_section_is_read_and_checked(tmp_path: Path) -> None:
    text = "endpoint: {protocol: json, max_queries: 5, response: {labels: out.*.label}}"
    endpoint = load_config(written(tmp_path, text)).endpoint
    assert (endpoint.protocol, endpoint.max_queries, endpoint.response.labels) == ("json", 5, "out.*.label")
    with pytest.raises(InputError, match=r"0 or more as endpoint.retries, got -1"):
        override(AuditConfig(), {"endpoint": {"retries": -1}})


def test_artefacts_are_relative_to_the_file_they_stand_in(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, "artefacts: [tokenizer.json, steps/]"))
    assert config.artefacts == (str(tmp_path / "tokenizer.json"), str(tmp_path / "steps"))
