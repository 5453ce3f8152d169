"""All attacks from one bank of shadow models: on the model itself, and on each shadow model in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.privacy.likelihood_ratio import gaussian_ratio, relative_confidence, student_ratio
from holdfast.kernels.privacy.score_fusion import fit_fusion, fused
from holdfast.kernels.privacy.shadow_moments import Moments, add_model, no_models, remove_model
from holdfast.kernels.privacy.shrunken_ratio import shrunken_ratio
from holdfast.kernels.privacy.signals import arcsine, logit

FEWEST_FOR_FUSION = 6
MOST_FOR_FUSION = 16
FAR = 8.0

Signal = NDArray[np.float64]
Formula = Callable[[Signal, Moments, Moments], Signal]

# for each attack the scale it compares confidences on, and its formula; all scores are larger for members
ATTACKS: Mapping[str, tuple[Callable[[Signal], Signal], Formula]] = {
    "lira": (lambda confidence: logit(confidence, clip=1e-16), gaussian_ratio),
    "bavaria": (logit, student_ratio),
    "rmia": (lambda confidence: confidence, relative_confidence),
    "shrunken": (arcsine, shrunken_ratio),
}
FUSED = ("bavaria", "rmia", "shrunken")


def attack_model(
    target: Signal, shadows: NDArray[np.float64], is_in: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """Attack a model with every formula.

    Parameters
    ----------
    target : ndarray, shape (n_records,)
        Confidence of the attacked model in the truth about each record, in [0, 1].
    shadows : ndarray, shape (n_records, n_shadows)
        The same of the shadow models; columns ``2k`` and ``2k + 1`` are a pair.
    is_in : ndarray of bool, shape (n_records, n_shadows)
        Whether a shadow model was trained on a record.

    Returns
    -------
    dict of str to ndarray, shape (n_records,)
        Scores, larger meaning member: ``lira`` (`gaussian_ratio` on log odds), ``bavaria`` (`student_ratio` on clipped
        log odds), ``rmia`` (`relative_confidence`), ``shrunken`` (`shrunken_ratio` on the arcsine scale), and with 6 or
        more shadow models ``fusion``, a combination learned from attacks on up to 16 of them, each attacked by the
        models outside its pair.

    Notes
    -----
    Cost O(n_records * n_shadows). Nothing is learned from the attacked model: scores on it favour no formula.
    """
    banks = {name: _bank(scale(shadows), is_in) for name, (scale, _) in ATTACKS.items()}
    scores = _by_formulas(target, banks, ATTACKS)
    if shadows.shape[1] < FEWEST_FOR_FUSION:
        return scores
    parts, members = [], []
    for column in range(min(shadows.shape[1], MOST_FOR_FUSION)):
        pair = slice(column - column % 2, column - column % 2 + 2)
        rest = {name: _without(banks[name], ATTACKS[name][0](shadows[:, pair]), is_in[:, pair]) for name in FUSED}
        found = _by_formulas(shadows[:, column], rest, FUSED)
        parts.append(_features(found, rest))
        members.append(is_in[:, column])
    fusion = fit_fusion(np.concatenate(parts), np.concatenate(members))
    scores["fusion"] = fused(fusion, _features(scores, banks))
    return scores


def attack_shadow(
    shadows: NDArray[np.float64], is_in: NDArray[np.bool_], column: int
) -> dict[str, NDArray[np.float64]]:
    """Attack one shadow model by those outside its pair.

    Parameters
    ----------
    shadows, is_in
        As in `attack_model`.
    column : int
        The shadow model to attack.

    Returns
    -------
    dict of str to ndarray, shape (n_records,)
        As `attack_model` does. The whole pair is left out of everything, also of what ``fusion`` is learned from: in a
        balanced design the other half of a pair gives the membership away.
    """
    columns = np.arange(shadows.shape[1])
    others = columns[columns // 2 != column // 2]
    return attack_model(shadows[:, column], shadows[:, others], is_in[:, others])


def _bank(signals: NDArray[np.float64], is_in: NDArray[np.bool_]) -> tuple[Moments, Moments]:
    inside, outside = no_models(len(signals)), no_models(len(signals))
    for signal, chosen in zip(signals.T, is_in.T, strict=True):
        inside, outside = add_model(inside, signal, chosen), add_model(outside, signal, ~chosen)
    return inside, outside


def _without(
    bank: tuple[Moments, Moments], signals: NDArray[np.float64], is_in: NDArray[np.bool_]
) -> tuple[Moments, Moments]:
    inside, outside = bank
    for signal, chosen in zip(signals.T, is_in.T, strict=True):
        inside, outside = remove_model(inside, signal, chosen), remove_model(outside, signal, ~chosen)
    return inside, outside


def _by_formulas(
    target: Signal, banks: Mapping[str, tuple[Moments, Moments]], names: Mapping[str, object] | tuple[str, ...]
) -> dict[str, NDArray[np.float64]]:
    return {name: ATTACKS[name][1](ATTACKS[name][0](target), *banks[name]) for name in names}


def _features(
    scores: Mapping[str, NDArray[np.float64]], banks: Mapping[str, tuple[Moments, Moments]]
) -> NDArray[np.float64]:
    """Scores cut to a common range, how far they reach above zero, and how sure models are of the record at all."""
    bounded = [np.clip(scores[name], -FAR, FAR) for name in FUSED]
    inside, outside = banks["shrunken"]
    sure = (inside.n * inside.mean + outside.n * outside.mean) / np.maximum(inside.n + outside.n, 1.0)
    excess = [np.maximum(score, 0.0) ** 2 for score in bounded[1:]]
    return np.column_stack([*bounded, *excess, sure, sure * bounded[1]])
