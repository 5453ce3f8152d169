"""The inputs that a certificate speaks of: a box, and in it a ball."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

# More than the rounding error of a length in double precision.
INFLATED = 1.0 + 1e-9


class Region(NamedTuple):
    """For each of n points the inputs within ``low`` and ``high``, and at most ``radius`` from it.

    Shapes are ``(n, *input_shape)``, float64. Cells with ``scale`` 0 have no part in the distance, which is measured
    in units of the others' scales: they are bound by the box only.
    """

    low: Tensor
    high: Tensor
    point: Tensor
    scale: Tensor
    radius: float = float("inf")
    norm: Literal["linf", "l1", "l2"] = "linf"

    @property
    def is_ball(self) -> bool:
        """Whether there is more to it than the box."""
        return self.norm != "linf" and self.radius < float("inf")

    def first(self, rows: slice | Tensor) -> Region:
        """Return the region of some of the points."""
        cells = [cells[rows] for cells in self[:4]]
        return self._replace(low=cells[0], high=cells[1], point=cells[2], scale=cells[3])


def smallest(a: Tensor, region: Region) -> Tensor:
    """Bound ``sum(a * x)`` from below over a region.

    Parameters
    ----------
    a
        ``(n, m, *input_shape)``.

    Returns
    -------
    Tensor
        ``(n, m)``. Exact for a box; for a ball that the box cuts, the larger of the bounds of both.
    """
    low, high = region.low[:, None], region.high[:, None]
    by_box = a.clamp(min=0) * low + a.clamp(max=0) * high
    if not region.is_ball:
        return by_box.flatten(2).sum(dim=2)
    is_in_ball = (region.scale > 0)[:, None]
    apart = torch.where(is_in_ball, 0.0, by_box).flatten(2).sum(dim=2)
    boxed = torch.where(is_in_ball, by_box, 0.0).flatten(2).sum(dim=2)
    scaled = (a * region.scale[:, None]).flatten(2)
    size = scaled.abs().amax(dim=2) if region.norm == "l1" else scaled.square().sum(dim=2).sqrt()
    balled = torch.where(is_in_ball, a * region.point[:, None], 0.0).flatten(2).sum(dim=2)
    return apart + torch.maximum(boxed, balled - INFLATED * region.radius * size)


def lowest(a: Tensor, region: Region) -> Tensor:
    """Return an input of the region at which ``sum(a * x)`` is small, for ``a`` of shape ``(n, *input_shape)``."""
    corner = torch.where(a > 0, region.low, region.high)
    if not region.is_ball:
        return corner
    scale = region.scale
    scaled = (a * scale).flatten(1)
    if region.norm == "l1":
        moves = torch.zeros_like(scaled)
        best = scaled.abs().argmax(dim=1, keepdim=True)
        moves.scatter_(1, best, -scaled.gather(1, best).sign())
    else:
        moves = -scaled / scaled.norm(dim=1, keepdim=True).clamp(min=1e-300)
    moved = (region.point + region.radius * scale * moves.reshape(a.shape)).clamp(region.low, region.high)
    # a box that does not hold the point may lie outside the ball in part
    share = (region.radius / _length(moved, region).clamp(min=1e-300)).clamp(max=1.0)
    moved = region.point + share.reshape(-1, *[1] * (a.dim() - 1)) * (moved - region.point)
    return torch.where(scale > 0, moved, corner)


def is_empty(region: Region) -> Tensor:
    """Tell for each point whether the box lies wholly outside the ball, ``(n,)``."""
    if not region.is_ball:
        return torch.zeros(region.low.shape[0], dtype=torch.bool, device=region.low.device)
    nearest = torch.minimum(torch.maximum(region.point, region.low), region.high)
    return _length(nearest, region) > INFLATED * region.radius


def _length(x: Tensor, region: Region) -> Tensor:
    """Distance from the point, ``(n,)``."""
    moves = torch.where(region.scale > 0, (x - region.point).abs() / region.scale.clamp(min=1e-300), 0.0).flatten(1)
    return moves.sum(dim=1) if region.norm == "l1" else moves.square().sum(dim=1).sqrt()
