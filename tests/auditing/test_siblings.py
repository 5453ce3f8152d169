from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from holdfast.auditing.scanning import scan
from holdfast.core.scan import ScanReport

posix = pytest.mark.skipif(sys.platform == "win32", reason="links are POSIX's")
VALUES = np.arange(64, dtype=np.float32)


def save(folder: Path, *, location: str = "model.bin", content: bytes | None = None, **facts: int) -> Path:
    """An ONNX model whose one tensor lies in another file."""
    tensor = numpy_helper.from_array(VALUES, "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **facts}.items():
        tensor.external_data.add(key=key, value=str(value))
    node = helper.make_node("Add", ["x", "w"], ["y"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [64]) for name in "xy"]
    model = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:], [tensor]))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    if content is not None:
        (folder / location).parent.mkdir(parents=True, exist_ok=True)
        (folder / location).write_bytes(content)
    return folder / "model.onnx"


def verdicts(report: ScanReport) -> dict[str, str]:
    return {os.path.basename(file.path): file.verdict for file in report.files}


def reason(report: ScanReport) -> str:
    (model,) = [file for file in report.files if file.path.endswith(".onnx")]
    return " ".join(observed.message for observed in model.observations)


@pytest.mark.parametrize("named", ["folder", "model"])
@pytest.mark.parametrize("location", ["model.bin", "weights/layer.bin"])
def test_a_model_whose_values_lie_beside_it_passes(location: str, named: str, tmp_path: Path) -> None:
    model = save(tmp_path, location=location, content=VALUES.tobytes(), offset=0, length=256)
    report = scan(tmp_path if named == "folder" else model)
    assert verdicts(report) == {"model.onnx": "pass", os.path.basename(location): "pass"}


def test_values_that_are_absent_are_not_examined(tmp_path: Path) -> None:
    assert verdicts(scan(save(tmp_path)))["model.onnx"] == "not_examined"


def test_a_file_that_ends_before_the_values_is_not_examined(tmp_path: Path) -> None:
    report = scan(save(tmp_path, content=VALUES.tobytes()[:-4], offset=0, length=256))
    assert "the file ends at 252 bytes" in reason(report)


def test_bytes_that_no_tensor_uses_keep_the_values_from_passing(tmp_path: Path) -> None:
    content = VALUES.tobytes() + os.urandom(1 << 17)
    report = scan(save(tmp_path, content=content, offset=0, length=256))
    assert verdicts(report) == {"model.onnx": "not_examined", "model.bin": "not_examined"}


def test_values_that_are_a_pickle_fail_and_are_not_examined_as_numbers(tmp_path: Path) -> None:
    pickled = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."
    report = scan(save(tmp_path, content=pickled, offset=0, length=len(pickled)))
    assert verdicts(report)["model.bin"] == "fail"
    assert verdicts(report)["model.onnx"] != "pass"


@posix
def test_values_behind_a_link_are_not_examined(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "w").write_bytes(VALUES.tobytes())
    (tmp_path / "here").mkdir()
    save(tmp_path / "here")
    (tmp_path / "here" / "model.bin").symlink_to(tmp_path / "elsewhere" / "w")
    assert verdicts(scan(tmp_path / "here")) == {"model.onnx": "not_examined", "model.bin": "not_examined"}
    assert verdicts(scan(tmp_path / "here" / "model.onnx"))["model.onnx"] == "not_examined"


@posix
def test_values_with_a_second_name_are_not_examined(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    save(tmp_path / "here", content=VALUES.tobytes())
    os.link(tmp_path / "here" / "model.bin", tmp_path / "second")
    assert "a second name" in reason(scan(tmp_path / "here"))


@pytest.mark.parametrize("location", ["../model.bin", "/etc/passwd"])
def test_values_outside_the_folder_fail(location: str, tmp_path: Path) -> None:
    assert verdicts(scan(save(tmp_path, location=location)))["model.onnx"] == "fail"


@pytest.mark.parametrize("length", [128, 512])
def test_a_range_that_contradicts_the_shape_is_malformed(length: int, tmp_path: Path) -> None:
    report = scan(save(tmp_path, content=VALUES.tobytes() * 2, offset=0, length=length))
    assert "the shape of a tensor takes 256 bytes" in reason(report)


def test_a_file_that_is_named_twice_stays_listed_twice(tmp_path: Path) -> None:
    model = save(tmp_path, content=VALUES.tobytes(), offset=0, length=256)
    report = scan(model, tmp_path)
    assert [(os.path.basename(file.path), file.verdict) for file in report.files] == [
        ("model.onnx", "pass"),
        ("model.bin", "pass"),
        ("model.onnx", "pass"),
    ]


def test_the_folder_itself_is_no_file_of_values(tmp_path: Path) -> None:
    assert verdicts(scan(save(tmp_path, location=".")))["model.onnx"] == "not_examined"
