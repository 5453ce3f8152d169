"""Tags of pictures are read, and the place where one was taken."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.passages import Place
from holdfast.kernels.personal_data.tiff_tags import tag_passages

Image = pytest.importorskip("PIL.Image")


def picture() -> bytes:
    """A TIFF file as Pillow writes it."""
    image = Image.fromarray(np.zeros((2, 2, 3), np.uint8))
    exif = Image.Exif()
    exif[0x013B] = "Jane Roe"
    exif[0x010E] = "mail jane.roe@example.org"
    exif[0x9C9D] = "Zoë\0".encode("utf-16-le")
    exif.get_ifd(0x8769).update({0x9286: b"ASCII\0\0\0call me", 0xA431: "SN-0042"})
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 36.0), 3: "E", 4: (151.0, 12.0, 18.0), 29: "2026:01:31"})
    stream = io.BytesIO()
    image.save(stream, "TIFF", exif=exif)
    return stream.getvalue()


def test_texts_people_and_the_place_are_read() -> None:
    found = {one.place.part: (one.text, one.known) for one in tag_passages(memoryview(picture()), Place())}
    assert found["image Artist"] == ("Jane Roe", "PERSON")
    assert found["image ImageDescription"] == ("mail jane.roe@example.org", "")
    assert found["image XPAuthor"] == ("Zoë", "PERSON")
    assert found["EXIF UserComment"] == ("call me", "")
    assert found["EXIF BodySerialNumber"] == ("SN-0042", "")
    assert found["GPS position"] == ("-33.860000, 151.205000", "LOCATION")


def test_folders_in_a_circle_end() -> None:
    circle = b"II*\0\x08\0\0\0" + b"\0\0" + b"\x08\0\0\0"
    assert list(tag_passages(memoryview(circle), Place())) == []


@given(st.binary(max_size=200), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""]))
def test_any_bytes_are_read_without_an_error(data: bytes, head: bytes) -> None:
    list(tag_passages(memoryview(head + data), Place()))


@given(st.data())
def test_altered_pictures_are_read_without_an_error(data: st.DataObject) -> None:
    whole = bytearray(picture())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    list(tag_passages(memoryview(whole), Place()))
