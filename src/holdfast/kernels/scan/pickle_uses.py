"""What the judge of a pickle knows of single values: names that are looked up while loading, and results of calls."""

from __future__ import annotations

from holdfast.kernels.scan.allow_rules import INERT_KEYS, NEVER_KEYS
from holdfast.kernels.scan.pickle_arrays import WRAPPER
from holdfast.kernels.scan.pickle_keys import total_cost
from holdfast.kernels.scan.pickle_values import (
    BYTES,
    Dict,
    Global,
    Heavy,
    Holder,
    Instance,
    Stored,
    Tuple,
    Value,
    Wrapper,
)
from holdfast.kernels.scan.printable import printable


def is_special(key: str) -> bool:
    """Whether an attribute of this name may be called while loading, in place of a method."""
    return key in NEVER_KEYS or (key.startswith("__") and key.endswith("__") and key not in INERT_KEYS)


def made_of(item: Global) -> Instance:
    """Return a new instance; of most classes one stands for all."""
    if item.rule is not None and item.rule.methods:
        return Holder(item)
    return Wrapper(item) if item.path == WRAPPER else item.instance


def weighed(made: Value, arguments: list[Value]) -> Value:
    """Return an instance, and remember what hashing it may cost, given what it was made from."""
    if isinstance(made, Instance):
        made.of.cost = max(made.of.cost, total_cost(arguments))
    return made


def encoded(text: Value) -> Value:
    """Return the bytes that a text stands for, as far as they are at hand."""
    if isinstance(text, str):
        return text.encode("latin-1", "replace")
    if isinstance(text, Stored):
        return Stored(text.start, text.end, "bytes", text.encoding)
    return Heavy("bytes", text.cost) if isinstance(text, Heavy) else BYTES


def shown(item: Global) -> str:
    """Return the name of a global for a message."""
    return printable(f"{item.module}.{item.name}", 100)


def is_slots(state: Value) -> bool:
    """Whether a state is what an object with slots has: a dict or nothing, and a dict."""
    if not isinstance(state, Tuple) or len(state.items) != 2:
        return False
    first, second = state.items
    return (first is None or isinstance(first, Dict)) and isinstance(second, Dict)
