"""Choose the strongest of several attacks without letting the reported records choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.privacy.membership_curve import true_positive_rate
from holdfast.kernels.privacy.shadow_attacks import attack_shadow

MOST_SHADOWS = 16


class Choice(NamedTuple):
    """The attack that names most members, and how many it names.

    Attributes
    ----------
    strongest
        Its name.
    named
        For each rate the share of members that it names, over what it was chosen on: one number for each pair of
        shadow models, or a single one.
    """

    strongest: str
    named: Mapping[float, NDArray[np.float64]]


def chosen_on_shadows(answers: NDArray[np.float64], is_in: NDArray[np.bool_], *, rates: tuple[float, ...]) -> Choice:
    """Choose by attacks on shadow models, each by those outside its pair.

    Parameters
    ----------
    answers : ndarray, shape (n_records, n_shadows)
        Confidences of the shadow models.
    is_in : ndarray of bool, shape (n_records, n_shadows)
        Whether a shadow model was trained on a record.
    rates : tuple of float
        False-positive rates; the attack is chosen at the first.

    Notes
    -----
    At most 16 shadow models are attacked. Records of a pair of complementary halves depend on each other, so pairs are
    the units that a mean over models is taken of.
    """
    found: dict[str, list[list[float]]] = {}
    for column in range(min(answers.shape[1], MOST_SHADOWS)):
        for attack, scores in attack_shadow(answers, is_in, column).items():
            values = [true_positive_rate(scores, is_in[:, column], fpr=rate).value for rate in rates]
            found.setdefault(attack, []).append(values)
    table = {attack: np.array(values) for attack, values in found.items()}
    strongest = max(table, key=lambda attack: float(table[attack][:, 0].mean()))
    by_pair = table[strongest].reshape(-1, 2, len(rates)).mean(axis=1)
    return Choice(strongest, dict(zip(rates, by_pair.T, strict=True)))


def chosen_on_records(scores: Mapping[str, NDArray[np.float64]], is_member: NDArray[np.bool_], *, rate: float) -> str:
    """Choose by what attacks name of records that are kept for nothing else.

    Parameters
    ----------
    scores : mapping of str to ndarray, shape (n_records,)
        Scores of each attack, larger meaning member.
    is_member : ndarray of bool, shape (n_records,)
        Who was in training.
    rate : float
        False-positive rate.

    Examples
    --------
    >>> is_member = np.arange(20) < 10
    >>> chosen_on_records({"poor": np.zeros(20), "good": 1.0 * is_member}, is_member, rate=0.1)
    'good'
    """
    named = {attack: true_positive_rate(each, is_member, fpr=rate).value for attack, each in scores.items()}
    return max(named, key=lambda attack: named[attack])
