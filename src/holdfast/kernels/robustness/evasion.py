"""Search for the smallest change of a row that changes a model's answer, from its labels or scores alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.candidates import Search
from holdfast.kernels.robustness.cells import CellCoding
from holdfast.kernels.robustness.conflicts import contradictions
from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits
from holdfast.kernels.robustness.label_search import LabelSearch
from holdfast.kernels.robustness.relations import Relation
from holdfast.kernels.robustness.repair import Repair
from holdfast.kernels.robustness.score_search import ScoreSearch
from holdfast.kernels.robustness.starts import Starts
from holdfast.kernels.robustness.streams import PointStreams
from holdfast.kernels.robustness.threat import Flips, Floats, Predict, Space, Threat

__all__ = ["Flips", "Predict", "Space", "Threat", "constrained_space", "search_flips", "space_of", "unit_of_distance"]

# Bounds the memory of one batch: points are searched in parts of a size that depends on the number of columns only.
CELLS_AT_ONCE, ROWS_PER_POINT = 2**24, 256


def search_flips(
    X: Floats,
    y: NDArray[np.int64],
    donors: Floats,
    donor_labels: NDArray[np.int64],
    *,
    predict: Predict,
    space: Space,
    threat: Threat,
    rng: np.random.Generator,
    ids: NDArray[np.int64] | None = None,
    share: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Flips:
    """Search, for all points at once, the closest row that the model answers differently.

    The move of the numeric cells, in units of scale, is made small in the norm of the threat; a change of categories
    alone counts as distance 0. What is found bounds the true minimal distance from above, and finding nothing proves
    nothing.

    Parameters
    ----------
    X : ndarray of float64, shape (n_points, n_columns)
        Points; categories as level numbers. A missing cell (NaN, or -1 in a category) is never changed.
    y : ndarray of int64, shape (n_points,)
        The labels the model gives them.
    donors : ndarray of float64, shape (n_donors, n_columns)
        Rows an attacker may know, coded as `X`; may be empty.
    donor_labels : ndarray of int64, shape (n_donors,)
        Their labels.
    predict : callable
        Maps rows, shape (n, n_columns), to labels, shape (n,), or to scores, shape (n, n_classes), of which the first
        largest is the answer. It is called with one batch for all points (4,000 at 16 columns,
        fewer where there are more); scores are made use of.
    space : Space
        Numeric cells stay inside ``[low, high]``; a point outside may come nearer but not go further out.
    threat : Threat
    rng : numpy.random.Generator
        Gives the seed.
    ids : ndarray of int64, shape (n_points,), optional
        What identifies a point; its position in `X` if left out. With the same seed and donors, a point with the same
        id is searched in the same way whatever other points there are, unless flips are shared.
    share : bool, default False
        Whether flips found for one point are tried on others, once half of the queries are spent. Closer where queries
        are plenty; the flips then depend on which points are searched together.
    should_stop : callable, optional
        Asked before each batch; True ends the search with what was found.

    Returns
    -------
    Flips

    Notes
    -----
    First every single change of a category (a sample of them if they would take over 40 % of the queries), then rows
    of other classes, whole and cut to the allowed box. The closest flip is pulled towards the point by k-ary search.
    Just inside the boundary, where a small move decides, single cells are set to the ends of the box, to other rows'
    values and back to the point's own; all that flip are joined and pulled closer again, which follows the boundary as
    the gradient estimate of HopSkipJump does, in one batch. With scores the row descends instead: all single cells are
    tried, and the best two, four, eight, ... made at once, inside a box that shrinks after each flip and grows after
    each failure. Points that reach distance 0, or that several fresh starts did not bring closer, leave.

    References
    ----------
    Brendel, W., Rauber, J. and Bethge, M. (2018). Decision-based adversarial attacks. ICLR. Chen, J., Jordan, M. I. and
    Wainwright, M. J. (2020). HopSkipJumpAttack: a query-efficient decision-based attack. IEEE S&P, section III.
    Andriushchenko, M., Croce, F., Flammarion, N. and Hein, M. (2020). Square attack. ECCV: moves to ends of the box.

    Examples
    --------
    >>> one = np.ones(1)
    >>> space = Space(one, 0 * one, 9 * one, one > 1, np.zeros(1, dtype=np.int64))
    >>> flips = search_flips(
    ...     np.array([[3.0]]), np.array([0]), np.array([[8.0]]), np.array([1]),
    ...     predict=lambda Z: (Z[:, 0] > 3.5).astype(np.int64),
    ...     space=space, threat=Threat(1.0, 0, 200), rng=np.random.default_rng(0),
    ... )
    >>> bool(0.5 < flips.distance[0] < 0.51)
    True
    """
    seed = int(rng.integers(2**63))
    names = np.arange(len(X)) if ids is None else ids
    size = max(CELLS_AT_ONCE // (ROWS_PER_POINT * X.shape[1]), 1)
    found = []
    for start in range(0, max(len(X), 1), size):
        part = slice(start, start + size)
        streams = PointStreams(seed, names[part])
        search = Search(X[part], y[part], predict, space, threat, streams, should_stop)
        _search_part(search, Starts(search, donors, donor_labels), share=share)
        found.append(search.result())
    return Flips(
        points=np.concatenate([flips.points for flips in found]),
        distance=np.concatenate([flips.distance for flips in found]),
        queries=np.concatenate([flips.queries for flips in found]),
        is_complete=all(flips.is_complete for flips in found),
    )


def _search_part(search: Search, starts: Starts, *, share: bool) -> None:
    """Search some points side by side, first within half of the queries where flips are to be shared."""
    queries = search.threat.queries
    search.allowance = (queries + 1) // 2 if share else queries
    starts.try_single_categories()
    starts.try_other_rows()
    _come_closer(search, starts)
    if share:
        search.allowance = queries
        search.done[:] = False
        starts.share_flips()
        _come_closer(search, starts)


def _come_closer(search: Search, starts: Starts) -> None:
    if search.is_scored and search.threat.norm == "linf":
        ScoreSearch(search, starts).run()
    else:
        LabelSearch(search, starts).run()


def unit_of_distance(values: NDArray[np.float64]) -> float:
    """Return the length of one unit in which moves of a numeric column are measured.

    Parameters
    ----------
    values : ndarray of float64, shape (n_samples,)
        Values seen in training; NaN and infinities are left out.

    Returns
    -------
    float
        The interquartile range; where the middle half is one value, 1.349 standard deviations, which is the same for
        Gaussian values. 0 for a constant column and without values: it may not move.

    Examples
    --------
    >>> unit_of_distance(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    2.0
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0 or finite.min() == finite.max():
        return 0.0
    low, high = np.quantile(finite, [0.25, 0.75])
    return float(high - low) or 1.349 * float(finite.std())


def space_of(
    limits: Mapping[str, NumericLimits | CategoryLimits], *, levels: Mapping[str, NDArray[np.object_]]
) -> Space:
    """Write the limits of the columns as arrays, behind a first column for the position of the point.

    Parameters
    ----------
    limits
        Rules by column, in the order of the matrix that :class:`holdfast.kernels.robustness.cells.CellCoding` makes.
    levels
        Levels of the category columns.
    """
    return _space(limits, limits, {name: len(known) for name, known in levels.items()})


def constrained_space(
    coding: CellCoding,
    limits: Mapping[str, NumericLimits | CategoryLimits],
    *,
    relations: Sequence[Relation] = (),
) -> Space:
    """Write all constraints of a coded table as arrays, with the repair that keeps the relations.

    Parameters
    ----------
    coding : CellCoding
        How the columns are written as a matrix; its groups are one-hot.
    limits
        Rules by column; others stay as they are.
    relations : sequence of Relation, optional
        Statements between columns that every candidate fulfils.

    Raises
    ------
    ValueError
        If constraints contradict each other.

    Examples
    --------
    >>> from holdfast.kernels.robustness.cells import coding_of
    >>> from holdfast.kernels.robustness.relations import parse_relation
    >>> limits = {"loan": NumericLimits(1.0, 0.0, 99.0, False, direction=1)}
    >>> points = {"loan": np.array([9.0]), "income": np.array([2.0])}
    >>> relations = [parse_relation("loan <= 5 * income")]
    >>> constrained_space(coding_of(points, limits, relations=relations), limits, relations=relations).direction
    array([0, 1, 0])
    """
    conflicts = contradictions(limits, relations=relations, one_hot=tuple(coding.groups.values()))
    if conflicts:
        raise ValueError("expected constraints that can hold together, got: " + "; ".join(conflicts))
    counts = {name: len(rule.levels) for name, rule in limits.items() if isinstance(rule, CategoryLimits)}
    counts |= {name: len(members) for name, members in coding.groups.items()}
    space = _space(coding.names, limits, counts)
    repair = Repair(relations, coding, space.is_whole, space.n_levels) if relations else None
    return space._replace(repair=repair)


def _space(
    columns: Iterable[str], limits: Mapping[str, NumericLimits | CategoryLimits], counts: Mapping[str, int]
) -> Space:
    rules = [(name, limits.get(name)) for name in columns]
    numeric = [rule if isinstance(rule, NumericLimits) else None for _, rule in rules]
    costs = (rule.cost if isinstance(rule, CategoryLimits) else 1.0 for _, rule in rules)
    return Space(
        scale=np.array([0.0, *(rule.scale / rule.cost if rule else 0.0 for rule in numeric)]),
        low=np.array([-np.inf, *(rule.low if rule else -np.inf for rule in numeric)]),
        high=np.array([np.inf, *(rule.high if rule else np.inf for rule in numeric)]),
        is_whole=np.array([False, *(bool(rule and rule.is_whole) for rule in numeric)]),
        n_levels=np.array([0, *(counts.get(name, 0) for name, _ in rules)], dtype=np.int64),
        direction=np.array([0, *(rule.direction if rule else 0 for rule in numeric)], dtype=np.int64),
        is_derived=np.array([False, *(bool(rule and rule.is_derived) for _, rule in rules)]),
        swap_cost=np.array([1.0, *costs]),
    )
