"""Texts beside the picture are read: EXIF, XMP, comments, chunks of PNG."""

from __future__ import annotations

import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.image_metadata import LARGEST_TEXT, image_passages, inflated

PICTURES = {path.name: path.read_bytes() for path in (Path(__file__).parents[2] / "data/pictures").glob("*.???")}


def parts(data: bytes) -> dict[str, tuple[str, str]]:
    return {one.place.part: (one.text, one.known) for one in image_passages(memoryview(data))}


def test_jpeg_metadata_is_read() -> None:
    found = parts(PICTURES["tags.jpg"])
    assert found["image Artist"] == ("Jane Roe", "PERSON")
    assert found["GPS position"] == ("-33.860000, 151.205000", "LOCATION")
    assert found["JPEG comment"] == ("to a@example.org", "")
    assert found["XMP dc:creator"] == ("Jane Roe", "PERSON")
    assert found["XMP photoshop:City"] == ("Oslo", "")


def test_png_texts_are_read_in_all_their_forms() -> None:
    found = parts(PICTURES["tags.png"])
    assert found["PNG Author"] == ("Jane Roe", "PERSON")
    assert found["PNG Comment"] == ("to a@example.org", "")
    assert found["PNG Title"] == ("Zoë", "")
    assert found["image ImageDescription"] == ("mail jane.roe@example.org", "")
    assert found["XMP photoshop:City"] == ("Oslo", "")


def test_decompression_is_bounded() -> None:
    assert len(inflated(zlib.compress(bytes(LARGEST_TEXT * 4)))) == LARGEST_TEXT
    assert inflated(b"no zlib") == b""


def test_a_picture_without_metadata_gives_nothing() -> None:
    assert parts(PICTURES["plain.png"]) == {}
    assert parts(b"") == {}


@given(st.binary(max_size=300), st.sampled_from([b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xfe\0\x09"]))
def test_any_bytes_are_read_without_an_error(data: bytes, head: bytes) -> None:
    list(image_passages(memoryview(head + data)))


@given(st.data(), st.sampled_from(["tags.png", "tags.jpg"]))
def test_altered_pictures_are_read_without_an_error(data: st.DataObject, name: str) -> None:
    whole = bytearray(PICTURES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    list(image_passages(memoryview(whole)))
