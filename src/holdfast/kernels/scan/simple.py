"""Walkers for what needs no reading: nothing at all, raw numbers, programs, and formats nobody here reads."""

from __future__ import annotations

from holdfast.kernels.scan.hidden import report_hidden
from holdfast.kernels.scan.identify import magic_formats
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.record import Record


def walk_empty(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk no bytes."""
    return Record(place).walked("empty")


def walk_raw(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk raw numbers, which a structure around them accounts for."""
    record = Record(place)
    record.cover(0, len(data))
    report_hidden(record, data, 0, "a block of numbers")
    return record.walked("raw")


def walk_program(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Report a program: it has no business among model files."""
    record = Record(place)
    record.cover(0, len(data))
    record.add("executes", "program", "this is a program: it runs whatever it holds when it is started or loaded")
    return record.walked("program")


def walk_unidentified(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Say that nobody looked."""
    record = Record(place)
    names = ", ".join(dict.fromkeys(magic_formats(data)))
    what = f"no reader for {names} is included" if names else "the content is of no known format"
    record.add("not_examined", "format.unread" if names else "format.unidentified", what)
    return record.walked(names or "unidentified")
