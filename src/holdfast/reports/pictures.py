"""Images that a finding is about, three side by side, as pictures inside the page."""

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

MOST_PICTURES = 6
FLIPS = "Each image as it is, as changed, and what changed. The closest flip of each label comes first."
LIKENESSES = (
    "What the network shows of a class, the training row that comes nearest to it, and the average of known rows of "
    "the class, from which the search began; the best likeness first. The picture in the middle is a row of the "
    "training table as it stands there, perhaps a person's own record: guard this page as you guard that table."
)
SHAPED = {"row", "shape", "low", "high"}


@dataclass(frozen=True, slots=True)
class Triple:
    """Three images side by side, each a data URI of a PNG with words in its place, and what is said under them."""

    pictures: tuple[tuple[str, str], ...]
    label: str
    words: str
    answer: str
    small: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images of a finding, and what the three of each line are."""

    triples: tuple[Triple, ...]
    note: str


def read_pictures(folder: str, finding: Finding) -> Pictures | None:
    """Return the images of a finding: of the evidence table ``pictures``, changed ones; of ``likenesses``, found ones.

    ``None`` where it has neither, or they are not as they should be.
    """
    for table, columns, triple, note in (
        ("pictures", {"label", "answer_after", "distance", "before", "after"}, _flip, FLIPS),
        ("likenesses", {"class", "ratio", "reconstruction", "training", "average"}, _likeness, LIKENESSES),
    ):
        frame = read_evidence(folder, finding, table)
        if frame is not None and set(frame.columns) >= columns | SHAPED:
            return Pictures(tuple(triple(line) for line in frame[:MOST_PICTURES].iter_rows(named=True)), note)
    return None


def _flip(line: dict[str, Any]) -> Triple:
    """An image that was flipped: original, changed, and the difference magnified."""
    import numpy as np

    before, after = _images(line, "before", "after")
    moves = after - before
    largest = max(float(np.abs(moves).max(initial=0.0)), 1e-300)
    row, label, answer = line["row"], line["label"], line["answer_after"]
    return Triple(
        pictures=(
            (png(before), f"Row {row} as it is, {label}"),
            (png(after), f"Row {row} as changed, answered {answer}"),
            (png(0.5 + moves / (2 * largest)), f"What changed in row {row}, magnified"),
        ),
        label=label,
        words=f"changed by {line['distance']:.3g}:",
        answer=answer,
        small=f"row {row}; difference {1 / (2 * largest):.0f} times as strong",
    )


def _likeness(line: dict[str, Any]) -> Triple:
    """A reconstruction, the training row that it comes nearest to, and the average that was known before."""
    found, training, average = (png(each) for each in _images(line, "reconstruction", "training", "average"))
    row, label = line["row"], line["class"]
    return Triple(
        pictures=(
            (found, f"What the network shows of {label}"),
            (training, f"Training row {row}, of {label}"),
            (average, f"Average of known rows of {label}"),
        ),
        label=f"{label}:",
        words=f"at {100 * line['ratio']:.0f}\u00a0% of the average's distance from training row {row}",
        answer="",
        small="reconstruction, training row, known average",
    )


def _images(line: dict[str, Any], *names: str) -> list[NDArray[np.float64]]:
    """Read images as ``(height, width, channels)``, with 0 for black and 1 for white."""
    import numpy as np

    width = max(line["high"] - line["low"], 1e-300)
    flat = (np.asarray(line[name], dtype=np.float64) for name in names)
    return [(cells.reshape(line["shape"]) - line["low"]) / width for cells in flat]


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
