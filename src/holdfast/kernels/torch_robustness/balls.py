"""Where a changed input may lie: within a distance of its point and within the valid range."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri

Tensor = Any
Norm = Literal["linf", "l2", "l1"]
# Rounding of a sum over many cells must not carry a move beyond the distance.
INSIDE = 1 - 2e-6
NEARLY = 1e-3
TINY = 1e-30


class Ball(NamedTuple):
    """One ball cut with the range for each of n points."""

    norm: Norm
    eps: Tensor
    """Radius, shape ``(n,)``."""
    centre: Tensor
    """Shape ``(n, *shape)``, as all that follows."""
    lower: Tensor
    """Smallest value in the range and within the radius, rounded inwards."""
    upper: Tensor
    low: Tensor
    """Smallest valid value."""
    high: Tensor
    exact: Tensor
    """The centres, as the network gets them, in double precision for distances."""

    def at(self, rows: Tensor) -> Ball:
        """Take some of the points."""
        return Ball(self.norm, *(part[rows] for part in self[1:]))

    def resized(self, eps: Tensor) -> Ball:
        """The same with other radii, shape ``(n,)``."""
        wide = _wide(eps, self.centre)
        lower, upper = torch.maximum(self.low, self.centre - wide), torch.minimum(self.high, self.centre + wide)
        return self._replace(eps=eps, lower=lower, upper=upper)

    def project(self, x: Tensor) -> Tensor:
        """Return the closest points inside (in the Euclidean sense)."""
        if self.norm == "linf":
            return x.clamp(self.lower, self.upper)
        move, low, high = ((part - self.centre).flatten(1) for part in (x, self.lower, self.upper))
        shrink = _shrunk_l2 if self.norm == "l2" else _shrunk_l1
        return (self.centre + shrink(move, low, high, self.eps * INSIDE).view_as(x)).clamp(self.lower, self.upper)

    def rise(self, x: Tensor, gradient: Tensor, cells: Tensor) -> Tensor:
        """Move of length 1 along which a function with this gradient rises.

        The steepest one for Linf and L2. For L1, where that is a single cell, the `cells` ``(n,)`` of largest slope
        that can still move do so alike (Croce and Hein 2021, section 3).
        """
        flat = gradient.flatten(1)
        if self.norm == "linf":
            return gradient.sign()
        size = flat.abs()
        if self.norm == "l2":
            # By the largest first: slopes of 1e-30 have a direction too.
            flat = flat / size.max(1, keepdim=True).values.clamp(min=TINY)
            return (flat / flat.norm(dim=1, keepdim=True).clamp(min=TINY)).view_as(gradient)
        ends = torch.where(gradient > 0, self.upper, self.lower)
        size = torch.where((x != ends).flatten(1), size, 0)
        n_cells = cells.long().clamp(1, flat.shape[1])[:, None]
        least = size.sort(dim=1, descending=True).values.gather(1, n_cells - 1)
        sparse = flat.sign() * ((size >= least) & (size > 0))
        return (sparse / sparse.abs().sum(1, keepdim=True).clamp(min=1)).view_as(gradient)

    def summit(self, gradient: Tensor) -> Tensor:
        """Where a function with this gradient everywhere is highest."""
        if self.norm == "linf":
            return torch.where(gradient == 0, self.centre, torch.where(gradient > 0, self.upper, self.lower))
        flat = gradient.flatten(1)
        largest = flat.abs().max(1, keepdim=True).values.clamp(min=TINY)
        if self.norm == "l2":
            far = (flat / largest).view_as(gradient) * _wide(self.eps, gradient) * 1e3
            return self.project(self.centre + far)
        room = torch.where(gradient > 0, self.upper - self.centre, self.centre - self.lower).flatten(1)
        size, order = flat.abs().sort(dim=1, descending=True)
        room = room.gather(1, order)
        filled = torch.minimum((self.eps[:, None] * INSIDE - room.cumsum(1) + room).clamp(min=0), room) * (size > 0)
        move = torch.zeros_like(flat).scatter(1, order, filled) * flat.sign()
        return (self.centre + move.view_as(gradient)).clamp(self.lower, self.upper)

    def start(self, uniform: NDArray[np.float64]) -> Tensor:
        """Random points on the ball's surface (L1, L2) or in the cube, from numbers in [0, 1) of the same shape."""
        if self.norm == "linf":
            move = torch.as_tensor(2 * uniform - 1).to(self.centre)
            return self.project(self.centre + move * _wide(self.eps, move))
        normal = torch.as_tensor(ndtri(uniform + 2.0**-54)).to(self.centre)
        length = normal.flatten(1).norm(dim=1) if self.norm == "l2" else normal.flatten(1).abs().sum(1)
        return self.project(self.centre + normal * _wide(self.eps / length.clamp(min=TINY), normal))

    def distance(self, x: Tensor) -> Tensor:
        """Distance from the centre in double precision, shape ``(n,)``."""
        return lengths(x.double() - self.exact, self.norm)

    def pulled(self, x: Tensor) -> Tensor:
        """Shorten moves that the rounding of many cells made a little longer than the radius (L2, L1)."""
        if self.norm == "linf":
            return x
        for margin in (NEARLY / 100, NEARLY):
            # Where cells are large and moves small, a small share is lost to rounding again.
            share = (self.eps.double() / self.distance(x).clamp(min=TINY)).to(x.dtype)
            is_over = ~self.holds(x) & (share > 1 - NEARLY)
            shorter = self.centre + (x - self.centre) * _wide(share.clamp(max=1) * (1 - margin), x)
            x = torch.where(_wide(is_over, x), shorter, x)
        return x

    def holds(self, x: Tensor) -> Tensor:
        """Tell which rows lie inside, without tolerance, shape ``(n,)``."""
        in_range = ((x >= self.lower) & (x <= self.upper)).flatten(1).all(1)
        return in_range if self.norm == "linf" else in_range & (self.distance(x) <= self.eps.double())


