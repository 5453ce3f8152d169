"""Notice a program, archive or pickle where numbers or a text should stand."""

from __future__ import annotations

from holdfast.kernels.scan.identify import is_certain_pickle, magic_formats
from holdfast.kernels.scan.record import Record

SHORTEST = 16


def report_hidden(record: Record, data: memoryview, start: int, what: str) -> None:
    """Report bytes that begin like a file of another kind; ``start`` is their offset in the record's range."""
    if len(data) < SHORTEST:
        return
    formats = [name for name in magic_formats(data) if name in SELDOM_BY_CHANCE]
    if is_certain_pickle(data):
        formats.append("pickle")
    if formats:
        message = f"{what} holds what looks like {' and '.join(formats)} instead"
        record.add("suspicious", "payload.hidden", message, start=start, end=start + len(data))


SELDOM_BY_CHANCE = frozenset({"zip", "program", "xz", "npy", "hdf5", "7z", "rar", "tar"})
