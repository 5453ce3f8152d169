"""A lineage as a picture: boxes in columns from raw data to decision, what is missing drawn with broken lines."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from holdfast.core.lineage import Lineage, LineageEdge, LineageNode, NodeKind
from holdfast.kernels.provenance.layered_layout import layered_layout
from holdfast.reports.svg import INK, MUTED, NAMESPACE, PAPER, SERIES, TOKENS
from holdfast.reports.text import printable, shorten

MOST_DRAWN = 80
WIDTH, LINE_HEIGHT, PADDING, HEAD = 204.0, 17.0, 12.0, 42.0
COLUMN_GAP, ROW_GAP, MARGIN = 52.0, 26.0, 8.0
TITLE_LETTERS, FACT_LETTERS, LABEL_LETTERS, PORT_GAP = 25, 30, 8, 15.0
SCALE = 0.79  # five columns are as wide as a page
WRONG = "#b3261e"
KIND_WORDS: Mapping[NodeKind, str] = {
    "data": "Data",
    "file": "File",
    "run": "Training run",
    "model": "Model",
    "audit": "Audit",
    "decision": "Decision",
}
COLOURS: Mapping[NodeKind, str] = {
    "data": SERIES[2],
    "file": SERIES[7],
    "run": SERIES[3],
    "model": SERIES[0],
    "audit": SERIES[6],
    "decision": SERIES[1],
}
STATE_WORDS = {
    "known": "",
    "unregistered": "not registered",
    "unrecorded": "not recorded",
    "missing": "missing",
    "changed": "changed since",
    "failed": "failed",
    "unfinished": "no end recorded",
}


def lineage_svg(lineage: Lineage, *, is_page: bool = True) -> str:
    """Draw a lineage.

    Parameters
    ----------
    is_page
        Whether it stands in a page of ours, whose colours it takes; otherwise it gets a ground of its own.

    Returns
    -------
    str
        An ``<svg>`` element without ids, scripts or styles, with the graph in words as its description.
    """
    drawn = nearest(lineage, MOST_DRAWN)
    place = {node.id: position for position, node in enumerate(drawn)}
    edges = [edge for edge in lineage.edges if edge.source in place and edge.target in place]
    sizes = np.array([[WIDTH, _height(node)] for node in drawn], dtype=np.float64).reshape(-1, 2)
    layout = layered_layout(
        sizes, [(place[edge.source], place[edge.target]) for edge in edges], column_gap=COLUMN_GAP, row_gap=ROW_GAP
    )
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": NAMESPACE,
            "class": "chart",
            "role": "img",
            "viewBox": f"0 0 {width:.0f} {height:.0f}",
            "width": f"{SCALE * width:.0f}" if is_page else f"{width:.0f}",
            "font-family": "system-ui, sans-serif",
            "fill": "none",
        },
    )
    ElementTree.SubElement(root, "title").text = "Lineage"
    ElementTree.SubElement(root, "desc").text = printable(_in_words(drawn, edges))
    if not is_page:
        size = {"width": f"{width:.0f}", "height": f"{height:.0f}"}
        ElementTree.SubElement(root, "rect", {**size, "fill": _colour(PAPER)})
    group = ElementTree.SubElement(root, "g", {"transform": f"translate({MARGIN:.0f} {MARGIN:.0f})"})
    ports = _ports(edges, layout.routes, {node.id: _height(node) for node in drawn})
    for edge, route, port in zip(edges, layout.routes, ports, strict=True):
        _draw_edge(group, edge, route + np.array([[0.0, 0.0]] * (len(route) - 1) + [[0.0, port]]))
    for node, x, y in zip(drawn, layout.x, layout.y, strict=True):
        _draw_node(group, node, float(x), float(y), is_focus=node.id == lineage.focus)
    return ElementTree.tostring(root, encoding="unicode")


def nearest(lineage: Lineage, most: int) -> list[LineageNode]:
    """Return the nodes that lie nearest to the focus, as many as can be drawn."""
    beside: dict[str, list[str]] = {}
    for edge in lineage.edges:
        beside.setdefault(edge.source, []).append(edge.target)
        beside.setdefault(edge.target, []).append(edge.source)
    kept = [lineage.focus]
    for one in kept:  # grows while it is read: what lies nearest comes first
        kept += [other for other in sorted(set(beside.get(one, ()))) if other not in kept]
        if len(kept) >= most:
            break
    chosen = set(kept[:most])
    return [node for node in lineage.nodes if node.id in chosen]


def _ports(edges: list[LineageEdge], routes: list[NDArray[np.float64]], heights: Mapping[str, float]) -> list[float]:
    """Say how far from the middle of its target each edge ends, so that edges and their labels stay apart."""
    ports = [0.0] * len(edges)
    for target in {edge.target for edge in edges}:
        ending = [k for k, edge in enumerate(edges) if edge.target == target]
        ending.sort(key=lambda k: (float(routes[k][-2][1]), k))
        gap = min(PORT_GAP, (heights[target] - PADDING) / len(ending))
        for row, k in enumerate(ending):
            ports[k] = (row - (len(ending) - 1) / 2) * gap
    return ports


def _in_words(nodes: list[LineageNode], edges: list[LineageEdge]) -> str:
    titles = {node.id: f"{KIND_WORDS[node.kind].lower()} {node.title}" for node in nodes}
    told = [f"{titles[edge.source]} to {titles[edge.target]}" for edge in edges]
    return "; ".join(told) or "; ".join(titles.values())


def _height(node: LineageNode) -> float:
    return HEAD + LINE_HEIGHT * len(node.facts) + PADDING


def _draw_node(group: ElementTree.Element, node: LineageNode, x: float, y: float, *, is_focus: bool) -> None:
    is_known = node.state == "known"
    colour = COLOURS[node.kind] if is_known or node.state in ("unregistered", "unrecorded") else WRONG
    box = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{WIDTH:.0f}", "height": f"{_height(node):.0f}", "rx": "6"}
    outline = {"stroke": _colour(colour), "stroke-width": "2.5" if is_focus else "1.2", "fill": _colour(PAPER)}
    if node.state in ("missing", "unregistered", "unrecorded", "unfinished"):
        outline["stroke-dasharray"] = "5 4"
    element = ElementTree.SubElement(group, "rect", {**box, **outline})
    ElementTree.SubElement(element, "title").text = printable(f"{node.title} {node.digest}".strip())
    words = KIND_WORDS[node.kind] + (f": {STATE_WORDS[node.state]}" if STATE_WORDS[node.state] else "")
    left = x + PADDING
    _text(group, words, left, y + 17, size=11, colour=colour, weight="600")
    _text(group, shorten(node.title, TITLE_LETTERS), left, y + 35, size=14, colour=INK, weight="650", whole=node.title)
    for number, fact in enumerate(node.facts):
        line = y + HEAD + LINE_HEIGHT * (number + 0.7)
        _text(group, shorten(fact, FACT_LETTERS), left, line, size=11.5, colour=MUTED, whole=fact)


def _draw_edge(group: ElementTree.Element, edge: LineageEdge, route: NDArray[np.float64]) -> None:
    colour = MUTED if edge.is_known else WRONG
    look = {"stroke": _colour(colour), "stroke-width": "1.3"}
    if not edge.is_known:
        look["stroke-dasharray"] = "5 4"
    x, y = (float(value) for value in route[-1])
    steps = [f"M{route[0][0]:.1f} {route[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(route):
        bend = (x1 - x0) / 2
        steps.append(f"C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}")
    ElementTree.SubElement(group, "path", {"d": "".join(steps), **look})
    way = -1 if len(route) > 1 and route[-1][0] < route[-2][0] else 1
    head = f"M{x - 8 * way:.1f} {y - 4:.1f}L{x:.1f} {y:.1f}L{x - 8 * way:.1f} {y + 4:.1f}"
    ElementTree.SubElement(group, "path", {"d": head, "stroke": _colour(colour), "stroke-width": "1.3"})
    if edge.label:
        label = shorten(edge.label, LABEL_LETTERS)
        _text(group, label, x - 10, y - 4, size=10, colour=MUTED, anchor="end", whole=edge.label)


def _text(
    group: ElementTree.Element,
    words: str,
    x: float,
    y: float,
    *,
    size: float,
    colour: str,
    weight: str = "",
    anchor: str = "",
    whole: str = "",
) -> None:
    look = {"x": f"{x:.1f}", "y": f"{y:.1f}", "font-size": f"{size:g}", "fill": _colour(colour)}
    look |= {"font-weight": weight} if weight else {}
    look |= {"text-anchor": anchor} if anchor else {}
    element = ElementTree.SubElement(group, "text", look)
    element.text = printable(words)
    if whole and whole != words:
        ElementTree.SubElement(element, "title").text = printable(whole)


def _colour(colour: str) -> str:
    token = "fail" if colour == WRONG else TOKENS.get(colour)
    return f"var(--{token},{colour})" if token else colour