def balls(
    X: NDArray[np.floating[Any]], *, norm: Norm, eps: float | NDArray[np.float64], low: Any, high: Any,
    device: Any, dtype: Any,
) -> Ball:  # fmt: skip
    """Build the balls of points ``(n, *shape)``; `low` and `high` broadcast to them.

    Raises
    ------
    ValueError
        Where a point is outside the range, naming the cell.
    """
    given = np.array(X, dtype=np.float64)
    centre = torch.as_tensor(given).to(device=device, dtype=dtype)
    exact = centre.double().cpu().numpy()
    low, high = (np.broadcast_to(np.asarray(end, dtype=np.float64), exact.shape) for end in (low, high))
    outside = ~((given >= low) & (given <= high))
    if outside.any():
        at = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(
            f"expected inputs between the stated ends, got {given[at]} at {at} where {low[at]} to {high[at]} is valid "
            f"({outside.sum()} cells in all); state the range of the inputs as the model gets them"
        )
    low, high = np.minimum(low, exact), np.maximum(high, exact)  # a point at an end may be rounded beyond it
    radius = np.broadcast_to(np.asarray(eps, dtype=np.float64), len(exact))
    wide = radius.reshape(-1, *[1] * (exact.ndim - 1))
    lower = _rounded(np.maximum(low, exact - wide), dtype, up=True)
    upper = _rounded(np.minimum(high, exact + wide), dtype, up=False)
    lower, upper = (end.to(device) for end in (lower, upper))
    # A centre that rounding put outside its own narrow box.
    centre = torch.minimum(torch.maximum(centre, lower), torch.maximum(lower, upper))
    valid = (_rounded(low, dtype, up=True).to(device), _rounded(high, dtype, up=False).to(device))
    return Ball(
        norm, _rounded(radius, dtype, up=False).to(device), centre, lower, torch.maximum(lower, upper), *valid,
        torch.as_tensor(exact).to(device),
    )  # fmt: skip


def lengths(move: Tensor, norm: Norm) -> Tensor:
    """Length of each move ``(n, *shape)``, shape ``(n,)``."""
    flat = move.flatten(1)
    if norm == "linf":
        return flat.abs().max(1).values
    return flat.norm(dim=1) if norm == "l2" else flat.abs().sum(1)


