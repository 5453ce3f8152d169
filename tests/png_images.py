"""PNG images for tests, written row by row with chosen filters."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.formats.png import MAGIC

KINDS = {1: 0, 2: 4, 3: 2, 4: 6}


def chunk(name: bytes, body: bytes) -> bytes:
    """One part of a file."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(pixels: NDArray[np.uint8], *, filters: Sequence[int] = ()) -> bytes:
    """Write ``(height, width, channels)`` of bytes."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, KINDS[channels], 0, 0, 0)
    rows = zlib.compress(filtered(pixels, filters or [0] * height))
    return MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def filtered(pixels: NDArray[np.uint8], filters: Sequence[int]) -> bytes:
    """Filter rows: each byte less what is predicted from those before and above it."""
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, width * channels).astype(int)
    padded = np.zeros((height + 1, (width + 1) * channels), dtype=int)
    padded[1:, channels:] = rows
    lines = []
    for row, kind in enumerate(filters, 1):
        left, up, corner = padded[row, :-channels], padded[row - 1, channels:], padded[row - 1, :-channels]
        nearest = np.argsort(
            np.abs(np.stack([left, up, corner]) - (left + up - corner)), axis=0, kind="stable"
        )[0]  # fmt: skip
        paeth = np.choose(nearest, [left, up, corner])
        predicted = [0 * left, left, up, (left + up) // 2, paeth][kind]
        lines.append(bytes([kind]) + ((rows[row - 1] - predicted) & 0xFF).astype(np.uint8).tobytes())
    return b"".join(lines)
