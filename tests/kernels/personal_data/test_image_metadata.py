"""Texts beside the picture are read: EXIF, XMP, comments, chunks of PNG."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.image_metadata import LARGEST_TEXT, image_passages, inflated

Image = pytest.importorskip("PIL.Image")
PngImagePlugin = pytest.importorskip("PIL.PngImagePlugin")
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description photoshop:City="Oslo" xmp:Rating="">'
    "<dc:creator><rdf:Seq><rdf:li>Jane Roe</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def written(form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(stream, form, **options)
    return stream.getvalue()


def parts(data: bytes) -> dict[str, tuple[str, str]]:
    return {one.place.part: (one.text, one.known) for one in image_passages(memoryview(data))}


def test_jpeg_metadata_is_read() -> None:
    exif = Image.Exif()
    exif[0x013B] = "Jane Roe"
    found = parts(written("JPEG", exif=exif, comment=b"to a@example.org", xmp=XMP.encode()))
    assert found["image Artist"] == ("Jane Roe", "PERSON")
    assert found["JPEG comment"] == ("to a@example.org", "")
    assert found["XMP dc:creator"] == ("Jane Roe", "PERSON")
    assert found["XMP photoshop:City"] == ("Oslo", "")


def test_png_texts_are_read_in_all_their_forms() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Jane Roe")
    info.add_text("Comment", "to a@example.org", zip=True)
    info.add_itxt("Title", "Zoë", zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP)
    exif = Image.Exif()
    exif[0x010E] = "a picture"
    found = parts(written("PNG", pnginfo=info, exif=exif))
    assert found["PNG Author"] == ("Jane Roe", "PERSON")
    assert found["PNG Comment"] == ("to a@example.org", "")
    assert found["PNG Title"] == ("Zoë", "")
    assert found["image ImageDescription"] == ("a picture", "")
    assert found["XMP photoshop:City"] == ("Oslo", "")


def test_decompression_is_bounded() -> None:
    assert len(inflated(zlib.compress(bytes(LARGEST_TEXT * 4)))) == LARGEST_TEXT
    assert inflated(b"no zlib") == b""


def test_a_picture_without_metadata_gives_nothing() -> None:
    assert parts(written("PNG")) == {}
    assert parts(b"") == {}


@given(st.binary(max_size=300), st.sampled_from([b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xfe\0\x09"]))
def test_any_bytes_are_read_without_an_error(data: bytes, head: bytes) -> None:
    list(image_passages(memoryview(head + data)))


@given(st.data(), st.sampled_from(["PNG", "JPEG"]))
def test_altered_pictures_are_read_without_an_error(data: st.DataObject, form: str) -> None:
    whole = bytearray(written(form, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    list(image_passages(memoryview(whole)))
