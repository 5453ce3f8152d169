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
    """

    def __init__(self, asked: Asked, ball: Ball, y: Tensor) -> None:
        self.asked, self.ball, self.y = asked, ball, y
        self.best = ball.centre.clone()
        self.distance = np.full(len(y), np.inf)
        self.stage = np.full(len(y), "", dtype=object)
        self.name = ""
        """The stage at work, written beside what it finds."""

    def open(self) -> Tensor:
        """Points not flipped yet, ascending."""
        return torch.as_tensor(np.flatnonzero(np.isinf(self.distance)), device=self.y.device)

    def keep(self, points: Tensor, x: Tensor, logits: Tensor) -> Tensor:
        """Keep what flips, is closer than before, and flips again when asked anew; which rows were kept, ``(n,)``."""
        kept = torch.zeros(len(points), dtype=torch.bool, device=x.device)
        rows = leaves(logits, self.y[points]).nonzero()[:, 0]
        if not len(rows):
            return kept
        ball = self.ball.at(points[rows])
        distance = ball.distance(x[rows]).cpu().numpy()
        fits = torch.as_tensor(distance < self.distance[points[rows].cpu().numpy()], device=x.device) & ball.holds(
            x[rows]
        )
        rows, distance = rows[fits], distance[fits.cpu().numpy()]
        if not len(rows):
            return kept
        again = leaves(self.asked.logits(x[rows], points[rows]), self.y[points[rows]])
        rows, distance = rows[again], distance[again.cpu().numpy()]
        at = points[rows].cpu().numpy()
        self.best[points[rows]] = x[rows]
        self.distance[at], self.stage[at] = distance, self.name
        kept[rows] = True
        return kept
