"""Optimised slopes and prices: better bounds that still hold."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")

from holdfast.kernels.torch_certificates.bounds import Bounds, linear_bounds  # noqa: E402  (needs torch)
from holdfast.kernels.torch_certificates.graph import graph_of  # noqa: E402
from holdfast.kernels.torch_certificates.slopes import optimised  # noqa: E402
from holdfast.kernels.torch_networks.forward import as_function  # noqa: E402
from tests.kernels.torch_certificates.small_networks import ball, inside, mlp  # noqa: E402

NETWORK = mlp((5, 10, 10, 2), 0)
A = torch.tensor([[[1.0, -1.0]]], dtype=torch.float64).expand(4, 1, 2)


def test_steps_only_raise_the_bound_and_it_still_holds() -> None:
    x = torch.tensor(np.random.default_rng(0).normal(size=(4, 5)))
    region, graph = ball(x, 0.2), graph_of(NETWORK)
    bounds = linear_bounds(graph, region)
    values = [optimised(graph, A, bounds, region, steps=steps).value for steps in (0, 5, 30)]
    assert (values[1] >= values[0]).all()
    assert (values[2] >= values[1]).all()
    assert (values[2] > values[0] + 1e-3).any()
    scores = as_function(NETWORK, dtype=torch.float64)(inside(region, 500, 1).flatten(0, 1)).reshape(500, 4, 2)
    assert ((scores[..., 0] - scores[..., 1]) >= values[2][:, 0]).all()


def test_a_side_of_a_bend_is_paid_for() -> None:
    """With one side of the first layer known, the bound rises, and holds for the inputs on that side."""
    x = torch.tensor(np.random.default_rng(0).normal(size=(4, 5)))
    region, graph = ball(x, 0.3), graph_of(NETWORK)
    bounds = linear_bounds(graph, region)
    side = torch.where((bounds.low["g0"] < 0) & (bounds.high["g0"] > 0), 1.0, 0.0)
    side = side * (side.cumsum(dim=1) == 1)  # the first open bend of each row
    cut = Bounds(
        {**bounds.low, "g0": torch.where(side > 0, bounds.low["g0"].clamp(min=0), bounds.low["g0"])}, bounds.high,
        bounds.error, {},
    )  # fmt: skip
    free = optimised(graph, A, cut, region, steps=0).value
    priced = optimised(graph, A, cut, region, steps=60, splits={"g0": side}).value
    assert (priced >= free).all()
    drawn = inside(region, 800, 1)
    before = drawn @ torch.tensor(NETWORK.constants["w0"]).double() + torch.tensor(NETWORK.constants["b0"]).double()
    on_side = ((before * side) >= 0).all(dim=2)
    scores = as_function(NETWORK, dtype=torch.float64)(drawn.flatten(0, 1)).reshape(800, 4, 2)
    margin = scores[..., 0] - scores[..., 1]
    assert on_side.any()
    assert (torch.where(on_side, margin, torch.inf) >= priced[:, 0]).all()
