import json
import zipfile

import pytest

from holdfast.kernels.scan.keras_objects import is_keras_object, judge_keras_object
from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.record import Record


def found(**node: object) -> set[str]:
    record = Record(Place(("f",), 0, 1))
    assert is_keras_object(node)
    judge_keras_object(record, node)
    return {f"{one.kind} {one.rule}" for one in record.observations}


def test_model_of_keras_has_no_foreign_object(sample, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "dense.keras"
    path.write_bytes(sample("dense.keras"))
    with zipfile.ZipFile(path) as archive:
        stack = [json.loads(archive.read("config.json"))]
    seen = 0
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if is_keras_object(part):
                seen += 1
                assert found(**part) == set()
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
    assert seen > 5


@pytest.mark.parametrize("name", ["Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer"])
def test_layer_that_holds_or_loads_code_executes(name: str) -> None:
    assert found(module="keras.layers", class_name=name, config={}) == {"executes keras.code"}


@pytest.mark.parametrize(
    "node",
    [
        {"module": "os", "class_name": "system", "config": "ls"},
        {"module": "builtins", "class_name": "function", "config": "eval"},
        {"module": "keras.utils", "class_name": "get_file", "config": {}},
        {"module": "keras.src.utils.file_utils", "class_name": "function", "config": "get_file"},
        {"module": "keras.utils", "class_name": "Dense", "config": {}},
        {"module": "keras_evil", "class_name": "Dense", "config": {}},
        {"module": "kerasx.layers", "class_name": "Dense", "config": {}},
        {"module": None, "class_name": "My", "config": {}, "registered_name": "mine>My"},
        {"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": "mine>Dense"},
        {"class_name": "FixedDropout", "config": {}},
    ],
)
def test_object_that_is_not_of_keras_is_unknown(node: dict[str, object]) -> None:
    assert found(**node) == {"unknown keras.object"}


def test_vocabulary_taken_from_a_file_is_suspicious() -> None:
    node = {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}
    assert found(**node) == {"suspicious keras.file"}


def test_configuration_of_keras_2_is_ordinary() -> None:
    assert found(class_name="Dense", config={"units": 3, "activation": "relu"}) == set()


def test_custom_object_of_keras_itself_is_found(scan_file, sample, rules) -> None:  # type: ignore[no-untyped-def]
    assert "unknown keras.object" in rules(scan_file(sample("custom.keras")))
