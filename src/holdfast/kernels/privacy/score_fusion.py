"""Combine scores of several attacks by what they say about shadow models, whose members are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

MOST_STEPS = 50
PENALTY = 1e-3
SPARSE, ENOUGH = 16, 50
BLOCK = 8192  # samples that fit into the cache
# Newton's steps square the error, so that the step after one of this size would change nothing
CLOSE = 1e-6


class Fusion(NamedTuple):
    """A fitted combination: features are centred and scaled, then weighted.

    Attributes
    ----------
    centre, scale, weight
        Each of shape (n_features,).
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]


def fit_fusion(features: NDArray[np.float64], is_member: NDArray[np.bool_]) -> Fusion:
    """Fit a logistic combination of features to known membership.

    Parameters
    ----------
    features : ndarray, shape (n_samples, n_features)
        Scores of attacks on models whose members are known, from shadow models of which none belongs to the pair of
        the attacked one.
    is_member : ndarray of bool, shape (n_samples,)
        Whether the attacked model was trained on the record.

    Returns
    -------
    Fusion

    Raises
    ------
    ValueError
        If a feature is not finite, or there are not both members and others.

    Notes
    -----
    Penalised by a thousandth of the number of samples times half the squared norm of the weights, so that a perfect
    separation has a solution. Newton's method with halved steps; cost O(n_samples * n_features^2).
    """
    if not np.isfinite(features).all():
        raise ValueError("expected finite features")
    if is_member.all() or not is_member.any():
        raise ValueError("expected both members and others")
    centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-12
    design = np.vstack([np.ones(len(features)), ((features - centre) / scale).T])
    weight = np.zeros(len(design))
    few = slice(None, None, SPARSE)  # a part of the samples leads near the solution of all
    if min(is_member[few].sum(), (~is_member[few]).sum()) > ENOUGH:
        weight = _climbed(np.ascontiguousarray(design[:, few]), is_member[few], weight)
    return Fusion(centre, scale, _climbed(design, is_member, weight)[1:])


def _climbed(
    design: NDArray[np.float64], is_member: NDArray[np.bool_], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the weights of the largest penalised likelihood; one line of ``design`` for each weight."""
    weight, step, reached = start, np.zeros(start.size), -np.inf
    penalty = PENALTY * design.shape[1] * np.diag([0.0, *np.ones(len(design) - 1)])
    for _ in range(MOST_STEPS):
        value, slope, curvature = -float(weight @ penalty @ weight) / 2.0, -penalty @ weight, penalty.copy()
        for first in range(0, design.shape[1], BLOCK):
            block, is_in = design[:, first : first + BLOCK], is_member[first : first + BLOCK]
            line = weight @ block
            p = expit(line)
            value += float(line @ is_in - np.logaddexp(0.0, line).sum())
            slope += block @ (is_in - p)
            curvature += (block * (p * (1.0 - p))) @ block.T
        if value < reached - 1e-9 * abs(reached):  # a step too far, as heavy tails among the features make it
            step = step / 2.0
            weight = weight - step
            continue
        reached, step = value, np.linalg.solve(curvature, slope)
        weight = weight + step
        if np.abs(step).max() < CLOSE:
            break
    return weight


def fused(fusion: Fusion, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score records by a fitted combination, larger meaning member.

    Parameters
    ----------
    fusion : Fusion
        From `fit_fusion`.
    features : ndarray, shape (n_records, n_features)
        The same features, in the same order.

    Returns
    -------
    ndarray, shape (n_records,)
    """
    return np.asarray((features - fusion.centre) / fusion.scale @ fusion.weight)
