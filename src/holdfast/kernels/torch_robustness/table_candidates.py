"""Changed rows of a table that the slope of a network suggests, for the search under rules to begin from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holdfast.kernels.robustness.streams import PointStreams
from holdfast.kernels.robustness.threat import Floats, Space, Threat
from holdfast.kernels.torch_robustness.ascent import ascend
from holdfast.kernels.torch_robustness.asking import Aim, Asked, Forward
from holdfast.kernels.torch_robustness.balls import balls
from holdfast.kernels.torch_robustness.found import Found

SHARES = (0.25, 0.5, 1.0)


def slope_candidates(
    forward: Forward,
    X: Floats,
    y: NDArray[np.int64],
    *,
    space: Space,
    threat: Threat,
    seed: int,
    ids: NDArray[np.int64] | None = None,
    unlimited: float = 2.0,
    iterations: int = 20,
    device: str | Any = "cpu",
    dtype: Any = torch.float32,
) -> Floats:
    """Follow the slope in the columns that may move, within the rules on single columns.

    Parameters
    ----------
    forward : callable
        Rows in the columns of the table ``(n, n_columns)``, categories as level numbers, to logits ``(n, k)``; the
        expansion of categories to the inputs of the network is part of it.
    X, y, ids
        Points, their labels and what identifies them, as for :func:`holdfast.kernels.robustness.evasion.search_flips`.
    space, threat
        What may change and how far. Categories are left as they are; relations between columns are for the repair.
    seed : int
        Of the second, random start.
    unlimited : float
        Distance, in units of scale, within which it searches when the threat sets no limit.
    iterations : int
        Steps of each of the two climbs.

    Returns
    -------
    ndarray, shape (n_points, n_candidates, n_columns)
        For each climb its end and two places on the way there, each as it is and with whole numbers rounded outwards.
        They are suggestions: the search settles, repairs and asks about them.

    References
    ----------
    Simonetto, T., Ghamizi, S. and Cordy, M. (2024). Constrained adaptive attack: effective adversarial attack against
    deep neural networks for tabular data. NeurIPS, section 4 (CAPGD).
    """
    n, d = X.shape
    scale, low, high = _limits(X, space)
    distance = threat.distance if np.isfinite(threat.distance) else unlimited
    if n == 0 or d == 0:
        return np.empty((n, 0, d))
    base = torch.as_tensor(np.nan_to_num(X)).to(device=device, dtype=dtype)
    unit = torch.as_tensor(scale).to(base)

    def ask(moves: Any) -> Any:
        return forward(base[moves[:, d].detach().long()] + moves[:, :d] * unit)

    asked = Asked(ask, n_points=n, device=device, dtype=dtype)
    # The last column says which row a move belongs to; its room is zero.
    moves = np.zeros((n, d + 1))
    moves[:, d] = np.arange(n)
    ball = balls(
        moves, norm=threat.norm, eps=distance, low=np.column_stack([low, moves[:, d]]),
        high=np.column_stack([high, moves[:, d]]), device=asked.device, dtype=dtype,
    )  # fmt: skip
    labels = torch.as_tensor(y).to(asked.device)
    found, aim, points = (
        Found(asked, ball, labels, seeks_closest=True),
        Aim("margin", labels),
        torch.arange(n, device=device),
    )
    streams = PointStreams(seed, np.arange(n) if ids is None else ids)
    starts = (ball.centre, ball.start(streams.uniform(np.arange(n), d + 1)))
    ends = [
        ascend(found, points, aim, start, iterations=iterations).x[:, :d].double().cpu().numpy() for start in starts
    ]
    steps = np.stack([share * end * scale for end in ends for share in SHARES], axis=1)
    outward = np.where(space.is_whole, np.sign(steps) * np.ceil(np.abs(steps) - 1e-6), steps)
    return np.asarray(X[:, None] + np.concatenate([steps, outward], axis=1))


def _limits(X: Floats, space: Space) -> tuple[Floats, Floats, Floats]:
    """Units, and the ends of each move in units; no room where a cell may not move."""
    derived = np.zeros(X.shape[1], dtype=bool) if space.is_derived is None else space.is_derived
    moves = (space.scale > 0) & (space.n_levels == 0) & ~derived
    scale = np.where(moves, space.scale, 1.0)
    direction = np.zeros(X.shape[1]) if space.direction is None else space.direction
    is_free = moves & ~np.isnan(X)
    # A point outside the range may come nearer, not go further out.
    low = np.where(is_free & (direction <= 0), np.minimum((space.low - X) / scale, 0.0), 0.0)
    high = np.where(is_free & (direction >= 0), np.maximum((space.high - X) / scale, 0.0), 0.0)
    return scale, low, high
