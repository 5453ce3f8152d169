"""Tags of pictures are read, and the place where one was taken."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.passages import Place
from holdfast.kernels.personal_data.tiff_tags import tag_passages

JPEG = (Path(__file__).parents[2] / "data/pictures/tags.jpg").read_bytes()
PICTURE = JPEG[JPEG.index(b"Exif\0\0") + 6 :]  # the tags of EXIF are a TIFF structure


def test_texts_people_and_the_place_are_read() -> None:
    found = {one.place.part: (one.text, one.known) for one in tag_passages(memoryview(PICTURE), Place())}
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
    whole = bytearray(PICTURE)
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    list(tag_passages(memoryview(whole), Place()))
