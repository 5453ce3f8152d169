"""From the SVG that Vega writes to one that suits a strict page: small, themed by CSS variables, without ids or styles.

Elements and attributes are copied from a list of those allowed, so that nothing else gets through.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from holdfast.reports.text import printable

INK, MUTED, LINE, PAPER = "#1c2530", "#56616f", "#e2e6eb", "#fdfdfc"
SERIES = ("#1d5fae", "#b4521a", "#2c7a5b", "#7a4bb0", "#a3275a", "#6b6a12", "#0f7480", "#4d5a68")
TOKENS = {INK: "ink", MUTED: "muted", LINE: "line", PAPER: "paper"} | {
    colour: f"s{number}" for number, colour in enumerate(SERIES, start=1)
}
NAMESPACE = "http://www.w3.org/2000/svg"
DRAWN = {"path", "line", "rect", "text", "tspan", "circle"}
FONT_SLACK = 1.16
"""Text is laid out this much larger than it is drawn, because the reader's font may be wider than ours."""

GEOMETRY = {"d", "x", "y", "x1", "y1", "x2", "y2", "dx", "dy", "width", "height", "transform", "r", "cx", "cy"}
STROKE = {"stroke", "stroke-dasharray", "stroke-linecap", "stroke-opacity", "stroke-width"}
ALLOWED = GEOMETRY | STROKE | {"fill", "fill-opacity", "opacity", "text-anchor", "font-size", "font-weight"}
LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}")
TRAILING_ZEROS = re.compile(r"\.?0+$")


def tidy_svg(source: str, *, title: str, description: str, full_names: dict[str, str] | None = None) -> str:
    """Rewrite an SVG drawn by Vega for inlining.

    Parameters
    ----------
    source
        SVG text.
    title, description
        Accessible name and text alternative.
    full_names
        Shortened label to the whole name, shown when one points at the label.

    Returns
    -------
    str
        An ``<svg>`` element that scales with its box, with colours ``var(--s1, #1d5fae)``.
    """
    drawing = ElementTree.fromstring(source)  # noqa: S314  (written by Vega in this process; no entities)
    root = ElementTree.Element("svg", _frame(drawing))
    ElementTree.SubElement(root, "title").text = printable(title)
    ElementTree.SubElement(root, "desc").text = printable(description)
    _copy(drawing, root, full_names or {})
    return ElementTree.tostring(root, encoding="unicode")


def _frame(drawing: ElementTree.Element) -> dict[str, str]:
    return {
        "xmlns": NAMESPACE,
        "class": "chart",
        "role": "img",
        "viewBox": drawing.attrib["viewBox"],
        "width": "100%",
        "font-family": "system-ui, sans-serif",
        "fill": "none",
    }


def _copy(source: ElementTree.Element, target: ElementTree.Element, full_names: dict[str, str]) -> None:
    for child in source:
        tag = child.tag.removeprefix(f"{{{NAMESPACE}}}")
        if tag == "g":
            _copy_group(child, target, full_names)
        elif tag in DRAWN and _is_visible(child, tag):
            copy = ElementTree.SubElement(target, tag, _attributes(child))
            copy.text = printable(child.text) if child.text else None
            if child.text in full_names:
                ElementTree.SubElement(copy, "title").text = printable(full_names[child.text])
            _copy(child, copy, full_names)


def _copy_group(source: ElementTree.Element, target: ElementTree.Element, full_names: dict[str, str]) -> None:
    attributes = _attributes(source)
    attributes.pop("fill", None)
    if attributes.get("transform") == "translate(0,0)":
        del attributes["transform"]
    group = ElementTree.Element("g", attributes)
    _copy(source, group, full_names)
    if attributes and len(group):
        target.append(group)
    else:
        target.extend(list(group))


def _is_visible(element: ElementTree.Element, tag: str) -> bool:
    if element.get("display") == "none" or element.get("opacity") == "0":
        return False
    if tag in ("text", "tspan"):
        return bool(element.text) or len(element) > 0
    return any(element.get(paint) not in (None, "none", "transparent") for paint in ("fill", "stroke"))


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    kept = {name: value for name, value in element.attrib.items() if name in ALLOWED}
    if kept.get("opacity") == "1":
        del kept["opacity"]
    if kept.get("stroke-width") == "1":
        del kept["stroke-width"]
    return {name: _value(name, value) for name, value in kept.items()}


def _value(name: str, value: str) -> str:
    if name in ("fill", "stroke"):
        token = TOKENS.get(value.lower())
        return f"var(--{token},{value.lower()})" if token else value
    if name == "font-size":
        return f"{float(value.removesuffix('px')) / FONT_SLACK:.3g}"
    return LONG_NUMBER.sub(_rounded, value) if name in GEOMETRY else value


def _rounded(match: re.Match[str]) -> str:
    return TRAILING_ZEROS.sub("", f"{float(match[0]):.1f}")
