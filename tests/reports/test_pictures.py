"""Pictures are PNG files of our own writing, read back by others' rules."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from holdfast.core.finding import Finding
from holdfast.reports.pictures import Pictures, png, read_pictures

FINDING = Finding(check="robustness.evasion", title="Evasion", state="measured")


def decoded(uri: str) -> NDArray[np.uint8]:
    """Read a PNG without filters, checking every checksum."""
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        parts[kind], at = body, at + 12 + size
    assert list(parts) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert (depth, rest) == (8, [0, 0, 0])
    channels = {0: 1, 2: 3}[colour]
    lines = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, 1 + width * channels)
    assert (lines[:, 0] == 0).all()
    return lines[:, 1:].reshape(height, width, channels)


def shown(folder: Path, finding: Finding) -> Pictures:
    found = read_pictures(str(folder), finding)
    assert found is not None
    return found


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_holds_the_pixels_it_was_given(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels))
    np.testing.assert_array_equal(decoded(png(image / 255)), image)


def test_values_beyond_black_and_white_are_cut() -> None:
    assert decoded(png(np.array([[[-1.0], [2.0]]]))).ravel().tolist() == [0, 255]


def test_a_triple_shows_before_after_and_the_difference_magnified(tmp_path: Path) -> None:
    line = {
        "row": [4], "label": ["7"], "answer_after": ["1"], "distance": [0.1], "shape": [[1, 2, 1]],
        "before": [[0.0, 100.0]], "after": [[10.0, 80.0]], "low": [0.0], "high": [200.0],
    }  # fmt: skip
    pl.DataFrame(line).write_parquet(tmp_path / "pictures.parquet")
    finding = replace(FINDING, evidence={"pictures": "pictures.parquet"})
    (one,) = shown(tmp_path, finding).triples
    before, after, difference = (decoded(source).ravel().tolist() for source, _ in one.pictures)
    assert (one.label, one.answer) == ("7", "1")
    assert before == [0, 128]
    assert after == [13, 102]
    assert difference == [191, 0]
    assert one.small == "row 4; difference 5 times as strong"


def test_a_likeness_shows_what_was_found_beside_the_training_row_and_the_average(tmp_path: Path) -> None:
    line = {
        "row": [9], "class": ["Ada"], "ratio": [0.824], "shape": [[1, 2, 1]], "reconstruction": [[0.0, 1.0]],
        "training": [[0.5, 1.0]], "average": [[-1.0, 0.0]], "low": [-1.0], "high": [1.0],
    }  # fmt: skip
    pl.DataFrame(line).write_parquet(tmp_path / "likenesses.parquet")
    found = shown(tmp_path, replace(FINDING, evidence={"likenesses": "likenesses.parquet"}))
    (one,) = found.triples
    assert [decoded(source).ravel().tolist() for source, _ in one.pictures] == [[128, 255], [191, 255], [0, 128]]
    assert [said for _, said in one.pictures][1] == "Training row 9, of Ada"
    assert one.words == "at 82\u00a0% of the average's distance from training row 9"
    assert "a person's own record" in found.note


def test_evidence_of_another_form_shows_nothing(tmp_path: Path) -> None:
    pl.DataFrame({"row": [1]}).write_parquet(tmp_path / "pictures.parquet")
    assert read_pictures(str(tmp_path), replace(FINDING, evidence={"pictures": "pictures.parquet"})) is None
    assert read_pictures(str(tmp_path), FINDING) is None
