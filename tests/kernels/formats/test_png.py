"""PNG images: pixels of every kind that is read, every filter, and damage."""

from __future__ import annotations

import contextlib
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.formats.png import MAGIC, PngError, decode_png
from tests.png_images import chunk, filtered, png


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 7),
    st.integers(1, 9),
    st.sampled_from([1, 2, 3, 4]),
    st.lists(st.integers(0, 4), min_size=7, max_size=7),
    st.integers(0, 2**32 - 1),
)
def test_pixels_come_back_whatever_the_filters(
    height: int, width: int, channels: int, filters: list[int], seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    kept = pixels[..., :1] if channels < 3 else pixels[..., :3]
    np.testing.assert_array_equal(decode_png(png(pixels, filters=filters[:height])), kept)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_small_depths_are_spread_over_a_byte(depth: int) -> None:
    levels = np.arange(15).reshape(3, 5) % (1 << depth)
    bits = ((levels[..., None] >> np.arange(depth)[::-1]) & 1).astype(np.uint8).reshape(3, -1)
    rows = b"".join(b"\0" + line.tobytes() for line in np.packbits(bits, axis=1))
    header = struct.pack(">IIBBBBB", 5, 3, depth, 0, 0, 0, 0)
    data = MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(decode_png(data)[..., 0], levels * 255 // ((1 << depth) - 1))


def palette(colours: bytes, places: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", len(places), 1, 8, 3, 0, 0, 0)
    rows = zlib.compress(b"\0" + places)
    return MAGIC + chunk(b"IHDR", header) + chunk(b"PLTE", colours) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_colours_of_a_palette_are_looked_up() -> None:
    found = decode_png(palette(bytes([1, 2, 3, 250, 251, 252]), bytes([1, 0, 1])))
    assert found.tolist() == [[[250, 251, 252], [1, 2, 3], [250, 251, 252]]]


def test_pixels_in_several_parts_are_joined() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    packed = zlib.compress(filtered(pixels, [0] * 4))
    parts = b"".join(chunk(b"IDAT", packed[start : start + 5]) for start in range(0, len(packed), 5))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0))
    data = MAGIC + header + chunk(b"tEXt", b"a\0b") + parts + chunk(b"IEND", b"")
    np.testing.assert_array_equal(decode_png(data), pixels)


WHOLE = png(np.zeros((2, 2, 1), dtype=np.uint8))


def with_header(*values: int) -> bytes:
    return MAGIC + chunk(b"IHDR", struct.pack(">IIBBBBB", *values)) + chunk(b"IDAT", zlib.compress(bytes(99)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "does not begin"),
        (MAGIC, "no header"),
        (WHOLE[:30], "cut short"),
        (WHOLE[:40] + b"\0" + WHOLE[41:], "cut short or damaged"),
        (with_header(3, 3, 16, 0, 0, 0, 0), "16 bits"),
        (with_header(3, 3, 8, 0, 0, 0, 1), "interlaced"),
        (with_header(3, 3, 8, 5, 0, 0, 0), "no known kind"),
        (with_header(0, 3, 8, 0, 0, 0, 0), "no known kind"),
        (with_header(1 << 31, 1 << 31, 8, 0, 0, 0, 0), "more than are read"),
        (with_header(300, 300, 8, 0, 0, 0, 0), "expected 90300"),
        (with_header(3, 3, 8, 0, 0, 0, 0)[:-12] + chunk(b"IDAT", b"no zlib"), "damaged|unpacked"),
        (palette(bytes([1, 2, 3]), bytes([1])), "palette does not have"),
    ],
)
def test_damage_is_told(data: bytes, said: str) -> None:
    with pytest.raises(PngError, match=said):
        decode_png(data)


def test_a_filter_that_does_not_exist_is_told() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    with pytest.raises(PngError, match="filter 9"):
        decode_png(MAGIC + header + chunk(b"IDAT", zlib.compress(bytes([9, 0]))))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_changed_bytes_give_an_image_or_an_error(data: st.DataObject) -> None:
    body = bytearray(png(np.arange(36, dtype=np.uint8).reshape(3, 4, 3), filters=[4, 3, 1]))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PngError):
        assert decode_png(bytes(body)).dtype == np.uint8
