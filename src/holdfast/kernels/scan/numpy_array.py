"""Walk ``.npy`` arrays: raw numbers whose size must be what the header says, or objects, which are a pickle."""

from __future__ import annotations

from holdfast.kernels.formats.npy_header import MAGIC, NpyError, read_npy_header
from holdfast.kernels.scan.hidden import report_hidden
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.record import Record


def walk_npy(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk arrays written one behind the other into one file, as ``np.save`` on an open file does."""
    record, position = Record(place), 0
    while position == 0 or data[position : position + len(MAGIC)] == MAGIC:
        budget.members -= 1
        if budget.members < 0 or budget.expired():
            record.add("not_examined", "limit.members", "further arrays were not read", start=position)
            break
        end = _walk_array(record, data[position:], position)
        if end <= position:
            break
        position = end
    return record.walked("npy")


def _walk_array(record: Record, data: memoryview, base: int) -> int:
    try:
        header = read_npy_header(data)
    except NpyError as error:
        record.add("malformed", "npy.header", f"this is no readable array: {error}", start=base)
        return -1
    start = base + header.data
    record.cover(base, start)
    if header.has_objects:
        record.part(data[header.data :], start, expected="pickle")
        record.cover(start, base + len(data))
        return base + len(data)
    if header.size > len(data) - header.data:
        message = f"the header states {header.size} bytes of numbers, {len(data) - header.data} are there"
        record.add("malformed", "npy.size", message, start=base)
        return -1
    record.cover(start, start + header.size)
    report_hidden(record, data[header.data : header.data + header.size], start, "an array")
    return start + header.size