def reach(slope: Tensor, need: Tensor, x: Tensor, ball: Ball) -> Tensor:
    """Shortest move of each row in the range by which a linear function with this slope changes by `need` ``(n,)``.

    Where the range is too narrow for it, every cell goes to its end.

    References
    ----------
    Croce, F. and Hein, M. (2020). Minimally distorted adversarial examples with a fast adaptive boundary attack. ICML,
    section 2.2.
    """
    flat = slope.flatten(1) * need.sign()[:, None]
    largest = flat.abs().max(1, keepdim=True).values.clamp(min=TINY)
    flat, rest = flat / largest, need.abs()[:, None] / largest
    room = torch.where(flat > 0, (ball.high - x).flatten(1), (x - ball.low).flatten(1)) * (flat != 0)
    size = flat.abs()
    if ball.norm == "l1":
        ordered, order = size.sort(dim=1, descending=True)
        gain = ordered * room.gather(1, order)
        used = torch.minimum((rest - gain.cumsum(1) + gain).clamp(min=0), gain) / ordered.clamp(min=TINY)
        return (torch.zeros_like(flat).scatter(1, order, used) * flat.sign()).view_as(slope)
    # Every cell moves at its rate until its room is used up; the end is in the segment where the gain suffices.
    rate = (size > 0).to(size) if ball.norm == "linf" else size
    until, order = (room / rate.clamp(min=TINY)).sort(dim=1)
    full, speed = ((part.gather(1, order)).cumsum(1) for part in (size * room, size * rate))
    total = speed[:, -1:]
    gain = full + until * (total - speed)
    k = (gain < rest).sum(1, keepdim=True).clamp(max=flat.shape[1] - 1)
    before = (k - 1).clamp(min=0)
    full_before, speed_before = (torch.where(k > 0, part.gather(1, before), 0) for part in (full, speed))
    pace = (rest - full_before) / (total - speed_before).clamp(min=TINY)
    return (torch.minimum(pace.clamp(min=0) * rate, room) * flat.sign()).view_as(slope)


def _rounded(values: NDArray[np.float64], dtype: Any, *, up: bool) -> Tensor:
    exact = torch.as_tensor(np.array(values))
    near = exact.to(dtype)
    beyond = near.double() < exact if up else near.double() > exact
    towards = torch.full_like(near, torch.inf if up else -torch.inf)
    return torch.where(beyond, torch.nextafter(near, towards), near)


def _wide(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.ndim - 1))


def _shrunk_l2(move: Tensor, low: Tensor, high: Tensor, eps: Tensor) -> Tensor:
    """Project on the L2 ball and the box: ``clip(t move)`` with the largest t <= 1 that keeps the length."""
    radius = eps[:, None]
    t = (radius / move.norm(dim=1, keepdim=True).clamp(min=TINY)).clamp(max=1)
    # Where cells are clipped, the others have more of the length: t grows until the clipped cells stay the same.
    for _ in range(6):
        scaled = t * move
        is_free = (scaled > low) & (scaled < high)
        clipped = torch.where(is_free, 0, scaled.clamp(low, high)).norm(dim=1, keepdim=True)
        free = torch.where(is_free, move, 0).norm(dim=1, keepdim=True)
        grown = ((radius**2 - clipped**2).clamp(min=0).sqrt() / free.clamp(min=TINY)).clamp(max=1)
        t = torch.maximum(t, torch.where(free > 0, grown, t))
    held = (t * move).clamp(low, high)
    return held * (radius / held.norm(dim=1, keepdim=True).clamp(min=TINY)).clamp(max=1)


def _shrunk_l1(move: Tensor, low: Tensor, high: Tensor, eps: Tensor) -> Tensor:
    """Project on the L1 ball and the box: ``clip(soft(move, t))`` with the smallest t >= 0 that keeps the sum.

    References
    ----------
    Croce, F. and Hein, M. (2021). Mind the box: l1-APGD for sparse adversarial attacks on image classifiers. ICML,
    proposition 2.1.
    """
    size = move.abs()
    room = torch.where(move > 0, high, -low)
    below, above = torch.zeros_like(eps)[:, None], size.max(1, keepdim=True).values
    inside = torch.minimum(size, room).sum(1, keepdim=True) <= eps[:, None]
    for _ in range(30):
        middle = (below + above) / 2
        fits = torch.minimum((size - middle).clamp(min=0), room).sum(1, keepdim=True) <= eps[:, None]
        below, above = torch.where(fits, below, middle), torch.where(fits, middle, above)
    t = torch.where(inside, torch.zeros_like(above), above)
    return move.sign() * torch.minimum((size - t).clamp(min=0), room)
