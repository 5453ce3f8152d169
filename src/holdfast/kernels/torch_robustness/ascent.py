"""Climb a loss inside a ball with steps that halve when progress stalls (APGD)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from holdfast.kernels.torch_robustness.asking import Aim
from holdfast.kernels.torch_robustness.balls import Ball, Norm
from holdfast.kernels.torch_robustness.found import Found

Tensor = Any
MOMENTUM = 0.25
PROGRESS = 0.75
FIRST_CELLS = 0.2
SPARSER = 0.95


class Climber(NamedTuple):
    """State of each row that is still climbing; rows leave together from all fields."""

    row: Tensor
    """Its number among the rows that began."""
    x: Tensor
    before: Tensor
    """Where it was one step ago."""
    gradient: Tensor
    best: Tensor
    """Highest value so far."""
    best_x: Tensor
    best_gradient: Tensor
    step: Tensor
    """Length of the next step, shape ``(n,)``."""
    value: Tensor
    rises: Tensor
    """Steps that rose since the last checkpoint."""
    best_then: Tensor
    """Highest value at the last checkpoint."""
    halved_then: Tensor
    """Whether the step was halved at the last checkpoint."""
    cells: Tensor
    """Cells that a step changes in L1, shape ``(n,)``."""
    changed_then: Tensor
    """Cells in which the best place differed from the point at the last checkpoint."""


class Summit(NamedTuple):
    """Where each row came to."""

    value: Tensor
    """Highest value of the aim, shape ``(n,)``; inf for rows that left."""
    x: Tensor
    """Where it was taken."""


def checkpoints(iterations: int, norm: Norm) -> list[int]:
    """Iterations at which the step is reconsidered (section 3.1 of the paper; in L1 at even distances)."""
    if norm == "l1":
        return list(range(1, iterations, max(1, round(0.04 * iterations))))
    at, gap = [], 0.22
    share = gap
    while share < 1:
        at.append(max(1, round(share * iterations)))
        gap = max(gap - 0.03, 0.06)
        share += gap
    return sorted(set(at))


def ascend(found: Found, points: Tensor, aim: Aim, start: Tensor, *, iterations: int, widened: float = 1.0) -> Summit:
    """Climb from `start`; the rows of a point leave at its first flip, which `found` keeps.

    Parameters
    ----------
    found : Found
        The network, the balls, and what was flipped.
    points : Tensor of int64, shape (n,)
        The point that each row belongs to; several rows may belong to one.
    aim : Aim
        What is climbed, for the same rows.
    start : Tensor, shape (n, *shape)
        Brought into the balls.
    iterations : int
        Steps, each one forward and one backward. The first goes where the aim would be highest, were it linear.
    widened : float
        The climb takes place in balls so many times as wide; a flip still counts only in its own ball.

    References
    ----------
    Croce, F. and Hein, M. (2020). Reliable evaluation of adversarial robustness with an ensemble of diverse
    parameter-free attacks. ICML, section 3 and algorithm 1. L1: Croce, F. and Hein, M. (2021). Mind the box: l1-APGD
    for sparse adversarial attacks on image classifiers. ICML, section 3.
    """
    asked, ball = found.asked, found.ball.at(points)
    if widened != 1:
        ball = ball.resized(widened * ball.eps)
    start = ball.project(start)
    summit = Summit(torch.full_like(ball.eps, torch.inf), start.clone())
    slope = asked.slope(start, points, aim)
    rows = torch.arange(len(points), device=start.device)
    length = 1.0 if ball.norm == "l1" else 2.0
    n_cells = torch.full_like(ball.eps, start[0].numel() if len(start) else 0)
    climber = Climber(
        rows, start, start, slope.gradient, slope.value, start, slope.gradient, length * ball.eps, slope.value,
        torch.zeros_like(ball.eps), slope.value, torch.ones_like(rows, dtype=torch.bool), FIRST_CELLS * n_cells,
        n_cells,
    )  # fmt: skip
    found.keep(points, start, slope.logits)
    # Without any slope there is nowhere to go.
    moves = (slope.gradient != 0).flatten(1).any(1)
    summit.value[~moves] = slope.value[~moves]
    climber, ball = _leave(climber, ball, moves & found.is_open(points))
    checks, last = checkpoints(iterations, ball.norm), 0
    for iteration in range(1, iterations + 1):
        if not len(climber.row):
            break
        x = _next(climber, ball) if iteration > 1 else ball.summit(climber.gradient)
        at = points[climber.row]
        slope = asked.slope(x, at, aim.at(climber.row))
        found.keep(at, x, slope.logits)
        climber = _moved(climber, x, slope.value, slope.gradient)
        climber, ball = _leave(climber, ball, found.is_open(at))
        if iteration in checks:
            climber = _checked_l1(climber, ball) if ball.norm == "l1" else _checked(climber, iteration - last)
            last = iteration
    summit.value[climber.row], summit.x[climber.row] = climber.best, climber.best_x
    return summit


def _next(climber: Climber, ball: Ball) -> Tensor:
    step = climber.step.view(-1, *[1] * (climber.x.ndim - 1))
    ahead = ball.project(climber.x + step * ball.rise(climber.x, climber.gradient, climber.cells))
    return ball.project(climber.x + (1 - MOMENTUM) * (ahead - climber.x) + MOMENTUM * (climber.x - climber.before))


def _moved(climber: Climber, x: Tensor, value: Tensor, gradient: Tensor) -> Climber:
    is_best = value > climber.best
    wide = is_best.view(-1, *[1] * (x.ndim - 1))
    return climber._replace(
        x=x,
        before=climber.x,
        gradient=gradient,
        best=torch.where(is_best, value, climber.best),
        best_x=torch.where(wide, x, climber.best_x),
        best_gradient=torch.where(wide, gradient, climber.best_gradient),
        value=value,
        rises=climber.rises + (value > climber.value),
    )


def _checked(climber: Climber, steps: int) -> Climber:
    """Halve the step and go back to the best place where few steps rose, or nothing was gained at a kept step."""
    stalled = ~climber.halved_then & (climber.best <= climber.best_then)
    halve = (climber.rises <= PROGRESS * steps) | stalled
    wide = halve.view(-1, *[1] * (climber.x.ndim - 1))
    return climber._replace(
        step=torch.where(halve, climber.step / 2, climber.step),
        x=torch.where(wide, climber.best_x, climber.x),
        gradient=torch.where(wide, climber.best_gradient, climber.gradient),
        rises=torch.zeros_like(climber.rises),
        best_then=climber.best,
        halved_then=halve,
    )


def _checked_l1(climber: Climber, ball: Ball) -> Climber:
    """Where the changes grow sparser, change fewer cells from the best place, at full length; else shorten the step."""
    changed = (climber.best_x != ball.centre).flatten(1).sum(1).to(ball.eps.dtype)
    is_sparser = changed < SPARSER * climber.changed_then
    wide = is_sparser.view(-1, *[1] * (climber.x.ndim - 1))
    return climber._replace(
        step=torch.where(is_sparser, ball.eps, torch.maximum(climber.step / 1.5, ball.eps / 10)),
        x=torch.where(wide, climber.best_x, climber.x),
        gradient=torch.where(wide, climber.best_gradient, climber.gradient),
        cells=(changed / 1.5).clamp(min=1),
        changed_then=changed,
    )


def _leave(climber: Climber, ball: Ball, stays: Tensor) -> tuple[Climber, Ball]:
    if bool(stays.all()):
        return climber, ball
    return Climber(*(part[stays] for part in climber)), ball.at(stays)
