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


def invert_classes(
    function: Callable[[Tensor], Tensor],
    link: NetworkLink,
    start: NDArray[np.float64],
    *,
    n_classes: int,
    unit: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    n_steps: int = 300,
    learning_rate: float = 0.05,
    nearness: float = 0.1,
    smoothness: float = 0.0,
) -> NDArray[np.float64]:
    """Reconstruct an input for each class.

    Parameters
    ----------
    function : callable
        From rows ``(n, *shape)`` to scores; differentiable.
    link
        What the scores are; none of a regression.
    start : ndarray, shape (*shape,)
        What the attacker takes for an ordinary input: the search begins there.
    n_classes : int
    unit : ndarray, shape (*shape,)
        A usual deviation of each cell, 0 for a cell that stays.
    low, high : ndarray, shape (*shape,)
        Range of valid cells.
    n_steps, learning_rate
        Steps of Adam, and their length in units.
    nearness, smoothness : float
        Weights of the prior: half the mean squared distance from the start, in units; and, for images ``(channels,
        height, width)``, their total variation, the mean absolute difference of neighbours, in units.

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
    basic countermeasures. CCS, algorithm 1. Rudin, L., Osher, S. and Fatemi, E. (1992). Nonlinear total variation based
    noise removal algorithms. Physica D 60 (the prior of images).

    Examples
    --------
    >>> steps = invert_classes(lambda x: torch.cat([-x, x], 1), "logits", np.zeros(1), n_classes=2, unit=np.ones(1),
    ...                        low=np.full(1, -3.0), high=np.full(1, 2.0), nearness=0.0)
    >>> steps.round(2).tolist()
    [[-3.0], [2.0]]
    """
    centre, scale, floor, ceiling = (torch.tensor(each, dtype=torch.float32) for each in (start, unit, low, high))
    moved = torch.zeros((n_classes, *start.shape), dtype=torch.float32, requires_grad=True)
    optimiser = torch.optim.Adam([moved], lr=learning_rate)
    wanted = torch.arange(n_classes)
    best, lowest = centre.expand(moved.shape).clone(), torch.full((n_classes,), torch.inf)
    for _ in range(n_steps):
        inputs = torch.clamp(centre + scale * moved, floor, ceiling)
        losses = -_log_probabilities(function(inputs), link)[wanted, wanted]
        losses = losses + nearness * 0.5 * moved.flatten(1).square().mean(1)
        if smoothness:
            losses = losses + smoothness * _total_variation(moved)
        with torch.no_grad():
            is_better = losses < lowest
            best[is_better], lowest[is_better] = inputs[is_better], losses[is_better]
        optimiser.zero_grad()
        losses.sum().backward()
        optimiser.step()
        with torch.no_grad():
            # a cell at the end of its range has no gradient any more and must not go on moving
            within = (torch.clamp(centre + scale * moved, floor, ceiling) - centre) / scale.clamp_min(1e-30)
            moved.copy_(torch.where(scale > 0, within, 0.0))
    return np.asarray(best.double().numpy())


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


def _total_variation(images: Tensor) -> Tensor:
    if images.dim() != 4:
        raise ValueError(f"expected images (channels, height, width) to be smoothed, got {tuple(images.shape[1:])}")
    return sum(images.diff(dim=axis).abs().flatten(1).mean(1) for axis in (2, 3))
