"""Walk one compressed stream: gzip, zlib, bz2, xz, lzma, lz4 and joblib's old zlib form."""

from __future__ import annotations

from holdfast.kernels.formats.expansion import Codec
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.unpacking import Unpacking

OLD_JOBLIB_HEADER = 21
NAMES: dict[str, Codec] = {
    "gzip": "gzip", "zlib": "zlib", "bz2": "bz2", "xz": "xz", "lzma": "lzma", "lz4": "lz4", "joblib-zlib": "zlib",
}  # fmt: skip


def walk_compressed(data: memoryview, place: Place, budget: Budget, *, format: str) -> Walked:
    """Decompress and hand on what comes out; ``format`` is a key of :data:`NAMES`."""
    record = Record(place)
    start = OLD_JOBLIB_HEADER if format == "joblib-zlib" else 0
    # Python 2 wrote a longer number; joblib passes over the space that is left of it
    start += bool(start) and bytes(data[start : start + 1]) == b" "
    expanded = Unpacking(record, budget).expand(data[start:], NAMES[format], start=start)
    record.cover(0, min(len(data), start + expanded.consumed))
    if expanded.ending != "limit" and (expanded.data or expanded.ending == "complete"):
        record.member(memoryview(expanded.data).toreadonly(), f"({format} content)")
    return record.walked(format)
