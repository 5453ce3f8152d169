"""How much likelier each labelled case is among today's cases, from a classifier that tells the two apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Numbers = NDArray[np.float64]
MOST_CASES = 4000
PRIOR_PRECISION = 5.0
MOST_STEPS = 15
SMALL_STEP = 0.01
"""Newton's method is at its end here: what a step leaves is about its square, far below the error of the sample."""
WIDEST = 6.0


class FeatureScale(NamedTuple):
    """Centre and scale of the columns of the labelled table; each field ``(n_columns,)``."""

    centre: Numbers
    scale: Numbers


def feature_scale(X: Numbers) -> FeatureScale:
    """Measure the columns of a table.

    Parameters
    ----------
    X : ndarray, shape (n, n_columns)

    Returns
    -------
    FeatureScale
        A constant column has the scale 1.

    Examples
    --------
    >>> feature_scale(np.array([[0.0], [2.0]])).scale.tolist()
    [1.0]
    """
    spread = X.std(axis=0)
    return FeatureScale(X.mean(axis=0), np.where(spread > 0.0, spread, 1.0))


def quadratic(X: Numbers, scale: FeatureScale) -> Numbers:
    """Return standardised columns and their squares, cut at six standard deviations.

    Parameters
    ----------
    X : ndarray, shape (n, n_columns)
    scale : FeatureScale

    Returns
    -------
    ndarray of float32, shape (n, 1 + 2 * n_columns)
        A one first.

    Examples
    --------
    >>> quadratic(np.array([[2.0]]), FeatureScale(np.zeros(1), np.ones(1))).tolist()
    [[1.0, 2.0, 4.0]]
    """
    n, k = X.shape
    terms = np.empty((n, 1 + 2 * k), dtype=np.float32)
    terms[:, 0] = 1.0
    np.clip((X - scale.centre) / scale.scale, -WIDEST, WIDEST, out=terms[:, 1 : 1 + k], casting="same_kind")
    np.square(terms[:, 1 : 1 + k], out=terms[:, 1 + k :])
    return terms


def density_ratio(reference: Numbers, current: Numbers, scale: FeatureScale, *, rng: np.random.Generator) -> Numbers:
    """Estimate the ratio of the density of current cases to that of reference cases, at the reference cases.

    Parameters
    ----------
    reference : ndarray, shape (n_reference, n_terms)
        As `quadratic` returns them: the log ratio is linear in these.
    current : ndarray, shape (n_current, n_columns)
        Columns as they are.
    scale : FeatureScale
        Of the reference.
    rng : numpy.random.Generator
        Draws at most 4,000 cases of either for the classifier.

    Returns
    -------
    ndarray, shape (n_reference,)
        Weights of mean one; all one when either is empty.

    Notes
    -----
    Logistic regression of "current or reference" with a Gaussian prior of precision 5 on every term but the constant,
    so that few cases or many columns move the weights little. With columns and their squares it is exact for Gaussian
    columns that shift and change their spread. Weights above the root of the number of cases are cut there (Ionides
    2008): that bounds their variance at the cost of some bias. Weights cannot repair what the
    reference does not hold: see how many cases they are worth (`kish_effective_size`).

    References
    ----------
    Bickel, S., Brückner, M. and Scheffer, T. (2009). Discriminative learning under covariate shift. JMLR 10, 2137-2155.
    Ionides, E. L. (2008). Truncated importance sampling. J. Computational and Graphical Statistics 17, 295-311.
    Shimodaira, H. (2000). Improving predictive inference under covariate shift. JSPI 90, 227-244.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scale = FeatureScale(np.zeros(1), np.ones(1))
    >>> past, now = rng.normal(size=(4000, 1)), rng.normal(0.5, 1.0, (4000, 1))
    >>> weight = density_ratio(quadratic(past, scale), now, scale, rng=rng)
    >>> abs(float(weight @ past[:, 0]) / 4000 - 0.5) < 0.05
    True
    """
    if not (len(reference) and len(current)):
        return np.ones(len(reference))
    first = reference[some_cases(len(reference), rng)]
    second = quadratic(current[some_cases(len(current), rng)], scale)
    terms = np.concatenate([first, second])
    is_current = np.repeat(np.array([0.0, 1.0], dtype=np.float32), [len(first), len(second)])
    balance = np.repeat(np.array([0.5 / len(first), 0.5 / len(second)], dtype=np.float32), [len(first), len(second)])
    balance *= len(terms)
    prior = np.full(terms.shape[1], PRIOR_PRECISION)
    prior[0] = 1e-3
    c = np.zeros(terms.shape[1])
    for _ in range(MOST_STEPS):
        p = expit(terms @ c.astype(np.float32))
        gradient = (balance * (is_current - p)) @ terms - prior * c
        information = (terms * (balance * p * (1.0 - p))[:, None]).T @ terms + np.diag(prior)
        step = np.linalg.solve(information.astype(np.float64), gradient.astype(np.float64))
        step *= min(1.0, 3.0 / max(float(np.abs(step).max()), 1e-12))
        c = c + step
        if float(np.abs(step).max()) < SMALL_STEP:
            break
    log_ratio = reference @ c.astype(np.float32)
    weight = np.exp(log_ratio - log_ratio.max())
    weight = np.minimum(weight * np.float32(1.0 / weight.mean(dtype=np.float64)), np.float32(np.sqrt(weight.size)))
    weight = weight.astype(np.float64)
    return np.asarray(weight / weight.mean())


def some_cases(n: int, rng: np.random.Generator) -> slice | NDArray[np.int64]:
    """Choose at most 4,000 of n cases: every k-th from a random start, in order and without the cost of a permutation.

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator

    Returns
    -------
    slice or ndarray of int64
        Which rows to take; all where there are no more.

    Examples
    --------
    >>> some_cases(10, np.random.default_rng(0))
    slice(None, None, None)
    """
    if n <= MOST_CASES:
        return slice(None)
    step = n / MOST_CASES
    return np.asarray((rng.random() * step + step * np.arange(MOST_CASES)).astype(np.int64) % n)
