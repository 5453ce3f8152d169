"""What lists, tuples, dicts and objects hold: kept as far as a rule may ask for it, within a bound on memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
SHORT_LIST = 32
"""Items up to which a list is known with its constants."""
MOST_HELD = 400_000
MOST_VISITED = 400_000


def are_constants(values: Iterable[Value]) -> bool:
    """Whether all of these hold nothing and do nothing."""
    return CONSTANTS.issuperset(map(type, values))


def is_plain(value: Value) -> bool:
    """Whether a value is a constant, or a tuple of constants."""
    return type(value) in CONSTANTS or (isinstance(value, Tuple) and value.is_plain)


class Contents:
    """The contents of all containers of one pickle."""

    def __init__(self) -> None:
        self.room = MOST_HELD

    def extend(self, target: List, items: list[Value]) -> None:
        """Put items into a list."""
        target.count += len(items)
        if target.count <= SHORT_LIST:
            target.held.update(dict.fromkeys(items))
        elif not are_constants(items):
            self.add(target.held, items)

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
        others = (item for item in items if not is_plain(item))
        held.update(dict.fromkeys(others if self.room > 0 else [FORGOTTEN for _ in others]))
        self.room -= len(held) - before

    def set(self, target: Dict, key: Value, value: Value) -> None:
        """Put an item into a dict."""
        if is_plain(value) and is_plain(key):
            return
        if target.held is None:
            target.held = {}
        if self.room > 0:
            self.room -= 1
            target.held[key] = value
        else:
            target.held[FORGOTTEN] = FORGOTTEN


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
            stack.extend(part.held)
        elif isinstance(part, Global):
            yield part
        elif isinstance(part, Instance):
            yield part
            if isinstance(part, Holder):
                stack.extend(part.held)
            if by_class:
                stack.extend(part.of.held)
