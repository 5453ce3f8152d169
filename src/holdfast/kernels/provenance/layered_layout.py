"""Lay out a directed graph from left to right: in columns, with few crossings.

References
----------
Sugiyama, Tagawa, Toda (1981), Methods for visual understanding of hierarchical system structures, IEEE Transactions on
Systems, Man and Cybernetics 11 (2).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Edges = Sequence[tuple[int, int]]
SWEEPS = 8


class Layout(NamedTuple):
    """Where things are drawn.

    Attributes
    ----------
    x, y
        ``(n,)`` float64, upper left corner of each box.
    routes
        For each edge, the points through which it passes, ``(n_points, 2)``, from its source to its target.
    width, height
        Of the whole.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    routes: list[NDArray[np.float64]]
    width: float
    height: float


def layered_layout(
    sizes: NDArray[np.float64], edges: Edges, *, column_gap: float = 56.0, row_gap: float = 24.0
) -> Layout:
    """Place boxes in columns so that edges run to the right and cross seldom.

    A box without predecessors stands just before the first box it leads to, any other as far left as it can. Edges
    over several columns keep a place free in each. The result depends on nothing but the arguments.

    Parameters
    ----------
    sizes : ndarray of shape (n, 2)
        Width and height of each box.
    edges : sequence of (int, int)
        Source and target. Edges that close a circle are drawn backwards.
    column_gap, row_gap : float
        Room between columns, and between boxes of one.

    Returns
    -------
    Layout

    Raises
    ------
    ValueError
        When an edge names a box that does not exist.
    """
    n = len(sizes)
    if any(not 0 <= end < n for edge in edges for end in edge):
        raise ValueError(f"expected edges between the boxes 0 to {n - 1}, got {list(edges)}")
    forward = _without_circles(n, edges)
    layer = _layers(n, forward)
    heights, layer, chains, links = _with_places(np.asarray(sizes, dtype=np.float64), layer, forward)
    columns = _ordered(layer, links)
    middle = _rows(columns, heights, links, row_gap)
    widths = np.array([max((sizes[box, 0] for box in column if box < n), default=0.0) for column in columns])
    left = np.concatenate([[0.0], np.cumsum(widths + column_gap)])
    x = np.array([left[layer[box]] for box in range(n)])
    y = middle[:n] - np.asarray(sizes, dtype=np.float64).reshape(-1, 2)[:, 1] / 2
    routes = []
    for (source, _), chain in zip(edges, chains, strict=True):
        is_turned = chain[0] != source
        start, *between, end = chain
        points = [(x[start] + sizes[start, 0], middle[start])]
        for place in between:
            points += [(left[layer[place]], middle[place]), (left[layer[place]] + widths[layer[place]], middle[place])]
        points.append((x[end], middle[end]))
        routes.append(np.array(points[::-1] if is_turned else points, dtype=np.float64))
    ends = [float((y + np.asarray(sizes).reshape(-1, 2)[:, 1]).max()) if n else 0.0]
    bottom = max([*ends, *(float(route[:, 1].max()) for route in routes)])
    return Layout(x, y, routes, float(left[-1] - column_gap) if n else 0.0, bottom)


def n_crossings(orders: Sequence[Sequence[int]], links: Edges) -> int:
    """Count the crossings of links between neighbouring columns, given the boxes of each column from top to bottom."""
    place = {box: (column, row) for column, boxes in enumerate(orders) for row, box in enumerate(boxes)}
    crossings = 0
    for column in range(len(orders) - 1):
        pairs = [(place[a][1], place[b][1]) for a, b in links if place[a][0] == column and place[b][0] == column + 1]
        for k, (a, b) in enumerate(pairs):
            crossings += sum((a - c) * (b - d) < 0 for c, d in pairs[k + 1 :])
    return crossings


def _without_circles(n: int, edges: Edges) -> list[tuple[int, int]]:
    """Turn around the edges that close a circle, found by a search in depth."""
    out: list[list[int]] = [[] for _ in range(n)]
    for source, target in edges:
        out[source].append(target)
    state = [0] * n  # 0 not met, 1 on the way, 2 done
    turned: set[tuple[int, int]] = set()
    for start in range(n):
        waiting = [(start, iter(out[start]))] if state[start] == 0 else []
        state[start] = state[start] or 1
        while waiting:
            box, rest = waiting[-1]
            following = next(rest, None)
            if following is None:
                state[box] = 2
                waiting.pop()
            elif state[following] == 1:
                turned.add((box, following))
            elif state[following] == 0:
                state[following] = 1
                waiting.append((following, iter(out[following])))
    return [(b, a) if (a, b) in turned and a != b else (a, b) for a, b in edges]


