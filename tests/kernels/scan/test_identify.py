import bz2
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.identify import identify, is_certain_pickle, is_text


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"hello")
    return buffer.getvalue()


def tarred(name: str = "a") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(5))
    return buffer.getvalue()


def onnx_model() -> bytes:
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [])).SerializeToString()


def windows_program() -> bytes:
    return b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(100)


CASES = {
    "zip": zipped(),
    "tar": tarred(),
    "npy": array(),
    "onnx": onnx_model(),
    "gzip": gzip.compress(b"a"),
    "bz2": bz2.compress(b"a"),
    "xz": lzma.compress(b"a"),
    "lzma": lzma.compress(b"a" * 20, lzma.FORMAT_ALONE),
    "zlib": zlib.compress(b"a"),
    "pickle": pickle.dumps([1, 2]),
    "safetensors": (2).to_bytes(8, "little") + b"{}",
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "gguf": b"GGUF" + bytes(20),
    "tflite": bytes(4) + b"TFL3" + bytes(20),
    "json": b' {"a": 1}',
    "lightgbm": b"tree\nversion=v4\n",
    "yaml": b"name: x\nsize: 3\n",
    "python": b"import os\nprint(os.name)\n",
    "text": b"Some words, and a number: 3\n",
    "ubj": b"{L" + (7).to_bytes(8, "big") + b"learner{}}",
}


@pytest.mark.parametrize("name", CASES)
def test_format_is_told_by_content(name: str) -> None:
    assert identify(memoryview(CASES[name])) == (name,)


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x02\x01\x01" + bytes(60),
        windows_program(),
        b"\xcf\xfa\xed\xfe" + bytes(40),
        b"\xca\xfe\xba\xbe" + bytes(40),
        b"#!/bin/sh\nls\n",
        b"\0asm\1\0\0\0",
        b"\xa7\r\r\n" + bytes(12) + b"\xe3" + bytes(20),
    ],
)
def test_programs_of_all_kinds_are_programs(data: bytes) -> None:
    assert "program" in identify(memoryview(data))


@pytest.mark.parametrize(
    ("data", "formats"),
    [
        (b"#!/bin/sh\nexit\n" + zipped(), {"program", "zip"}),
        (b"\x89PNG\r\n\x1a\n" + bytes(100) + zipped(), {"png", "zip"}),
        (array() + zipped(), {"npy", "zip"}),
        (pickle.dumps([1]) + zipped(), {"pickle", "zip"}),
        (b"GGUF" + bytes(508) + b"\x89HDF\r\n\x1a\n", {"gguf", "hdf5"}),
        (pickle.dumps("x" * 241 + "ustar" + "x" * 300), {"pickle", "tar"}),
        (b"cos\nsystem\n(S'ls'\ntR.", {"text", "pickle"}),
    ],
)
def test_every_format_of_a_polyglot_is_named(data: bytes, formats: set[str]) -> None:
    assert set(identify(memoryview(data))) == formats


def test_polyglot_that_begins_with_a_tar_header_named_like_a_pickle_is_both() -> None:
    name = "cos\nsystem\n(S'true'\ntR."
    assert set(identify(memoryview(tarred(name)))) == {"tar", "pickle"}


@pytest.mark.parametrize(
    "text",
    [
        b"class,petal\n1,2\n",
        b"count\n5\n6\n",
        b"import the data, then look\n",
        b"I am a text.\n",
        b"x^2 + y^2\n",
        b"(see below)\n",
        b"N/A\n",
        "größer\n".encode("latin-1"),
        b"BZhello\n",
        b"MZ is the mark of a program\n",
        b"# A heading\n\n```python\nimport os\n```\n",
        b"{% if x %}\n",
        b"@RELATION iris\n@ATTRIBUTE width REAL\n",
    ],
)
def test_ordinary_text_is_nothing_but_text(text: bytes) -> None:
    assert identify(memoryview(text)) in (("text",), ("yaml",))


def test_noise_is_nothing() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    assert identify(memoryview(b"\x01" + noise)) == ()


@pytest.mark.parametrize("data", [b"\0\0\0", b"a\0b", b"\x1b[31m\x00"])
def test_control_characters_are_no_text(data: bytes) -> None:
    assert not is_text(memoryview(data))


def test_raw_numbers_that_begin_like_a_pickle_are_not_certain_to_be_one() -> None:
    assert not is_certain_pickle(memoryview(b"\x80\x04" + bytes(100)))
    assert is_certain_pickle(memoryview(pickle.dumps([1])))


@given(st.binary(max_size=700), st.sampled_from([b"", *CASES.values()]))
def test_any_bytes_are_identified_without_an_error(noise: bytes, head: bytes) -> None:
    identify(memoryview(head[: len(noise)] + noise))
