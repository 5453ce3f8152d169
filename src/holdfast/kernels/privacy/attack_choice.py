"""Choose the strongest of several attacks without letting the reported records choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.privacy.membership_curve import shares_named
from holdfast.kernels.privacy.pair_rates import PairRates, over_models_and_records, pair_rates
from holdfast.kernels.privacy.shadow_attacks import attack_shadow
from holdfast.kernels.stats.interval import IntervalEstimate

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
    scores
        Its scores on each attacked shadow model, shape (n_records, n_attacked); ``None`` where none was attacked.
    """

    strongest: str
    named: Mapping[float, NDArray[np.float64]]
    scores: NDArray[np.float64] | None = None


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
    found: dict[str, list[NDArray[np.float64]]] = {}
    for column in range(min(answers.shape[1], MOST_SHADOWS)):
        for attack, scores in attack_shadow(answers, is_in, column).items():
            found.setdefault(attack, []).append(scores)
    table = {attack: np.column_stack(scores) for attack, scores in found.items()}
    named = {attack: _by_pair(scores, is_in, rates) for attack, scores in table.items()}
    strongest = max(named, key=lambda attack: float(named[attack][:, 0].mean()))
    return Choice(strongest, dict(zip(rates, named[strongest].T, strict=True)), table[strongest])


def procedure_rate(choice: Choice, is_in: NDArray[np.bool_], *, rate: float, level: float) -> IntervalEstimate[float]:
    """Estimate what the chosen attack names, on average over models trained in one way and over records.

    Parameters
    ----------
    choice : Choice
        From `chosen_on_shadows`, with two pairs of models or more.
    is_in : ndarray of bool, shape (n_records, n_shadows)
        As given there.
    rate : float
        One of its false-positive rates.
    level : float
        Confidence level inside (0, 1).

    Returns
    -------
    IntervalEstimate
        Within [0, 1], from `over_models_and_records`.
    """
    mean, low, high = over_models_and_records(rates_of(choice, is_in, rate=rate), level=level)
    return IntervalEstimate(mean, max(low, 0.0), min(high, 1.0))


def rates_of(
    choice: Choice, is_in: NDArray[np.bool_], *, rate: float, rows: NDArray[np.int64] | None = None
) -> PairRates:
    """Return what the chosen attack names by pair of models, with all records and without each group of them.

    Parameters
    ----------
    choice, is_in, rate
        As in `procedure_rate`.
    rows : ndarray of int64, shape (n_records,), optional
        Numbers of the records, by which they are grouped; without them their positions.
    """
    scores = choice.scores
    if scores is None:
        raise ValueError("expected a choice by attacks on shadow models, got one without scores")
    numbers = np.arange(len(scores)) if rows is None else rows
    return pair_rates(lambda kept: _by_pair(scores[kept], is_in[kept], (rate,))[:, 0], numbers)


def _by_pair(scores: NDArray[np.float64], is_in: NDArray[np.bool_], rates: tuple[float, ...]) -> NDArray[np.float64]:
    """Share of members named at each rate, mean over the two models of each pair, shape (n_pairs, n_rates)."""
    values = np.array([shares_named(scores[:, j], is_in[:, j], rates=rates) for j in range(scores.shape[1])])
    return np.asarray(values.reshape(-1, 2, len(rates)).mean(axis=1))


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
    named = {attack: shares_named(each, is_member, rates=(rate,))[0] for attack, each in scores.items()}
    return max(named, key=lambda attack: named[attack])
