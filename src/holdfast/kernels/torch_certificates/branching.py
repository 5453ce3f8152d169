"""Branch and bound: cut what is left into parts until each is proved, or one holds an input that is answered wrongly.

With few inputs that move, boxes of inputs are halved and bounded anew; otherwise bends are split into their two sides.

References
----------
Wang, S. et al. (2021). Beta-CROWN. NeurIPS, section 3.
Bunel, R. et al. (2020). Branch and bound for piecewise linear neural network verification. JMLR 21 (section 5: which
bend to split).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from holdfast.kernels.torch_certificates.bounds import Bounds, carried_back, linear_bounds
from holdfast.kernels.torch_certificates.graph import Bend, Graph
from holdfast.kernels.torch_certificates.regions import Region, is_empty, lowest
from holdfast.kernels.torch_certificates.slopes import optimised

# Boxes of inputs are halved where at most so many of them move; parts that are bounded at once.
FEW_INPUTS = 12
AT_ONCE = 32
# A part is looked at briefly: cutting it again often does more than better slopes.
MOST_STEPS, LAST_STEPS = 6, 60


class Branched(NamedTuple):
    """A lower bound over the whole region, and inputs at which the question may be answered wrongly."""

    value: Tensor
    tried: Tensor


def branched(
    graph: Graph, a: Tensor, shift: Tensor, bounds: Bounds, region: Region, *, most: int, tie: float, steps: int
) -> Branched:
    """Bound ``sum(a * output) + shift`` from below over the region of one point.

    Parameters
    ----------
    a, shift
        ``(1, n_outputs)``, and a number.
    bounds, region
        Of one point.
    most
        Parts that may be bounded.
    tie
        A part whose bound is above this is done.
    steps
        Gradient steps for each part, where bends are split.
    """
    moving = int((region.low < region.high).sum())
    if moving <= FEW_INPUTS:
        return _by_inputs(graph, a, shift, region, most=most, tie=tie)
    return _by_bends(graph, a, shift, bounds, region, most=most, tie=tie, steps=steps)


def _by_inputs(graph: Graph, a: Tensor, shift: Tensor, region: Region, *, most: int, tie: float) -> Branched:
    low, high = region.low, region.high
    value, tried = region.low.new_full((1,), -torch.inf), region.low[:0]
    least, n_done = torch.inf, 0
    while low.shape[0] and n_done < most:
        # the worst parts first; what is left over keeps its bound
        first = torch.argsort(value, stable=True)[:AT_ONCE]
        rest = torch.ones(low.shape[0], dtype=torch.bool, device=low.device)
        rest[first] = False
        whole = region.first(torch.zeros_like(first))
        now = whole._replace(low=low[first], high=high[first])
        inherited = value[first]
        found = carried_back(graph, graph.output, a.expand(first.numel(), 1, -1), linear_bounds(graph, now), now)
        bound = torch.maximum(found.value[:, 0] + shift, inherited)
        bound = torch.where(is_empty(now), torch.inf, bound)
        n_done += first.numel()
        slopes = found.slopes[:, 0]
        tried = torch.cat([tried, lowest(slopes, now)[bound <= tie]])[-AT_ONCE:]
        is_open = bound <= tie
        least = min(least, float(bound[~is_open].amin()) if bool((~is_open).any()) else torch.inf)
        halves = _halved(now.low[is_open], now.high[is_open], slopes[is_open])
        value = torch.cat([value[rest], bound[is_open].repeat(2)])
        low, high = torch.cat([low[rest], halves[0]]), torch.cat([high[rest], halves[1]])
    left = float(value.amin()) if value.numel() else torch.inf
    return Branched(a.new_tensor(min(least, left)), tried)


def _halved(low: Tensor, high: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    """Cut each box at the middle of the input that matters most."""
    n = low.shape[0]
    if not n:
        return low, high
    width = (high - low).flatten(1)
    # a small part by width alone, so that no input is forgotten whose slope happens to be 0
    matter = width * (slopes.flatten(1).abs() + 0.05 * slopes.flatten(1).abs().amax(dim=1, keepdim=True) + 1e-12)
    at = matter.argmax(dim=1)
    rows = torch.arange(n, device=low.device)
    low_half, high_half = high.flatten(1).clone(), low.flatten(1).clone()
    middle = 0.5 * (low.flatten(1)[rows, at] + high.flatten(1)[rows, at])
    low_half[rows, at], high_half[rows, at] = middle, middle
    return torch.cat([low, high_half.reshape(low.shape)]), torch.cat([low_half.reshape(high.shape), high])


class _Parts(NamedTuple):
    """Parts of a region by which sides of bends they lie on; ``sides`` and the rest as in :func:`optimised`."""

    value: Tensor
    sides: dict[str, Tensor]
    slopes: dict[str, Tensor]
    prices: dict[str, Tensor]

    def chosen(self, rows: Tensor) -> _Parts:
        sides, slopes, prices = ({name: tensor[rows] for name, tensor in part.items()} for part in self[1:])
        return _Parts(self.value[rows], sides, slopes, prices)

    def and_(self, others: _Parts) -> _Parts:
        sides, slopes, prices = (
            {name: torch.cat([tensor, theirs[name]]) for name, tensor in own.items()}
            for own, theirs in zip(self[1:], others[1:], strict=True)
        )
        return _Parts(torch.cat([self.value, others.value]), sides, slopes, prices)


def _by_bends(
    graph: Graph, a: Tensor, shift: Tensor, bounds: Bounds, region: Region, *, most: int, tie: float, steps: int
) -> Branched:
    names = [node.inputs[0] for node in graph.nodes if isinstance(node, Bend) and node.inputs[0] != "input"]
    first = optimised(graph, a[None], bounds, region, steps=0)
    sides = {name: torch.zeros_like(bounds.low[name]) for name in names}
    prices = {name: side[:, None] for name, side in sides.items()}
    parts = _Parts(region.low.new_full((1,), -torch.inf), sides, first.slopes, prices)
    tried, least, n_done = lowest(first.at_input[:, 0], region), torch.inf, 0
    while parts.value.numel() and n_done < most:
        order = torch.argsort(parts.value, stable=True)
        now, rest = parts.chosen(order[:AT_ONCE]), parts.chosen(order[AT_ONCE:])
        n = now.value.numel()
        n_done += n
        here = torch.zeros(n, dtype=torch.int64, device=a.device)
        cut, is_void = _cut(bounds.first(here), now.sides)
        part, question, is_spent = (
            region.first(here),
            a.expand(n, 1, -1),
            ~is_void & (_room(cut, names) <= 0).all(dim=1),
        )
        found = optimised(
            graph, question, cut, part, steps=LAST_STEPS if bool(is_spent.any()) else min(steps, MOST_STEPS),
            splits=now.sides, begun=(now.slopes, now.prices), enough=tie - shift,
        )  # fmt: skip
        bound = torch.where(is_void, torch.inf, torch.maximum(found.value[:, 0] + shift, now.value))
        is_open = bound <= tie
        tried = torch.cat([tried, lowest(found.at_input[:, 0], part)[is_open]])[-AT_ONCE:]
        least = min(least, float(bound[~is_open].amin()) if bool((~is_open).any()) else torch.inf)
        kept = torch.nonzero(is_open)[:, 0]
        open_parts = _Parts(bound, now.sides, found.slopes, found.prices).chosen(kept)
        if not kept.numel():
            parts = rest
            continue
        if bool(is_spent[kept].any()):  # no bend is left to split, so more parts cannot prove it
            parts = rest.and_(open_parts)
            break
        weights = carried_back(
            graph, graph.output, question[kept], cut.first(kept), part.first(kept), slopes=open_parts.slopes, asked=True
        )
        parts = rest.and_(_split(open_parts, weights.at, cut.first(kept), names))
    left = float(parts.value.amin()) if parts.value.numel() else torch.inf
    return Branched(a.new_tensor(min(least, left)), tried)


def _cut(bounds: Bounds, sides: Mapping[str, Tensor]) -> tuple[Bounds, Tensor]:
    """Narrow bounds to the sides that are known; some parts turn out to be empty."""
    low, high = dict(bounds.low), dict(bounds.high)
    is_void = torch.zeros(next(iter(low.values())).shape[0], dtype=torch.bool, device=next(iter(low.values())).device)
    for name, side in sides.items():
        low[name] = torch.where(side > 0, low[name].clamp(min=0.0), low[name])
        high[name] = torch.where(side < 0, high[name].clamp(max=0.0), high[name])
        is_void |= (low[name] > high[name]).flatten(1).any(dim=1)
        low[name] = torch.minimum(low[name], high[name])
    return Bounds(low, high, bounds.error, {}), is_void


def _room(cut: Bounds, names: list[str]) -> Tensor:
    """How far the upper line of each bend is from it at 0, ``(n, n_bends)``; 0 for a bend that cannot go either way."""
    rooms = []
    for name in names:
        low, high = cut.low[name].flatten(1), cut.high[name].flatten(1)
        rooms.append(torch.where((low < 0) & (high > 0), -low * high / (high - low).clamp(min=1e-300), 0.0))
    return torch.cat(rooms, dim=1)


def _split(parts: _Parts, weights: Mapping[str, Tensor], cut: Bounds, names: list[str]) -> _Parts:
    """Split each part at the bend whose upper line costs most."""
    n = parts.value.numel()
    weight = torch.cat(
        [weights[name][:, 0].flatten(1) if name in weights else cut.low[name].flatten(1) * 0 for name in names], dim=1
    )
    # the lower line may cost too, hence the small part of the other sign
    cost = _room(cut, names) * (-weight.clamp(max=0) + 0.1 * weight.clamp(min=0) + 1e-9)
    at = cost.argmax(dim=1)
    sides: dict[str, Tensor] = {}
    begin = 0
    for name in names:
        both = parts.sides[name].flatten(1).repeat(2, 1)
        inside = torch.nonzero((at >= begin) & (at < begin + both.shape[1]))[:, 0]
        both[inside, at[inside] - begin] = 1.0
        both[inside + n, at[inside] - begin] = -1.0
        sides[name] = both.reshape(2 * n, *parts.sides[name].shape[1:])
        begin += both.shape[1]
    slopes, prices = (
        {name: tensor.repeat(2, *[1] * (tensor.dim() - 1)) for name, tensor in part.items()}
        for part in (parts.slopes, parts.prices)
    )
    return _Parts(parts.value.repeat(2), sides, slopes, prices)
