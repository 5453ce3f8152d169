"""Search the closest flip of each point: the whole robustness curve from one run."""

from __future__ import annotations

from math import cos, pi
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from holdfast.kernels.torch_robustness.asking import Aim, Asked, Forward, leaves
from holdfast.kernels.torch_robustness.balls import TINY, Norm, balls, lengths
from holdfast.kernels.torch_robustness.boundary import walk
from holdfast.kernels.torch_robustness.found import Found

Tensor = Any
# The radius changes by these shares from step to step, the first steps and the last.
GROWTH = (0.1, 1e-3)
STEP = (1.0, 0.01)
DUAL: dict[Norm, float] = {"linf": 1, "l2": 2, "l1": np.inf}


class Closest(NamedTuple):
    """The closest flip found for each of n points."""

    distance: NDArray[np.float64]
    """Shape ``(n,)``; 0 where the point itself is wrong, inf where no flip was found. Upper bounds."""
    adversarial: NDArray[np.floating[Any]]
    """Shape ``(n, *shape)``; the point itself where none was found."""
    forwards: NDArray[np.int64]
    backwards: NDArray[np.int64]

    def robust_share(self, eps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the points not flipped within each distance: the robustness curve, an upper bound."""
        return np.asarray((self.distance[:, None] > np.asarray(eps)).mean(axis=0))


def closest(
    forward: Forward,
    X: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    *,
    norm: Norm,
    low: float | NDArray[np.floating[Any]],
    high: float | NDArray[np.floating[Any]],
    iterations: int = 60,
    targets: int = 4,
    walks: int = 25,
    samples: int = 1,
    slopes_from: Forward | None = None,
    device: str | Any = "cpu",
    dtype: Any = torch.float32,
    chunk: int = 64,
) -> Closest:
    """Search flips whose distance is as small as possible; nothing is random.

    Parameters
    ----------
    forward, X, y, norm, low, high, samples, slopes_from, device, dtype, chunk
        As for :func:`attack`.
    iterations : int
        Steps away from the own class, with a radius that shrinks after a flip and grows without.
    targets, walks : int
        Classes towards which the boundary is then walked along, and the steps of each walk; the most likely ones.

    References
    ----------
    Pintor, M., Roli, F., Brendel, W. and Biggio, B. (2021). Fast minimum-norm adversarial attacks through adaptive norm
    constraints. NeurIPS, algorithm 1. The walks: Croce and Hein (2020), see :func:`walk`.
    """
    X = np.asarray(X)
    asked = Asked(
        forward, n_points=len(X), device=device, dtype=dtype, chunk=chunk, samples=samples, slopes_from=slopes_from
    )
    space = balls(X, norm=norm, eps=np.inf, low=low, high=high, device=asked.device, dtype=dtype)
    labels = torch.as_tensor(np.asarray(y, dtype=np.int64)).to(asked.device)
    found = Found(asked, space, labels, seeks_closest=True)
    if len(X):
        points = torch.arange(len(X), device=asked.device)
        clean = asked.begin(space.centre, points)
        found.keep(points, space.centre, clean)
        right = points[~leaves(clean, labels)]
        if len(right):
            _shrink(found, right, iterations)
            _walk(found, right, clean[right], targets, walks)
        found.confirm()
    return Closest(found.distance, found.best.cpu().numpy(), asked.forwards, asked.backwards)


def _shrink(found: Found, points: Tensor, iterations: int) -> None:
    """Follow the slope in balls that adapt to where the boundary is."""
    found.name = "shrinking ball"
    space, aim = found.ball.at(points), Aim("margin", found.y[points])
    x, radius = space.centre, torch.zeros_like(space.eps)
    n_cells = torch.full_like(radius, max(1.0, 0.05 * x[0].numel()))
    for k in range(iterations):
        slope = found.asked.slope(x, points, aim)
        found.keep(points, x, slope.logits)
        best = torch.as_tensor(found.distance[points.cpu().numpy()]).to(radius)
        growth, step = (last + (first - last) * (1 + cos(pi * k / iterations)) / 2 for first, last in (GROWTH, STEP))
        steepness = slope.gradient.flatten(1).norm(p=DUAL[space.norm], dim=1)
        estimate = lengths(x - space.centre, space.norm) + slope.value.abs() / steepness.clamp(min=TINY)
        widest = lengths(torch.maximum(space.high - space.centre, space.centre - space.low), space.norm)
        never = torch.isinf(best)
        radius = torch.where(never, torch.minimum(estimate * (1 + growth), widest), radius * (1 + growth))
        radius = torch.where(leaves(slope.logits, aim.y), torch.minimum(radius, best) * (1 - growth), radius)
        ball = space.resized(torch.minimum(radius, best))
        length = (step * ball.eps).view(-1, *[1] * (x.ndim - 1))
        x = ball.project(x + length * ball.rise(x, slope.gradient, n_cells))


def _walk(found: Found, points: Tensor, clean: Tensor, targets: int, iterations: int) -> None:
    """Walk towards the class of the closest flip from there, and towards the likeliest others from the point."""
    found.name = "boundary"
    at = points.cpu().numpy()
    flipped = points[torch.as_tensor(np.isfinite(found.distance[at]), device=points.device)]
    if len(flipped):
        target = found.asked.logits(found.best[flipped], flipped)
        target = target.scatter(1, found.y[flipped][:, None], -torch.inf).argmax(1)
        walk(found, flipped, Aim("margin", found.y[flipped], target), found.best[flipped], iterations=iterations)
    score = torch.nan_to_num(clean).scatter(1, found.y[points][:, None], -torch.inf)
    order = score.sort(dim=1, descending=True, stable=True).indices[:, : min(targets, score.shape[1] - 1)]
    rows = points.repeat_interleave(order.shape[1])
    if len(rows):
        walk(found, rows, Aim("margin", found.y[rows], order.flatten()), found.ball.centre[rows], iterations=iterations)
