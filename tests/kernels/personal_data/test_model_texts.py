"""Every format of models is told by its bytes, and what it keeps of people is found."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.detector import default_detector
from holdfast.kernels.personal_data.model_texts import NotExamined, model_passages
from holdfast.kernels.personal_data.passages import find_in

MAILS = default_detector(labels=["EMAIL_ADDRESS"])
MAIL = "jane.roe@example.org"


def found_in(data: bytes) -> tuple[list[tuple[str, str]], list[str]]:
    notes: list[str] = []
    found = find_in(model_passages(memoryview(data), notes=notes), MAILS)
    return [(one.text, one.place.part) for one in found], notes


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return stream.getvalue()


def test_safetensors_metadata_and_tensors_are_read() -> None:
    held = np.frombuffer(MAIL.encode(), np.uint8)
    header = {
        "__metadata__": {"made_by": "b@example.org"},
        "note": {"dtype": "U8", "shape": [len(held)], "data_offsets": [0, len(held)]},
    }
    text = json.dumps(header).encode()
    found, _ = found_in(len(text).to_bytes(8, "little") + text + held.tobytes())
    assert found == [("b@example.org", "metadata.made_by"), (MAIL, "tensor note")]


def test_arrays_and_archives_of_arrays_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", names=np.array([MAIL, "bo"]))
    assert found_in((tmp_path / "a.npz").read_bytes())[0] == [(MAIL, "names.npy array")]
    for kind in ("U", "O"):
        np.save(tmp_path / "a.npy", np.array([MAIL, MAIL], dtype=kind))
        assert [text for text, _ in found_in((tmp_path / "a.npy").read_bytes())[0]][:1] == [MAIL]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_compressed_pickles_are_read(pack: object) -> None:
    assert callable(pack)
    assert found_in(pack(pickle.dumps({"categories_": [MAIL]})))[0][0][0] == MAIL


def test_torch_and_skops_archives_are_read() -> None:
    assert found_in(zipped(model__data_dot_pkl=pickle.dumps([MAIL]), model__data__0=b"\0" * 64))[0][0][0] == MAIL
    found, _ = found_in(zipped(schema_dot_json=json.dumps({"content": MAIL}).encode()))
    assert found == [(MAIL, "schema.json $.content")]


def test_lightgbm_names_categories_and_paths_are_read() -> None:
    lines = [
        "tree", "version=v4", f"feature_names=age {MAIL}", "feature_infos=[0:1] none", "", "Tree=0",
        "threshold=0.5 48221234567.5", "end of trees", "parameters:", "[data: /home/b@example.org/train.csv]",
        f'pandas_categorical:[["x", "{MAIL}"]]', "",
    ]  # fmt: skip
    data = "\n".join(lines).encode()
    found, _ = found_in(data)
    assert found == [
        (MAIL, "feature_names"),
        ("b@example.org", "data"),
        (MAIL, "pandas_categorical[0][1]"),
    ]
    texts = {passage.text for passage in model_passages(memoryview(data), notes=[])}
    assert "48221234567" in texts
    assert "0.5" not in texts


def test_xgboost_categories_are_read_in_both_forms() -> None:
    xgboost, pandas = pytest.importorskip("xgboost"), pytest.importorskip("pandas")
    mails = pandas.Series([MAIL, "b@example.org"] * 6, dtype="category")
    data = xgboost.DMatrix(pandas.DataFrame({"mail": mails}), label=np.arange(12) % 2, enable_categorical=True)
    booster = xgboost.train({}, data, 1)
    for form in ("json", "ubj"):
        assert {text for text, _ in found_in(bytes(booster.save_raw(form)))[0]} == {MAIL, "b@example.org"}


def test_texts_of_gguf_are_read() -> None:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    pair = text("general.author") + struct.pack("<I", 8) + text(MAIL)
    found, notes = found_in(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + pair)
    assert found == [(MAIL, "general.author")]
    assert "vocabulary" in notes[0]


def test_other_formats_are_read_by_their_printable_characters_and_say_so() -> None:
    found, notes = found_in(b"\0\1\2\3" * 10 + MAIL.encode() + b"\0\xff" * 9)
    assert found == [(MAIL, "byte 40")]
    assert "only runs of printable characters" in notes[0]


def test_archives_that_are_no_model_are_not_opened() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    word = zipped(word__document_dot_xml=b"x", **{"[Content_Types]_dot_xml": b"y"})
    for data in (zipped(a_dot_txt=MAIL.encode()), word, b"7z\xbc\xaf\x27\x1c" + bytes(50), stream.getvalue()):
        with pytest.raises(NotExamined, match=r"archives .* are not opened"):
            found_in(data)


def test_more_than_is_expanded_is_not_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.kernels.personal_data.model_texts.LARGEST_EXPANDED", 1 << 20)
    with pytest.raises(NotExamined, match="does not decompress"):
        found_in(gzip.compress(bytes(2 << 20)))


@given(
    st.binary(max_size=400),
    st.sampled_from(["", "\x80\x04", "GGUF", "PK\3\4", "\x93NUMPY\1\0", "{", "tree\nversion=v4\n"]),
)
def test_any_bytes_are_read_or_refused(data: bytes, head: str) -> None:
    with suppress(NotExamined):
        found_in(head.encode("latin-1") + data)
