"""Change squares of an input at random and keep what helps (Square attack): no slopes needed."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from holdfast.kernels.robustness.streams import PointStreams
from holdfast.kernels.torch_robustness.asking import Aim
from holdfast.kernels.torch_robustness.balls import TINY, Ball, lengths
from holdfast.kernels.torch_robustness.found import Found

Tensor = Any
FIRST_SHARE = 0.8
# Queries, of 10,000, after which the share of cells that a step changes is halved.
HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
TILES = 5


class Grid(NamedTuple):
    """The cells of an input: channels of a plane, or one row of columns."""

    channels: int
    height: int
    width: int
    is_plane: bool

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> Grid:
        if len(shape) == 3 and min(shape[1:]) >= TILES:
            return cls(*shape, True)
        return cls(1, 1, prod(shape), False)

    @property
    def n_cells(self) -> int:
        """Cells of one channel."""
        return self.height * self.width


def wander(found: Found, points: Tensor, streams: PointStreams, *, queries: int) -> Tensor:
    """Search from each point; points leave at their first flip. Returns the highest margin, shape ``(n,)``.

    Parameters
    ----------
    found, points
        As for :func:`ascend`. Inputs are ``(channels, height, width)``, or columns without
        neighbours, of which random ones are changed together.
    streams : PointStreams
        Of all points under attack.
    queries : int
        Rows asked for each point, the first included.

    References
    ----------
    Andriushchenko, M., Croce, F., Flammarion, N. and Hein, M. (2020). Square attack: a query-efficient black-box
    adversarial attack via random search. ECCV, algorithms 1 to 3.
    """
    ball = found.ball.at(points)
    grid = Grid.of(tuple(ball.centre.shape[1:]))
    reached = torch.full_like(ball.eps, torch.inf)
    rows = torch.arange(len(points), device=points.device)
    x = _first(streams, points, ball, grid)
    best, best_x = torch.full_like(ball.eps, -torch.inf), x
    for query in range(queries):
        if not len(rows):
            return reached
        if query:
            share = FIRST_SHARE / 2 ** sum(query * 10_000 // queries > end for end in HALVED_AFTER)
            move = _linf_step if ball.norm == "linf" else _round_step
            x = move(streams, points[rows], best_x, ball, grid, share)
        at = points[rows]
        logits = found.asked.logits(x, at)
        value = torch.nan_to_num(Aim("margin", found.y[at]).value(logits), nan=-torch.inf)
        found.keep(at, x, logits)
        stays = found.is_open(at)
        is_better = value > best
        best = torch.where(is_better, value, best)
        best_x = torch.where(is_better.view(-1, *[1] * (x.ndim - 1)), x, best_x)
        if not bool(stays.all()):
            rows, ball, best, best_x = rows[stays], ball.at(stays), best[stays], best_x[stays]
    reached[rows] = best
    return reached


def _draw(streams: PointStreams, points: Tensor, like: Tensor, *shape: int) -> Tensor:
    return torch.as_tensor(streams.uniform(points.cpu().numpy(), *shape)).to(like)


def _signs(uniform: Tensor) -> Tensor:
    return torch.where(uniform < 0.5, -1.0, 1.0)


def _first(streams: PointStreams, points: Tensor, ball: Ball, grid: Grid) -> Tensor:
    """Vertical stripes at the ends of the ball (Linf); tiles of bumps (L2, L1); any signs where there is no plane."""
    n, c, h, w = len(points), grid.channels, grid.height, grid.width
    if ball.norm == "linf" or not grid.is_plane:
        move = _signs(_draw(streams, points, ball.centre, c * w)).view(n, c, 1, w).expand(n, c, h, w)
        scale = ball.eps / {"linf": 1, "l2": sqrt(c * h * w), "l1": c * h * w}[ball.norm]
        return ball.project(ball.centre + (scale.view(-1, 1, 1, 1) * move).reshape(ball.centre.shape))
    size = max(min(h, w) // TILES, 1)
    tiles = min(TILES, h // size, w // size)
    bump = _bump(size, size).to(ball.centre).repeat(tiles, tiles)
    signs = _signs(_draw(streams, points, ball.centre, c, tiles, tiles))
    signs = signs.repeat_interleave(size, 2).repeat_interleave(size, 3)
    move = ball.centre.new_zeros(n, c, h, w)
    top, left = (h - size * tiles) // 2, (w - size * tiles) // 2
    move[:, :, top : top + size * tiles, left : left + size * tiles] = bump * signs
    length = lengths(move, ball.norm).clamp(min=TINY)
    return ball.project(ball.centre + (ball.eps / length).view(-1, 1, 1, 1) * move)


def _windows(streams: PointStreams, points: Tensor, like: Tensor, grid: Grid, size: int) -> Tensor:
    """Numbers of the cells of one window a row, in a channel: a square, or random cells; shape ``(n, m)``."""
    if not grid.is_plane:
        return _draw(streams, points, like, grid.n_cells).argsort(dim=1)[:, :size]
    corner = _draw(streams, points, like, 2)
    top = (corner[:, 0] * (grid.height - size + 1)).long().clamp(max=grid.height - size)
    left = (corner[:, 1] * (grid.width - size + 1)).long().clamp(max=grid.width - size)
    span = torch.arange(size, device=like.device)
    cells = (top[:, None] + span)[:, :, None] * grid.width + (left[:, None] + span)[:, None, :]
    return cells.flatten(1)


def _window_size(grid: Grid, share: float, least: int) -> int:
    if not grid.is_plane:
        return min(max(round(share * grid.n_cells), 1), grid.n_cells)
    return min(max(round(sqrt(share * grid.n_cells)), least), grid.height, grid.width)


def _linf_step(streams: PointStreams, points: Tensor, x: Tensor, ball: Ball, grid: Grid, share: float) -> Tensor:
    """Bring one window to the ends of the ball, each channel to one side."""
    size = _window_size(grid, share, 1)
    cells = _windows(streams, points, x, grid, size)
    signs = _signs(_draw(streams, points, x, grid.channels, 1 if grid.is_plane else cells.shape[1]))
    flat = (x - ball.centre).view(len(x), grid.channels, grid.n_cells)
    at = cells[:, None].expand(-1, grid.channels, -1)
    moved = flat.scatter(2, at, (signs * ball.eps[:, None, None]).expand(at.shape))
    return ball.project(ball.centre + moved.view_as(x))


def _round_step(streams: PointStreams, points: Tensor, x: Tensor, ball: Ball, grid: Grid, share: float) -> Tensor:
    """Take the length of two windows, and what is left of the radius, to add a bump in one of them (algorithm 3)."""
    n, c, power = len(x), grid.channels, 2 if ball.norm == "l2" else 1
    size = _window_size(grid, share, 3)
    near, far = (_windows(streams, points, x, grid, size)[:, None].expand(-1, c, -1) for _ in range(2))
    drawn = _draw(streams, points, x, c + 1)
    bump = _bump(size, size).to(x) if grid.is_plane else _bump(1, near.shape[2]).to(x)
    turned = torch.where(drawn[:, c, None] < 0.5, bump.flatten(), bump.T.flatten())[:, None]
    turned = turned / turned.norm(p=power, dim=2, keepdim=True).clamp(min=TINY) * _signs(drawn[:, :c])[:, :, None]
    move = (x - ball.centre).view(n, c, grid.n_cells)
    nothing = torch.zeros_like(near, dtype=x.dtype)
    emptied = move.scatter(2, far, nothing).scatter(2, near, nothing)
    used, kept = ((part.abs() ** power).sum(2) for part in (move, emptied))
    spare = (ball.eps**power - used.sum(1)).clamp(min=0)[:, None] / c
    here = move.gather(2, near)
    here = here / here.norm(p=power, dim=2, keepdim=True).clamp(min=TINY) + turned
    here = here / here.norm(p=power, dim=2, keepdim=True).clamp(min=TINY)
    here = here * (used - kept + spare).clamp(min=0)[:, :, None] ** (1 / power)
    return ball.project(ball.centre + emptied.scatter(2, near, here).view_as(x))


def _bump(height: int, width: int) -> Tensor:
    """Two pyramids of opposite sign side by side, of length 1 (section 4.3 of the paper)."""
    half = width // 2
    bump = np.hstack([_pyramid(height, half), -_pyramid(height, width - half)])
    return torch.as_tensor(bump / max(float(np.linalg.norm(bump)), TINY))


def _pyramid(height: int, width: int) -> NDArray[np.float64]:
    """Sum of nested rectangles, the inner ones weighing more."""
    out = np.zeros((height, width))
    n = max(height, width) // 2
    for k in range(n + 1):
        top, left = min(k, (height - 1) // 2), min(k, (width - 1) // 2)
        out[top : height - top, left : width - left] += 1 / (n + 1 - k) ** 2
    return out
