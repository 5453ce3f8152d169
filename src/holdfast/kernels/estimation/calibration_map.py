"""What a stated probability has meant: fitted to labelled cases, with the error of the fit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from holdfast.kernels.stats.inputs import check_same_length, float_vector

Numbers = NDArray[np.float64]
LARGEST_LOGIT = 16.0
CELLS_PER_LOGIT = 512.0
N_CELLS = int(2 * LARGEST_LOGIT * CELLS_PER_LOGIT) + 1
# The fit needs no finer cells than these, for the line is straight within them.
FIT_CELLS_PER_LOGIT = 32.0
MOST_KNOTS, OUTCOMES_PER_KNOT = 16, 25
# A knot about which the cases say nothing is believed to be off by up to this many log odds (one standard deviation).
PRIOR_SD = 3.0
MOST_STEPS = 30
# Of fitting line and steps in turn.
GROUP_ROUNDS = 8


class Calibration(NamedTuple):
    """How far the log odds that a model states are off: a line between knots, and a step for each group."""

    knots: Numbers
    """Shape ``(n_knots,)``: log odds, rising."""
    offset: Numbers
    """Shape ``(n_knots,)``: what is added there; constant outside of them."""
    covariance: Numbers
    """Shape ``(n_knots, n_knots)``: of the error of the offsets."""
    step: Numbers
    """Shape ``(n_groups,)``: what is added for each group, shrunken towards none."""
    step_variance: Numbers
    """Shape ``(n_groups,)``."""
    new_variance: float
    """Variance of the step of a group that the cases do not hold."""


def logits(score: ArrayLike) -> Numbers:
    """Return log odds of stated probabilities, at most 16 from zero.

    Parameters
    ----------
    score : array-like, shape (n,)

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If a score is NaN or outside [0, 1].

    Examples
    --------
    >>> logits([0.5, 1.0]).tolist()
    [0.0, 16.0]
    """
    s = float_vector(score, name="score")
    if s.size and (s.min() < 0.0 or s.max() > 1.0 + 1e-6):
        raise ValueError(f"expected probabilities in [0, 1], got score from {s.min()} to {s.max()}; pass no margins")
    with np.errstate(divide="ignore"):
        return np.asarray(np.clip(np.log(s / np.maximum(1.0 - s, 0.0)), -LARGEST_LOGIT, LARGEST_LOGIT))


def score_cells(logit: Numbers) -> NDArray[np.int64]:
    """Return the cell of each case on a fixed grid of log odds.

    Parameters
    ----------
    logit : ndarray, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n,)
        0 to ``N_CELLS - 1``.

    Examples
    --------
    >>> int(score_cells(np.zeros(1))[0]) == N_CELLS // 2
    True
    """
    return np.asarray((logit + LARGEST_LOGIT) * CELLS_PER_LOGIT + 0.5, dtype=np.int64)


def cell_logits(cells: NDArray[np.int64]) -> Numbers:
    """Return the log odds in the middle of cells.

    Parameters
    ----------
    cells : ndarray of int64, any shape

    Returns
    -------
    ndarray, same shape

    Examples
    --------
    >>> float(cell_logits(score_cells(np.array([2.0])))[0])
    2.0
    """
    return cells / CELLS_PER_LOGIT - LARGEST_LOGIT


def fit_calibration(
    logit: Numbers,
    outcome: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    group: NDArray[np.int64] | None = None,
    n_groups: int = 0,
) -> Calibration:
    """Fit what stated probabilities have meant.

    Parameters
    ----------
    logit : ndarray, shape (n,)
        Stated log odds, as `logits` returns them.
    outcome : array-like of bool, shape (n,)
        Whether the event happened.
    weight : array-like, shape (n,), optional
        Zero or more; how much each case is like those that the calibration is for.
    group : ndarray of int64, shape (n,), optional
        Group of each case, 0 to ``n_groups - 1``.
    n_groups : int, default 0

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If there is one outcome only, a weight is negative, or the lengths differ.

    Notes
    -----
    Logistic regression with the stated log odds as offset on hat functions: continuous, exact at the stated odds where
    the model is calibrated, and with a slope of one beyond the outer knots. Up to 16 knots evenly spaced in log odds,
    fewer where outcomes are scarce. Cases are put together first, so that the cost is O(n) plus O(cells) per step.
    The covariance is the inverse information for equal weights, else the sandwich (White 1982). Line and steps of the
    groups are fitted in turn; a step is shrunken by the variance between groups (DerSimonian and Laird 1986).

    References
    ----------
    White, H. (1982). Maximum likelihood estimation of misspecified models. Econometrica 50, 1-25.
    DerSimonian, R. and Laird, N. (1986). Meta-analysis in clinical trials. Controlled Clinical Trials 7, 177-188.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> stated = logits(rng.uniform(0.05, 0.95, 20000))
    >>> happened = rng.random(20000) < expit(stated + 1.0)
    >>> found = fit_calibration(stated, happened)
    >>> round(float(calibrated(found, np.zeros(1))[0]), 2), round(float(expit(1.0)), 2)
    (0.73, 0.73)
    """
    y = float_vector(outcome, name="outcome")
    w = np.ones(y.size) if weight is None else float_vector(weight, name="weight")
    check_same_length(logit.size, y.size, w.size, names=("logit", "outcome", "weight"))
    if w.size and w.min() < 0.0:
        raise ValueError(f"expected weights of zero or more, got {w.min()}; weights are ratios of densities")
    n_true = float((y > 0.0).sum())
    if n_true in (0.0, float(y.size)):
        raise ValueError(
            f"expected both outcomes, got {int(n_true)} of {y.size} that happened; scores mean nothing by one outcome"
        )
    code = np.asarray((logit + LARGEST_LOGIT) * FIT_CELLS_PER_LOGIT, dtype=np.int64)
    code = code if group is None else code * n_groups + group
    # By cell and outcome: what happened is the odd half of the sums.
    so = 2 * code + (y > 0.0)
    by_outcome = [np.bincount(so, weights=each, minlength=2 * int(code.max()) + 2) for each in (w, w * w)]
    (off, true), (squares, squares_true) = (np.asarray(each, dtype=np.float64).reshape(-1, 2).T for each in by_outcome)
    kept = np.flatnonzero(off + true > 0.0)
    total, true = (off + true)[kept], true[kept]
    squares, squares_true = (squares + squares_true)[kept], squares_true[kept]
    at = np.asarray(np.bincount(code, weights=w * logit)[kept] / total)
    worth = float(total.sum()) ** 2 / float(squares.sum()) / y.size
    knots = _knots(at, total, worth * min(n_true, y.size - n_true))
    basis = hats(knots, at)
    steps = _no_steps(0)
    own = np.zeros(at.size)
    for _ in range(GROUP_ROUNDS if group is not None else 1):
        offset, information, p = _newton(basis, at + own, total, true)
        if group is not None:
            of = kept % n_groups
            steps = _steps(steps.value if steps.value.size else np.zeros(n_groups), of, total, true, p)
            own = steps.value[of]
    inverse = np.linalg.inv(information)
    covariance = np.asarray(inverse)
    if weight is not None:
        meat = (basis * (squares * p**2 + squares_true * (1.0 - 2.0 * p))[:, None]).T @ basis
        covariance = np.asarray(inverse @ (meat + np.eye(knots.size) / PRIOR_SD**2) @ inverse)
        left = worth * y.size
        covariance = covariance * (left / max(left - knots.size, 1.0))
    return Calibration(knots, offset, covariance, *steps)


def calibrated(calibration: Calibration, logit: Numbers, group: NDArray[np.int64] | None = None) -> Numbers:
    """Return what stated log odds mean.

    Parameters
    ----------
    calibration : Calibration
    logit : ndarray, shape (n,)
    group : ndarray of int64, shape (n,), optional
        -1 for a group that the calibration does not know.

    Returns
    -------
    ndarray, shape (n,)
        Probabilities.

    Examples
    --------
    >>> line = Calibration(np.zeros(1), np.ones(1), np.zeros((1, 1)), np.zeros(0), np.zeros(0), 0.0)
    >>> calibrated(line, np.array([-1.0])).tolist()
    [0.5]
    """
    mended = logit + np.interp(logit, calibration.knots, calibration.offset)
    if group is not None and calibration.step.size:
        mended = mended + np.append(calibration.step, 0.0)[group]
    return np.asarray(expit(mended))


def calibration_variance(
    calibration: Calibration, logit: Numbers, effect: Numbers, group: NDArray[np.int64] | None = None
) -> float:
    """Compute the variance that the error of a calibration gives to a sum over cases.

    Parameters
    ----------
    calibration : Calibration
    logit : ndarray, shape (n,)
    effect : ndarray, shape (n,)
        Derivative of the sum with respect to the log odds of each case.
    group : ndarray of int64, shape (n,), optional

    Returns
    -------
    float

    Examples
    --------
    >>> line = Calibration(np.zeros(1), np.ones(1), np.eye(1), np.zeros(0), np.zeros(0), 0.0)
    >>> calibration_variance(line, np.zeros(2), np.ones(2))
    4.0
    """
    lower, share = _place(calibration.knots, logit)
    k = calibration.knots.size
    toward = np.bincount(lower, weights=effect * (1.0 - share), minlength=k)
    toward += np.bincount(np.minimum(lower + 1, k - 1), weights=effect * share, minlength=k)
    variance = float(toward @ calibration.covariance @ toward)
    if group is not None and calibration.step.size:
        per_group = np.bincount(np.where(group < 0, calibration.step.size, group), weights=effect)
        known = np.append(calibration.step_variance, calibration.new_variance)[: per_group.size]
        variance += float(per_group**2 @ known)
    return variance


def hats(knots: Numbers, at: Numbers) -> Numbers:
    """Evaluate the hat functions of knots.

    Parameters
    ----------
    knots : ndarray, shape (n_knots,)
    at : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n, n_knots)
        Rows add up to one.

    Examples
    --------
    >>> hats(np.array([0.0, 1.0]), np.array([0.25, 3.0])).tolist()
    [[0.75, 0.25], [0.0, 1.0]]
    """
    lower, share = _place(knots, at)
    basis = np.zeros((at.size, knots.size))
    rows = np.arange(at.size)
    basis[rows, lower] = 1.0 - share
    basis[rows, np.minimum(lower + 1, knots.size - 1)] += share
    return basis


def _place(knots: Numbers, at: Numbers) -> tuple[NDArray[np.int64], Numbers]:
    """Knot below each point, and how far it is on the way to the next."""
    if knots.size == 1:
        return np.zeros(at.size, dtype=np.int64), np.zeros(at.size)
    lower = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, knots.size - 2)
    return lower, np.clip((at - knots[lower]) / (knots[lower + 1] - knots[lower]), 0.0, 1.0)


def _knots(at: Numbers, total: Numbers, scarcer: float) -> Numbers:
    """Knots evenly spaced in log odds over all but the outer thousandths of the cases."""
    n = int(min(MOST_KNOTS, max(1.0, scarcer // OUTCOMES_PER_KNOT)))
    share = np.cumsum(total) / total.sum()
    low, high = at[np.searchsorted(share, 0.001)], at[min(int(np.searchsorted(share, 0.999)), at.size - 1)]
    if n == 1 or high - low < 1e-9:
        return np.array([(low + high) / 2.0])
    return np.linspace(low, high, n)


def _newton(basis: Numbers, at: Numbers, total: Numbers, true: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Maximise the likelihood with a weak prior; halve steps that would lower it."""
    prior = 1.0 / PRIOR_SD**2

    def loss(offset: Numbers) -> float:
        z = at + basis @ offset
        return float(total @ np.logaddexp(0.0, z) - true @ z + prior * (offset @ offset) / 2.0)

    offset = np.zeros(basis.shape[1])
    current = loss(offset)
    for _ in range(MOST_STEPS):
        p = expit(at + basis @ offset)
        information = (basis * (total * p * (1.0 - p))[:, None]).T @ basis + prior * np.eye(offset.size)
        step = np.linalg.solve(information, basis.T @ (true - total * p) - prior * offset)
        scale = 1.0
        while (reached := loss(offset + scale * step)) > current + 1e-12 * abs(current) and scale > 1e-6:
            scale /= 2.0
        offset, gained, current = offset + scale * step, current - reached, reached
        if gained <= 1e-10 * max(abs(current), 1.0):
            break
    p = expit(at + basis @ offset)
    return offset, (basis * (total * p * (1.0 - p))[:, None]).T @ basis + prior * np.eye(offset.size), p


class _Steps(NamedTuple):
    value: Numbers
    variance: Numbers
    between: float


def _no_steps(n: int) -> _Steps:
    return _Steps(np.zeros(n), np.zeros(n), 0.0)


def _steps(current: Numbers, of: NDArray[np.int64], total: Numbers, true: Numbers, p: Numbers) -> _Steps:
    """One step of each group towards its own maximum, shrunken by the variance between groups."""
    information = np.bincount(of, weights=total * p * (1.0 - p), minlength=current.size)
    score = np.bincount(of, weights=true - total * p, minlength=current.size)
    own_variance = 1.0 / np.maximum(information, 1e-12)
    own = current + np.clip(score * own_variance, -2.0, 2.0)
    known = information > 1.0
    weight = information[known]
    between = 0.0
    if known.sum() > 1:
        mean = float(weight @ own[known]) / float(weight.sum())
        excess = float(weight @ (own[known] - mean) ** 2) - (known.sum() - 1)
        between = max(0.0, excess / float(weight.sum() - (weight**2).sum() / weight.sum()))
    shrunk = between / (between + own_variance)
    return _Steps(shrunk * own, shrunk * own_variance, between)
