"""All attacks from one bank of shadow models: on the model itself, and on each shadow model in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.privacy.likelihood_ratio import gaussian_ratio, pooled_ratio, relative_confidence, student_ratio
from holdfast.kernels.privacy.score_fusion import fit_fusion, fused
from holdfast.kernels.privacy.shadow_moments import Moments, moments_of, moments_without
from holdfast.kernels.privacy.shrunken_ratio import shrunken_ratio
from holdfast.kernels.privacy.signals import arcsine, logit

FEWEST_FOR_FUSION = 6
MOST_FOR_FUSION = 16
MOST_RECORDS_FOR_FUSION = 20_000
FAR = 8.0
BLOCK = 4096

Signal = NDArray[np.float64]
Formula = Callable[[Signal, Moments, Moments], Signal]

# for each attack the scale it compares confidences on, and its formula; all scores are larger for members
ATTACKS: Mapping[str, tuple[Callable[[Signal], Signal], Formula]] = {
    "lira": (lambda confidence: logit(confidence, clip=1e-16), gaussian_ratio),
    "pooled": (logit, pooled_ratio),
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
        Scores, larger meaning member: ``lira`` (`gaussian_ratio` on log odds), ``pooled`` and ``bavaria``
        (`pooled_ratio` and `student_ratio` on clipped log odds), ``rmia`` (`relative_confidence`), ``shrunken``
        (`shrunken_ratio` on the arcsine scale), and with 6 or more shadow models ``fusion``, a combination learned from
        attacks on up to 16 of them, each attacked by the models outside its pair.

    Notes
    -----
    Cost O(n_records * n_shadows). Nothing is learned from the attacked model: scores on it favour no formula. The
    answers are read in blocks of records and pairs of models, so that they may lie in a file (`numpy.memmap`).
    """
    banks = _banks(shadows, is_in)
    scores = _by_formulas({name: scale(target) for name, (scale, _) in ATTACKS.items()}, banks, ATTACKS)
    if shadows.shape[1] < FEWEST_FOR_FUSION:
        return scores
    learned = slice(None, None, -(-len(target) // MOST_RECORDS_FOR_FUSION))  # every k-th record is enough
    parts, n_learned = [], min(shadows.shape[1], MOST_FOR_FUSION)
    for first in range(0, n_learned, 2):
        known = np.asfortranarray(is_in[:, first : first + 2])
        pair = np.asfortranarray(shadows[:, first : first + 2])
        signals = {name: ATTACKS[name][0](pair) for name in FUSED}
        rest = {
            name: (
                moments_without(banks[name][0], signals[name], known),
                moments_without(banks[name][1], signals[name], ~known),
            )
            for name in FUSED
        }
        for column in range(min(2, n_learned - first)):
            found = _by_formulas({name: signals[name][:, column] for name in FUSED}, rest, FUSED)
            parts.append(_features(found, rest)[learned])
    fusion = fit_fusion(np.concatenate(parts), is_in[learned, :n_learned].T.ravel())
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


def _banks(shadows: NDArray[np.float64], is_in: NDArray[np.bool_]) -> dict[str, tuple[Moments, Moments]]:
    """Return the moments of the models with and without each record, on the scale of each attack."""
    scales = {scale for scale, _ in ATTACKS.values()}
    parts: dict[Callable[[Signal], Signal], list[tuple[Moments, Moments]]] = {scale: [] for scale in scales}
    for first in range(0, len(shadows), BLOCK):
        answers, known = np.asarray(shadows[first : first + BLOCK]), np.asarray(is_in[first : first + BLOCK])
        for scale, found in parts.items():
            signal = scale(answers)
            found.append((moments_of(signal, known), moments_of(signal, ~known)))
    banks = {
        scale: (_joined(each[0] for each in found), _joined(each[1] for each in found))
        for scale, found in parts.items()
    }
    return {name: banks[scale] for name, (scale, _) in ATTACKS.items()}


def _joined(parts: Iterable[Moments]) -> Moments:
    return Moments(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _by_formulas(
    target: Mapping[str, Signal], banks: Mapping[str, tuple[Moments, Moments]], names: Iterable[str]
) -> dict[str, NDArray[np.float64]]:
    return {name: ATTACKS[name][1](target[name], *banks[name]) for name in names}


def _features(
    scores: Mapping[str, NDArray[np.float64]], banks: Mapping[str, tuple[Moments, Moments]]
) -> NDArray[np.float64]:
    """Scores cut to a common range, how far they reach above zero, and how sure models are of the record at all."""
    bounded = [np.clip(scores[name], -FAR, FAR) for name in FUSED]
    inside, outside = banks["shrunken"]
    sure = (inside.n * inside.mean + outside.n * outside.mean) / np.maximum(inside.n + outside.n, 1.0)
    excess = [np.maximum(score, 0.0) ** 2 for score in bounded[1:]]
    return np.array([*bounded, *excess, sure, sure * bounded[1]]).T
