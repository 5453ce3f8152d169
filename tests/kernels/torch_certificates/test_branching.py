"""Branch and bound comes to the exact least value, from below, by inputs and by bends."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")

from holdfast.kernels.torch_certificates.bounds import linear_bounds  # noqa: E402  (needs torch)
from holdfast.kernels.torch_certificates.branching import FEW_INPUTS, Branched, branched  # noqa: E402
from holdfast.kernels.torch_certificates.graph import graph_of  # noqa: E402
from holdfast.kernels.torch_networks.forward import as_function  # noqa: E402
from tests.kernels.torch_certificates.small_networks import ball, exact_least, mlp  # noqa: E402

C = np.array([1.0, -1.0])


def run(n_inputs: int, *, most: int, shift: float = 0.0) -> tuple[Branched, float, float]:
    """Branch around one point; also the exact least value, and the least met."""
    network = mlp((n_inputs, 8, 8, 2), 1)
    x = torch.tensor(np.random.default_rng(5).normal(size=(1, n_inputs)))
    region, graph = ball(x, 0.25), graph_of(network)
    a = torch.tensor(C)[None]
    found = branched(
        graph, a, torch.tensor(shift, dtype=torch.float64), linear_bounds(graph, region), region, most=most, tie=1e-5,
        steps=10,
    )  # fmt: skip
    exact = exact_least(network, C, region.low[0].numpy(), region.high[0].numpy()) + shift
    scores = as_function(network, dtype=torch.float64)(found.tried) if found.tried.shape[0] else torch.zeros((1, 2))
    return found, exact, float((scores @ torch.tensor(C, dtype=scores.dtype)).min()) + shift


@pytest.mark.parametrize("n_inputs", [4, pytest.param(FEW_INPUTS + 2, marks=pytest.mark.slow)])
def test_the_sign_is_decided_on_both_sides_of_the_exact_least(n_inputs: int) -> None:
    _, least, _ = run(n_inputs, most=1)
    above, exact, _ = run(n_inputs, most=3000, shift=0.02 - least)
    assert exact == pytest.approx(0.02, abs=1e-4)
    assert 1e-5 < float(above.value) <= exact + 1e-6
    below, exact, met = run(n_inputs, most=3000, shift=-0.05 - least)
    assert float(below.value) <= exact + 1e-6
    assert met < 0


def test_more_parts_never_give_a_worse_bound() -> None:
    values = [float(run(4, most=most)[0].value) for most in (1, 40, 400)]
    assert values == sorted(values)
