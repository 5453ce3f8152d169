"""Judge a second reading: bytes that are an array to joblib, and opcodes to ``pickle.load``."""

from __future__ import annotations

import sys

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.observation import Kind
from holdfast.kernels.scan.pickle_checks import Checker
from holdfast.kernels.scan.pickle_judge import StoredArray
from holdfast.kernels.scan.pickle_patterns import fitting
from holdfast.kernels.scan.pickle_values import UNKNOWN, Dict, Global, Value
from holdfast.kernels.scan.record import Record

REACHING = {"builtins:getattr"}
"""On the list for some arguments, and dangerous with others."""


class SecondReading(Checker):
    """Notes what misleads, and changes nothing that the first reading computes with.

    Among the numbers of an array any global that is named or used is no accident. An array of objects is a pickle of
    its own, which another loader reads with the memo of the pickle around it: what it takes for names is mostly noise,
    so only the standard library counts there, from which everything that runs code has to start.
    """

    def __init__(self, record: Record, allow: AllowList, first: Checker, *, among_opcodes: bool) -> None:
        super().__init__(record, allow)
        self._first = first
        self._among_opcodes = among_opcodes
        self._loose = [(item, item.loose) for item in first.named()]

    def find(self, module: str, name: str, span: tuple[int, int], protocol: int) -> Value:
        """Note the global, and keep it for what is done with it."""
        found = super().find(module, name, span, protocol)
        if isinstance(found, Global) and (not self._among_opcodes or (found.rule is None and _is_system(found))):
            self._mislead(found, span[0])
        return found

    def call(self, function: Value, arguments: Value, at: int) -> Value:
        """Note a call of a global."""
        if isinstance(function, Global):
            is_ruled = function.rule is not None and fitting(function.rule.calls, arguments) is not None
            is_reaching = function.rule is None or function.path in REACHING
            if not self._among_opcodes or (_is_system(function) and is_reaching and not is_ruled):
                self._mislead(function, at)
        return UNKNOWN

    def new(self, made: Value, arguments: Value, named: Value, at: int) -> Value:
        """Note an instantiation of a global."""
        return self.call(made, arguments, at)

    def build(self, target: Value, state: Value, at: int) -> StoredArray | None:
        """Note a state that is set on a global."""
        if isinstance(target, Global) and not self._among_opcodes:
            self._mislead(target, at)
        return None

    def fill(self, target: Value, method: str, at: int) -> None:
        """Leave it out."""

    def persistent(self, id: Value, at: int) -> Value:
        """Leave it out: these loaders refuse it."""
        return UNKNOWN

    def is_plain_item(self, target: Dict, key: str, value: Value, at: int) -> bool:
        """Leave the dict as the first reading knows it."""
        return True

    def hold(self, target: Dict, value: Value) -> bool:
        """Leave the dict as the first reading knows it."""
        return False

    def thinned(self, value: Value) -> Value:
        """Return what the first reading would keep."""
        return self._first.thinned(value)

    def finish(self) -> None:
        """Put the counts of the first reading back."""
        for item, loose in self._loose:
            item.loose = loose

    def _mislead(self, item: Global, at: int) -> None:
        message = "the bytes of an array are opcodes for a loader that does not know of the array"
        self._record.add("suspicious", "joblib.two-readings", message, detail=item.path, start=at, end=at + 1)

    def _say(self, kind: Kind, rule: str, message: str, detail: str, start: int, end: int | None = None) -> None:
        """Leave out the rest: random bytes break off after a few opcodes."""


def _is_system(item: Global) -> bool:
    return item.module.partition(".")[0] in sys.stdlib_module_names
