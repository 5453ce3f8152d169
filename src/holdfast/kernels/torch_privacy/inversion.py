"""Find, by the gradient, the inputs that a network takes most surely for each class."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from holdfast.core.network import NetworkLink

SMALLEST_PROBABILITY = 1e-12
# Cells of inputs that are sought side by side; classes do not act on each other, so the result is the same.
PART_CELLS = 1 << 22


def invert_classes(
    function: Callable[[Tensor], Tensor],
    link: NetworkLink,
    starts: NDArray[np.float64],
    *,
    unit: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    n_steps: int = 300,
    learning_rate: float = 0.05,
    nearness: float = 1.0,
) -> NDArray[np.float64]:
    """Reconstruct an input for each class.

    Parameters
    ----------
    function : callable
        From rows ``(n, *shape)`` to scores; differentiable.
    link
        What the scores are; none of a regression.
    starts : ndarray, shape (n_classes, *shape)
        What the attacker takes for an ordinary input of each class: the search begins there.
    unit : ndarray, shape (*shape,)
        A usual deviation of each cell, 0 for a cell that stays.
    low, high : ndarray, shape (*shape,)
        Range of valid cells.
    n_steps, learning_rate
        Steps of Adam, and their length in units.
    nearness
        Weight of the prior: half the mean squared distance from the start, in units.

    Returns
    -------
    ndarray of float64, shape (n_classes, *shape)
        The best inputs found on the way.

    Notes
    -----
    Maximises the logarithm of the class's probability less the prior. Deterministic.

    References
    ----------
    Fredrikson, M., Jha, S. and Ristenpart, T. (2015). Model inversion attacks that exploit confidence information and
    basic countermeasures. CCS, algorithm 1. There the search begins at zero, without a prior; from the class average,
    and near it, what is found says more about single rows (see the benchmarks).

    Examples
    --------
    >>> steps = invert_classes(lambda x: torch.cat([-x, x], 1), "logits", np.zeros((2, 1)), unit=np.ones(1),
    ...                        low=np.full(1, -3.0), high=np.full(1, 2.0), nearness=0.0)
    >>> steps.round(2).tolist()
    [[-3.0], [2.0]]
    """
    box = [torch.tensor(each, dtype=torch.float32) for each in (unit, low, high)]
    weights = {"n_steps": n_steps, "learning_rate": learning_rate, "nearness": nearness}
    centres, wanted = torch.tensor(starts, dtype=torch.float32), torch.arange(len(starts))
    size = max(1, PART_CELLS // max(1, unit.size))
    parts = zip(centres.split(size), wanted.split(size), strict=True)
    found = [_sought(function, link, centre, classes, *box, **weights) for centre, classes in parts]
    return np.asarray(torch.cat(found).double().numpy())


def _sought(
    function: Callable[[Tensor], Tensor],
    link: NetworkLink,
    centre: Tensor,
    wanted: Tensor,
    unit: Tensor,
    low: Tensor,
    high: Tensor,
    *,
    n_steps: float,
    learning_rate: float,
    nearness: float,
) -> Tensor:
    """Seek an input for each wanted class, all of them side by side."""
    own = torch.arange(len(wanted))
    moved = torch.zeros_like(centre, requires_grad=True)
    optimiser = torch.optim.Adam([moved], lr=learning_rate)
    best, lowest = centre.clone(), torch.full((len(wanted),), torch.inf)
    for _ in range(int(n_steps)):
        inputs = torch.clamp(centre + unit * moved, low, high)
        losses = -_log_probabilities(function(inputs), link)[own, wanted]
        losses = losses + nearness * 0.5 * moved.flatten(1).square().mean(1)
        with torch.no_grad():
            is_better = losses < lowest
            best[is_better], lowest[is_better] = inputs[is_better], losses[is_better]
        optimiser.zero_grad()
        losses.sum().backward()
        optimiser.step()
        with torch.no_grad():
            # a cell at the end of its range has no gradient any more and must not go on moving
            within = (torch.clamp(centre + unit * moved, low, high) - centre) / unit.clamp_min(1e-30)
            moved.copy_(torch.where(unit > 0, within, 0.0))
    return best


def _log_probabilities(scores: Tensor, link: NetworkLink) -> Tensor:
    if link == "logits":
        return F.log_softmax(scores, dim=1)
    if link == "sigmoid":
        return torch.cat([F.logsigmoid(-scores), F.logsigmoid(scores)], dim=1)
    if link == "probability":
        scores = torch.cat([1 - scores, scores], dim=1)
    elif link == "values":
        raise ValueError("expected scores of classes, got the values of a regression")
    return scores.clamp_min(SMALLEST_PROBABILITY).log()
