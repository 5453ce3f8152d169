"""What a defence takes from an attack and from honest users, over pairs of models with and without it."""

from __future__ import annotations

from typing import NamedTuple

from holdfast.kernels.privacy.pair_rates import PairRates, over_models_and_records
from holdfast.kernels.stats.interval import IntervalEstimate

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
    named_without: PairRates,
    named_with: PairRates,
    accuracy_without: PairRates,
    accuracy_with: PairRates,
    *,
    level: float,
) -> Effect:
    """Compare pairs of models, each attacked and asked without a defence and with it.

    Parameters
    ----------
    named_without, named_with : PairRates
        Share of members that the strongest attack names, by pair, on the same groups of records.
    accuracy_without, accuracy_with : PairRates
        Accuracy on rows that the models were not trained on.
    level : float
        Confidence level of each interval (`over_models_and_records` of the differences).

    Returns
    -------
    Effect

    Examples
    --------
    >>> import numpy as np
    >>> rates = [np.array([0.10, 0.12, 0.11, 0.12]), np.array([0.03, 0.02, 0.03, 0.03]), np.full(4, 0.8)]
    >>> rates.append(rates[2])
    >>> effect = defence_effect(*(PairRates(each, np.tile(each, (20, 1))) for each in rates), level=0.95)
    >>> effect.verdict, round(effect.removed.value, 3)
    ('works', 0.085)
    """
    removed = over_models_and_records(named_without.less(named_with), level=level)
    lost = over_models_and_records(accuracy_without.less(accuracy_with), level=level)
    named = float(named_with.pairs.mean())
    if not removed.low > 0:
        verdict = "not shown to help"
    else:
        verdict = "works" if named <= HALF * float(named_without.pairs.mean()) else "helps"
    return Effect(named, removed, lost, verdict)
