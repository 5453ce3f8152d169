"""Move rows to where a network is worst while it is trained, so that it learns to answer rows that were moved."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from holdfast.kernels.torch_robustness.balls import Ball

if TYPE_CHECKING:
    from holdfast.core.training import Adversary

Tensor = Any
# Length of all steps together, in distances: enough to cross the ball and to turn at its end.
TOGETHER = 2.5
# Share of the cells that a step in L1 changes.
FEW_CELLS = 0.05


class Mover:
    """Projected gradient ascent from a random start, within a distance and the valid range.

    Parameters
    ----------
    adversary
        What may be moved, and how far.
    input_shape
        Shape of a row; its cells are the columns in order.
    device
        Where rows lie.

    Raises
    ------
    ValueError
        When the columns do not fit the rows, or the distance is no positive number.

    References
    ----------
    Madry, A. et al. (2018). Towards deep learning models resistant to adversarial attacks. ICLR, section 2.
    """

    def __init__(self, adversary: Adversary, input_shape: tuple[int, ...], *, device: str = "cpu") -> None:
        cells = math.prod(input_shape)
        columns = (adversary.unit, adversary.low, adversary.high, adversary.direction)
        if any(len(each) != cells for each in columns):
            raise ValueError(f"expected the limits of {cells} columns, got {[len(each) for each in columns]}")
        if not 0 < adversary.distance < math.inf:
            raise ValueError(f"expected a positive distance to move rows by, got {adversary.distance}")
        self._adversary = adversary
        unit, low, high, direction = (
            torch.tensor(each, dtype=torch.float32, device=device).view(input_shape) for each in columns
        )
        self._scale = torch.where(unit > 0, unit, torch.ones_like(unit))
        self._low, self._high = low / self._scale, high / self._scale
        self._falls, self._rises = ((unit > 0) & (direction * way >= 0) for way in (-1, 1))

    def move(
        self, losses: Callable[[Tensor], Tensor], rows: Tensor, uniform: NDArray[np.float64], *, progress: float
    ) -> Tensor:
        """Move each row.

        Parameters
        ----------
        losses
            From rows to the loss of each, ``(n,)``.
        rows : Tensor, shape (n, *input_shape)
        uniform : ndarray, shape (n, *input_shape)
            Numbers in [0, 1) for the start.
        progress
            Share of the training that is over; the distance grows with it.

        Returns
        -------
        Tensor, shape (n, *input_shape)
            Rows within the distance and the range; a cell that was outside its range moves towards it only.
        """
        share = min(1.0, progress / self._adversary.ramp) if self._adversary.ramp else 1.0
        if not share:
            return rows
        ball = self._ball(rows, share * self._adversary.distance)
        x, free = ball.start(uniform), ball.high > ball.low
        length = TOGETHER * share * self._adversary.distance / self._adversary.steps
        cells = torch.full_like(ball.eps, FEW_CELLS * rows[0].numel())
        for _ in range(self._adversary.steps):
            x.requires_grad_()
            with torch.enable_grad():
                (slope,) = torch.autograd.grad(losses(rows + (x - ball.centre) * self._scale).sum(), x)
            x = x.detach()
            x = ball.project(x + length * ball.rise(x, slope * free, cells))
        return rows + (x - ball.centre) * self._scale

    def _ball(self, rows: Tensor, distance: float) -> Ball:
        centre = rows / self._scale
        low = torch.where(self._falls, torch.minimum(self._low, centre), centre)
        high = torch.where(self._rises, torch.maximum(self._high, centre), centre)
        eps = torch.full((len(rows),), distance, dtype=rows.dtype, device=rows.device)
        return Ball(self._adversary.norm, eps, centre, low, high, low, high, centre).resized(eps)
