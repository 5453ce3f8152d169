"""Images before and after a change, and what changed, as pictures inside the page."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.core.finding import Finding
from holdfast.reports.examples import read_evidence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TABLE = "pictures"
MOST_PICTURES = 6
COLUMNS = {"row", "label", "answer_after", "distance", "shape", "before", "after", "low", "high"}


@dataclass(frozen=True, slots=True)
class Triple:
    """An image that was flipped: original, changed, and the difference magnified; each a data URI of a PNG."""

    row: int
    label: str
    answer_after: str
    distance: float
    before: str
    after: str
    difference: str
    magnified: float


def read_pictures(folder: str, finding: Finding) -> list[Triple]:
    """Return the images of the evidence table ``pictures``; none where a finding has none."""
    frame = read_evidence(folder, finding, TABLE)
    if frame is None or not set(frame.columns) >= COLUMNS:
        return []
    return [_triple(line) for line in frame[:MOST_PICTURES].iter_rows(named=True)]


def _triple(line: dict[str, Any]) -> Triple:
    import numpy as np

    width = max(line["high"] - line["low"], 1e-300)
    before, after = (
        (np.asarray(line[name], dtype=np.float64).reshape(line["shape"]) - line["low"]) / width
        for name in ("before", "after")
    )
    moves = after - before
    largest = max(float(np.abs(moves).max(initial=0.0)), 1e-300)
    return Triple(
        row=line["row"], label=line["label"], answer_after=line["answer_after"], distance=line["distance"],
        before=png(before), after=png(after), difference=png(0.5 + moves / (2 * largest)), magnified=1 / (2 * largest),
    )  # fmt: skip


def png(image: NDArray[np.float64]) -> str:
    """Write an image, ``(height, width, 1 or 3)`` with 0 for black and 1 for white, as a data URI of a PNG.

    References
    ----------
    W3C, Portable Network Graphics (PNG) Specification, third edition, section 5.
    """
    import numpy as np

    height, width, channels = image.shape
    cells = np.rint(np.clip(image, 0.0, 1.0) * 255).astype(np.uint8)
    lines = np.concatenate([np.zeros((height, 1), dtype=np.uint8), cells.reshape(height, -1)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)
    return "data:image/png;base64," + base64.b64encode(data).decode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
