"""Layouts: edges run to the right, boxes do not overlap, and few edges cross."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.provenance.layered_layout import Layout, layered_layout, n_crossings

Graph = tuple[int, list[tuple[int, int]]]
SIZE = (100.0, 40.0)


def layout(n: int, edges: list[tuple[int, int]]) -> Layout:
    return layered_layout(np.tile(SIZE, (n, 1)), edges, column_gap=50.0, row_gap=10.0)


@st.composite
def graphs(draw: st.DrawFn, *, is_acyclic: bool) -> Graph:
    n = draw(st.integers(1, 9))
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    edges = draw(st.lists(pair, max_size=14, unique=True))
    return n, [(a, b) for a, b in edges if a < b] if is_acyclic else edges


def test_a_chain_is_a_straight_line() -> None:
    found = layout(3, [(0, 1), (1, 2)])
    assert found.x.tolist() == [0.0, 150.0, 300.0]
    assert found.y.tolist() == [0.0, 0.0, 0.0]
    assert (found.width, found.height) == (400.0, 40.0)
    assert found.routes[0].tolist() == [[100.0, 20.0], [150.0, 20.0]]


def test_what_is_first_used_late_stands_beside_where_it_is_used() -> None:
    # train -> run -> model -> audit, and test -> audit
    found = layout(5, [(0, 1), (1, 2), (2, 3), (4, 3)])
    assert found.x[4] == found.x[2]
    assert abs(found.y[4] - found.y[2]) == 50.0


def test_a_crossing_that_is_needless_is_undone() -> None:
    found = layout(4, [(0, 3), (1, 2)])
    assert (found.y[0] - found.y[1]) * (found.y[3] - found.y[2]) > 0


def test_crossings_are_counted() -> None:
    assert n_crossings([[0, 1], [2, 3]], [(0, 3), (1, 2)]) == 1
    assert n_crossings([[0, 1], [2, 3]], [(0, 2), (1, 3)]) == 0


def test_an_edge_over_a_column_passes_beside_its_boxes() -> None:
    found = layout(3, [(0, 1), (1, 2), (0, 2)])
    inside = found.routes[2][1:3]
    assert inside[:, 0].tolist() == [150.0, 250.0]
    assert not found.y[1] <= inside[0, 1] <= found.y[1] + 40.0


def test_a_circle_is_drawn_all_the_same() -> None:
    found = layout(2, [(0, 1), (1, 0)])
    assert found.x.tolist() == [0.0, 150.0]
    assert found.routes[1][0].tolist() == [150.0, 20.0]


def test_nothing_is_laid_out_as_nothing() -> None:
    assert layered_layout(np.empty((0, 2)), []).width == 0.0


def test_an_edge_to_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="boxes 0 to 1"):
        layout(2, [(0, 2)])


@given(graphs(is_acyclic=True))
def test_edges_run_to_the_right(graph: Graph) -> None:
    n, edges = graph
    found = layout(n, edges)
    assert all(found.x[a] < found.x[b] for a, b in edges)
    assert all((np.diff(route[:, 0]) > 0).all() for route in found.routes)


@given(graphs(is_acyclic=False))
def test_boxes_do_not_overlap_and_lie_inside(graph: Graph) -> None:
    n, edges = graph
    found = layout(n, edges)
    for a in range(n):
        for b in range(a + 1, n):
            assert found.x[a] != found.x[b] or abs(found.y[a] - found.y[b]) >= 50.0 - 1e-6
    assert (found.y >= -1e-9).all()
    assert (found.x + 100.0 <= found.width + 1e-9).all()
    assert (found.y + 40.0 <= found.height + 1e-9).all()
    for route in found.routes:
        assert ((route[:, 1] >= -1e-9) & (route[:, 1] <= found.height + 1e-9)).all()


@given(graphs(is_acyclic=False))
def test_the_same_graph_gives_the_same_picture(graph: Graph) -> None:
    first, second = (layout(*graph) for _ in range(2))
    assert first.x.tobytes() + first.y.tobytes() == second.x.tobytes() + second.y.tobytes()
