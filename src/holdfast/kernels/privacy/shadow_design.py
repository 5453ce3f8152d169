"""Which records each shadow model is trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def balanced_design(n_records: int, n_shadows: int, *, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw pairs of complementary halves, so that every record is in exactly half of the models.

    Parameters
    ----------
    n_records : int
        Number of records, at least 2.
    n_shadows : int
        Number of models, even and at least 2.
    rng : numpy.random.Generator
        Draws the halves.

    Returns
    -------
    ndarray of bool, shape (n_records, n_shadows)
        Whether a model is trained on a record. Columns ``2k`` and ``2k + 1`` are a pair.

    Raises
    ------
    ValueError
        If the numbers are too small, or that of models is odd.

    Notes
    -----
    Knowing all models but one tells the membership in that one: whatever is learnt from some models must be judged on
    a pair of which neither was used.

    References
    ----------
    Carlini, N., Chien, S., Nasr, M., Song, S., Terzis, A. and Tramer, F. (2022). Membership inference attacks from
    first principles. IEEE Symposium on Security and Privacy, section V.

    Examples
    --------
    >>> design = balanced_design(5, 4, rng=np.random.default_rng(0))
    >>> design.sum(axis=1).tolist()
    [2, 2, 2, 2, 2]
    """
    _check(n_records, n_shadows)
    if n_shadows % 2:
        raise ValueError(f"expected an even number of shadow models, got {n_shadows}")
    is_in = np.zeros((n_records, n_shadows), dtype=np.bool_)
    for first in range(0, n_shadows, 2):
        is_in[rng.permutation(n_records)[: n_records // 2], first] = True
        is_in[:, first + 1] = ~is_in[:, first]
    return is_in


def coin_flip_design(n_records: int, n_shadows: int, *, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Decide by a fair coin for each record and model.

    Membership is independent, as the proofs behind an empirical epsilon ask for; a record may be in all models, or in
    none.

    Parameters
    ----------
    n_records, n_shadows : int
        Number of records, at least 2, and of models, at least 2.
    rng : numpy.random.Generator
        Flips the coins.

    Returns
    -------
    ndarray of bool, shape (n_records, n_shadows)
        Whether a model is trained on a record.

    Raises
    ------
    ValueError
        If a number is too small.

    References
    ----------
    Steinke, T., Nasr, M. and Jagielski, M. (2023). Privacy auditing with one (1) training run. NeurIPS, section 3.
    """
    _check(n_records, n_shadows)
    return rng.random((n_records, n_shadows)) < 0.5


def _check(n_records: int, n_shadows: int) -> None:
    if n_records < 2 or n_shadows < 2:
        raise ValueError(f"expected two or more records and shadow models, got {n_records} and {n_shadows}")
