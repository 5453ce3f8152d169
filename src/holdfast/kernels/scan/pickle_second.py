"""Judge a second reading: bytes that are an array to joblib, and opcodes to ``pickle.load``."""

from __future__ import annotations

import re
import sys

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.allow_rules import UNSERIALISES
from holdfast.kernels.scan.observation import Kind
from holdfast.kernels.scan.pickle_checks import Checker
from holdfast.kernels.scan.pickle_judge import StoredArray
from holdfast.kernels.scan.pickle_patterns import fitting
from holdfast.kernels.scan.pickle_values import UNKNOWN, Borrowed, Dict, Global, Instance, Tuple, Value
from holdfast.kernels.scan.record import Record

REACHING = {"builtins:getattr"}
"""On the list for some arguments, and dangerous with any others."""
PLAIN_MAKERS = re.compile(
    r"numpy:dtype|numpy\.(?:core|_core)\.multiarray:(?:_reconstruct|scalar)|[\w.]+:__pyx_unpickle_\w+"
)
"""They take a class, and make nothing but arrays and numbers of it, or instances of the one class they are for."""
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


class SecondReading(Checker):
    """Notes what misleads, and changes nothing that the first reading computes with.

    Among the numbers of an array any global that is named or used is no accident. An array of objects is a pickle of
    its own, which another loader reads with the memo of the pickle around it: there it takes some modules of the first
    reading for those of other globals, so a global counts when neither its module nor its name comes from the list. A
    list or dict that the first reading made is filled by accident only where the reading breaks off soon after.
    """

    def __init__(self, record: Record, allow: AllowList, first: Checker, *, among_opcodes: bool) -> None:
        super().__init__(record, allow)
        self._first = first
        self._among_opcodes = among_opcodes
        self._loose = [(item, item.loose) for item in first.named()]
        self._fillings: list[int] = []

    def find(self, module: str, name: str, span: tuple[int, int], protocol: int) -> Value:
        """Note the global, and keep it for what is done with it."""
        found = super().find(module, name, span, protocol)
        if isinstance(found, Global) and (not self._among_opcodes or self._is_foreign(found)):
            self._mislead(found.path, span[0])
        return found

    def _is_foreign(self, item: Global) -> bool:
        if item.rule is not None:
            return False
        if _is_system(item):
            return True
        is_path = _PATH.fullmatch(item.module) is not None and _PATH.fullmatch(item.name) is not None
        return (
            is_path
            and not (item.module in self._allow.rules and self._allow.is_name(item.name))
            and ("." in item.module or not self._allow.is_name(item.name))
        )

    def call(self, function: Value, arguments: Value, at: int) -> Value:
        """Note a call of a global."""
        if isinstance(function, Global):
            is_ruled = function.rule is not None and fitting(function.rule.calls, arguments) is not None
            given = arguments.items if isinstance(arguments, Tuple) else []
            is_reaching = function.path in UNSERIALISES or (not is_ruled and _is_reaching(function, given))
            if not self._among_opcodes or is_reaching:
                self._mislead(function.path, at)
        return UNKNOWN

    def new(self, made: Value, arguments: Value, named: Value, at: int) -> Value:
        """Note an instantiation of a global."""
        return self.call(made, arguments, at)

    def build(self, target: Value, state: Value, at: int) -> StoredArray | None:
        """Note a state that is set on something the first reading made."""
        if isinstance(target, Global | Instance):
            self._fillings.append(at)
        return None

    def fill(self, target: Value, method: str, at: int) -> None:
        """Note what is put into something the first reading made."""
        if isinstance(target, Borrowed | Instance):
            self._fillings.append(at)

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

    def finish(self, *, is_coherent: bool = True) -> None:
        """Put the counts of the first reading back."""
        if is_coherent and self._fillings:
            self._mislead("an object of the first reading is filled", self._fillings[0])
        for item, loose in self._loose:
            item.loose = loose

    def _mislead(self, detail: str, at: int) -> None:
        message = "the bytes of an array are opcodes for a loader that does not know of the array"
        self._record.add("suspicious", "joblib.two-readings", message, detail=detail, start=at, end=at + 1)

    def _say(self, kind: Kind, rule: str, message: str, detail: str, start: int, end: int | None = None) -> None:
        """Leave out the rest: random bytes break off after a few opcodes."""


def _is_system(item: Global) -> bool:
    return item.module.partition(".")[0] in sys.stdlib_module_names


def _is_reaching(function: Global, arguments: list[Value]) -> bool:
    """Whether a function may call what it is given here, or is on no list."""
    rule = function.rule
    if rule is None or function.path in REACHING:
        return _is_system(function)
    takes_globals = any(text.startswith("@") for call in rule.calls for argument in call for text in argument)
    is_given = any(isinstance(value, Global) for value in arguments)
    return takes_globals and is_given and PLAIN_MAKERS.fullmatch(function.path) is None
