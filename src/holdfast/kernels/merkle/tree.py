"""A Merkle tree over a list that only grows: its root, and short proofs of what is in it and what it grew from.

A node is addressed by level and place: node ``(l, p)`` covers the ``2**l`` leaves from ``p * 2**l`` on, level 0 being
the leaves. Only complete nodes are kept; the right edge is folded when it is asked for.

References
----------
Laurie, Messeri, Stradling (2021), RFC 9162, Certificate Transparency Version 2.0, section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import Any, NamedTuple

EMPTY_ROOT = sha256(b"").digest()
NodeAt = Callable[[int, int], bytes]


class Node(NamedTuple):
    """A complete inner node or leaf: 32 bytes of SHA-256 at a level and a place on it."""

    level: int
    place: int
    hash: bytes


def leaf_hash(data: bytes) -> bytes:
    """Hash one entry, 32 bytes (RFC 9162, 2.1.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbouring nodes, 32 bytes (RFC 9162, 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def node_number(level: int, place: int) -> int:
    """Number of an inner node in the order in which growing completes them, from 0.

    Before leaf ``n`` comes, ``n - n.bit_count()`` inner nodes are complete.

    Examples
    --------
    >>> [node_number(1, 0), node_number(1, 1), node_number(2, 0), node_number(1, 2)]
    [0, 1, 2, 3]
    """
    return (place + 1 << level) - 2 - place.bit_count()


def in_order(begin: int, completed: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Inner nodes by their number, the first one being ``begin - begin.bit_count()``.

    ``completed`` holds them by level, as :meth:`Edge.extend` gives them for the leaves from ``begin`` on.
    """
    inner = completed[1:]
    rows = [len(row) for row in inner]
    nodes = [node for row in inner for node in row]
    if len(nodes) < 2:
        return nodes
    # the last leaf that the first node of a level waits for, counted from ``begin``
    waits = [(((begin >> level) + 1) << level) - begin for level in range(1, len(inner) + 1)]
    return list(_order(tuple(rows), tuple(waits))(nodes))


@lru_cache(maxsize=256)
def _order(rows: tuple[int, ...], waits: tuple[int, ...]) -> itemgetter[Any]:
    """Places of nodes that stand level by level, in the order in which they are completed."""
    keys = [
        (wait + (place << level), level)
        for level, (n, wait) in enumerate(zip(rows, waits, strict=True), 1)
        for place in range(n)
    ]
    return itemgetter(*sorted(range(len(keys)), key=keys.__getitem__))


class Edge:
    """The right edge of a growing tree: all that is needed to append and to tell the root.

    Parameters
    ----------
    size
        Number of leaves so far.
    nodes
        The complete nodes that the leaves make up, from left to right: those at :func:`edge_of`.

    Examples
    --------
    >>> edge = Edge()
    >>> for entry in (b"a", b"b", b"c"):
    ...     nodes = edge.append(leaf_hash(entry))
    >>> edge.size, edge.root().hex()[:16]
    (3, '36642e73c2540ab1')
    """

    __slots__ = ("_nodes", "size")

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        self.size = size
        self._nodes = list(nodes)
        if size < 0 or len(self._nodes) != size.bit_count():
            raise ValueError(f"expected {size.bit_count()} nodes on the edge of {size} leaves, got {len(self._nodes)}")

    @property
    def nodes(self) -> tuple[bytes, ...]:
        """The complete nodes at :func:`edge_of` the size, from left to right."""
        return tuple(self._nodes)

    def append(self, leaf: bytes) -> list[Node]:
        """Add a leaf and return the nodes that it completes, the leaf itself not included."""
        place, nodes, completed = self.size, self._nodes, []
        level = 0
        while place & 1:
            leaf = sha256(b"\x01" + nodes.pop() + leaf).digest()
            place >>= 1
            level += 1
            completed.append(Node(level, place, leaf))
        nodes.append(leaf)
        self.size += 1
        return completed

    def extend(self, leaves: Sequence[bytes]) -> list[list[bytes]]:
        """Add leaves at once and return the nodes that they complete, by level, from place ``size >> level`` on.

        The leaves themselves are level 0.
        """
        completed: list[list[bytes]] = []
        row, places, edge = list(leaves), self.size, []
        while row:
            completed.append(row)
            if places & 1:
                row = [self._nodes.pop(), *row]
            if len(row) & 1:
                edge.append(row[-1])
            left = iter(row)
            row = [sha256(b"\x01" + one + other).digest() for one, other in zip(left, left, strict=False)]
            places >>= 1
        self._nodes += reversed(edge)
        self.size += len(leaves)
        return completed

    def root(self) -> bytes:
        """Root of the tree, 32 bytes; that of an empty one is the hash of nothing."""
        return _fold(self._nodes)

    def copy(self) -> Edge:
        """An edge that grows on its own."""
        return Edge(self.size, self._nodes)


def edge_of(size: int, *, begin: int = 0) -> Iterator[tuple[int, int]]:
    """Levels and places of the complete nodes that make up ``size`` leaves from ``begin`` on, from left to right.

    ``begin`` is a multiple of the smallest power of two that is not less than ``size``, as every part of a proof is.
    """
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            yield level, begin >> level
            begin += 1 << level


def inclusion_proof(index: int, size: int, node: NodeAt) -> tuple[bytes, ...]:
    """Hashes that lead from leaf ``index`` to the root of the first ``size`` leaves (RFC 9162, 2.1.3.1).

    Parameters
    ----------
    node
        Gives the hash of a complete node by level and place.

    Raises
    ------
    ValueError
        Unless ``0 <= index < size``.
    """
    if not 0 <= index < size:
        raise ValueError(f"expected an entry from 0 to {size - 1}, got {index}")
    begin, end, siblings = 0, size, []
    while end - begin > 1:
        middle = begin + _left_half(end - begin)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((begin, middle))
            begin = middle
    return tuple(_root_of_range(*part, node) for part in reversed(siblings))


def consistency_proof(old: int, new: int, node: NodeAt) -> tuple[bytes, ...]:
    """Hashes that show the first ``old`` of ``new`` leaves to be unchanged (RFC 9162, 2.1.4.1).

    Empty where there is nothing to show: ``old`` is 0 or equal to ``new``.

    Raises
    ------
    ValueError
        Unless ``0 <= old <= new``.
    """
    if not 0 <= old <= new:
        raise ValueError(f"expected an older size from 0 to {new}, got {old}")
    if old == 0:
        return ()
    begin, end, parts = 0, new, []
    while end != old:
        middle = begin + _left_half(end - begin)
        if old <= middle:
            parts.append((middle, end))
            end = middle
        else:
            parts.append((begin, middle))
            begin = middle
    if begin:
        parts.append((begin, end))
    return tuple(_root_of_range(*part, node) for part in reversed(parts))


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof leads from a leaf to the root (RFC 9162, 2.1.3.2). Never raises on hostile values."""
    if not 0 <= index < size:
        return False
    # Below the lowest common node of the leaf and the last one the bits of the index say which side a sibling is on;
    # above it the leaf stands on the right edge, where every sibling is a left one, and there is one for each bit set.
    place, found, n_inside = index, leaf, (index ^ size - 1).bit_length()
    if len(proof) != n_inside + (index >> n_inside).bit_count():
        return False
    for sibling in proof[:n_inside]:
        found = sha256(b"\x01" + sibling + found if place & 1 else b"\x01" + found + sibling).digest()
        place >>= 1
    for sibling in proof[n_inside:]:
        found = sha256(b"\x01" + sibling + found).digest()
    return found == root


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the newer tree begins with the whole of the older one (RFC 9162, 2.1.4.2). Never raises.

    An empty older tree begins every tree; two trees of one size must be equal.
    """
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    parts = list(proof) if old & (old - 1) else [old_root, *proof]
    if not parts:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    first = second = parts[0]
    for sibling in parts[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first = node_hash(sibling, first)
            second = node_hash(sibling, second)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            second = node_hash(second, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and first == old_root and second == new_root


def _left_half(size: int) -> int:
    """Largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _root_of_range(begin: int, end: int, node: NodeAt) -> bytes:
    return _fold([node(level, place) for level, place in edge_of(end - begin, begin=begin)])


def _fold(nodes: Sequence[bytes]) -> bytes:
    if not nodes:
        return EMPTY_ROOT
    found = nodes[-1]
    for left in reversed(nodes[:-1]):
        found = node_hash(left, found)
    return found
