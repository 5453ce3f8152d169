"""What a dict or a set costs the loader: hashing its keys, and telling apart those with the same hash.

A tuple that holds another one twice, which holds another one twice, takes few bytes and 2**n steps to hash. Integers
have hashes that anyone can choose, so that a dict of n of them takes n * n steps to fill.
"""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.kernels.scan.pickle_values import LONG, Heavy, Tuple, Value, cost_of

MODULUS = (1 << 61) - 1
"""Integers below have hashes of their own."""
PRIME = 1_000_000_007
MOST_COST = 1 << 62
FREE_COST = 1_000_000
COST_PER_BYTE = 100
FREE_INDEX = 1_000_000
INDEX_PER_BYTE = 10
MOST_COLLISIONS = 200
MOST_LONG_KEYS = 1_000
"""Keys that are integers of more bytes than the machine keeps."""
MOST_HASHES = 200_000


def is_too_dear(cost: int, at: int) -> bool:
    """Whether hashing takes more steps than any structure that the bytes up to ``at`` write out."""
    return cost > FREE_COST + COST_PER_BYTE * at


def is_far_index(index: int, at: int) -> bool:
    """Whether memoizing under an index makes the loader reserve room that the bytes up to ``at`` do not explain."""
    return index > FREE_INDEX + INDEX_PER_BYTE * at


def total_cost(items: Iterable[Value]) -> int:
    """Return how many objects are visited to hash what holds these."""
    return min(MOST_COST, 1 + sum(map(cost_of, items)))


def heavy(kind: str, cost: int) -> Heavy:
    """Return what stands for a value of some cost; one object for each small cost."""
    return _SMALL[kind][cost] if cost < len(_SMALL[kind]) else Heavy(kind, cost)


_SMALL = {kind: [Heavy(kind, cost) for cost in range(256)] for kind in ("tuple", "frozenset", "forgotten", "str")}


class Keys:
    """The keys of all dicts and sets of one pickle."""

    def __init__(self) -> None:
        self.cost = 0
        self.most_equal = 0
        self._n_long = 0
        self._seen: dict[int, int | set[int]] = {}

    def take(self, keys: Iterable[Value]) -> None:
        """Count what hashing them costs, and those with the same hash."""
        for key in keys:
            self.cost = min(MOST_COST, self.cost + cost_of(key))
            if key is LONG:
                self._n_long += 1
            elif isinstance(key, Tuple) or (type(key) is int and not -MODULUS < key < MODULUS):
                self._note(_identity(key))

    def trouble(self, at: int) -> str:
        """Return what is wrong with the keys so far; empty for nothing."""
        if is_too_dear(self.cost, at):
            return "hashing the keys takes so many steps that loading does not end in reasonable time"
        if self.most_equal > MOST_COLLISIONS or self._n_long > MOST_LONG_KEYS:
            return "many different keys are chosen to have one hash, so that filling the dict takes long"
        return ""

    def _note(self, identity: tuple[int, int] | None) -> None:
        if identity is None:
            return
        if len(self._seen) > MOST_HASHES:
            self._seen.clear()
        hashed, second = identity
        known = self._seen.setdefault(hashed, second)
        if isinstance(known, set):
            if len(known) <= MOST_COLLISIONS:
                known.add(second)
            self.most_equal = max(self.most_equal, len(known))
        elif known != second:
            self._seen[hashed] = {known, second}


def _identity(value: Value) -> tuple[int, int] | None:
    """Return the hash that Python takes of a value, and another one; None where the value is not known."""
    if isinstance(value, Tuple):
        parts = [_identity(item) for item in value.items]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return hash(tuple(first for first, _ in known)), hash((1, *(second for _, second in known)))
    if isinstance(value, int):
        return hash(value), value % PRIME
    return (hash(value), hash((2, value))) if value is None or isinstance(value, str | bytes) else None
