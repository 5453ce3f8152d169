"""Bounds of everything a network computes, for all inputs of a region: by intervals, and by lines carried backwards.

References
----------
Gowal, S. et al. (2018). On the effectiveness of interval bound propagation for training verifiably robust models.
Zhang, H. et al. (2018). Efficient neural network robustness certification with general activation functions. NeurIPS.
Xu, K. et al. (2021). Fast and complete: enabling complete neural network verification with rapid and massively parallel
incomplete verifiers. ICLR (the slopes of the lower lines as something to optimise).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from holdfast.kernels.torch_certificates.graph import (
    OWN_ERROR,
    SMALLEST,
    UNIT,
    Affine,
    Bend,
    Graph,
    Maximum,
    Node,
    Tanh,
)
from holdfast.kernels.torch_certificates.regions import Region, smallest
from holdfast.kernels.torch_certificates.relaxations import (
    Choices,
    Lines,
    bend_lines,
    maximum,
    maximum_choices,
    tanh_lines,
)

# Numbers in the largest matrix of slopes that is held at once.
CELLS_AT_ONCE = 1 << 19
# More roundings per result than the operator itself has: of weights that a runtime folded into one.
FOLDED = 4


class Bounds(NamedTuple):
    """What each node's result lies between in the deployed model, and how far one step of it may be from exact.

    Tensors by name of the node (and ``input``), ``(n, *shape)``; ``error`` lacks nodes that are exact.
    """

    low: dict[str, Tensor]
    high: dict[str, Tensor]
    error: dict[str, Tensor]
    lines: dict[str, Any]
    """Lines about nodes that are not affine, as far as they were asked for."""

    def first(self, rows: Tensor | slice) -> Bounds:
        """Return those of some of the points."""
        low, high, error = ({name: value[rows] for name, value in part.items()} for part in self[:3])
        return Bounds(low, high, error, {})


def interval_bounds(graph: Graph, region: Region) -> Bounds:
    """Bound every node by intervals."""
    bounds = _begun(region)
    for node in graph.nodes:
        _add_interval(node, graph, bounds)
    return bounds


def linear_bounds(graph: Graph, region: Region, *, most_cells: int = 1 << 62) -> Bounds:
    """Bound every node; what goes into a bend is bounded by lines carried back to the input where intervals leave open.

    Parameters
    ----------
    most_cells
        A layer is left to intervals where lines of all its open cells would need more numbers than this for one point.
    """
    bounds = _begun(region)
    bent = set(graph.bent)
    for node in graph.nodes:
        _add_interval(node, graph, bounds)
        # behind a bend, intervals are as good as what goes into it
        if node.name in bent and isinstance(node, Affine):
            _tighten(node.name, graph, bounds, region, most_cells)
    return bounds


def _begun(region: Region) -> Bounds:
    # a cell is brought to single precision before the first step
    error = UNIT * torch.maximum(region.low.abs(), region.high.abs())
    return Bounds({"input": region.low - error}, {"input": region.high + error}, {"input": error}, {})


def _add_interval(node: Node, graph: Graph, bounds: Bounds) -> None:
    lows, highs = ([part[name] for name in node.inputs] for part in (bounds.low, bounds.high))
    n, shape = lows[0].shape[0], graph.shapes[node.name]
    if isinstance(node, Affine):
        middle = node.apply(*(0.5 * (low + high) for low, high in zip(lows, highs, strict=True)))
        spread = node.magnify(*(0.5 * (high - low) for low, high in zip(lows, highs, strict=True)))
        low, high = middle - spread, middle + spread
        if node.n_terms or node.error:
            error = bounds.error[node.name] = _rounding(node, graph.pulls[node.name].constant, lows, highs)
            low, high = low - error, high + error
    elif isinstance(node, Maximum):
        low, high = (maximum(ends[0], node.windows).reshape(n, *shape) for ends in (lows, highs))
    elif isinstance(node, Tanh):
        low, high = torch.tanh(lows[0]), torch.tanh(highs[0])
    else:
        low, high = (torch.where(x > 0, x, node.slope * x) for x in (lows[0], highs[0]))
    bounds.low[node.name], bounds.high[node.name] = low, high


def _rounding(node: Affine, constant: Tensor, lows: list[Tensor], highs: list[Tensor]) -> Tensor:
    """How far a result in single precision may be from that of the same inputs in exact arithmetic."""
    size = node.magnify(*(torch.maximum(low.abs(), high.abs()) for low, high in zip(lows, highs, strict=True)))
    n_terms = node.n_terms + FOLDED if node.n_terms else 0
    return (
        OWN_ERROR * n_terms * UNIT / (1.0 - n_terms * UNIT) * (size + constant.abs()) + n_terms * SMALLEST + node.error
    )


def _tighten(name: str, graph: Graph, bounds: Bounds, region: Region, most_cells: int) -> None:
    """Bound the cells of a node that intervals leave open by lines; never to anything looser than it was."""
    low, high = bounds.low[name].flatten(1), bounds.high[name].flatten(1)
    is_open = _open_cells(name, graph, low, high)
    most = int(is_open.sum(dim=1).max()) if is_open.numel() else 0
    if not most or most * widest(graph) > most_cells:
        return
    # rows with fewer open cells ask about others too, so that all ask about as many, and leave the answers aside
    cells = is_open.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]
    step = max(1, CELLS_AT_ONCE // (2 * low.shape[0] * widest(graph)))
    for start in range(0, most, step):
        at = cells[:, start : start + step]
        one = torch.zeros((low.shape[0], at.shape[1], low.shape[1]), dtype=torch.float64, device=low.device)
        one.scatter_(2, at[:, :, None], 1.0)
        both = torch.cat([one, -one], dim=1).reshape(low.shape[0], -1, *graph.shapes[name])
        found = carried_back(graph, name, both, bounds, region).value
        least, other = torch.where(is_open.gather(1, at).repeat(1, 2), found, -torch.inf).chunk(2, dim=1)
        low.scatter_reduce_(1, at, least, "amax")
        high.scatter_reduce_(1, at, -other, "amin")
    bounds.low[name], bounds.high[name] = low.reshape(-1, *graph.shapes[name]), high.reshape(-1, *graph.shapes[name])


def _open_cells(name: str, graph: Graph, low: Tensor, high: Tensor) -> Tensor:
    users = [node for node in graph.nodes if name in node.inputs and not isinstance(node, Affine)]
    if all(isinstance(node, Bend) for node in users):
        return (low < 0) & (high > 0)
    return low < high


def widest(graph: Graph) -> int:
    """Return the number of cells of the largest node."""
    return max(math.prod(shape) for shape in graph.shapes.values())


class Carried(NamedTuple):
    """A lower bound, ``(n, m)``; the slopes at the input that it comes from, and those at each asked node."""

    value: Tensor
    slopes: Tensor
    at: dict[str, Tensor]


def carried_back(
    graph: Graph,
    start: str,
    a: Tensor,
    bounds: Bounds,
    region: Region,
    *,
    slopes: Mapping[str, Tensor] | None = None,
    prices: Mapping[str, Tensor] | None = None,
    asked: bool = False,
) -> Carried:
    """Bound ``sum(a * result)`` of a node from below over a region.

    Parameters
    ----------
    start
        The node.
    a
        ``(n, m, *shape)`` of the node.
    bounds
        Of all nodes before it.
    slopes
        Slopes of the lower lines of bends that can go either way, between the two of the bend, by name of what goes
        into it: ``(n, m, *shape)``. The usual ones where left out.
    prices
        What is added to the slopes at nodes, by name, ``(n, m, *shape)``: Lagrange multipliers of bounds that are known
        of them beyond the network.
    asked
        Whether the slopes behind each bend are returned in ``at``, by name of what goes into it.
    """
    known: dict[str, Tensor] = {start: a}
    constant = a.new_zeros(a.shape[:2])
    kept: dict[str, Tensor] = {}
    names = [node.name for node in graph.nodes]
    for node in reversed(graph.nodes[: names.index(start) + 1] if start != "input" else ()):
        if node.name not in known:
            continue
        a = known.pop(node.name)
        if prices is not None and node.name in prices:
            a = a + prices[node.name]
        if node.name in bounds.error:
            constant = constant - _product(a.abs(), bounds.error[node.name])
        if isinstance(node, Affine):
            before, shift = _through_affine(node, a, graph)
        elif isinstance(node, Maximum):
            before, shift = _through_maximum(node, a, bounds, graph)
        else:
            if asked:
                kept[node.inputs[0]] = a
            before, shift = _through_lines(node, a, bounds, None if slopes is None else slopes.get(node.inputs[0]))
        constant = constant + shift
        for name, part in zip(node.inputs, before, strict=True):
            known[name] = known[name] + part if name in known else part
    a = known["input"]
    if prices is not None and "input" in prices:
        a = a + prices["input"]
    constant = constant - _product(a.abs(), bounds.error["input"])
    return Carried(constant + smallest(a, region), a, kept)


def _product(a: Tensor, x: Tensor) -> Tensor:
    """Sum over the cells of ``a``, ``(n, m, *shape)``, times those of ``x``, ``(n or 1, *shape)``."""
    return torch.matmul(a.flatten(2), x.flatten(1)[:, :, None])[..., 0]


def _through_affine(node: Affine, a: Tensor, graph: Graph) -> tuple[tuple[Tensor, ...], Tensor]:
    """Carry slopes through the transposed operator."""
    n, m = a.shape[:2]
    pull = graph.pulls[node.name]
    before = pull.back(a.flatten(0, 1))
    return tuple(part.reshape(n, m, *part.shape[1:]) for part in before), _product(a, pull.constant)


def _through_lines(
    node: Bend | Tanh, a: Tensor, bounds: Bounds, slopes: Tensor | None
) -> tuple[tuple[Tensor, ...], Tensor]:
    low, high = (part[node.inputs[0]] for part in (bounds.low, bounds.high))
    if node.name not in bounds.lines:
        made = bend_lines(low, high, node.slope) if isinstance(node, Bend) else tanh_lines(low, high)
        bounds.lines[node.name] = made
    lines: Lines = bounds.lines[node.name]
    low_slope = lines.low_slope[:, None]
    if slopes is not None and isinstance(node, Bend):
        low_slope = torch.where(((low < 0) & (high > 0))[:, None], slopes, low_slope)
    # where the slope behind is positive the lower line counts, else the upper one
    above, high_slope = a.clamp(min=0), lines.high_slope[:, None]
    before = torch.addcmul(a * high_slope, above, low_slope - high_slope)
    return (before,), _product(a, lines.high_shift) + _product(above, lines.low_shift - lines.high_shift)


def _through_maximum(node: Maximum, a: Tensor, bounds: Bounds, graph: Graph) -> tuple[tuple[Tensor, ...], Tensor]:
    name = node.inputs[0]
    if node.name not in bounds.lines:
        bounds.lines[node.name] = maximum_choices(bounds.low[name], bounds.high[name], node.windows)
    chosen: Choices = bounds.lines[node.name]
    n, m = a.shape[:2]
    channels, *size = graph.shapes[name]
    a = a.reshape(n, m, channels, -1)
    before = a.new_zeros((n, m, channels, math.prod(size)))
    above, below = a.clamp(min=0), a.clamp(max=0)
    before = before.scatter_add(3, chosen.low_at[:, None].expand_as(above), above)
    before = before.scatter_add(3, chosen.high_at[:, None].expand_as(below), below * chosen.high_slope[:, None])
    return (before.reshape(n, m, channels, *size),), _product(below, chosen.high_shift)
