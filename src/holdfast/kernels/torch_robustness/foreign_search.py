"""An attack of another package on the network of a table or of images, held to the same threat as ours."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from holdfast.kernels.robustness.network_problem import Attack, Box, NetworkProblem, Search
from holdfast.kernels.torch_networks.logits import as_logits

if TYPE_CHECKING:
    from holdfast.core.network import ForeignAttack, RawNetwork
    from holdfast.kernels.robustness.limits import Rules

Tensor = Any
Floats = NDArray[np.float64]
# Roundings of single precision in a move, of the size of the cells and of the distance.
ROUNDING = 1e-5
ORDER = {"linf": np.inf, "l1": 1, "l2": 2}


def foreign_problem(
    network: RawNetwork, names: tuple[str, ...], rules: Rules, attack: ForeignAttack, *, seed: int
) -> NetworkProblem:
    """Write a network, a threat and an attack that knows nothing of either as a problem.

    Cells that may not move are no inputs of what the attack is shown. It sees whole numbers rounded and cells cut to
    their range, with slopes of the unrounded ones; what it returns is read in the same way. Rows whose cells may move
    within the same range are attacked together, others one by one.

    Parameters
    ----------
    network
        A classifier, its outputs in the order of the subject's classes.
    names
        The table's columns in the order of its inputs.
    rules
        What may change and how far.
    attack
        What is asked for rows near those given.
    seed
        Of its random draws.

    Returns
    -------
    NetworkProblem
        ``seen`` counts ``outside``: flipped rows that moved farther than the distance; they are no finds.
    """
    seen = Counter[str]()
    search = _search(network, rules, attack, seed, seen)
    return NetworkProblem(names=names, rules=rules, attack=search, most_in_vain=0, seen=seen)


def _search(network: RawNetwork, rules: Rules, attack: ForeignAttack, seed: int, seen: Counter[str]) -> Attack:
    logits = as_logits(network, dtype=torch.float32)

    def attack_box(box: Box, y: NDArray[np.int64], ids: NDArray[np.int64]) -> Search:
        n = len(y)
        if not n:
            return Search(box.points, np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.int64))
        together = [np.arange(n)] if _is_shared(box, rules.budget.distance) else [np.array([row]) for row in range(n)]
        found = [
            _attacked(logits, network.input_shape, box.at(rows), y[rows], rules, attack, seed) for rows in together
        ]
        points, flips, inside, forwards = (np.concatenate([each[place] for each in found]) for place in range(4))
        seen["outside"] += int((flips & ~inside).sum())
        return Search(points, flips & inside, forwards)

    return attack_box


def _attacked(
    logits: Any, shape: tuple[int, ...], box: Box, y: NDArray[np.int64], rules: Rules, attack: ForeignAttack, seed: int
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    """Attack rows of one range; return what was found, whether it flips and lies within the distance, and forwards."""
    low, high = box.low.min(axis=0), box.high.max(axis=0)
    free = np.flatnonzero(high > low)
    asked = 0
    scale, is_whole, rest, least, most = map(torch.as_tensor, (box.scale, box.is_whole, box.points[0], low, high))

    def cells_of(units: Tensor) -> Tensor:
        whole = rest.expand(len(units), -1).clone()
        whole[:, free] = units.reshape(len(units), -1).double()
        cells = whole.clamp(least, most) * scale
        return cells + torch.where(is_whole, (cells.round() - cells).detach(), torch.zeros_like(cells))

    def forward(units: Tensor) -> Tensor:
        nonlocal asked
        asked += len(units)
        scores = logits(cells_of(units).float().view(-1, *shape))
        return scores if scores.shape[1] > 1 else torch.cat([torch.zeros_like(scores), scores], dim=1)

    norm, span = rules.budget.norm, high - low
    eps = float(min(rules.budget.distance, np.linalg.norm(span, ORDER[norm]) if span.size else 0.0))
    if not free.size or not eps:
        none = np.zeros(len(y), dtype=np.bool_)
        return box.points, none, ~none, none.astype(np.int64)
    ends32 = np.array([low[free].min(), high[free].max()], dtype=np.float32)
    rows = box.points[:, free].astype(np.float32).clip(ends32[0], ends32[1])
    rows = rows.reshape(-1, *shape) if free.size == box.scale.size else rows
    after = attack(forward, rows, y, low=float(ends32[0]), high=float(ends32[1]), eps=eps, norm=norm, seed=seed)
    forwards = np.full(len(y), asked // len(y))
    with torch.no_grad():
        seen = torch.from_numpy(np.nan_to_num(np.asarray(after, dtype=np.float32)))
        flips = forward(seen).argmax(dim=1).numpy() != y
        units = (cells_of(seen) / scale).numpy()[:, free]
    is_moved = seen.numpy().reshape(len(y), -1) != rows.reshape(len(y), -1)
    points = box.points.copy()
    points[:, free] = np.where(is_moved, units, points[:, free])
    length = np.linalg.norm(points - box.points, ORDER[norm], axis=1)
    slack = ROUNDING * (eps + np.linalg.norm(box.points[:, free], ORDER[norm], axis=1))
    return points, flips, np.isfinite(after).reshape(len(y), -1).all(axis=1) & (length <= eps + slack), forwards


def _is_shared(box: Box, distance: float) -> bool:
    """Whether all rows may move within one range, as far as they can get."""
    low, high = box.points - distance, box.points + distance
    lowest, highest = box.low.min(axis=0, initial=np.inf), box.high.max(axis=0, initial=-np.inf)
    slack = ROUNDING * np.minimum(distance, highest - lowest)
    below = np.abs(np.maximum(low, lowest) - np.maximum(low, box.low)) <= slack
    above = np.abs(np.minimum(high, highest) - np.minimum(high, box.high)) <= slack
    return bool((below & above).all())
