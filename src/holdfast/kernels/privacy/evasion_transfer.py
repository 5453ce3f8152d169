"""Rows that are made to fool a copy of a model, to be tried on the model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.privacy.input_space import InputSpace
from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits
from holdfast.kernels.robustness.evasion import search_flips
from holdfast.kernels.robustness.limits import Stated, limits_of
from holdfast.kernels.robustness.threat import Space, Threat

if TYPE_CHECKING:
    from holdfast.core.deployment import Deployment

Floats = NDArray[np.float64]
Limits = Mapping[str, NumericLimits | CategoryLimits]

# A fifth of the interquartile range for each number, one category, and how often the copy is asked for each row.
SMALL = Threat(0.2, 1.0, 200)


class Crafted(NamedTuple):
    """Changed rows."""

    X: Floats
    """Codes, shape ``(n_rows, n_columns)``; the row itself where nothing was found."""
    is_found: NDArray[np.bool_]
    """Which rows fool the copy, shape ``(n_rows,)``."""


def craft_on_copy(
    X: Floats,
    donors: Floats,
    *,
    scores: Callable[[Floats], Floats],
    space: InputSpace,
    limits: Limits,
    rng: np.random.Generator,
    threat: Threat = SMALL,
) -> Crafted:
    """Change rows until a copy of a model answers differently; the model itself is not asked.

    Parameters
    ----------
    X, donors : ndarray of float64, shape (n_rows, n_columns)
        Codes of the rows to change, and of rows that the attacker has.
    scores : callable
        Maps codes to the scores of the copy, ``(n_rows, n_classes)``.
    space : InputSpace
        How columns are written as codes.
    limits : mapping
        What may happen to each column; one that is not named stays as it is, and so does a missing number.
    rng : numpy.random.Generator
        Source of randomness.
    threat : Threat, default SMALL
        How far an attacker may go, and how often the copy is asked for each row.

    Notes
    -----
    The attack is `search_flips`, on the scores of the copy. Of the changes that fool the copy it looks for the
    smallest, which lie just behind the copy's boundary; a larger change may carry over more often, so the share that
    fools the model is a lower bound.

    References
    ----------
    Papernot, N., McDaniel, P. and Goodfellow, I. (2016). Transferability in machine learning. arXiv:1605.07277.
    """
    labels = scores(X).argmax(axis=1)
    found = search_flips(
        X, labels, donors, scores(donors).argmax(axis=1), predict=scores, space=_changeable(space, limits),
        threat=threat, rng=rng,
    )  # fmt: skip
    changed = np.where(np.isfinite(found.distance)[:, None], found.points, X)
    return Crafted(changed, scores(changed).argmax(axis=1) != labels)


def may_change(seen: Mapping[str, NDArray[Any]], space: InputSpace, deployment: Deployment) -> Limits:
    """Say what may happen to each column: nothing to immutable, sensitive and text columns.

    Parameters
    ----------
    seen : mapping of str to ndarray, each (n_rows,)
        Columns by name, as for `space_of`.
    space : InputSpace
        Says which numbers are whole.
    deployment : Deployment
        Relations between columns, directions and costs are not regarded.
    """
    whole = frozenset(name for name, is_whole in zip(space.levels, space.is_whole, strict=True) if is_whole)
    fixed = frozenset({*deployment.immutable, *deployment.sensitive, *deployment.text})
    return limits_of(seen, Stated(fixed=fixed, whole=whole, ranges=deployment.ranges))


def _changeable(space: InputSpace, limits: Limits) -> Space:
    """Write down which codes may change and how; a cell is never emptied."""
    rules = [limits.get(name) for name in space.levels]
    numbers = [rule if isinstance(rule, NumericLimits) else None for rule in rules]
    counts = [
        0 if levels is None or not isinstance(rule, CategoryLimits) else sum(level is not None for level in levels)
        for rule, levels in zip(rules, space.levels.values(), strict=True)
    ]
    return Space(
        scale=np.array([rule.scale if rule else 0.0 for rule in numbers]),
        low=np.array([rule.low if rule else -np.inf for rule in numbers]),
        high=np.array([rule.high if rule else np.inf for rule in numbers]),
        is_whole=np.array([bool(rule and rule.is_whole) for rule in numbers]),
        n_levels=np.array(counts, dtype=np.int64),
        direction=np.array([rule.direction if rule else 0 for rule in numbers], dtype=np.int64),
    )
