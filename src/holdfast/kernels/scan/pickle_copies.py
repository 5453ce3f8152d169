"""What copying costs the loader: a value is memoized once, and a few bytes copy it again and again.

A call that makes a set of a list, and a state that fills the attributes of an object, take as many steps as the value
has items. What a file writes out is copied once; a thousand copies of a value of a million items are a bomb.
"""

from __future__ import annotations

from holdfast.kernels.scan.pickle_values import (
    ITEM_BYTES,
    Dict,
    Heavy,
    Instance,
    Lazy,
    List,
    Opaque,
    Stored,
    Tuple,
    Value,
)

FREE_COPIES = 2_000_000
COPIES_PER_BYTE = 4
UNKNOWN_ITEMS = {"list": 10_000, "set": 10_000, "forgotten": 100, "bytes": 100, "bytearray": 100, "str": 100}
"""What is taken for the size of a value of which only the kind is known; numbers have none."""
MOST_SHARED = 200
"""Objects that are given a state which another one was given: each object of a program has its own."""

RANGE = "builtins:range"
RANGE_INDEX = {"pandas:RangeIndex", "pandas.core.indexes.range:RangeIndex"}
RANGE_KEYS = ("start", "stop", "step")
WRITTEN_KEYS = {"data", "left", "right"}
"""Arguments of an index of pandas that are written out while it is made."""
COPYING_KEYS = {"copy", "dtype"}
"""Arguments of an index that make a new array of its data; pandas writes neither."""
MAKES_INDEX = "pandas.core.indexes."
ENDLESS = 1 << 62
COUNTS_UP = "torch.nn.modules.rnn"
COUNTED_KEY, MOST_COUNTED = "num_layers", 10_000
"""A recurrent layer makes names up to this number when its state is set."""
COPIED_KEYS = {*RANGE_KEYS, *WRITTEN_KEYS, *COPYING_KEYS, COUNTED_KEY}
"""Keys of a dict whose values are asked for here."""


def lazy(function: str, made: Value, items: list[Value]) -> Value:
    """Return what a call makes, with how many numbers it stands for where that is a range."""
    if not isinstance(made, Instance):
        return made
    if function == RANGE:
        return Lazy(made.of, _length(items if len(items) > 1 else [0, *items]))
    if made.of.path in RANGE_INDEX and function.startswith(MAKES_INDEX):
        kept = next((item.kept or {} for item in items if isinstance(item, Dict)), {})
        return Lazy(made.of, _length([kept.get(key) for key in RANGE_KEYS]))
    return made


def _length(bounds: list[Value]) -> int:
    start, stop, step = (*bounds, None, None)[:3]
    start, step = 0 if start is None else start, 1 if step is None else step
    if not (isinstance(start, int) and isinstance(stop, int) and isinstance(step, int) and step):
        return ENDLESS
    return min(ENDLESS, max(0, (stop - start) // step + 1))


def written_out(function: str, arguments: Value) -> int:
    """Return how many numbers a call writes out though the file only says how many they are."""
    items = arguments.items if isinstance(arguments, Tuple) and function.startswith(MAKES_INDEX) else []
    kept = [(key, value) for item in items if isinstance(item, Dict) for key, value in (item.kept or {}).items()]
    return sum(value.count for key, value in kept if key in WRITTEN_KEYS and isinstance(value, Lazy))


def copies_data(function: str, arguments: Value) -> bool:
    """Whether an index is made of a new array rather than of the one that the file holds."""
    items = arguments.items if isinstance(arguments, Tuple) and function.startswith(MAKES_INDEX) else []
    return any(isinstance(item, Dict) and not COPYING_KEYS.isdisjoint(item.kept or {}) for item in items)


def counts_far(module: str, state: Value) -> bool:
    """Whether setting a state makes an object count up to a number that is no constant, or no ordinary one."""
    kept = state.kept if isinstance(state, Dict) and module == COUNTS_UP else None
    if kept is None or COUNTED_KEY not in kept:
        return False
    number = kept[COUNTED_KEY]
    return not isinstance(number, int) or number > MOST_COUNTED


def size_of(value: Value, depth: int = 1) -> int:
    """Return how many items are copied with a value, eight bytes of a text or of bytes for one."""
    if isinstance(value, str | bytes):
        return len(value) // ITEM_BYTES
    if isinstance(value, Stored):
        return (value.end - value.start) // ITEM_BYTES
    if isinstance(value, Tuple):
        return len(value.items) + (sum(size_of(item, depth - 1) for item in value.items) if depth else 0)
    if isinstance(value, Dict):
        return value.size
    if isinstance(value, List):
        return value.count
    if isinstance(value, Heavy):
        return value.cost
    if isinstance(value, Opaque):
        return UNKNOWN_ITEMS.get(value.kind, 0)
    return 0


class Copies:
    """The copies that one file makes the loader take."""

    def __init__(self) -> None:
        self.items = 0
        self.shared = 0

    def take(self, value: Value, more: int = 0) -> None:
        """Count what is copied with the arguments of a call, or with a state."""
        self.items += size_of(value) + more

    def trouble(self, at: int) -> str:
        """Return what is wrong with the copies so far; empty for nothing."""
        if self.items > FREE_COPIES + COPIES_PER_BYTE * at:
            return "the same values are copied so often that loading takes far more memory than the bytes explain"
        if self.shared > MOST_SHARED:
            return "one state is copied into many objects"
        return ""
