"""Look at two tables with all columns together: can a classifier tell their rows apart, and by which columns?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.comparison import Apart
from holdfast.kernels.drift.joint import JointTest, area, classifier_test, mean_feature_test
from holdfast.kernels.stats.multiplicity import holm

Floats = NDArray[np.float64]
Cells = Mapping[str, NDArray[Any]]


class Fitted(Protocol):
    """A classifier of rows, shape (n, n_columns)."""

    def __call__(self, rows: Floats, /) -> Floats:
        """Return a score of each row, larger for the current table."""
        ...

    def shuffled(self, rows: Floats, order: NDArray[np.int64], /) -> Iterable[tuple[int, Floats]]:
        """Return, for each column that counts, the scores where its cells are those of the rows in an order."""
        ...


Fit = Callable[[Floats, NDArray[np.bool_], list[bool]], Fitted]
"""Fits a classifier on rows, whether each is current, and which columns hold codes of categories; 255 codes at most."""

FEWEST_ROWS, FEWEST_VALUES = 50, 30
MOST_CODES, MOST_SHUFFLED = 200, 2_000
N_FOLDS = 4
FAR = 1e300


def tell_apart(
    reference: Cells,
    current: Cells,
    *,
    fit: Fit,
    rng: np.random.Generator,
    alpha: float = 0.025,
    least_effect: float = 0.01,
    level: float = 0.95,
) -> Apart | None:
    """Compare rows of two tables with all columns together.

    Parameters
    ----------
    reference, current : mapping of str to ndarray, shapes (n_reference,) and (n_current,)
        Numbers as float64, NaN for missing; else objects (texts), ``None`` for missing. Columns that only one has, or
        that changed type, are left out: they would tell the rows apart by themselves.
    fit : callable
        See `Fit`. It is called on one, two and three quarters of the rows, and asked about the next quarter each.
    rng : numpy.random.Generator
    alpha, least_effect, level : float
        Chance of a false alarm of both tests together; share of rows that must differ; level of the intervals.

    Returns
    -------
    Apart or None
        None with fewer than fifty rows in a table, or no column.
    """
    names = [name for name in reference if name in current and _is_number(reference[name]) == _is_number(current[name])]
    sizes = [len(next(iter(cells.values()), ())) for cells in (reference, current)]
    if not names or min(sizes) < FEWEST_ROWS:
        return None
    X, is_code = _encoded(reference, current, names)
    is_current = np.repeat([False, True], sizes)
    found = _classified(X, is_code, is_current, names, fit, rng, level)
    if found is None:
        return None
    classifier, shares = found
    means = None
    numeric = [place for place in range(len(names)) if not is_code[place]]
    if numeric:
        filled = _standardised(X[:, numeric], is_current)
        means = mean_feature_test(filled[~is_current], filled[is_current], rng=rng)
    p = holm([test.p_value for test in (classifier, means) if test is not None])
    # An area of A means that the shares of some set of rows differ by 2 A - 1 or more.
    by_classifier = p[0] <= alpha and 2.0 * classifier.effect.low - 1.0 >= least_effect
    by_means = means is not None and p[-1] <= alpha and means.effect.low >= least_effect
    return Apart(
        classifier=classifier,
        means=means,
        shares=shares,
        rows=(sizes[0], sizes[1]),
        is_shown=bool(by_classifier or by_means),
    )


def _is_number(column: NDArray[Any]) -> bool:
    return bool(column.dtype.kind in "fiub")


def _encoded(reference: Cells, current: Cells, names: Sequence[str]) -> tuple[Floats, list[bool]]:
    """Write columns as numbers: texts as codes of their most frequent values, prose as lengths, missing as NaN."""
    columns, is_code = [], []
    for name in names:
        both = np.concatenate([reference[name], current[name]])
        if _is_number(both):
            columns.append(np.clip(both.astype(np.float64), -FAR, FAR))
            is_code.append(False)
            continue
        counts = Counter(value for value in both.tolist() if value is not None)
        is_prose = len(counts) > max(counts.total(), 40) / 2
        order = sorted(counts, key=lambda value: (-counts[value], str(value)))
        code: dict[Any, float] = {value: float(place) for place, value in enumerate(order[:MOST_CODES])}
        if is_prose:
            code = {value: float(len(str(value))) for value in order}
        code[None] = np.nan
        columns.append(np.array([code.get(value, float(MOST_CODES)) for value in both.tolist()]))
        is_code.append(not is_prose)
    X = np.column_stack(columns)
    # Trees cannot be fitted on a column without values: whether there is one says all there is to know.
    is_rare = (~np.isnan(X)).sum(axis=0) < FEWEST_VALUES
    X[:, is_rare] = np.isnan(X[:, is_rare])
    return X, [code and not rare for code, rare in zip(is_code, is_rare.tolist(), strict=True)]


def _classified(
    X: Floats,
    is_code: list[bool],
    is_current: NDArray[np.bool_],
    names: Sequence[str],
    fit: Fit,
    rng: np.random.Generator,
    level: float,
) -> tuple[JointTest, list[tuple[str, float]]] | None:
    """Ask a model of the rows before about each quarter but the first; shuffle columns to see what they are worth."""
    fold = rng.permutation(len(X)) % N_FOLDS
    if any(np.unique(is_current[fold == part]).size < 2 for part in range(N_FOLDS)):
        return None
    score, lost, weights = np.zeros(len(X)), np.zeros((N_FOLDS, len(names))), np.zeros(N_FOLDS)
    for part in range(1, N_FOLDS):
        inside, before = fold == part, fold < part
        ask = fit(X[before], is_current[before], is_code)
        score[inside] = ask(X[inside])
        rows = rng.permutation(np.flatnonzero(inside))[:MOST_SHUFFLED]
        n, m = int((~is_current[rows]).sum()), int(is_current[rows].sum())
        if not n or not m:
            continue
        weights[part] = n * m / (n + m)
        whole = area(is_current[rows], score[rows])
        for place, changed in ask.shuffled(X[rows], rng.permutation(rows.size)):
            lost[part, place] = whole - area(is_current[rows], changed)
    asked = fold > 0
    found = classifier_test(is_current[asked], score[asked], fold[asked], level=level)
    if found is None:
        return None
    mean = weights @ lost / max(float(weights.sum()), 1.0)
    return found, sorted(zip(names, mean.tolist(), strict=True), key=lambda item: (-item[1], item[0]))


def _standardised(X: Floats, is_current: NDArray[np.bool_]) -> Floats:
    """Scale by the reference's quartiles, missing cells at its median; far tails end at ten quartile ranges."""
    reference = np.where(np.isnan(X[~is_current]).all(axis=0), 0.0, X[~is_current])
    low, middle, high = np.nanquantile(reference, [0.25, 0.5, 0.75], axis=0)
    scale = np.where(high > low, high - low, 1.0)
    scaled = np.clip((X - middle) / scale, -10.0, 10.0)
    return np.where(np.isnan(scaled), 0.0, scaled)
