"""Whether the same scores of a model mean something else than before: a change of what inputs say of the outcome."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from holdfast.kernels.stats.bisection import boundary
from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

Floats = NDArray[np.float64]
N_STRATA = 10
FEWEST = 5


class ConceptShift(NamedTuple):
    """A comparison of outcomes among rows that get like scores."""

    p_value: float
    """That in every stratum of scores the outcomes are as frequent as before."""
    effect: IntervalEstimate[float]
    """Share of today's outcomes by which the strata differ: 0 where a score means what it meant."""
    shift: IntervalEstimate[float]
    """How much more frequent the outcome is today among rows of like scores."""
    n: tuple[int, int]
    """Rows of either table in the strata compared."""


def concept_shift(
    reference_score: ArrayLike,
    reference_outcome: ArrayLike,
    current_score: ArrayLike,
    current_outcome: ArrayLike,
    *,
    level: float = 0.95,
    n_strata: int = N_STRATA,
) -> ConceptShift | None:
    """Compare how often the outcome comes, among rows to which a model gives like scores.

    A change of the inputs alone moves rows between strata and leaves the outcomes within them, as far as the scores
    hold all that the inputs say of the outcome. What differs within strata is then a change of the concept.

    Parameters
    ----------
    reference_score, current_score : array-like, shapes (n_reference,) and (n_current,)
        Of one model that learned from neither table.
    reference_outcome, current_outcome : array-like of bool or 0 and 1
    level : float, default 0.95
    n_strata : int, default 10
        Strata of about equally many rows of both tables.

    Returns
    -------
    ConceptShift or None
        None where no stratum holds five rows of either table.

    Raises
    ------
    ValueError
        If lengths differ, a score is not finite or an outcome is neither 0 nor 1.

    Notes
    -----
    With ``d_b`` the difference in stratum ``b`` and ``w_b`` its share of today's rows, the effect is ``sum w_b |d_b|``
    and the shift ``sum w_b d_b`` (Mantel, Haenszel 1959, with today's weights). Chance alone makes the sum of absolute
    differences larger: the effect is that share of it by which all differences must be multiplied for its mean to be
    what was seen, and its lower end allows for all that chance adds without a shift. Without a shift the effect is 0 in
    half of all cases and .01 to .02 on average at 1,000 rows or more; one of .1 comes out a tenth too low there. The
    p-value is of ``sum d_b ** 2 / var_b``, chi-square with as many degrees of freedom as strata. Variances are of rates
    with a half added to both outcomes; for the p-value, of the pooled rate with one added.

    Examples
    --------
    >>> scores, before = [0.2] * 50 + [0.8] * 50, [0] * 40 + [1] * 10 + [0] * 10 + [1] * 40
    >>> concept_shift(scores, before, scores, before).shift.value
    0.0
    """
    check_level(level)
    scores = [float_vector(reference_score, name="reference_score"), float_vector(current_score, name="current_score")]
    outcomes = [_outcome(reference_outcome), _outcome(current_outcome)]
    for score, outcome in zip(scores, outcomes, strict=True):
        check_same_length(score.size, outcome.size, names=("score", "outcome"))
    both = np.concatenate(scores)
    if not both.size:
        return None
    edges = np.unique(np.quantile(both, np.arange(1, n_strata) / n_strata))
    strata = [np.searchsorted(edges, score, side="left") for score in scores]
    n, k = (
        [np.bincount(part, weights=weight, minlength=edges.size + 1) for part, weight in zip(strata, by, strict=True)]
        for by in ([np.ones(score.size) for score in scores], outcomes)
    )
    used = (n[0] >= FEWEST) & (n[1] >= FEWEST)
    if not used.any():
        return None
    rows, hits = [side[used] for side in n], [side[used] for side in k]
    gap = hits[1] / rows[1] - hits[0] / rows[0]
    smooth = [(hit + 0.5) / (size + 1.0) for hit, size in zip(hits, rows, strict=True)]
    variance = sum(p * (1.0 - p) / size for p, size in zip(smooth, rows, strict=True))
    pooled, apart = (hits[0] + hits[1] + 1.0) / (rows[0] + rows[1] + 2.0), 1.0 / rows[0] + 1.0 / rows[1]
    weight = rows[1] / rows[1].sum()
    z = float(special.ndtri(0.5 + level / 2.0))
    half = z * float(np.sqrt(weight**2 @ variance))
    by_chance = float(weight @ np.sqrt(2.0 / np.pi * variance))
    seen, shift = float(weight @ np.abs(gap)), float(weight @ gap)
    value = seen * _share_beyond_chance(np.abs(gap), np.sqrt(variance), weight)
    return ConceptShift(
        p_value=float(special.chdtrc(int(used.sum()), float((gap**2 / (pooled * (1.0 - pooled) * apart)).sum()))),
        effect=IntervalEstimate(value, max(seen - by_chance - half, 0.0), min(seen + half, 1.0)),
        shift=IntervalEstimate(shift, shift - half, shift + half),
        n=(int(rows[0].sum()), int(rows[1].sum())),
    )


def _share_beyond_chance(gap: Floats, sd: Floats, weight: Floats) -> float:
    """Return the factor for all gaps at which the mean of the sum of absolute values is the sum that was seen."""

    def mean(factor: Floats) -> Floats:
        """The mean of the absolute value of a normal number around each gap (Leone, Nelson, Nottingham 1961)."""
        at = factor * gap / sd
        folded = sd * np.sqrt(2.0 / np.pi) * np.exp(-(at**2) / 2.0) + factor * gap * special.erf(at / np.sqrt(2.0))
        return np.asarray(weight @ folded)

    seen = weight @ gap
    if mean(np.zeros(())) >= seen:
        return 0.0
    return float(boundary(lambda factor: mean(factor) <= seen, inside=0.0, outside=1.0))


def _outcome(values: ArrayLike) -> Floats:
    outcome = float_vector(values, name="outcome")
    if not np.isin(outcome, (0.0, 1.0)).all():
        raise ValueError("expected outcomes 0 or 1, got others; encode the class in question as 1")
    return outcome
