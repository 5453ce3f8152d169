"""Which rows of two tables take part when members are told from others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class AuditPool(NamedTuple):
    """Positions of rows, each sorted.

    Attributes
    ----------
    members, others
        Rows of the training table, and rows that the model was not trained on.
    n_shared
        Rows of both tables that were left out, because their content stands in both.
    """

    members: NDArray[np.int64]
    others: NDArray[np.int64]
    n_shared: int


def audit_pool(
    train: NDArray[np.uint64], test: NDArray[np.uint64], *, most: int, rng: np.random.Generator
) -> AuditPool:
    """Choose members and others at random, without rows whose content stands in both tables.

    A row of the test table that equals a training row was trained on. It is left out, and so is the training row: if
    only one of them went, frequent rows would be missing among the others alone, and rarity would give members away.

    Parameters
    ----------
    train, test : ndarray of uint64
        Digests of the rows of either table.
    most : int
        Most rows of each kind.
    rng : numpy.random.Generator
        Draws the rows where there are more.

    Returns
    -------
    AuditPool
    """
    shared = np.intersect1d(train, test)
    kept = [np.flatnonzero(~np.isin(rows, shared)) for rows in (train, test)]
    chosen = [np.sort(rng.permutation(rows)[:most]) for rows in kept]
    return AuditPool(chosen[0], chosen[1], train.size + test.size - kept[0].size - kept[1].size)
