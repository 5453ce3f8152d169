"""Histories with a known cost of age."""

from __future__ import annotations

import numpy as np

from holdfast.kernels.retraining.history import History, make_history


def drifting(
    position: np.ndarray, rng: np.random.Generator, *, size: int = 300, first: int = 4, delay: int = 0
) -> History:
    """Let a model err the more, the further the world has moved from where it was before the model was trained."""
    n_periods = position.size
    period = np.repeat(np.arange(n_periods), size)
    common = rng.random(period.size)
    loss = np.zeros((n_periods - first, period.size), dtype=np.float32)
    for since in range(first, n_periods):
        p = np.minimum(0.15 + np.abs(position - position[since - 1]), 0.6)
        own = np.where(rng.random(period.size) < 0.8, common, rng.random(period.size))
        loss[since - first] = own < p[period]
    known = np.maximum(np.arange(n_periods) - delay, 0) * size
    return make_history(loss, period, first=first, known=known)
