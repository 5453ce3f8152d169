"""Which labels are wrong, how many, and what they should be, from what a model says of each row.

A row has an unknown true class, which the model's answer speaks of, and a given one, which an error may have changed:
from class *k* to class *j* in a share ``transition[k, j]`` of rows (class-conditional noise). Both the errors and how
far the answers have to be sharpened or softened are fitted to the given labels by EM, so that neither an overconfident
model nor one that has learned some of the errors misleads much. Each label then has a probability of being wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from holdfast.kernels.stats.inputs import check_level, check_same_length
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.mean import mean_t

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

SAMPLE, MOST_ROUNDS, FEW_ROUNDS = 10_000, 300, 20
SETTLED = 1e-6
"""Gain of the mean log likelihood in one round below which the fit is over."""
START_SHARE, SMALLEST = 0.05, 1e-12
FLATTEST, STEEPEST, LONGEST_STEP = 0.05, 20.0, 0.5
GROUPS = 20
FEWEST_WRONG = 10
"""Expected wrong labels below which there may be none at all."""
NONE_SEEN = 3.0
"""Upper 95 % limit of a count of which none was seen."""
CELLS = 4_000_000
"""Numbers that are worked on at a time."""


@dataclass(frozen=True, slots=True)
class LabelNoise:
    """What is known of the labels of a table.

    Attributes
    ----------
    wrong
        ``(n,)`` float64: probability that the given label is wrong.
    suggested
        ``(n,)`` int64: the most probable class given the row and its label.
    transition
        ``(n_classes, n_classes)`` float64: share of the rows of a true class (row) that are given each class (column).
    sharpening
        Exponent that the probabilities were raised to: below 1 for an overconfident model.
    share
        Share of labels that are wrong, with its interval over samples of rows.
    share_given
        The same for each given class.
    """

    wrong: Numbers
    suggested: Places
    transition: Numbers
    sharpening: float
    share: IntervalEstimate[float]
    share_given: tuple[IntervalEstimate[float], ...]


@dataclass(frozen=True, slots=True)
class _Fit:
    transition: Numbers
    sharpening: float
    likelihood: float = -np.inf
    """Sum of the logarithms, one round before."""


def label_noise(
    probabilities: ArrayLike, given: ArrayLike, *, rng: np.random.Generator, level: float = 0.95
) -> LabelNoise:
    """Estimate which labels are wrong.

    Parameters
    ----------
    probabilities : array-like, shape (n_samples, n_classes)
        What a model that was not trained on the row says of its class; rows sum to one.
    given : array-like of int, shape (n_samples,)
        The labels as positions of classes.
    rng : numpy.random.Generator
        Draws the sample that the fit begins with, and the groups of the jackknife.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    LabelNoise

    Raises
    ------
    ValueError
        For probabilities outside [0, 1] or rows that do not sum to one (names the row), and labels out of range.

    Notes
    -----
    EM for ``p(given j | x) = sum_k p(true k | x) transition[k, j]`` with ``p(true k | x)`` proportional to the model's
    probability to the power of ``sharpening``. Intervals: delete-a-group jackknife over 20 random groups of rows, on
    the logit scale, down to zero where a likelihood ratio test does not reject labels without errors; they speak of the
    sampling of rows, not of what the model has mistaken. A model that was trained
    on labels with errors imitates some of them, so that the share is then rather a lower bound.

    References
    ----------
    Dawid and Skene (1979), Applied Statistics 28; Northcutt, Jiang and Chuang (2021), JAIR 70, section 3; Kott (2001),
    Journal of Official Statistics 17(4) for the jackknife.

    Examples
    --------
    >>> p = np.repeat([[0.99, 0.01], [0.01, 0.99]], 100, axis=0)
    >>> found = label_noise(p, [0] * 97 + [1] * 3 + [1] * 100, rng=np.random.default_rng(0))
    >>> np.flatnonzero(found.wrong > 0.5).tolist()
    [97, 98, 99]
    """
    check_level(level)
    p = _checked(probabilities)
    y = np.asarray(given, dtype=np.int64)
    check_same_length(p.shape[0], y.size, names=("probabilities", "given"))
    n, n_classes = p.shape
    if y.size and (y.min() < 0 or y.max() >= n_classes):
        raise ValueError(f"expected labels from 0 to {n_classes - 1}, got {int(y.min())} to {int(y.max())}")
    logs = np.log(np.maximum(p, SMALLEST))
    sample = rng.permutation(n)[:SAMPLE]
    fit = _fitted(logs[sample], y[sample], _start(n_classes), MOST_ROUNDS)
    if n > SAMPLE:
        fit = _fitted(logs, y, fit, FEW_ROUNDS)
    wrong, suggested = _posterior(logs, y, fit)
    shares = _intervals(logs, y, fit, wrong, rng.permutation(n) % GROUPS, level)
    if not _is_needed(logs, y, fit, level):
        shares = [IntervalEstimate(share.value, 0.0, share.high) for share in shares]
    return LabelNoise(wrong, suggested, fit.transition, fit.sharpening, shares[0], tuple(shares[1:]))


def suspect_cutoff(wrong: ArrayLike) -> float:
    """Return the probability from which on labels are suspected, so that precision and recall are best together.

    Parameters
    ----------
    wrong : array-like, shape (n_samples,)
        Probability that each label is wrong.

    Returns
    -------
    float
        The value whose expected F1 is the highest; above 1 when nothing is suspected.

    References
    ----------
    Lipton, Elkan and Naryanaswamy (2014), ECML PKDD: thresholds that maximise F1.

    Examples
    --------
    >>> suspect_cutoff([0.9, 0.8, 0.1, 0.0])
    0.8
    """
    ordered = np.sort(np.asarray(wrong, dtype=np.float64))[::-1]
    if not ordered.size or ordered.sum() < 0.5:
        return 2.0
    expected = 2 * np.cumsum(ordered) / (np.arange(1, ordered.size + 1) + ordered.sum())
    return float(ordered[int(np.argmax(expected))])


def _checked(probabilities: ArrayLike) -> Numbers:
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] < 2:
        raise ValueError(f"expected probabilities of shape (n_samples, n_classes >= 2), got {p.shape}")
    bad = ~((p >= 0) & (p <= 1)).all(axis=1) | (np.abs(p.sum(axis=1) - 1) > 1e-3)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"expected probabilities in [0, 1] that sum to one in each row; {int(bad.sum())} rows do not, the first is "
            f"row {row}: {np.round(p[row], 4).tolist()[:10]}"
        )
    return p


def _start(n_classes: int) -> _Fit:
    transition = np.full((n_classes, n_classes), START_SHARE / (n_classes - 1))
    np.fill_diagonal(transition, 1 - START_SHARE)
    return _Fit(transition, 1.0)


def _fitted(logs: Numbers, y: Places, fit: _Fit, rounds: int) -> _Fit:
    """Go on with EM from a fit; the exponent takes one Newton step in each round."""
    n, n_classes = logs.shape
    before, is_honest = -np.inf, not fit.transition[~np.eye(n_classes, dtype=np.bool_)].any()
    for _ in range(rounds):
        counts = np.zeros((n_classes, n_classes))
        slope = curvature = likelihood = 0.0
        for part in _parts(n, n_classes):
            piece, labels = logs[part], y[part]
            p = _sharpened(piece, fit.sharpening)
            joint = p * fit.transition[:, labels].T
            total = np.maximum(joint.sum(axis=1), SMALLEST)
            likelihood += float(np.log(total).sum())
            joint /= total[:, None]
            counts += [np.bincount(labels, column, n_classes) for column in joint.T]
            mean = np.einsum("ij,ij->i", p, piece)
            slope += float(np.einsum("ij,ij->", joint, piece) - mean.sum())
            curvature += float(np.einsum("ij,ij,ij->", p, piece, piece) - mean @ mean)
        # one row's worth of doubt for each class keeps a class without rows from settling anything
        counts += fit.transition
        step = np.clip(slope / max(curvature, SMALLEST), -LONGEST_STEP, LONGEST_STEP)
        fit = _Fit(
            fit.transition if is_honest else np.maximum(counts / counts.sum(axis=1, keepdims=True), SMALLEST),
            float(np.clip(fit.sharpening + step, FLATTEST, STEEPEST)),
            likelihood,
        )
        if likelihood - before < SETTLED * n:
            break
        before = likelihood
    return fit


def _posterior(logs: Numbers, y: Places, fit: _Fit) -> tuple[Numbers, Places]:
    n, n_classes = logs.shape
    wrong, suggested = np.empty(n), np.empty(n, dtype=np.int64)
    for part in _parts(n, n_classes):
        joint = _sharpened(logs[part], fit.sharpening) * fit.transition[:, y[part]].T
        joint /= joint.sum(axis=1, keepdims=True)
        wrong[part] = 1 - joint[np.arange(joint.shape[0]), y[part]]
        suggested[part] = joint.argmax(axis=1)
    return np.clip(wrong, 0.0, 1.0), suggested


def _sharpened(logs: Numbers, exponent: float) -> Numbers:
    scaled = exponent * logs
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def _parts(n: int, n_classes: int) -> list[slice]:
    step = max(1, CELLS // n_classes)
    return [slice(start, start + step) for start in range(0, n, step)]


def _intervals(
    logs: Numbers, y: Places, fit: _Fit, wrong: Numbers, group: Places, level: float
) -> list[IntervalEstimate[float]]:
    """Leave out one group of rows after the other and fit again from where the fit is."""
    n, n_classes = logs.shape
    values = np.array([wrong.mean() if n else 0.0, *(_mean(wrong[y == k]) for k in range(n_classes))])
    if n < 2 * GROUPS:
        return [IntervalEstimate(value, 0.0, 1.0) for value in values.tolist()]
    left_out = np.empty((GROUPS, values.size))
    for number in range(GROUPS):
        kept = group != number
        again = _fitted(logs[kept], y[kept], fit, FEW_ROUNDS)
        part, labels = _posterior(logs[kept], y[kept], again)[0], y[kept]
        left_out[number] = [part.mean(), *(_mean(part[labels == k]) for k in range(n_classes))]
    sizes = np.array([n, *np.bincount(y, minlength=n_classes)])
    floor = 0.5 / np.maximum(sizes, 1)
    log_odds, left_odds = _logit(values, floor), _logit(left_out, floor)
    ends = [_pseudo(float(v), column, level) for v, column in zip(log_odds, left_odds.T, strict=True)]
    found = []
    for value, size, (low, high) in zip(values.tolist(), sizes.tolist(), ends, strict=True):
        if value * size < FEWEST_WRONG:  # there may be none at all, and what is not expected may come
            low, high = 0.0, max(high, min(1.0, value + NONE_SEEN / max(size, 1)))
        found.append(IntervalEstimate(value, min(value, low), max(value, high)))
    return found


def _is_needed(logs: Numbers, y: Places, fit: _Fit, level: float) -> bool:
    """Whether the labels are so much likelier with errors than without any that chance does not explain it.

    The likelihood ratio is compared with chi-square for all shares of errors: on the border of what they may be that is
    on the safe side.
    """
    n_classes = logs.shape[1]
    honest = _fitted(logs, y, _Fit(np.eye(n_classes), fit.sharpening), FEW_ROUNDS)
    return bool(2 * (fit.likelihood - honest.likelihood) > chi2.ppf(level, n_classes * (n_classes - 1)))


def _pseudo(value: float, left_out: Numbers, level: float) -> tuple[float, float]:
    estimate = mean_t(GROUPS * value - (GROUPS - 1) * left_out, level=level)
    half = (estimate.high - estimate.low) / 2
    low, high = 1 / (1 + np.exp(-np.array([value - half, value + half])))
    return float(low), float(high)


def _mean(values: Numbers) -> float:
    return float(values.mean()) if values.size else 0.0


def _logit(share: Numbers, floor: Numbers) -> Numbers:
    p = np.clip(share, floor, 1 - floor)
    return np.asarray(np.log(p / (1 - p)))
