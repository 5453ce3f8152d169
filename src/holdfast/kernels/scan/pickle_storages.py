"""Say which storages a pickle of torch asks its loader for."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.byte_source import MemorySource
from holdfast.kernels.scan.observation import Budget, Place
from holdfast.kernels.scan.pickle_checks import Checker
from holdfast.kernels.scan.pickle_limits import Broken, Unexamined
from holdfast.kernels.scan.pickle_machine import Machine
from holdfast.kernels.scan.record import Record

NOTHING_ALLOWED = AllowList({})


def storages_of(data: memoryview, budget: Budget) -> Mapping[str, tuple[str, int]] | None:
    """Return class and number of items by key; None where the pickle cannot be followed, which its walker reports."""
    checker = Checker(Record(Place((), 0, len(data))), NOTHING_ALLOWED)
    try:
        Machine(MemorySource(data), checker, budget, reads_arrays=False).run()
    except (Broken, Unexamined):
        return None
    return checker.storages
