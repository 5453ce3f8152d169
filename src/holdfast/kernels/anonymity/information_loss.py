"""What a coarser table has lost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.anonymity.equivalence_classes import Codes


class Loss(NamedTuple):
    """What a release has lost.

    penalty: shape (n_columns,), the mean width of a cell of each column over that of the column, 0 (as it was) to 1
    (nothing left). total: its mean over columns. discernibility: sum of squared class sizes, the number of pairs of
    rows that cannot be told apart, each row with itself included. class_size: mean size of a class over k.
    """

    penalty: NDArray[np.float64]
    total: float
    discernibility: int
    class_size: float


def information_loss(sizes: Codes, widths: NDArray[np.float64], *, k: int) -> Loss:
    """Measure what a release has lost.

    Parameters
    ----------
    sizes : ndarray of int64, shape (n_classes,)
        Rows in each class.
    widths : ndarray of float64, shape (n_classes, n_columns)
        Width of the cells of a class over that of the whole column: of numbers the range; of categories the number of
        values but one, over that of the column but one.
    k : int
        The least size that was asked for.

    References
    ----------
    Xu, J. et al. (2006). Utility-based anonymization using local recoding. KDD, section 3 (normalized certainty
    penalty).
    Ghinita, G. et al. (2007). Fast data anonymization with low information loss. VLDB, section 2 (its mean over cells).
    Bayardo, R. and Agrawal, R. (2005). Data privacy through optimal k-anonymization. ICDE (discernibility).
    LeFevre, K., DeWitt, D. and Ramakrishnan, R. (2006). Mondrian multidimensional k-anonymity. ICDE, section 3.2.

    Examples
    --------
    >>> information_loss(np.array([2, 2]), np.array([[0.5], [0.0]]), k=2)
    Loss(penalty=array([0.25]), total=0.25, discernibility=8, class_size=1.0)
    """
    n = sizes.sum()
    penalty = sizes @ widths / n
    return Loss(penalty, float(penalty.mean()), int((sizes.astype(object) ** 2).sum()), float(n / len(sizes) / k))
