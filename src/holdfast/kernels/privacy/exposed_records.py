"""Which members an attack names, with a bound on the share of wrong names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.stats.multiplicity import benjamini_hochberg


def exposed_records(
    scores: NDArray[np.float64], is_member: NDArray[np.bool_], *, share_wrong: float
) -> NDArray[np.bool_]:
    """Name members so that, in expectation, at most a given share of the names are of people who were not in training.

    Parameters
    ----------
    scores : ndarray, shape (n_records,)
        Scores of an attack, larger meaning member.
    is_member : ndarray of bool, shape (n_records,)
        Whether a record was in training; all others are the controls that scores are judged by.
    share_wrong : float
        False-discovery rate inside (0, 1).

    Returns
    -------
    ndarray of bool, shape (n_records,)
        The members that are named; False for all controls.

    Notes
    -----
    The p-value of a record is its rank among the controls, so no distribution is assumed; Benjamini and Hochberg's
    procedure holds for such p-values although they share their controls. With n controls no p-value is below
    1 / (n + 1): few controls name nobody unless many members stand out.

    References
    ----------
    Bates, S., Candes, E., Lei, L., Romano, Y. and Sesia, M. (2023). Testing for outliers with conformal p-values.
    Annals of Statistics 51, theorem 2.

    Examples
    --------
    >>> scores = np.concatenate([np.full(5, 9.0), np.arange(99) / 99])
    >>> int(exposed_records(scores, np.arange(104) < 5, share_wrong=0.05).sum())
    5
    """
    controls = np.sort(scores[~is_member])
    at_least = controls.size - np.searchsorted(controls, scores[is_member], side="left")
    adjusted = benjamini_hochberg((1.0 + at_least) / (controls.size + 1.0))
    named = np.zeros(scores.size, dtype=np.bool_)
    named[np.flatnonzero(is_member)[adjusted <= share_wrong]] = True
    return named


def most_exposed(scores: NDArray[np.float64], is_in: NDArray[np.bool_], *, share: float) -> NDArray[np.bool_]:
    """Mark the records that stand out most when they are in training, over several models.

    Parameters
    ----------
    scores : ndarray, shape (n_records, n_models)
        Scores of an attack on each model, larger meaning member.
    is_in : ndarray of bool, shape (n_records, n_models)
        Which records each model was trained on.
    share : float
        Share of records to mark, in [0, 1].

    Returns
    -------
    ndarray of bool, shape (n_records,)

    Notes
    -----
    A score counts by the logarithm of the share of records outside training that have one as large; the mean over the
    models that were trained on a record says how exposed it is.

    Examples
    --------
    >>> scores, is_in = np.array([[9.0], [1.0], [2.0], [0.0]]), np.array([[True], [True], [False], [False]])
    >>> most_exposed(scores, is_in, share=0.25).tolist()
    [True, False, False, False]
    """
    total = np.zeros(len(scores))
    for score, inside in zip(scores.T, is_in.T, strict=True):
        outside = np.sort(score[~inside])
        above = outside.size - np.searchsorted(outside, score, side="left")
        total -= inside * np.log((1.0 + above) / (1.0 + outside.size))
    exposure = total / np.maximum(is_in.sum(axis=1), 1)
    marked = np.zeros(len(scores), dtype=np.bool_)
    marked[np.argsort(-exposure, kind="stable")[: round(share * len(scores))]] = True
    return marked
