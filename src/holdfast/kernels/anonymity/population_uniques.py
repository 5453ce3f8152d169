"""How many people of a sample are unique in the population it was drawn from, and how likely one is found again.

A table is rarely everybody. Whoever is alone in it with some quasi-identifiers may have doubles among those who were
not drawn. How many of the sample's unique people stay unique can only be extrapolated, under an assumption on how class
sizes are spread; two assumptions are offered, because they can disagree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

from holdfast.kernels.anonymity.equivalence_classes import Codes
from holdfast.kernels.stats.interval import IntervalEstimate

Floats = NDArray[np.float64]
_SMALLEST_FRACTION = 1e-9
_DRAWS = 4000


class Pitman(NamedTuple):
    """Parameters of Pitman's model of class sizes, and their covariance on the scale (logit alpha, log(theta + alpha)).

    alpha: from 0 (a settled number of classes) to 1 (everybody is a class); theta > -alpha.
    """

    alpha: float
    theta: float
    covariance: Floats


class Risk(NamedTuple):
    """Chances of finding people of the table again, each from 0 to 1.

    prosecutor_most, prosecutor_mean: the attacker knows that the person is in the table (largest and mean 1 / size of
    class). journalist_most, marketer_mean: the attacker has a list of the population; largest chance, and share of the
    table that a match of all rows names rightly.
    """

    prosecutor_most: float
    prosecutor_mean: float
    journalist_most: float
    marketer_mean: float


def fit_pitman(sizes: Codes) -> Pitman:
    """Fit Pitman's model to the sizes of classes by maximum likelihood.

    Parameters
    ----------
    sizes : ndarray of int64, shape (n_classes,)
        At least two classes, not all of size one and not of one size only where that leaves the model undetermined.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or everybody is unique: nothing says then how large classes get.

    References
    ----------
    Pitman, J. (1995). Exchangeable and partially exchangeable random partitions. PTRF 102, 145-158.
    Hoshino, N. (2001). Applying Pitman's sampling formula to microdata disclosure risk assessment. Journal of Official
    Statistics 17(4), 499-520.
    """
    u, n = len(sizes), int(sizes.sum())
    if u < 2 or u == n:
        raise ValueError(f"expected classes of several sizes, got {u} classes of {n} rows")
    size, frequency = np.unique(sizes, return_counts=True)

    def loss(z: Floats) -> float:
        alpha, theta = _parameters(z)
        classes = np.log(theta + alpha * np.arange(1, u)).sum()
        rows = gammaln(theta + n) - gammaln(theta + 1.0)
        inside = frequency @ (gammaln(size - alpha) - gammaln(1.0 - alpha))
        return float(rows - classes - inside)

    found = min(
        (minimize(loss, np.array([a, np.log(b)]), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-8})
         for a in (-1.0, 1.0) for b in (1.0, n / 10.0)),
        key=lambda one: float(one.fun),
    )  # fmt: skip
    alpha, theta = _parameters(found.x)
    return Pitman(float(alpha), float(theta), _inverse(_curvature(loss, found.x)))


def staying_unique(sizes: Codes, *, sample_fraction: float, rng: np.random.Generator, level: float = 0.95) -> (
    IntervalEstimate[float]
):  # fmt: skip
    """Estimate the share of a sample's rows that are unique in the population, under Pitman's model.

    Parameters
    ----------
    sizes : ndarray of int64, shape (n_classes,)
        Sizes of the sample's classes.
    sample_fraction : float
        Size of the sample over that of the population, above 0 and at most 1.
    rng : numpy.random.Generator
    level : float, default 0.95

    Returns
    -------
    IntervalEstimate of float
        Share of all rows. With everybody sampled, or nobody unique, exact: the ends are the value. Where everybody is
        unique in the sample, nothing can be said against all of them being unique: the ends are 0 and 1.

    Raises
    ------
    ValueError
        If the fraction is not above 0 and at most 1.

    Notes
    -----
    Given the model, a class of one that was sampled is hit by none of the other ``N - n`` people with probability
    ``prod_i (theta + n + i - 1 + alpha) / (theta + n + i)`` (the urn scheme of Pitman 1995, proposition 9). The
    interval adds the error of the two parameters (normal, by the curvature of the likelihood) to the chance of the draw
    (binomial). It does not cover a wrong model: compare :func:`zayatz_share`.

    Examples
    --------
    >>> staying_unique(np.array([1, 3]), sample_fraction=1.0, rng=np.random.default_rng(0)).value
    0.25
    """
    _check_fraction(sample_fraction)
    n, n_unique = int(sizes.sum()), int((sizes == 1).sum())
    if sample_fraction == 1.0 or n_unique == 0:
        share = n_unique / n
        return IntervalEstimate(share, share, share)
    if n_unique == n or len(sizes) < 2:
        return IntervalEstimate(1.0, 0.0, 1.0)
    model = fit_pitman(sizes)
    others = n / sample_fraction - n
    value = n_unique * float(_never_hit(model.alpha, model.theta, n, others)) / n
    centre = np.array([np.log(model.alpha / (1.0 - model.alpha)), np.log(model.theta + model.alpha)])
    z = rng.multivariate_normal(centre, model.covariance, size=_DRAWS, method="eigh")
    alpha, theta = _parameters(z.T)
    drawn = rng.binomial(n_unique, np.clip(_never_hit(alpha, theta, n, others), 0.0, 1.0)) / n
    low, high = np.quantile(drawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return IntervalEstimate(value, min(float(low), value), max(float(high), value))


def zayatz_share(sizes: Codes, *, sample_fraction: float) -> float:
    """Estimate the share of a sample's rows that are unique in the population, as if its class sizes were the sample's.

    A sampled class of one came from a class of i people with probability proportional to the share of classes of that
    size times the chance that exactly one of i was drawn (Zayatz 1991, Estimation of the percent of unique population
    elements on a microdata file using the sample, US Bureau of the Census).

    Examples
    --------
    >>> zayatz_share(np.array([1, 1, 2, 6]), sample_fraction=1.0)
    0.2
    """
    _check_fraction(sample_fraction)
    n, population = int(sizes.sum()), sizes.sum() / sample_fraction
    size, frequency = np.unique(sizes, return_counts=True)
    n_unique = int(frequency[0]) if size[0] == 1 else 0
    if not n_unique or sample_fraction == 1.0:
        return n_unique / n
    # One of i drawn: i pi (1 - pi)^(i - 1) for a large population, hypergeometric in general.
    chance = np.exp(
        np.log(size) + _log_choose(population - size, n - 1.0) - _log_choose(population, float(n))
    )  # fmt: skip
    return float(n_unique * chance[0] * frequency[0] / (chance @ frequency) / n)


def reidentification_risk(sizes: Codes, *, sample_fraction: float) -> Risk:
    """Return the chances of three attackers to name people of the table.

    Parameters
    ----------
    sizes : ndarray of int64, shape (n_classes,)
        Sizes of the table's classes.
    sample_fraction : float
        Size of the table over that of the population.

    Notes
    -----
    Of the population's class only the sample's f people are seen; with a vague prior its size F given f is negative
    binomial, and ``E[1 / F]`` is ``pi^f / f * 2F1(f, f; f + 1; 1 - pi)`` (Benedetti and Franconi 1998; Templ 2017,
    Statistical disclosure control for microdata, section 3.3). El Emam (2013), Guide to the de-identification of
    personal health information, chapter 16, names the attackers.

    Examples
    --------
    >>> reidentification_risk(np.array([1, 3]), sample_fraction=1.0)
    Risk(prosecutor_most=1.0, prosecutor_mean=0.5, journalist_most=1.0, marketer_mean=0.5)
    """
    _check_fraction(sample_fraction)
    n = sizes.sum()
    size, frequency = np.unique(sizes, return_counts=True)
    mean_inverse = _mean_inverse(size.astype(np.float64), sample_fraction)
    return Risk(
        prosecutor_most=float(1.0 / size[0]),
        prosecutor_mean=float(len(sizes) / n),
        journalist_most=float(mean_inverse.max()),
        marketer_mean=float(frequency * size @ mean_inverse / n),
    )


def _mean_inverse(f: Floats, fraction: float) -> Floats:
    """Mean of 1 / F for a class of which f were sampled; for large classes the fraction over f, which it approaches."""
    if fraction == 1.0:
        return 1.0 / f
    exact = fraction**f / f * hyp2f1(f, f, f + 1.0, 1.0 - fraction)
    return np.asarray(np.where((f > 50.0) | ~np.isfinite(exact), fraction / f, exact))


def _parameters(z: Floats) -> tuple[Floats, Floats]:
    alpha = 1.0 / (1.0 + np.exp(-z[0]))
    alpha = np.clip(alpha, 1e-9, 1.0 - 1e-9)
    return alpha, np.exp(z[1]) - alpha


def _never_hit(alpha: Floats | float, theta: Floats | float, n: int, others: float) -> Floats:
    """Chance that none of so many further draws falls into one class of one."""
    a = theta + n
    return np.asarray(np.exp(gammaln(a + others - 1.0 + alpha) - gammaln(a - 1.0 + alpha)
                             - gammaln(a + others) + gammaln(a)))  # fmt: skip


def _curvature(loss: object, at: Floats, step: float = 1e-3) -> Floats:
    """Second derivatives by central differences."""
    assert callable(loss)
    moves = np.eye(2) * step
    hessian = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            signs = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
            hessian[i, j] = sum(s * loss(at + a * moves[i] + b * moves[j]) for a, b, s in signs) / (4 * step**2)
    return hessian


def _inverse(hessian: Floats) -> Floats:
    """Covariance of the estimates; directions that the data say nothing of get a wide one."""
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2.0)
    return np.asarray(vectors @ np.diag(1.0 / np.maximum(values, 0.01)) @ vectors.T)


def _log_choose(n: Floats | float, k: float) -> Floats:
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(np.maximum(n - k, -0.5) + 1.0))


def _check_fraction(fraction: float) -> None:
    if not _SMALLEST_FRACTION <= fraction <= 1.0:
        raise ValueError(f"expected a sample fraction above 0 and at most 1, got {fraction}")
