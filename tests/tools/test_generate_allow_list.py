"""The generator records uses, leaves out what no list may hold, and joins records in one way only."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.kernels.scan.allow_list import parse_allow_list
from holdfast.kernels.scan.byte_source import MemorySource
from holdfast.kernels.scan.observation import Budget, Place
from holdfast.kernels.scan.pickle_walker import follow
from holdfast.kernels.scan.record import Record
from tests.tools.loading import ROOT, load_tool

generate = load_tool("generate_allow_list")
EMPTY = '{"versions": {}, "globals": {}}'


def uses(value: Any) -> dict[tuple[str, str], set[str]]:
    data = pickle.dumps(value)
    record = Record(Place(("x",), 0, len(data)))
    recorder = generate.Recorder(record, parse_allow_list(EMPTY))
    follow(MemorySource(memoryview(data)), recorder, record, Budget(1 << 20, 1 << 20, 1 << 20, lambda: False))
    recorder.finish()
    return dict(recorder.uses)


def test_use_of_a_class_is_recorded() -> None:
    from sklearn.linear_model import Ridge

    assert uses(Ridge()) == {("sklearn.linear_model._ridge", "Ridge"): {"is:estimator", "new()", "state:dict"}}


def test_function_as_a_value_is_recorded() -> None:
    assert uses([np.log1p]) == {("numpy", "log1p"): {"ref"}} or "ref" in next(iter(uses([np.log1p]).values()))


@pytest.mark.parametrize(
    ("module", "name", "token"),
    [
        ("os", "system", "ref"),
        ("builtins", "getattr", "call(str)"),
        ("numpy", "load", "ref"),
        ("sklearn.metrics._classification", "accuracy_score", "call(int)"),
        ("elsewhere", "Model", "new()"),
        ("joblib.memory", "Memory", "new(str)"),
    ],
)
def test_dangerous_use_is_left_out(module: str, name: str, token: str) -> None:
    assert generate.objection(module, name, token)


@pytest.mark.parametrize(("name", "token"), [("Ridge", "new()"), ("Ridge", "state:dict")])
def test_use_of_an_estimator_is_kept(name: str, token: str) -> None:
    assert generate.objection("sklearn.linear_model._ridge", name, token) == ""


def test_records_give_the_same_list_in_any_order(tmp_path: Path) -> None:
    paths = []
    for number, token in enumerate(("new()", "call(int)", "call(none)")):
        record = {
            "versions": {"sklearn": [f"1.{number}"]},
            "globals": {"sklearn.a": {"B": [token]}, "os": {"system": ["ref"]}},
        }
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(record))
    generate.merge(paths, tmp_path / "one.json")
    generate.merge(paths[::-1], tmp_path / "other.json")
    text = (tmp_path / "one.json").read_text()
    assert text == (tmp_path / "other.json").read_text()
    assert json.loads(text)["globals"] == {"sklearn.a": {"B": ["call(int|none)", "new()"]}}


def test_shipped_list_is_as_the_generator_writes_it() -> None:
    target = ROOT / "src" / "holdfast" / "kernels" / "scan" / "allow_list.json"
    text = target.read_text(encoding="utf-8")
    data = json.loads(text)
    assert generate.dumped(data["versions"], data["slots"], data["globals"]) == text


def test_wrong_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["something"]) == 2
    assert "expected" in capsys.readouterr().err


def test_object_is_saved_in_every_way() -> None:
    assert len({bytes(data) for data in generate.files([1.5])}) >= len(generate.PROTOCOLS)
    assert all(isinstance(pickle.load(io.BytesIO(data)), list) for data in list(generate.files([1.5]))[:5])
