"""Scores of a network as log odds, whatever it gives itself: attacks need slopes that do not vanish."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from holdfast.kernels.torch_networks.forward import as_function

if TYPE_CHECKING:
    from holdfast.core.network import RawNetwork

Tensor = Any
LEAST = 1e-38


def as_logits(network: RawNetwork, *, device: Any = "cpu", dtype: Any = torch.float32) -> Callable[[Tensor], Tensor]:
    """Return a classifier as a function to logits.

    Parameters
    ----------
    network, device, dtype
        As for :func:`holdfast.kernels.torch_networks.forward.as_function`.

    Returns
    -------
    callable
        From rows ``(n, *input_shape)`` to ``(n, n_classes)``; to ``(n, 1)``, the log odds of the second class, where
        the network has one score only. Probabilities come as their logarithms.

    Raises
    ------
    ValueError
        For the network of a regression.
    """
    scores = as_function(network, device=device, dtype=dtype)
    if network.link == "values":
        raise ValueError("expected the network of a classifier, got one of a regression")
    if network.link == "probabilities":
        return lambda rows: scores(rows).clamp(min=LEAST).log()
    if network.link == "probability":
        return lambda rows: _log_odds(scores(rows))
    return scores


def _log_odds(probability: Tensor) -> Tensor:
    return probability.clamp(min=LEAST).log() - (1 - probability).clamp(min=LEAST).log()
