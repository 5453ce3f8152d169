"""Small networks of random weights, and exact answers about them by mixed-integer programming."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from holdfast.core.network import NetworkLink, RawNetwork, Step
from holdfast.kernels.torch_certificates.regions import Region


def mlp(sizes: Sequence[int], seed: int, *, bend: str = "Relu", link: NetworkLink = "logits") -> RawNetwork:
    """Layers of these widths."""
    rng = np.random.default_rng(seed)
    constants, steps, name = {}, [], "input"
    for i, (before, after) in enumerate(itertools.pairwise(sizes)):
        constants[f"w{i}"] = (rng.normal(size=(before, after)) * 1.5 / np.sqrt(before)).astype(np.float32)
        constants[f"b{i}"] = (rng.normal(size=after) * 0.3).astype(np.float32)
        steps.append(Step(op="Gemm", inputs=(name, f"w{i}", f"b{i}"), output=f"g{i}"))
        name = f"g{i}"
        if i < len(sizes) - 2:
            steps.append(Step(op=bend, inputs=(name,), output=f"a{i}"))
            name = f"a{i}"
    return RawNetwork(steps=tuple(steps), constants=constants, input_shape=(sizes[0],), output=name, link=link)


def cnn(seed: int, *, bend: str = "Relu") -> RawNetwork:
    """Scaling, a convolution, pooling of both kinds, a residual sum and two dense layers, on 2 x 6 x 6 cells."""
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> NDArray[np.float32]:
        return (rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    constants = {
        "mean": np.full((2, 1, 1), 0.4, dtype=np.float32), "deviation": np.full((2, 1, 1), 0.3, dtype=np.float32),
        "w1": weights(4, 2, 3, 3), "b1": weights(4, 1)[:, 0], "w2": weights(4, 4, 3, 3), "b2": weights(4, 1)[:, 0],
        "w3": weights(8, 16).T.copy(), "b3": weights(8, 1)[:, 0], "w4": weights(3, 8).T.copy(),
    }  # fmt: skip
    two = {"kernel_shape": (2, 2), "strides": (2, 2)}
    steps = (
        Step(op="Sub", inputs=("input", "mean"), output="centred"),
        Step(op="Div", inputs=("centred", "deviation"), output="scaled"),
        Step(op="Conv", inputs=("scaled", "w1", "b1"), output="c1", attributes={"pads": (1, 1, 1, 1)}),
        Step(op="LeakyRelu", inputs=("c1",), output="r1", attributes={"alpha": 0.1}),
        Step(op="MaxPool", inputs=("r1",), output="p1", attributes={**two, "pads": (1, 1, 0, 0), "ceil_mode": 1}),
        Step(op="Conv", inputs=("p1", "w2", "b2"), output="c2", attributes={"pads": (1, 1, 1, 1)}),
        Step(op="Add", inputs=("c2", "p1"), output="sum"),
        Step(op=bend, inputs=("sum",), output="r2"),
        Step(op="AveragePool", inputs=("r2",), output="p2", attributes=two),
        Step(op="Transpose", inputs=("p2",), output="turned", attributes={"perm": (0, 2, 3, 1)}),
        Step(op="Flatten", inputs=("turned",), output="flat"),
        Step(op="Gemm", inputs=("flat", "w3", "b3"), output="g3"),
        Step(op="Clip", inputs=("g3",), output="cut", attributes={"min": -0.2, "max": 0.6}),
        Step(op="MatMul", inputs=("cut", "w4"), output="scores"),
    )
    return RawNetwork(steps=steps, constants=constants, input_shape=(2, 6, 6), output="scores", link="logits")


def decoder(seed: int) -> RawNetwork:
    """A transposed convolution, larger and smaller ones of two, sums by letters and so far, repeats; on 2 x 3 cells."""
    rng = np.random.default_rng(seed)
    constants = {
        "w": rng.normal(size=(2, 4, 3)).astype(np.float32) / 2, "b": rng.normal(size=4).astype(np.float32) / 5,
        "floor": rng.normal(size=(4, 1)).astype(np.float32) / 5, "e": rng.normal(size=(4, 3)).astype(np.float32),
        "v": rng.normal(size=(30, 3)).astype(np.float32) / 6,
    }  # fmt: skip
    given = {"strides": (2,), "pads": (1, 1), "output_padding": (1,)}
    steps = (
        Step(op="ConvTranspose", inputs=("input", "w", "b"), output="up", attributes=given),
        Step(op="Max", inputs=("floor", "up"), output="raised"),
        Step(op="Einsum", inputs=("raised", "e"), output="mixed", attributes={"equation": "zcl,cd->zld"}),
        Step(op="Slice", inputs=("mixed",), output="first",
             attributes={"axes": (1,), "starts": (0,), "ends": (5,), "steps": (1,)}),
        Step(op="CumSum", inputs=("first",), output="summed", attributes={"axis": 1}),
        Step(op="ReduceMean", inputs=("first",), output="mean", attributes={"axes": (1,), "keepdims": 1}),
        Step(op="Min", inputs=("summed", "mean"), output="lowered"),
        Step(op="Tile", inputs=("lowered",), output="twice", attributes={"repeats": (2, 1)}),
        Step(op="Flatten", inputs=("twice",), output="flat"),
        Step(op="Gemm", inputs=("flat", "v"), output="scores"),
    )  # fmt: skip
    return RawNetwork(steps=steps, constants=constants, input_shape=(2, 3), output="scores", link="logits")


def ball(x: torch.Tensor, radius: float, norm: str = "linf") -> Region:
    """The ball around each of some points."""
    return Region(x - radius, x + radius, x, torch.ones_like(x), radius, norm)  # type: ignore[arg-type]


def inside(region: Region, n: int, seed: int) -> torch.Tensor:
    """Draw n inputs of each point's region, ``(n, n_points, *input_shape)``, most of them at its edge."""
    rng = np.random.default_rng(seed)
    shape = (n, *region.low.shape)
    at = torch.tensor(np.where(rng.random(shape) < 0.7, rng.integers(0, 2, shape), rng.random(shape)))
    drawn = region.low + at * (region.high - region.low)
    if not region.is_ball:
        return drawn
    moves = torch.tensor(rng.normal(size=shape)).flatten(2)
    if region.norm == "l1":  # all in one cell, or spread
        moves = moves * torch.tensor(rng.random(moves.shape) < 3 / moves.shape[2])
    length = moves.abs().sum(dim=2) if region.norm == "l1" else moves.norm(dim=2)
    moves = region.radius * moves / length.clamp(min=1e-12)[:, :, None]
    return (region.point + moves.reshape(shape)).clamp(region.low, region.high)


