"""What is reported of one metric in one period: one row of the table that estimates end in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from holdfast.kernels.estimation.influence import IS_LOSS
from holdfast.kernels.stats.interval import IntervalEstimate

NOTHING = IntervalEstimate(np.nan, np.nan, np.nan)


class Figure(NamedTuple):
    """One metric of one period; NaN for what there is not."""

    period: int
    metric: str
    n: int
    n_labelled: int
    reference: float
    """The metric of the reference."""
    estimate: float
    """Without the period's own labels."""
    low: float
    high: float
    restated: float
    """With them: prediction-powered, or exact where all have come; NaN with fewer than 20."""
    restated_low: float
    restated_high: float
    realised: float
    """NaN unless all outcomes have come."""
    range_low: float
    range_high: float
    """Where the metric of so many cases lies if nothing changed."""
    standing: str
    """Of the best figure against the range, see `standing`."""
    effective: float
    """Share of the reference that its weights leave; 1 without weights."""
    gap: float
    """Labelled cases: mean outcome minus mean probability, or mean loss minus mean estimate."""
    p_value: float
    """Of the assumption, given the labelled cases, adjusted for the number of periods; NaN with fewer than 20."""
    is_refuted: bool

    @property
    def is_sampled(self) -> bool:
        """Whether it is restated by a part of the outcomes."""
        return bool(np.isfinite(self.restated)) and self.n_labelled < self.n

    def placed(self) -> Figure:
        """Return it with its standing."""
        ends = (self.best.low, self.best.high) if self.is_sampled else (self.best.value, self.best.value)
        return self._replace(standing=standing(self.metric, ends, self.range_low, self.range_high))

    @property
    def best(self) -> IntervalEstimate[float]:
        """The restated figure where there is one, the estimate otherwise."""
        if np.isfinite(self.restated):
            return IntervalEstimate(self.restated, self.restated_low, self.restated_high)
        return IntervalEstimate(self.estimate, self.low, self.high)


def standing(metric: str, figure: tuple[float, float], low: float, high: float) -> str:
    """Say where a figure lies against a range.

    Parameters
    ----------
    metric : str
        Decides which side is the bad one.
    figure : tuple of float
        Between which values it is: one value twice, or the ends of the interval of a figure from a sample.
    low, high : float
        Ends of the range.

    Returns
    -------
    str
        ``worse`` or ``better`` where the whole figure is outside, ``within`` otherwise, ``unknown`` for NaN.

    Examples
    --------
    >>> standing("brier", (0.3, 0.3), 0.1, 0.2), standing("auc", (0.3, 0.3), 0.1, 0.2)
    ('worse', 'better')
    """
    if np.isnan(figure).any():
        return "unknown"
    if figure[0] <= high and figure[1] >= low:
        return "within"
    return "worse" if (figure[0] > high) == (metric in IS_LOSS) else "better"
