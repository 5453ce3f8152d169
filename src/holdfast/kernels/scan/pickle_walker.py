"""Walk pickles: plain ones, and those of joblib with arrays between the opcodes."""

from __future__ import annotations

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.byte_source import MemorySource, Source
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.pickle_checks import Checker
from holdfast.kernels.scan.pickle_limits import Broken, Unexamined
from holdfast.kernels.scan.pickle_machine import Machine
from holdfast.kernels.scan.pytorch_archive import MAGIC, PICKLES, cover_storages
from holdfast.kernels.scan.record import Record

PROTOCOL = 0x80
HIGHEST_PROTOCOL = 5
MOST_PICKLES = 10_000
ZIP_MAGIC = b"PK\x03\x04"


def walk_pickle(data: memoryview, place: Place, budget: Budget, *, allow: AllowList) -> Walked:
    """Follow the pickles that stand one behind the other from the start of the data.

    Arrays that joblib stored between the opcodes are passed over by their size, without being read; object arrays among
    them are pickles and are followed. What stands behind the last pickle is left to the caller as a gap.

    Parameters
    ----------
    data : memoryview
        The bytes; of one dimension and one byte per item.
    place : Place
        Where they come from.
    budget : Budget
        Opcodes and time are taken from it.
    allow : AllowList
        The globals that may be named, and how they may be used.

    Returns
    -------
    Walked
        ``pickle``, ``joblib`` where arrays stand between the opcodes, ``torch`` for the format of torch before 1.6.
    """
    record = Record(place)
    source = MemorySource(data)
    checker = Checker(record, allow)
    is_torch = data[: len(MAGIC)] == MAGIC
    follow_all(source, checker, record, budget, PICKLES if is_torch else MOST_PICKLES)
    if is_torch and not record.has("malformed", "not_examined"):
        cover_storages(data, source.base, checker.storages, record)
    _hand_on(data, checker, record, budget)
    return record.walked("torch" if is_torch else "joblib" if checker.has_arrays else "pickle")


def _hand_on(data: memoryview, checker: Checker, record: Record, budget: Budget) -> None:
    """Hand on the bytes that a call loads in turn."""
    for held, at in checker.nested:
        if isinstance(held, bytes):
            record.member(memoryview(held), f"(bytes at {at})", expected=_nested_format(memoryview(held)))
        elif not held.encoding:
            part = data[held.start : held.end]
            record.part(part, held.start, expected=_nested_format(part))
        elif held.end - held.start > budget.expanded_bytes:
            message = "the bytes allowed to come out of one file are spent"
            record.add("not_examined", "pickle.nested", message, start=held.start, end=held.end)
        else:
            budget.expanded_bytes -= held.end - held.start
            text = str(data[held.start : held.end], held.encoding, "replace")
            inside = memoryview(text.encode("latin-1", "replace"))
            record.member(inside, f"(bytes at {at})", expected=_nested_format(inside))


def _nested_format(data: memoryview) -> str:
    """What torch takes bytes for that it is told to load: a zip file by its first bytes, all else for pickles."""
    return "" if data[: len(ZIP_MAGIC)] == ZIP_MAGIC else "pickle"


def follow_all(source: Source, checker: Checker, record: Record, budget: Budget, most: int) -> None:
    """Follow pickles until something else stands there; note where they break off."""
    for count in range(most):
        start = source.base
        if count and not _starts_pickle(source.window):
            break
        if not follow(source, checker, record, budget):
            break
        record.cover(start, source.base)
    checker.finish()


def follow(source: Source, checker: Checker, record: Record, budget: Budget) -> bool:
    """Follow one pickle and leave the source behind it; False, with a note, where it breaks off."""
    machine = Machine(source, checker, budget)
    try:
        machine.run()
    except Broken as error:
        record.add("malformed", "pickle.broken", str(error), start=machine.at)
        return False
    except Unexamined as error:
        record.add("not_examined", "pickle.limit", f"{error}; what follows was not looked at", start=machine.at)
        return False
    source.advance(machine.pos)
    return True


def _starts_pickle(window: bytes) -> bool:
    return len(window) > 1 and window[0] == PROTOCOL and window[1] <= HIGHEST_PROTOCOL
