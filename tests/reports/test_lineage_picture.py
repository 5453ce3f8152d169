"""The picture of a lineage shows every node and what is missing, and nothing that is not inert."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from holdfast.core.lineage import Lineage, LineageEdge, LineageNode
from holdfast.reports.lineage_picture import lineage_svg, nearest
from holdfast.reports.lineage_text import render_html, render_text

HOSTILE = '<script>alert(1)</script>"&'
NODES = (
    LineageNode(id="d", kind="data", title="train.csv", facts=("32,561 rows",)),
    LineageNode(id="u", kind="data", title=HOSTILE, state="unregistered", facts=("x" * 200, HOSTILE)),
    LineageNode(id="r", kind="run", title="python train.py", facts=("finished",)),
    LineageNode(id="m", kind="model", title="model.onnx", state="changed", digest="sha256:" + "a" * 64),
    LineageNode(id="a", kind="audit", title="audit"),
    LineageNode(id="n", kind="decision", title="no decision", state="missing"),
)
LINEAGE = Lineage(
    focus="m",
    nodes=NODES,
    edges=(
        LineageEdge(source="d", target="r"),
        LineageEdge(source="u", target="r", label=HOSTILE),
        LineageEdge(source="r", target="m"),
        LineageEdge(source="m", target="a", label="model"),
        LineageEdge(source="a", target="n", is_known=False),
    ),
    notes=(HOSTILE,),
)


@pytest.mark.parametrize("is_page", [True, False])
def test_the_picture_is_inert_and_shows_every_title(is_page: bool) -> None:
    root = ElementTree.fromstring(lineage_svg(LINEAGE, is_page=is_page))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "g", "rect", "path", "text", "title", "desc"}
    assert not {name for element in root.iter() for name in element.attrib} & {"style", "id", "href", "onload"}
    shown = "\n".join(root.itertext())
    assert all(node.title in shown for node in NODES)


def test_what_is_missing_has_broken_lines_and_its_own_colour() -> None:
    root = ElementTree.fromstring(lineage_svg(LINEAGE))
    broken = [element for element in root.iter() if "stroke-dasharray" in element.attrib]
    assert len(broken) == 3  # two boxes and one edge
    assert "missing" in "".join(root.itertext())
    assert "var(--fail" in lineage_svg(LINEAGE)


def test_the_picture_says_in_words_what_leads_where() -> None:
    assert "model model.onnx to audit audit" in lineage_svg(LINEAGE)


def test_the_same_graph_gives_the_same_bytes() -> None:
    assert lineage_svg(LINEAGE) == lineage_svg(LINEAGE)


def test_of_a_graph_too_large_what_is_nearest_is_drawn_and_the_rest_is_said() -> None:
    nodes = tuple(LineageNode(id=str(k), kind="run", title=f"run {k}") for k in range(200))
    edges = tuple(LineageEdge(source=str(k), target=str(k + 1)) for k in range(199))
    large = Lineage(focus="100", nodes=nodes, edges=edges)
    assert sorted(int(node.id) for node in nearest(large, 5)) == [98, 99, 100, 101, 102]
    assert "The 120 things furthest from it" in render_html(large)


def test_page_and_text_escape_and_name_what_is_missing() -> None:
    page = render_html(LINEAGE)
    assert "<script" not in page
    assert "Something is missing" in page
    assert "3 to look at" in render_text(LINEAGE)


def test_a_whole_graph_says_so() -> None:
    whole = Lineage(focus="d", nodes=NODES[:1], edges=())
    assert "Every link is recorded" in render_html(whole)
    assert "every link recorded" in render_text(whole)
