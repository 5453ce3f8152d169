"""Bounds of networks hold for every input that was tried, and are exact where nothing bends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.network import RawNetwork

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")

from holdfast.kernels.torch_certificates.bounds import (  # noqa: E402  (needs torch)
    carried_back,
    interval_bounds,
    linear_bounds,
)
from holdfast.kernels.torch_certificates.graph import graph_of  # noqa: E402
from holdfast.kernels.torch_networks.forward import as_function  # noqa: E402
from tests.kernels.torch_certificates.small_networks import ball, cnn, decoder, exact_least, inside, mlp  # noqa: E402

BENDS = ("Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "Abs")


def networks() -> dict[str, RawNetwork]:
    images = {"cnn": cnn(0), "smooth": cnn(1, bend="Tanh"), "decoder": decoder(0)}
    return {**{bend: mlp((5, 12, 8, 3), 1, bend=bend) for bend in BENDS}, **images}


@pytest.mark.parametrize("name", networks())
@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_no_input_beats_a_bound_in_single_precision(name: str, norm: str) -> None:
    network = networks()[name]
    x = torch.tensor(np.random.default_rng(2).normal(size=(3, *network.input_shape)))
    region = ball(x, {"linf": 0.05, "l2": 0.2, "l1": 0.5}[norm], norm)
    graph, tried = graph_of(network), inside(region, 200, 3)
    scores = as_function(network)(tried.flatten(0, 1).float()).double().reshape(200, 3, -1)
    by_intervals, by_lines = interval_bounds(graph, region), linear_bounds(graph, region)
    one = torch.eye(scores.shape[2], dtype=torch.float64).expand(3, -1, -1)
    lows = [by_intervals.low[graph.output], carried_back(graph, graph.output, one, by_lines, region).value]
    highs = [by_intervals.high[graph.output], -carried_back(graph, graph.output, -one, by_lines, region).value]
    for low, high in zip(lows, highs, strict=True):
        assert (scores >= low).all()
        assert (scores <= high).all()
    # lines are worth their while
    assert (highs[1] - lows[1]).sum() < (highs[0] - lows[0]).sum()


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_bounds_of_a_network_without_bends_are_exact(norm: str) -> None:
    network = mlp((6, 5, 4), 0, bend="Identity")
    x = torch.tensor(np.random.default_rng(0).normal(size=(4, 6)))
    region, graph = ball(x, 0.3, norm), graph_of(network)
    w = torch.tensor(network.constants["w0"] @ network.constants["w1"].astype(np.float64))
    one = torch.eye(4, dtype=torch.float64).expand(4, -1, -1)
    found = carried_back(graph, graph.output, one, linear_bounds(graph, region), region).value
    dual = {"linf": w.abs().sum(0), "l2": w.norm(dim=0), "l1": w.abs().amax(0)}[norm]
    expected = as_function(network, dtype=torch.float64)(x) - 0.3 * dual
    assert (found <= expected).all()
    torch.testing.assert_close(found, expected, atol=5e-5, rtol=0)


@settings(deadline=None, max_examples=4)
@given(seed=st.integers(0, 10_000), radius=st.floats(0.01, 0.6))
def test_bounds_are_at_most_the_exact_least(seed: int, radius: float) -> None:
    network = mlp((3, 6, 5, 2), seed)
    x = np.random.default_rng(seed).normal(size=(1, 3))
    region, graph = ball(torch.tensor(x), radius), graph_of(network)
    c = np.array([1.0, -1.0])
    exact = exact_least(network, c, x[0] - radius, x[0] + radius)
    a = torch.tensor(c)[None, None]
    for bounds in (interval_bounds(graph, region), linear_bounds(graph, region)):
        assert carried_back(graph, graph.output, a, bounds, region).value.item() <= exact + 1e-6


def test_rounding_is_covered_and_costs_little() -> None:
    """Weights whose large terms cancel, so that single precision errs visibly, at a point without any room."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(400, 3)) * 1000
    w[200:] = -w[:200]
    network = mlp((400, 3), 0)
    network = RawNetwork(
        steps=network.steps, constants={"w0": w.astype(np.float32), "b0": np.zeros(3, np.float32)}, input_shape=(400,),
        output=network.output, link="logits",
    )  # fmt: skip
    x = rng.random((20, 400)) + 0.5
    region, graph = ball(torch.tensor(x), 0.0), graph_of(network)
    bounds = interval_bounds(graph, region)
    single = as_function(network)(torch.tensor(x, dtype=torch.float32)).double()
    exact = torch.tensor(x @ w.astype(np.float32).astype(np.float64))
    assert (single - exact).abs().max() > 1e-3
    assert ((bounds.low["g0"] <= single) & (single <= bounds.high["g0"])).all()
    assert (bounds.high["g0"] - bounds.low["g0"]).max() < 0.001 * np.abs(w).sum(0).max()


def test_a_layer_beyond_the_work_allowed_is_left_to_intervals() -> None:
    network = mlp((5, 12, 8, 3), 1)
    region, graph = ball(torch.zeros((1, 5), dtype=torch.float64), 0.5), graph_of(network)
    by_intervals, by_lines = interval_bounds(graph, region), linear_bounds(graph, region, most_cells=0)
    torch.testing.assert_close(by_lines.low["g1"], by_intervals.low["g1"])
    assert (linear_bounds(graph, region).low["g1"] > by_intervals.low["g1"]).any()
