"""A few labels beside many predictions: an estimate that stays right when the predictions are wrong, and says so."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, expit, stdtrit

from holdfast.kernels.estimation.calibration_map import Calibration, hats
from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

Numbers = NDArray[np.float64]
FEWEST_LABELS = 20
MOST_LOGIT = 8.0


class Refutation(NamedTuple):
    """How far labelled cases contradict the probabilities that were stated of them."""

    p_value: float
    """Of the hypothesis that they hold; NaN with fewer than 20 labels."""
    n: int
    mean_gap: float
    """Mean outcome minus mean probability."""


def ppi_mean(
    labelled: ArrayLike,
    labelled_prediction: ArrayLike,
    mean_prediction: float,
    *,
    probability: ArrayLike,
    power: float | None = None,
    least_spread: ArrayLike | None = None,
    level: float = 0.95,
) -> IntervalEstimate[float]:
    """Estimate the mean over a finite set of cases, a few labelled and all predicted.

    Parameters
    ----------
    labelled, labelled_prediction : array-like, shape (n_labelled,)
        The quantity, and its prediction, of the labelled cases.
    mean_prediction : float
        Mean prediction of all cases.
    probability : array-like, shape (n_labelled,)
        With which probability each labelled case was drawn, in (0, 1].
    power : float, optional
        Weight of the predictions: 1 corrects them by the labelled errors, 0 ignores them; chosen to make the variance
        smallest otherwise.
    least_spread : array-like, shape (n_labelled,), optional
        Standard deviation of each labelled quantity as far as it is known without its label: a few labels may happen to
        agree, and their scatter then says too little.
    level : float, default 0.95

    Returns
    -------
    IntervalEstimate
        Without labels NaN, with one its estimate, both with an interval of (-inf, inf).

    Raises
    ------
    ValueError
        If a probability is not in (0, 1] or the lengths differ.

    Notes
    -----
    ``power * mean_prediction`` plus the weighted mean of ``labelled - power * labelled_prediction`` (PPI++), weights
    one over the probabilities, divided by their sum (Hajek). The mean is that over these very cases: where all are
    labelled, the interval has no width. Student's t with ``n_labelled - 1`` degrees of freedom, approximate for skewed
    quantities, hence `least_spread`. Valid whatever the predictions are, if the labelled cases were drawn as stated.

    References
    ----------
    Angelopoulos, A. N., Bates, S., Fannjiang, C., Jordan, M. I. and Zrnic, T. (2023). Prediction-powered inference.
    Science 382, 669-674. Angelopoulos, A. N., Duchi, J. C. and Zrnic, T. (2023). PPI++. arXiv:2311.01453, section 6.
    Särndal, C.-E., Swensson, B. and Wretman, J. (1992). Model assisted survey sampling, sections 5.7 and 6.

    Examples
    --------
    >>> found = ppi_mean([1.0, 0.0, 1.0, 1.0], [0.8, 0.2, 0.7, 0.9], 0.6, probability=[0.1] * 4, power=1.0)
    >>> round(found.value, 3)
    0.7
    """
    check_level(level)
    f, g = float_vector(labelled, name="labelled"), float_vector(labelled_prediction, name="labelled_prediction")
    pi = float_vector(probability, name="probability")
    check_same_length(f.size, g.size, pi.size, names=("labelled", "labelled_prediction", "probability"))
    if pi.size and not (pi.min() > 0.0 and pi.max() <= 1.0 + 1e-9):
        raise ValueError(f"expected sampling probabilities in (0, 1], got {pi.min()} to {pi.max()}")
    if f.size == 0:
        return IntervalEstimate(np.nan, -np.inf, np.inf)
    w = 1.0 / pi
    w /= w.sum()
    spread = w**2 * np.maximum(1.0 - pi, 0.0)
    if power is None:
        centred = g - w @ g
        below = float(spread @ centred**2)
        power = min(max(float(spread @ (centred * (f - w @ f))) / below, 0.0), 1.5) if below > 0.0 else 1.0
    error = f - power * g
    value = float(power * mean_prediction + w @ error)
    if f.size == 1:
        return IntervalEstimate(value, -np.inf, np.inf)
    variance = float(spread @ (error - w @ error) ** 2) * f.size / (f.size - 1)
    if least_spread is not None:
        variance = max(variance, float(spread @ float_vector(least_spread, name="least_spread") ** 2))
    half = float(stdtrit(f.size - 1, 0.5 + level / 2.0) * np.sqrt(variance))
    return IntervalEstimate(value, value - half, value + half)


def refutation(
    calibration: Calibration, logit: Numbers, p: Numbers, outcome: ArrayLike, group: NDArray[np.int64] | None = None
) -> Refutation:
    """Test whether labelled cases contradict their calibrated probabilities.

    Parameters
    ----------
    calibration : Calibration
        Where the probabilities come from; its error is allowed for.
    logit : ndarray, shape (n,)
        Stated log odds.
    p : ndarray, shape (n,)
        Calibrated probabilities.
    outcome : array-like of bool, shape (n,)
    group : ndarray of int64, shape (n,), optional

    Returns
    -------
    Refutation

    Notes
    -----
    Score test with two degrees of freedom against calibrated log odds that are moved and stretched (Cox 1958): a common
    concept shift makes scores mean less, which stretches them by less than one. Valid for cases that were chosen for
    labelling by what the model says of them. It needs some 20 labels for its chi-square distribution.

    References
    ----------
    Cox, D. R. (1958). Two further applications of a model for binary regression. Biometrika 45, 562-565.
    Spiegelhalter, D. J. (1986). Probabilistic prediction in patient management and clinical trials. Statistics in
    Medicine 5, 421-433.

    Examples
    --------
    >>> exact = Calibration(np.zeros(1), np.zeros(1), np.zeros((1, 1)), np.zeros(0), np.zeros(0), 0.0)
    >>> p = np.full(100, 0.5)
    >>> found = refutation(exact, np.zeros(100), p, np.arange(100) < 70)
    >>> round(found.mean_gap, 2), found.p_value < 0.001
    (0.2, True)
    """
    y = float_vector(outcome, name="outcome")
    check_same_length(p.size, y.size, names=("p", "outcome"))
    clipped = np.clip(p, 1e-9, 1.0 - 1e-9)
    z = np.clip(np.log(clipped / (1.0 - clipped)), -MOST_LOGIT, MOST_LOGIT)
    direction = np.column_stack([np.ones(p.size), z])
    spread = (p * (1.0 - p))[:, None] * direction
    covariance = direction.T @ spread
    if group is not None and calibration.step.size and p.size:
        sizes = np.append(calibration.step_variance, calibration.new_variance)
        for each in np.unique(group):
            moved = spread[group == each].sum(axis=0)
            covariance = covariance + sizes[each] * np.outer(moved, moved)
    toward = spread.T @ hats(calibration.knots, logit)
    covariance = covariance + toward @ calibration.covariance @ toward.T
    gap = float((y - p).mean()) if y.size else np.nan
    p_value = _p_value(direction.T @ (y - p), covariance) if y.size >= FEWEST_LABELS else np.nan
    return Refutation(p_value, p.size, gap)


def stretched(p: Numbers, labelled_p: Numbers, outcome: Numbers, weight: Numbers) -> Numbers:
    """Move and stretch probabilities to where labelled cases put them.

    Parameters
    ----------
    p : ndarray, any shape
        Probabilities to mend.
    labelled_p, outcome, weight : ndarray, shape (n_labelled,)

    Returns
    -------
    ndarray, shape of `p`

    Notes
    -----
    Logistic regression of the outcome on the log odds with a standard normal prior on the move and on the stretch minus
    one, so that a few labels move little.
    """

    def odds(q: Numbers) -> Numbers:
        q = np.clip(q, 1e-9, 1.0 - 1e-9)
        return np.asarray(np.log(q / (1.0 - q)))

    direction = np.column_stack([np.ones(labelled_p.size), odds(labelled_p)])
    w = weight * (weight.size / weight.sum())
    c = np.array([0.0, 1.0])
    for _ in range(20):
        q = expit(direction @ c)
        information = (direction * (w * q * (1.0 - q))[:, None]).T @ direction + np.eye(2)
        step = np.linalg.solve(information, direction.T @ (w * (outcome - q)) - (c - [0.0, 1.0]))
        c = c + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-6:
            break
    return np.asarray(expit(c[0] + c[1] * odds(p)))


def _p_value(total: Numbers, covariance: Numbers) -> float:
    # Log odds that do not vary leave one direction: the other is dropped.
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-8 * max(float(values.max()), 1e-300)
    along = vectors[:, kept].T @ total
    return float(chdtrc(float(kept.sum()), float((along**2 / values[kept]).sum())))
