"""Read PNG images whose rows stand one behind the other, with one byte or less for each sample.

References
----------
W3C, Portable Network Graphics (PNG) Specification, third edition, sections 5 (chunks), 7 (encoding) and 9 (filtering).
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = {GREY: (1, 2, 4, 8), RGB: (8,), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8,), RGB_ALPHA: (8,)}
MOST_BYTES = 1 << 28
NONE, SUB, UP, AVERAGE, PAETH = range(5)


class PngError(ValueError):
    """The bytes are no such image; the text says why."""


class Header(NamedTuple):
    """What the first chunk says."""

    width: int
    height: int
    depth: int
    kind: int

    @property
    def stride(self) -> int:
        """Bytes of one row, without the one that names its filter."""
        return -(-self.width * self.depth * SAMPLES[self.kind] // 8)


def decode_png(data: bytes) -> NDArray[np.uint8]:
    """Read one image.

    Returns
    -------
    ndarray
        ``(height, width, channels)`` uint8 with one channel (grey) or three (RGB); transparency is left out.

    Raises
    ------
    PngError
        When it is damaged, interlaced, of 16 bits, or larger than ``MOST_BYTES``.
    """
    header, packed, palette = _chunks(data)
    size = header.height * (header.stride + 1)
    if size > MOST_BYTES:
        raise PngError(f"it has {header.width} x {header.height} pixels, more than are read")
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(packed, size)
    except zlib.error as error:
        raise PngError(f"its pixels cannot be unpacked: {error}") from None
    if len(raw) != size:
        raise PngError(f"it holds {len(raw)} bytes of pixels, expected {size}")
    lines = np.frombuffer(raw, dtype=np.uint8).reshape(header.height, -1)
    rows = _unfiltered(lines, step=max(1, header.depth * SAMPLES[header.kind] // 8))
    return _coloured(_samples(rows, header), header, palette)


def _chunks(data: bytes) -> tuple[Header, bytes, NDArray[np.uint8]]:
    if not data.startswith(MAGIC):
        raise PngError("it does not begin as a PNG image")
    header, packed, palette, at = None, [], np.zeros((0, 3), dtype=np.uint8), len(MAGIC)
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if len(body) != size or zlib.crc32(name + body) != int.from_bytes(data[at + 8 + size : at + 12 + size]):
            raise PngError(f"its part {name!r} is cut short or damaged")
        if name == b"IHDR":
            header = _header(body)
        elif name == b"PLTE":
            palette = np.frombuffer(body[: size // 3 * 3], dtype=np.uint8).reshape(-1, 3)
        elif name == b"IDAT":
            packed.append(body)
        elif name == b"IEND":
            break
        at += 12 + size
    if header is None:
        raise PngError("it has no header")
    return header, b"".join(packed), palette


def _header(body: bytes) -> Header:
    if len(body) != 13:
        raise PngError(f"its header has {len(body)} bytes, expected 13")
    width, height, depth, kind, compression, filtering, interlaced = struct.unpack(">IIBBBBB", body)
    if kind not in DEPTHS or compression or filtering or not width or not height:
        raise PngError("its header is of no known kind")
    if depth not in DEPTHS[kind] or interlaced:
        raise PngError(f"it is {'interlaced' if interlaced else f'of {depth} bits for each sample'}")
    return Header(width, height, depth, kind)


def _unfiltered(lines: NDArray[np.uint8], *, step: int) -> NDArray[np.uint8]:
    """Undo what each row's filter did: add the sample ``step`` bytes before it, that above it, or a mixture."""
    filters, rows = lines[:, 0], lines[:, 1:].copy()
    above = np.zeros(rows.shape[1], dtype=np.uint8)
    for kind, row in zip(filters.tolist(), rows, strict=True):
        if kind == SUB:
            for channel in range(step):
                row[channel::step] = np.cumsum(row[channel::step], dtype=np.uint64).astype(np.uint8)
        elif kind == UP:
            row += above
        elif kind in (AVERAGE, PAETH):
            row[:] = _mixed(row.tolist(), above.tolist(), step=step, predicts=_mean if kind == AVERAGE else _paeth)
        elif kind != NONE:
            raise PngError(f"a row has the filter {kind}, which does not exist")
        above = row
    return rows


def _mixed(row: list[int], above: list[int], *, step: int, predicts: object) -> list[int]:
    assert callable(predicts)
    for place, up in enumerate(above):
        left, corner = (row[place - step], above[place - step]) if place >= step else (0, 0)
        row[place] = (row[place] + predicts(left, up, corner)) & 0xFF
    return row


def _mean(left: int, up: int, corner: int) -> int:
    return (left + up) // 2


def _paeth(left: int, up: int, corner: int) -> int:
    """Return which of the three neighbours is closest to ``left + up - corner``."""
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def _samples(rows: NDArray[np.uint8], header: Header) -> NDArray[np.uint8]:
    if header.depth < 8:
        bits = np.unpackbits(rows, axis=1).reshape(len(rows), -1, header.depth)
        weights = (1 << np.arange(header.depth)[::-1]).astype(np.uint8)
        rows = (bits * weights).sum(axis=2, dtype=np.uint8)[:, : header.width]
    return rows.reshape(header.height, header.width, SAMPLES[header.kind])


def _coloured(samples: NDArray[np.uint8], header: Header, palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if header.kind == PALETTE:
        if samples.max(initial=0) >= len(palette):
            raise PngError("it names a colour that its palette does not have")
        return palette[samples[..., 0]]
    if header.kind in (GREY_ALPHA, RGB_ALPHA):
        return samples[..., :-1]
    return samples * np.uint8(255 // ((1 << header.depth) - 1))
