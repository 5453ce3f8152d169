"""Walk along the boundary between two classes towards the point (FAB, targeted)."""

from __future__ import annotations

from typing import Any

import torch

from holdfast.kernels.torch_robustness.asking import Aim, leaves
from holdfast.kernels.torch_robustness.balls import Ball, lengths, reach
from holdfast.kernels.torch_robustness.found import Found

Tensor = Any
BIAS = 0.1
OVERSHOOT = 1.05
BACK = 0.9
HALVINGS = 4


def walk(found: Found, points: Tensor, aim: Aim, start: Tensor, *, iterations: int) -> Tensor:
    """Walk from `start`, which may lie anywhere in the range; points leave at a flip within their balls.

    Parameters
    ----------
    found, points, aim, start, iterations
        As for :func:`ascend`; the aim is a margin.

    Returns
    -------
    Tensor, shape (n,)
        Distance of the closest flip met, in the ball or not; inf where there was none.

    References
    ----------
    Croce, F. and Hein, M. (2020). Minimally distorted adversarial examples with a fast adaptive boundary attack. ICML,
    algorithm 1 and section 2.5.
    """
    ball, x = found.ball.at(points), start
    rows = torch.arange(len(points), device=start.device)
    closest, closest_x = torch.full_like(ball.eps, torch.inf), start.clone()
    for _ in range(iterations):
        if not len(rows):
            break
        at = points[rows]
        slope = found.asked.slope(x, at, aim.at(rows))
        flips = leaves(slope.logits, aim.y[rows])
        found.keep(at, x, slope.logits)
        stays = found.is_open(at)
        _closer(closest, closest_x, rows, x, ball, flips)
        # A flip goes back towards its point, and is asked again from there.
        back = (flips & stays).nonzero()[:, 0]
        if len(back):
            x = x.clone()
            x[back] = ball.centre[back] + BACK * (x[back] - ball.centre[back])
            again = found.asked.slope(x[back], at[back], aim.at(rows[back]))
            slope.value[back], slope.gradient[back] = again.value, again.gradient
        # Without any slope there is nowhere to go.
        stays &= (slope.gradient != 0).flatten(1).any(1)
        rows, ball, x = rows[stays], ball.at(stays), x[stays]
        x = _step(x, slope.value[stays], slope.gradient[stays], ball)
    return _halved(found, points, aim, closest, closest_x)


def _step(x: Tensor, value: Tensor, gradient: Tensor, ball: Ball) -> Tensor:
    """Project the place and the point on the linearised boundary, and go between, biased to the point."""
    value = torch.nan_to_num(value, neginf=0.0)
    away = value + (gradient * (ball.centre - x)).flatten(1).sum(1)
    here, there = reach(gradient, -value, x, ball), reach(gradient, -away, ball.centre, ball)
    near, far = lengths(here, ball.norm), lengths(there, ball.norm)
    share = (near / (near + far).clamp(min=1e-30)).clamp(max=BIAS).view(-1, *[1] * (x.ndim - 1))
    ahead = (1 - share) * (x + OVERSHOOT * here) + share * (ball.centre + OVERSHOOT * there)
    return torch.minimum(torch.maximum(ahead, ball.low), ball.high)


def _closer(closest: Tensor, closest_x: Tensor, rows: Tensor, x: Tensor, ball: Ball, flips: Tensor) -> None:
    distance = lengths(x - ball.centre, ball.norm)
    better = flips & (distance < closest[rows])
    closest[rows[better]], closest_x[rows[better]] = distance[better], x[better]


def _halved(found: Found, points: Tensor, aim: Aim, closest: Tensor, closest_x: Tensor) -> Tensor:
    """Halve the way between the point and its closest flip, where that lies outside the ball."""
    rows = (torch.isfinite(closest) & found.is_open(points)).nonzero()[:, 0]
    if not len(rows):
        return closest
    ball = found.ball.at(points[rows])
    inner, outer = torch.zeros_like(closest[rows]), torch.ones_like(closest[rows])
    move = closest_x[rows] - ball.centre
    for _ in range(HALVINGS):
        middle = (inner + outer) / 2
        x = ball.centre + middle.view(-1, *[1] * (move.ndim - 1)) * move
        logits = found.asked.logits(x, points[rows])
        flips = leaves(logits, aim.y[rows])
        found.keep(points[rows], x, logits)
        inner, outer = torch.where(flips, inner, middle), torch.where(flips, middle, outer)
    closest[rows] = outer * closest[rows]
    return closest
