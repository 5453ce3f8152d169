"""Lower lines of bends, and prices of splits, as numbers to optimise: every choice is sound, so the best one counts.

References
----------
Xu, K. et al. (2021). Fast and complete: enabling complete neural network verification with rapid and massively parallel
incomplete verifiers. ICLR.
Wang, S. et al. (2021). Beta-CROWN: efficient bound propagation with per-neuron split constraints for neural network
robustness verification. NeurIPS, section 3.2 (the prices).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from holdfast.kernels.torch_certificates.bounds import Bounds, carried_back
from holdfast.kernels.torch_certificates.graph import Bend, Graph
from holdfast.kernels.torch_certificates.regions import Region
from holdfast.kernels.torch_certificates.relaxations import bend_lines

SLOPE_STEP, PRICE_STEP = 0.1, 0.05
DECAY = 0.97


class Optimised(NamedTuple):
    """The best bound found of each question, ``(n, m)``, what led to it, and the slopes at the input."""

    value: Tensor
    slopes: dict[str, Tensor]
    prices: dict[str, Tensor]
    at_input: Tensor


def optimised(
    graph: Graph,
    a: Tensor,
    bounds: Bounds,
    region: Region,
    *,
    steps: int,
    splits: Mapping[str, Tensor] | None = None,
    begun: tuple[Mapping[str, Tensor], Mapping[str, Tensor]] | None = None,
    enough: Tensor | None = None,
) -> Optimised:
    """Improve a lower bound of ``sum(a * output)`` by gradient steps.

    Parameters
    ----------
    a
        ``(n, m, *shape)`` of the output.
    steps
        Gradient steps (Adam); 0 bounds once, with what is given.
    splits
        By name of what goes into a bend: 1 where it is known not to be negative, -1 where not to be positive, 0 where
        neither, ``(n, *shape)``; ``bounds`` must be cut accordingly.
    begun
        Slopes and prices to begin with; the usual ones if left out.
    enough
        Stop when every bound, ``(n, m)``, is above this.
    """
    bends = {node.inputs[0]: node.slope for node in graph.nodes if isinstance(node, Bend)}
    slopes, prices = _begun(bends, a, bounds, splits or {}, begun)
    free = [slopes[name] for name in slopes], [prices[name] for name in prices]
    best = carried_back(graph, graph.output, a, bounds, region, slopes=slopes, prices=_signed(prices, splits or {}))
    found = Optimised(best.value.detach(), _copy(slopes), _copy(prices), best.slopes.detach())
    if not steps or not (free[0] or free[1]):
        return found
    for tensor in (*free[0], *free[1]):
        tensor.requires_grad_(True)
    adam = torch.optim.Adam([{"params": free[0], "lr": SLOPE_STEP}, {"params": free[1], "lr": PRICE_STEP}])
    schedule = torch.optim.lr_scheduler.ExponentialLR(adam, DECAY)
    for _ in range(steps):
        if enough is not None and bool((found.value > enough).all()):
            break
        adam.zero_grad()
        now = carried_back(graph, graph.output, a, bounds, region, slopes=slopes, prices=_signed(prices, splits or {}))
        (-now.value.sum()).backward()
        found = _better(found, now.value.detach(), slopes, prices, now.slopes.detach())
        adam.step()
        schedule.step()
        with torch.no_grad():
            for name, tensor in slopes.items():
                tensor.clamp_(bends[name], 1.0)
            for tensor in free[1]:
                tensor.clamp_(min=0.0)
    return found


def _begun(
    bends: Mapping[str, float],
    a: Tensor,
    bounds: Bounds,
    splits: Mapping[str, Tensor],
    begun: tuple[Mapping[str, Tensor], Mapping[str, Tensor]] | None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    if begun is not None:
        return _copy(begun[0]), _copy(begun[1])
    m, slopes, prices = a.shape[1], {}, {}
    for name, slope in bends.items():
        low, high = bounds.low[name], bounds.high[name]
        if bool(((low < 0) & (high > 0)).any()):
            line = bend_lines(low, high, slope).low_slope
            slopes[name] = line[:, None].repeat(1, m, *[1] * (line.dim() - 1))
        if name in splits and bool((splits[name] != 0).any()):
            prices[name] = low.new_zeros((low.shape[0], m, *low.shape[1:]))
    return slopes, prices


def _signed(prices: Mapping[str, Tensor], splits: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A price pays for what is known, s x >= 0: the least of f is at least that of f - price * s x."""
    return {name: -price * splits[name][:, None] for name, price in prices.items()}


def _copy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _better(
    found: Optimised, value: Tensor, slopes: Mapping[str, Tensor], prices: Mapping[str, Tensor], at_input: Tensor
) -> Optimised:
    is_better = value > found.value

    def chosen(new: Tensor, old: Tensor) -> Tensor:
        return torch.where(is_better.reshape(*is_better.shape, *[1] * (new.dim() - 2)), new.detach(), old)

    return Optimised(
        torch.where(is_better, value, found.value),
        {name: chosen(slopes[name], old) for name, old in found.slopes.items()},
        {name: chosen(prices[name], old) for name, old in found.prices.items()},
        chosen(at_input, found.at_input),
    )