def _layers(n: int, edges: Edges) -> list[int]:
    """Give each box its column: the longest way to it; boxes without a way to them move up to what they lead to."""
    layer = [0] * n
    real = [(a, b) for a, b in edges if a != b]
    for _ in range(n):
        before = list(layer)
        for source, target in real:
            layer[target] = max(layer[target], layer[source] + 1)
        if layer == before:
            break
    reached = {target for _, target in real}
    for box in range(n):
        following = [layer[target] for source, target in real if source == box]
        if box not in reached and following:
            layer[box] = min(following) - 1
    return layer


def _with_places(
    sizes: NDArray[np.float64], layer: list[int], edges: Edges
) -> tuple[list[float], list[int], list[list[int]], list[tuple[int, int]]]:
    """Add a place in each column that an edge passes; return heights, columns, chains of the edges, and all links."""
    heights = [float(height) for height in sizes.reshape(-1, 2)[:, 1]]
    layer = list(layer)
    chains, links = [], []
    for source, target in edges:
        chain = [source]
        for column in range(layer[source] + 1, layer[target]):
            chain.append(len(layer))
            layer.append(column)
            heights.append(0.0)
        chain.append(target)
        chains.append(chain)
        links += [pair for pair in pairwise(chain) if pair[0] != pair[1]]
    return heights, layer, chains, links


def _ordered(layer: list[int], links: Edges) -> list[list[int]]:
    """Order the boxes of each column by the mean place of their neighbours, sweeping to and fro; keep the best."""
    columns: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for box, column in enumerate(layer):
        columns[column].append(box)
    best, fewest = [list(column) for column in columns], n_crossings(columns, links)
    for sweep in range(SWEEPS):
        is_forward = sweep % 2 == 0
        for column in range(1, len(columns)) if is_forward else range(len(columns) - 2, -1, -1):
            row = {box: place for boxes in columns for place, box in enumerate(boxes)}
            beside = _neighbours(links, is_forward=is_forward)
            places = {box: float(np.mean([row[other] for other in beside.get(box, [box])])) for box in columns[column]}
            columns[column].sort(key=lambda box, places=places: places[box])  # type: ignore[misc]
        crossings = n_crossings(columns, links)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    return best


def _neighbours(links: Edges, *, is_forward: bool) -> dict[int, list[int]]:
    beside: dict[int, list[int]] = {}
    for source, target in links:
        box, other = (target, source) if is_forward else (source, target)
        beside.setdefault(box, []).append(other)
    return beside


def _rows(columns: list[list[int]], heights: list[float], links: Edges, gap: float) -> NDArray[np.float64]:
    """Return the middle of each box: near the mean of its neighbours, in the order of its column, without overlap."""
    middle = np.zeros(len(heights))
    for boxes in columns:
        _stack(boxes, [0.0] * len(boxes), middle, heights, gap)
    before, behind = (_neighbours(links, is_forward=forward) for forward in (True, False))
    for sweep in range(SWEEPS):
        for boxes in columns if sweep % 2 == 0 else columns[::-1]:
            wanted = []
            for box in boxes:
                near = (before if sweep % 2 == 0 else behind).get(box) or [box]
                wanted.append(float(np.mean(middle[near])))
            _stack(boxes, wanted, middle, heights, gap)
    top = min((middle[box] - heights[box] / 2 for boxes in columns for box in boxes), default=0.0)
    return middle - top


def _stack(
    boxes: list[int], wanted: list[float], middle: NDArray[np.float64], heights: list[float], gap: float
) -> None:
    """Put boxes as near to where they are wanted as their order allows: overlapping ones share their displacement."""
    blocks: list[tuple[float, float, list[int]]] = []  # sum of wanted starts, length, boxes
    for box, want in zip(boxes, wanted, strict=True):
        block = (want - heights[box] / 2, heights[box] + gap, [box])
        while blocks and blocks[-1][0] / len(blocks[-1][2]) + blocks[-1][1] > block[0] / len(block[2]):
            start, length, members = blocks.pop()
            block = (start + block[0] - length * len(block[2]), length + block[1], [*members, *block[2]])
        blocks.append(block)
    for start, _, members in blocks:
        place = start / len(members)
        for box in members:
            middle[box] = place + heights[box] / 2
            place += heights[box] + gap
