"""Networks as graphs: the same results, transposed operators that are transposed, and operators that are refused."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.core.network import RawNetwork, Step

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")

from holdfast.kernels.torch_certificates.bounds import interval_bounds  # noqa: E402  (needs torch)
from holdfast.kernels.torch_certificates.graph import Affine, UnsupportedOperator, graph_of  # noqa: E402
from holdfast.kernels.torch_networks.forward import as_function  # noqa: E402
from tests.kernels.torch_certificates.small_networks import ball, cnn, mlp  # noqa: E402


def one_step(op: str, *constants: object, shape: tuple[int, ...] = (4,), **attributes: object) -> RawNetwork:
    named = {f"c{i}": np.asarray(value) for i, value in enumerate(constants) if value is not None}
    inputs = tuple(f"c{i}" if value is not None else "input" for i, value in enumerate(constants)) or ("input",)
    attributes = {key.rstrip("_"): value for key, value in attributes.items()}
    step = Step(op=op, inputs=inputs, output="y", attributes=attributes)  # type: ignore[arg-type]
    return RawNetwork(steps=(step,), constants=named, input_shape=shape, output="y", link="values")


F4 = np.float32
STEPS = [
    one_step("Sub", F4([1, 2, 3, 4]), None),
    one_step("Div", None, F4([1, -2, 3, 0.3])),
    one_step("MatMul", np.ones((2, 2), F4), None, shape=(2, 3)),
    one_step("Pad", None, shape=(1, 2, 2), pads=(0, 0, 1, 0, 0, 0, 0, 1), value=1.5),
    one_step("Concat", None, np.ones((1, 4), F4), axis=1),
    one_step("Gather", None, np.array([3, 0, 0]), axis=1),
    one_step("ReduceMean", None, shape=(3, 4), axes=(2,), keepdims=0),
    one_step("Clip", None, min=-0.3),
    one_step("Clip", None, max=0.4),
    one_step("HardSigmoid", None),
    one_step("Abs", None),
    one_step("Neg", None),
    one_step("Conv", None, np.ones((2, 1, 3), F4), shape=(1, 6), strides=(2,), pads=(1, 1)),
    one_step("Conv", None, np.ones((2, 1, 2, 2, 1), F4), shape=(1, 3, 3, 2), pads=(1, 0, 0, 1, 0, 0)),
    one_step("ConvTranspose", None, np.ones((2, 2, 3), F4), shape=(2, 4), strides=(2,), pads=(1, 0), group=2),
    one_step("Einsum", None, np.ones((3, 5), F4), shape=(2, 3), equation="zij,jk->zki"),
    one_step("CumSum", None, shape=(3, 4), axis=2, exclusive=1, reverse=1),
    one_step("Expand", None, shape=(1, 3), shape_=(2, 3)),
    one_step("Tile", None, shape=(2, 3), repeats=(2, 1)),
    one_step("Max", F4([0, 1, -1, 0.1]), None),
    one_step("Min", None, F4(0.2)),
]


@pytest.mark.parametrize("network", [*STEPS, mlp((3, 5, 2), 0, bend="Sigmoid"), cnn(0)], ids=lambda n: n.steps[0].op)
def test_bounds_of_a_single_point_are_what_the_network_computes(network: RawNetwork) -> None:
    x = torch.tensor(np.random.default_rng(0).normal(size=(5, *network.input_shape)))
    graph = graph_of(network)
    bounds = interval_bounds(graph, ball(x, 0.0))
    low, high = bounds.low[graph.output].flatten(1), bounds.high[graph.output].flatten(1)
    single = as_function(network)(x.float()).double().flatten(1)
    assert (low <= single).all()
    assert (single <= high).all()
    assert (high - low).max() < 1e-3


@pytest.mark.parametrize("network", [*STEPS, cnn(0)], ids=lambda n: n.steps[0].op)
def test_slopes_are_carried_through_the_transposed_operator(network: RawNetwork) -> None:
    """For every affine node, <a, f(x) - f(0)> = <pull(a), x>."""
    graph, generator = graph_of(network), torch.Generator().manual_seed(0)
    for node in graph.nodes:
        if isinstance(node, Affine):
            inputs = [
                torch.randn((1, *graph.shapes[name]), generator=generator, dtype=torch.float64) for name in node.inputs
            ]
            a = torch.randn((1, *graph.shapes[node.name]), generator=generator, dtype=torch.float64)
            moved = (a * (node.apply(*inputs) - graph.pulls[node.name].constant)).sum()
            parts = graph.pulls[node.name].back(a)
            assert moved.item() == pytest.approx(sum(float((p * x).sum()) for p, x in zip(parts, inputs, strict=True)))


@pytest.mark.parametrize(
    "network",
    [one_step("Softmax", None), one_step("Mul", None, None), one_step("LeakyRelu", None, alpha=1.5),
     one_step("Cast", None, to=7), one_step("QuantizeLinear", None, F4(1), F4(0), low=0, high=255),
     one_step("Where", None, F4(1), F4(0)), one_step("Embedding", None, np.ones((3, 2), F4)),
     one_step("MatMul", None, None, shape=(2, 2)), one_step("Div", F4([1, 1, 1, 1]), None), one_step("Erf", None)],
    ids=lambda n: n.steps[0].op,
)  # fmt: skip
def test_an_operator_that_cannot_be_bounded_is_named(network: RawNetwork) -> None:
    with pytest.raises(UnsupportedOperator, match=f"operator {network.steps[0].op} "):
        graph_of(network)


def test_half_precision_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedOperator, match="half precision"):
        graph_of(one_step("Cast", None, to=10))


def test_factors_that_both_depend_on_the_row_are_named_as_that() -> None:
    with pytest.raises(UnsupportedOperator, match=r"Mul.*more than one of its inputs depends on the row"):
        graph_of(one_step("Mul", None, None))
