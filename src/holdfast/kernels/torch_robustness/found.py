"""The flips found so far: each confirmed by asking again, inside its ball, the closest of each point kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from holdfast.kernels.torch_robustness.asking import Asked, leaves
from holdfast.kernels.torch_robustness.balls import Ball

Tensor = Any


class Found:
    """Flips of the points under attack.

    Parameters
    ----------
    asked
        The network.
    ball
        Where the changed inputs may lie, for all points.
    y
        Class of each point, shape ``(n,)``.
    seeks_closest
        Whether points stay open after a flip, in search of a closer one. Flips are not confirmed then, but all at the
        end (:meth:`confirm`).
    """

    def __init__(self, asked: Asked, ball: Ball, y: Tensor, *, seeks_closest: bool = False) -> None:
        self.asked, self.ball, self.y, self.seeks_closest = asked, ball, y, seeks_closest
        self.best = ball.centre.clone()
        self.distance = np.full(len(y), np.inf)
        self.stage = np.full(len(y), "", dtype=object)
        self.name = ""
        """The stage at work, written beside what it finds."""

    def open(self) -> Tensor:
        """Points not flipped yet, ascending."""
        return torch.as_tensor(np.flatnonzero(np.isinf(self.distance)), device=self.y.device)

    def is_open(self, points: Tensor) -> Tensor:
        """Tell which of some points are still searched."""
        if self.seeks_closest:
            return torch.ones_like(points, dtype=torch.bool)
        return torch.as_tensor(np.isinf(self.distance[points.cpu().numpy()]), device=points.device)

    def keep(self, points: Tensor, x: Tensor, logits: Tensor) -> None:
        """Keep what flips, is closer than before, and flips again when asked anew; a point may have several rows."""
        rows = leaves(logits, self.y[points]).nonzero()[:, 0]
        if not len(rows):
            return
        ball = self.ball.at(points[rows])
        distance, at = ball.distance(x[rows]).cpu().numpy(), points[rows].cpu().numpy()
        fits = (distance < self.distance[at]) & ball.holds(x[rows]).cpu().numpy()
        # The closest row of each point.
        order = np.lexsort((distance, at))
        order = order[fits[order]]
        first = order[np.r_[True, np.diff(at[order]) != 0]] if order.size else order
        rows, distance = rows[torch.as_tensor(first, device=rows.device)], distance[first]
        if not len(rows):
            return
        if not self.seeks_closest:
            again = leaves(self.asked.logits(x[rows], points[rows]), self.y[points[rows]])
            rows, distance = rows[again], distance[again.cpu().numpy()]
        self.best[points[rows]] = x[rows]
        at = points[rows].cpu().numpy()
        self.distance[at], self.stage[at] = distance, self.name

    def confirm(self) -> None:
        """Ask again about everything kept, and drop what does not flip a second time."""
        points = torch.as_tensor(np.flatnonzero(np.isfinite(self.distance)), device=self.y.device)
        if not len(points):
            return
        gone = points[~leaves(self.asked.logits(self.best[points], points), self.y[points])]
        self.best[gone] = self.ball.centre[gone]
        at = gone.cpu().numpy()
        self.distance[at], self.stage[at] = np.inf, ""
