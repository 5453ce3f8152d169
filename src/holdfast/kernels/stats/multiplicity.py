"""Adjust p-values and select e-values when many hypotheses are tested at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import float_vector


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values so that the chance of any false rejection is bounded.

    Rejecting where the adjusted value is at most alpha keeps the family-wise error rate at most alpha under any
    dependence of the tests.

    Parameters
    ----------
    p_values : array-like, shape (n_tests,)
        Values in [0, 1].

    Returns
    -------
    ndarray of float64, shape (n_tests,)
        Adjusted p-values in [0, 1], in the order given; empty for empty input.

    Raises
    ------
    ValueError
        If a value is NaN or outside [0, 1].

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6,
    65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = _p_vector(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    return _restore(np.minimum(stepped, 1.0), order)


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values so that the expected share of false rejections is bounded, for independent tests.

    Rejecting where the adjusted value is at most alpha keeps the false discovery rate at most alpha if the tests are
    independent or positively regression dependent; see `benjamini_yekutieli` otherwise.

    Parameters
    ----------
    p_values : array-like, shape (n_tests,)
        Values in [0, 1].

    Returns
    -------
    ndarray of float64, shape (n_tests,)
        Adjusted p-values in [0, 1], in the order given; empty for empty input.

    Raises
    ------
    ValueError
        If a value is NaN or outside [0, 1].

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. JRSS B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    array([0.03, 0.04, 0.04])
    """
    return _step_up(_p_vector(p_values), penalty=1.0)


def benjamini_yekutieli(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values so that the expected share of false rejections is bounded, under any dependence.

    Parameters
    ----------
    p_values : array-like, shape (n_tests,)
        Values in [0, 1].

    Returns
    -------
    ndarray of float64, shape (n_tests,)
        Adjusted p-values in [0, 1], in the order given; empty for empty input.

    Raises
    ------
    ValueError
        If a value is NaN or outside [0, 1].

    References
    ----------
    Benjamini, Y. and Yekutieli, D. (2001). The control of the false discovery rate in multiple testing under
    dependency. Annals of Statistics 29, 1165-1188, theorem 1.3.

    Examples
    --------
    >>> benjamini_yekutieli([0.01, 0.04, 0.03]).round(4)
    array([0.055 , 0.0733, 0.0733])
    """
    p = _p_vector(p_values)
    return _step_up(p, penalty=float((1.0 / np.arange(1, p.size + 1)).sum()))


def e_bh(e_values: ArrayLike, *, alpha: float) -> NDArray[np.bool_]:
    """Select hypotheses by e-values so that the expected share of false rejections is bounded.

    Parameters
    ----------
    e_values : array-like, shape (n_tests,)
        Values of zero or more (inf is valid) whose expectation under their null hypothesis is at most 1.
    alpha : float
        Bound of the false discovery rate, inside (0, 1), under any dependence.

    Returns
    -------
    ndarray of bool, shape (n_tests,)
        Whether each hypothesis is rejected; empty for empty input.

    Raises
    ------
    ValueError
        If an e-value is NaN or negative, or `alpha` is outside (0, 1).

    Notes
    -----
    Rejects the k hypotheses with the largest e-values for the largest k whose k-th largest is at least
    ``n_tests / (k * alpha)``.

    References
    ----------
    Wang, R. and Ramdas, A. (2022). False discovery rate control with e-values. JRSS B 84, 822-852.

    Examples
    --------
    >>> e_bh([100.0, 25.0, 1.0], alpha=0.1)
    array([ True,  True, False])
    """
    e = float_vector(e_values, name="e_values", allow_infinite=True)
    if (e < 0.0).any():
        raise ValueError(
            f"expected e-values of zero or more, got e_values with {e.min()}; pass e-values, not their logs"
        )
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"expected a false discovery rate inside (0, 1), got alpha={alpha!r}; write 5 % as 0.05")
    descending = np.sort(e)[::-1]
    passes = descending * np.arange(1, e.size + 1) >= e.size / alpha
    if not passes.any():
        return np.zeros(e.size, dtype=np.bool_)
    threshold = descending[np.flatnonzero(passes)[-1]]
    return np.asarray(e >= threshold)


def _p_vector(p_values: ArrayLike) -> NDArray[np.float64]:
    p = float_vector(p_values, name="p_values")
    outside = (p < 0.0) | (p > 1.0)
    if outside.any():
        raise ValueError(f"expected p-values in [0, 1], got p_values with {p[outside][0]}; check what was passed")
    return p


def _step_up(p: NDArray[np.float64], *, penalty: float) -> NDArray[np.float64]:
    order = np.argsort(p, kind="stable")
    scaled = p[order] * (penalty * p.size / np.arange(1, p.size + 1))
    return _restore(np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0), order)


def _restore(adjusted: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    """Undo a sort by `order`."""
    restored = np.empty_like(adjusted)
    restored[order] = adjusted
    return restored