def exact_least(
    network: RawNetwork, c: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> float:
    """Find the least of ``c @ scores`` of an MLP of Relu over a box, by mixed-integer programming.

    Variables: the inputs; then for each hidden unit its value before and behind the bend, and its side. With bounds l,
    u of z by intervals: a >= z, a >= 0, a <= z - l (1 - s), a <= u s (Tjeng, Xiao, Tedrake 2019).
    """
    layers = [(network.constants[s.inputs[1]], network.constants[s.inputs[2]]) for s in network.steps if s.op == "Gemm"]
    hidden = [w.shape[1] for w, _ in layers[:-1]]
    n = low.size + 3 * sum(hidden)
    lower, upper, is_whole = [*low], [*high], [0.0] * low.size
    rows: list[NDArray[np.float64]] = []
    begin: list[float] = []
    end: list[float] = []

    def constrain(row: dict[int, float], least: float, most: float) -> None:
        full = np.zeros(n)
        full[list(row)] = list(row.values())
        rows.append(full)
        begin.append(least)
        end.append(most)

    previous, at = list(range(low.size)), low.size
    for (w, b), width in zip(layers, hidden, strict=False):
        w64, b64 = w.astype(np.float64), b.astype(np.float64)
        lo, hi = np.array([lower[i] for i in previous]), np.array([upper[i] for i in previous])
        z_low = lo @ w64.clip(0) + hi @ w64.clip(max=0) + b64 - 1e-6
        z_high = hi @ w64.clip(0) + lo @ w64.clip(max=0) + b64 + 1e-6
        z, a, s = (list(range(at + k * width, at + (k + 1) * width)) for k in range(3))
        lower += [*z_low, *np.zeros(width), *np.zeros(width)]
        upper += [*z_high, *z_high.clip(0), *np.ones(width)]
        is_whole += [0.0] * (2 * width) + [1.0] * width
        for j in range(width):
            constrain({**{i: -w64[k, j] for k, i in enumerate(previous)}, z[j]: 1.0}, b64[j], b64[j])
            constrain({a[j]: 1.0, z[j]: -1.0}, 0.0, np.inf)
            constrain({a[j]: 1.0, z[j]: -1.0, s[j]: -z_low[j]}, -np.inf, -z_low[j])
            constrain({a[j]: 1.0, s[j]: -max(z_high[j], 0.0)}, -np.inf, 0.0)
        previous, at = a, at + 3 * width
    w, b = (part.astype(np.float64) for part in layers[-1])
    cost = np.zeros(n)
    cost[previous] = w @ c
    bounds = np.array([lower, upper])
    constraints = LinearConstraint(np.array(rows), begin, end) if rows else None
    found = milp(cost, constraints=constraints, integrality=is_whole, bounds=Bounds(bounds[0], bounds[1]))
    assert found.success, found.message
    return float(found.fun + b @ c)
