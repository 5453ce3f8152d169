"""What a model answers by the majority of noisy copies of a row, and how far a row may move without changing that.

References
----------
Cohen, J., Rosenfeld, E. and Kolter, J. Z. (2019). Certified adversarial robustness via randomized smoothing. ICML
(Theorem 1 with the bound 1 - p for the other classes; section 3.2 for the sampling).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from holdfast.kernels.stats.proportions import clopper_pearson

Floats = NDArray[np.float64]
Ask = Callable[[Floats, int], NDArray[np.int64]]


class Smoothed(NamedTuple):
    """What is known of the majority at each point; all fields have shape ``(n_points,)``."""

    label: NDArray[np.int64]
    """The class that a majority of all noisy copies provably gets; -1 where the sample does not settle it."""
    p_low: Floats
    """Lower confidence bound of the share of copies that get it; of the class most frequent in the first sample."""
    radius: Floats
    """Every point nearer than this has the same majority; L2, in the units of the noise; 0 where nothing is settled."""


def smoothed(
    ask: Ask,
    points: Floats,
    *,
    sigma: float,
    scale: Floats,
    n_first: int,
    n_samples: int,
    n_classes: int,
    level: float,
    rng: np.random.Generator,
    should_stop: Callable[[], bool] = lambda: False,
) -> Smoothed:
    """Sample noisy copies of points and bound what the majority of all of them is.

    Parameters
    ----------
    ask
        From copies ``(n, n_columns)`` and the position of their point to labels ``(n,)``. What it does to a copy before
        the model sees it, such as rounding, is part of what is smoothed; it must depend on the copy alone.
    points
        ``(n_points, n_columns)``.
    sigma
        Standard deviation of the noise in units of ``scale``, ``(n_columns,)``; columns with scale 0 get none.
    n_first, n_samples
        Copies that choose the class of each point, and other copies that estimate its share.
    level
        Of all bounds together: each point has its part of the error (Bonferroni).
    should_stop
        Asked behind each point; what comes after it is left out of the answer.

    Examples
    --------
    >>> found = smoothed(
    ...     lambda X, i: (X[:, 0] > 0).astype(np.int64), np.array([[1.0], [0.0]]), sigma=0.5, scale=np.ones(1),
    ...     n_first=50, n_samples=1000, n_classes=2, level=0.95, rng=np.random.default_rng(0),
    ... )
    >>> found.label.tolist(), bool(0.7 < found.radius[0] < 1.0)  # the class changes at distance 1
    ([1, -1], True)
    """
    if not sigma > 0 or n_first < 1 or n_samples < 1:
        raise ValueError(f"expected noise and samples, got sigma={sigma}, n_first={n_first}, n_samples={n_samples}")
    n = n_done = len(points)
    top, hits = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for i, point in enumerate(points):
        noise = rng.standard_normal((n_first + n_samples, point.size)) * (sigma * scale)
        labels = ask(point + noise, i)
        top[i] = np.bincount(labels[:n_first], minlength=n_classes).argmax()
        hits[i] = int((labels[n_first:] == top[i]).sum())
        if should_stop():
            n_done = i + 1
            break
    top, hits = top[:n_done], hits[:n_done]
    each = 1 - (1 - level) / max(n, 1)
    p_low = np.asarray(clopper_pearson(hits, n_samples, level=each, alternative="greater").low, dtype=np.float64)
    is_settled = p_low > 0.5
    radius = np.where(is_settled, sigma * ndtri(np.where(is_settled, p_low, 0.5)), 0.0)
    return Smoothed(np.where(is_settled, top, -1), p_low, radius)
