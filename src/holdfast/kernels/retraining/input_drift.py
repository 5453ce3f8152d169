"""A plain alarm for inputs that changed: each column by a two-sample test, held together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.two_sample import ks_exact
from holdfast.kernels.stats.exact_shares import fisher_exact
from holdfast.kernels.stats.multiplicity import holm

FEWEST_ROWS = 20


def inputs_drifted(before: NDArray[np.float64], after: NDArray[np.float64], *, alpha: float = 0.05) -> bool:
    """Say whether any column is distributed otherwise in one table than in the other.

    Parameters
    ----------
    before, after : ndarray, shape (n_rows, n_columns)
        NaN where a cell is missing. Codes of categories are compared as numbers.
    alpha : float, default 0.05
        Probability of an alarm without reason, for all columns together (Holm).

    Returns
    -------
    bool
        False with fewer than 20 rows in either.

    Notes
    -----
    Kolmogorov-Smirnov for the values, Fisher's exact test for missing cells. Rows are taken as independent: seasons and
    waves within a period raise alarms too.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> inputs_drifted(rng.normal(size=(500, 2)), rng.normal(size=(200, 2)) + [0.0, 1.0])
    True
    """
    if min(before.shape[0], after.shape[0]) < FEWEST_ROWS:
        return False
    p_values = []
    for first, second in zip(before.T, after.T, strict=True):
        missing = [np.isnan(part) for part in (first, second)]
        if missing[0].any() or missing[1].any():
            p_values.append(fisher_exact(*(int(count) for part in missing for count in (part.sum(), part.size))))
        there = [part[~gone] for part, gone in zip((first, second), missing, strict=True)]
        if min(part.size for part in there) >= FEWEST_ROWS:
            found = ks_exact(*there)
            assert found is not None
            p_values.append(found.p_value)
    return bool((holm(p_values) <= alpha).any()) if p_values else False
