"""What lists, tuples, dicts and objects hold: kept as far as a rule may ask for it, within a bound on memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.kernels.scan.allow_rules import NAMING_KEYS
from holdfast.kernels.scan.pickle_keys import heavy
from holdfast.kernels.scan.pickle_values import (
    FORGOTTEN,
    Bulk,
    Dict,
    Global,
    Heavy,
    Holder,
    Instance,
    List,
    Lost,
    Opaque,
    Stored,
    Tuple,
    Value,
)

CONSTANTS = frozenset({type(None), bool, int, str, bytes, Opaque, Heavy, Stored})
"""Types of the values that hold nothing and do nothing."""
LIGHT = CONSTANTS - {Heavy}
"""Types of the values that cost no more than one object."""
MOST_HELD = 400_000
MOST_VISITED = 400_000
_NAMES: frozenset[Value] = frozenset({None}).union(*NAMING_KEYS.values())


def are_constants(values: Iterable[Value]) -> bool:
    """Whether all of these hold nothing and do nothing."""
    return CONSTANTS.issuperset(map(type, values))


def is_plain(value: Value) -> bool:
    """Whether a value is a constant, or a tuple of constants."""
    return type(value) in CONSTANTS or (isinstance(value, Tuple) and value.is_plain)


class Contents:
    """The contents of all containers of one pickle.

    Most containers of a large pickle are plain: they hold constants, and other such containers. What holds them need
    not know them one by one: it holds ``late``, where those are named into which something else comes later.
    """

    def __init__(self) -> None:
        self.room = MOST_HELD
        self.late = Bulk("late", 1, {})

    def extend(self, target: List, items: list[Value]) -> None:
        """Put items into a list."""
        target.count += len(items)
        if target.names is not None:
            target.names = target.names.union(items) - {None} if _NAMES.issuperset(items) else None
        if not are_constants(items):
            if target.held is None:
                target.held = {}
            self.add(target.held, items)
            if target.is_plain and target.held and (len(target.held) > 1 or self.late not in target.held):
                self._no_longer_plain(target)

    def bulk(self, kind: str, cost: int, items: list[Value]) -> Heavy:
        """Return what stands for many items."""
        if are_constants(items) or all(map(is_plain, items)):
            return heavy(kind, cost)
        made = Bulk(kind, cost, {})
        self.add(made.held, items)
        return made

    def add(self, held: dict[Value, None], items: Iterable[Value]) -> None:
        """Remember values that are no constants; that there were more once the room is used up."""
        before = len(held)
        for item in items:
            if type(item) in CONSTANTS or is_plain(item):
                continue
            value = self._settled(item)
            held[value if self.room > 0 else FORGOTTEN] = None
        self.room -= len(held) - before

    def set(self, target: Dict, key: Value, value: Value) -> None:
        """Put an item into a dict."""
        if is_plain(value) and is_plain(key):
            return
        if target.is_plain and not (is_plain(key) and self._settled(value) is self.late):
            self._no_longer_plain(target)
        if target.held is None:
            target.held = {}
        if self.room > 0:
            self.room -= 1
            target.held[key] = value
        else:
            target.held[FORGOTTEN] = FORGOTTEN

    def _settled(self, value: Value) -> Value:
        """Return what holds a value from now on: itself, or for a plain container whatever may come into it."""
        if not isinstance(value, List | Dict) or not value.is_plain:
            return value
        if value.settled_in is None:
            value.settled_in = self.late
            if isinstance(value, Dict) and value.held:
                self.room += len(value.held)
                value.held.clear()
                value.held[self.late] = self.late
        return self.late if value.settled_in is self.late else value

    def _no_longer_plain(self, target: List | Dict) -> None:
        target.is_plain = False
        if target.settled_in is not None:
            target.settled_in.held[target] = None


def leaves(value: Value, *, by_class: bool = False) -> Iterator[Value]:
    """Yield what a value holds at any depth besides constants and containers; ``FORGOTTEN`` where that is not known.

    Of arrays, indices and the like only the class is known: with ``by_class``, what any of the class holds counts.
    """
    stack, seen, count = [value], set[Value](), 0
    while stack:
        part = stack.pop()
        if is_plain(part) or part in seen:
            continue
        seen.add(part)
        count += 1
        if count > MOST_VISITED or isinstance(part, Lost):
            yield FORGOTTEN
            return
        if isinstance(part, Tuple):
            stack.extend(part.items)
        elif isinstance(part, Dict):
            stack.extend((*(part.held or {}), *(part.held or {}).values()))
        elif isinstance(part, List | Bulk):
            stack.extend(part.held or ())
        elif isinstance(part, Global):
            yield part
        elif isinstance(part, Instance):
            yield part
            if isinstance(part, Holder):
                stack.extend(part.held)
            if by_class:
                stack.extend(part.of.held)
