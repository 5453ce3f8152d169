"""Judge what the attributes of objects hold: an object calls what it holds, by names that the file may choose.

An attribute that calls nothing (``method_of(estimator)``) may be put where an object's own method is looked up, and a
table or a path where an estimator belongs has methods that evaluate text or write files. So an attribute may hold
constants, containers and arrays; what does more, such as estimators, functions and kernels, stands only under the names
where the allow list has seen its kind, or estimators in an estimator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.allow_rules import ARGUMENT_KEYS, NAMING_KEYS, PICKING, READING_KEYS, STEP_KEYS
from holdfast.kernels.scan.pickle_contents import leaves
from holdfast.kernels.scan.pickle_limits import Unexamined
from holdfast.kernels.scan.pickle_values import FORGOTTEN, Dict, Global, Instance, List, Tuple, Value

DATA, ACTING_DATA, FUNCTION, CLASS, NUMBER_TYPE, ESTIMATOR = "data", "acting", "function", "class", "type", "estimator"
LOST, PICKED = "lost", "picked"
FUNCTIONS_BY_ARGUMENTS = {"functools:partial"}
"""Objects that are a function with some arguments: the list allows them with plain numeric functions only."""
_DATA_ROOTS = frozenset(
    {"numpy", "pandas", "datetime", "decimal", "uuid", "fractions", "zoneinfo", "pytz", "dateutil", "pyarrow",
     "collections", "builtins"}
)  # fmt: skip
_DATA_MODULES = ("scipy.sparse", "torch.nn.parameter", "torch.storage", "sklearn.utils._bunch")
_ACTING = frozenset({"DataFrame", "Series"})
_ACTING_ROOTS = frozenset({"pathlib", "types"})
MOST_PENDING = 200_000


def family(value: Value) -> str:
    """Return what kind of part an object is: what may stand in its place.

    ``data`` does nothing by itself, ``acting`` has methods that evaluate text or write files. Of all else a class of
    the same module may stand there, unless the list knows the family of the class.
    """
    if isinstance(value, Global):
        if value.rule is None or value.rule.family == NUMBER_TYPE:
            return DATA
        if value.module in ("builtins", "collections") and "." not in value.name:
            return DATA
        return CLASS if value.rule.is_class or value.rule.family else FUNCTION
    if not isinstance(value, Instance):
        return DATA
    made = value.of
    root = made.module.partition(".")[0]
    if made.path in FUNCTIONS_BY_ARGUMENTS:
        return FUNCTION
    if made.rule is not None and made.rule.family:
        return made.rule.family
    if root in _ACTING_ROOTS or (root == "pandas" and made.name in _ACTING):
        return ACTING_DATA
    if root in _DATA_ROOTS or made.module == "torch" or made.module.startswith(_DATA_MODULES):
        return DATA
    return f"{made.module}:"


@dataclass(frozen=True, slots=True)
class Misfit:
    """An attribute that holds what it may not."""

    target: Global
    key: str
    value: Value
    at: int

    @property
    def reason(self) -> str:
        """Why it may not."""
        if self.key in STEP_KEYS and isinstance(self.value, Global):
            return "what it returns may be taken for the name of a file"
        return "it opens the files that it is given the names of" if self.key in READING_KEYS else "it may call it"


class Slots:
    """The attributes of all objects of one file; containers are looked at when nothing can fill them any more."""

    def __init__(self, allow: AllowList) -> None:
        self._allow = allow
        self._pending: list[tuple[Global, str, Value, int]] = []
        self._known: set[tuple[Global, str, Value]] = set()
        self._held: dict[tuple[Value, bool], dict[str, Value]] = {}

    def take(self, target: Global, state: Value, at: int) -> None:
        """Remember what a state puts into an object."""
        if isinstance(state, Tuple):
            for position, part in enumerate(state.items):
                if isinstance(part, Dict) and target.path in FUNCTIONS_BY_ARGUMENTS and position == 2:
                    self._put(target, "kwargs", part, at)
                elif isinstance(part, Global) and target.path in FUNCTIONS_BY_ARGUMENTS and part.path in PICKING:
                    self._put(target, "func", part, at)
                elif isinstance(part, Dict):
                    self.take(target, part, at)
        if not isinstance(state, Dict):
            return
        for key, value in (state.held or {}).items():
            self._put(target, key if isinstance(key, str) else "", value, at)
        for key in NAMING_KEYS.keys() & (state.kept or {}).keys():
            self._put(target, key, (state.kept or {})[key], at)

    def _put(self, target: Global, key: str, value: Value, at: int) -> None:
        part = (target, key, value)
        if isinstance(value, Instance | Global):
            if part in self._known:
                return
            self._known.add(part)
        if len(self._pending) >= MOST_PENDING:
            raise Unexamined(f"more than {MOST_PENDING} attributes of objects hold more than constants")
        self._pending.append((target, key, value, at))

    def held(self) -> Iterator[tuple[Global, str, str]]:
        """Yield the families of what each attribute of a class holds."""
        for target, key, value, _ in self._pending:
            for leaf in leaves(value):
                yield target, key, family(leaf)

    def misfits(self) -> Iterator[Misfit]:
        """Yield the attributes that hold what they may not."""
        for target, key, value, at in self._pending:
            names = NAMING_KEYS.get(key)
            if names is not None and not _is_among(value, names):
                yield Misfit(target, key, value, at)
                continue
            fitting = self.fitting(target, key)
            held = self._families(value)
            found = [leaf for kind, leaf in held.items() if kind not in fitting | {PICKED}]
            if key in STEP_KEYS and PICKED in held:
                found.append(held[PICKED])
            if not found and ACTING_DATA not in fitting:
                # what any array of objects in the file holds may stand in this one
                any_held = self._families(value, by_class=True)
                found = [leaf for kind, leaf in any_held.items() if kind not in fitting | {ESTIMATOR, PICKED}]
            if found:
                yield Misfit(target, key, found[0], at)

    def _families(self, value: Value, *, by_class: bool = False) -> dict[str, Value]:
        """Return one of the parts of each family that a value holds; looked up once, in however many places it stands.

        Functions that pick an item stand under ``PICKED`` too, and what is not known any more under ``LOST``.
        """
        if (value, by_class) not in self._held:
            found: dict[str, Value] = {}
            for leaf in leaves(value, by_class=by_class):
                found.setdefault(LOST if leaf is FORGOTTEN else family(leaf), leaf)
                if isinstance(leaf, Global) and leaf.path in PICKING:
                    found.setdefault(PICKED, leaf)
            self._held[value, by_class] = found
        return self._held[value, by_class]

    def fitting(self, target: Global, key: str) -> frozenset[str]:
        """Return the families that an attribute may hold."""
        if key in ARGUMENT_KEYS:
            return frozenset({DATA})
        seen = self._allow.slots.get(target.module.partition(".")[0], {}).get(key)
        if seen is not None:
            return seen | {DATA}
        is_estimator = target.rule is not None and target.rule.family == ESTIMATOR
        return frozenset({DATA, ACTING_DATA, ESTIMATOR} if is_estimator else {DATA, ACTING_DATA})


def _is_among(value: Value, names: frozenset[str]) -> bool:
    """Whether a value is one of these names, several of them, or none."""
    if value is None or isinstance(value, str):
        return value is None or value in names
    if isinstance(value, Tuple):
        return all(isinstance(item, str) and item in names for item in value.items)
    if isinstance(value, List):
        return value.names is not None and value.names <= names
    return False
