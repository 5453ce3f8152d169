"""What a defence takes from an attack and from honest users, over pairs of models with and without it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.mean import mean_t

HALF = 0.5


class Effect(NamedTuple):
    """A defence in numbers.

    Attributes
    ----------
    named
        Mean share of members that the strongest attack names behind it.
    removed
        Share of members that are no longer named, with its interval.
    lost
        Accuracy that it costs on rows not trained on, with its interval.
    verdict
        ``works`` (at least half of what was named is no longer, and the interval of what is removed lies above 0),
        ``helps`` (the interval lies above 0) or ``not shown to help``.
    """

    named: float
    removed: IntervalEstimate[float]
    lost: IntervalEstimate[float]
    verdict: str


def defence_effect(
    named_without: NDArray[np.float64],
    named_with: NDArray[np.float64],
    accuracy_without: NDArray[np.float64],
    accuracy_with: NDArray[np.float64],
    *,
    level: float,
) -> Effect:
    """Compare pairs of models, each attacked and asked without a defence and with it.

    Parameters
    ----------
    named_without, named_with : ndarray, shape (n_pairs,)
        Share of members that the strongest attack names.
    accuracy_without, accuracy_with : ndarray, shape (n_pairs,)
        Accuracy on rows that the models were not trained on.
    level : float
        Confidence level of each interval: Student's t over pairs.

    Returns
    -------
    Effect

    Examples
    --------
    >>> without, behind = np.array([0.10, 0.12, 0.11, 0.12]), np.array([0.03, 0.02, 0.03, 0.03])
    >>> effect = defence_effect(without, behind, np.full(4, 0.85), np.full(4, 0.84), level=0.95)
    >>> effect.verdict, round(effect.removed.value, 3)
    ('works', 0.085)
    """
    removed = mean_t(named_without - named_with, level=level)
    lost = mean_t(accuracy_without - accuracy_with, level=level)
    named = float(named_with.mean())
    if not removed.low > 0:
        verdict = "not shown to help"
    else:
        verdict = "works" if named <= HALF * float(named_without.mean()) else "helps"
    return Effect(named, removed, lost, verdict)
