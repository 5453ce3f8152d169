from __future__ import annotations

import importlib
import io
import pickle
import sys
import zipfile

import pytest

from holdfast.adapters.models.formats import identify
from holdfast.adapters.models.opening import open_model
from holdfast.core.errors import InputError, MissingExtra


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return buffer.getvalue()


PICKLES = {f"protocol {protocol}": pickle.dumps({"a": [1, 2]}, protocol=protocol) for protocol in range(6)} | {
    "global": b"cposix\nsystem\n(S'true'\ntR.",
}


@pytest.mark.parametrize("data", PICKLES.values(), ids=PICKLES)
@pytest.mark.parametrize("name", ["model.onnx", "model.pkl", "model.json", "model"])
def test_pickle_is_recognised_whatever_its_name(data: bytes, name: str) -> None:
    assert identify(data, name=name) == "pickle"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (zipped("model/data.pkl", "model/version"), "torch weights"),
        (zipped("m/models/model.json", "m/data/sample_inputs/model.pt"), "torch program"),
        ((30).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}}', "safetensors"),
    ],
)
@pytest.mark.parametrize("name", ["model.onnx", "model.pkl", "model"])
def test_pytorch_files_are_recognised_whatever_their_name(data: bytes, kind: str, name: str) -> None:
    assert identify(data, name=name) == kind


@pytest.mark.parametrize("compression", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)])
def test_joblib_file_is_recognised_in_every_compression(compression: object) -> None:
    import joblib

    buffer = io.BytesIO()
    joblib.dump({"weights": list(range(100))}, buffer, compress=compression)
    assert identify(buffer.getvalue(), name="model.onnx") == "pickle"


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.onnx"])
def test_pickle_is_refused_with_the_option_that_would_load_it(name: str) -> None:
    with pytest.raises(InputError, match="executes whatever its author put in") as caught:
        open_model(pickle.dumps([1]), name=name, digest="sha256:0")
    assert "--trust-pickle" in caught.value.hint


def test_unknown_format_lists_the_supported_ones() -> None:
    with pytest.raises(InputError, match=r"model\.h5 is not supported") as caught:
        open_model(b"\x89HDF\r\n\x1a\n", name="model.h5", digest="sha256:0")
    assert ".onnx" in caught.value.hint


def test_empty_file_is_named() -> None:
    with pytest.raises(InputError, match=r"model\.onnx is empty"):
        identify(b"", name="model.onnx")


def test_zip_that_holds_no_model_is_refused() -> None:
    with pytest.raises(InputError, match="no model in a supported format"):
        identify(zipped("readme.txt"), name="model.skops")


def test_damaged_onnx_is_reported_as_unreadable(opened) -> None:
    with pytest.raises(InputError, match=r"damaged\.onnx: this is not a readable ONNX model"):
        opened(b"\x08\x07\x12\xff", "damaged.onnx")


@pytest.mark.parametrize(
    ("framework", "extra"), [("lightgbm", "boosting"), ("xgboost", "boosting"), ("skops", "skops")]
)
def test_framework_that_is_not_installed_names_its_extra(framework: str, extra: str, monkeypatch) -> None:
    adapter = importlib.import_module(f"holdfast.adapters.models.{framework}")
    monkeypatch.delitem(sys.modules, f"{framework}.io", raising=False)
    monkeypatch.setitem(sys.modules, framework, None)
    with pytest.raises(MissingExtra, match="is not installed") as caught:
        adapter.load(b"", **({"trusted": False} if framework == "skops" else {}))
    assert f"holdfast[{extra}]" in caught.value.hint
