"""Where along a user's column a split on a feature changes sides: exactly, by bisection over the numbers themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.feature_tracing import FeatureTrace, NotComposable, Pipeline
from holdfast.kernels.robustness.single_precision import at_most
from holdfast.kernels.robustness.user_columns import CategoryColumn, NumberColumn

DECISIONS_AT_A_TIME = 1 << 22
MOST_SET_CELLS = 1 << 30
# whether to round to single precision first, and how many units in the last place (as a power of 2) to stay away
GUESSES = ((False, 0), (True, 0), (False, 12), (False, 31))


class Splits(NamedTuple):
    """Splits on features, each once: arrays of shape ``(n_splits,)`` as in the trees, and their level sets."""

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    levels: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    level_sets: NDArray[np.bool_]

    def go_left(self, split: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether feature values go left at splits, element by element."""
        left = value <= self.threshold[split]
        on_codes = np.flatnonzero(self.levels[split] >= 0)
        if on_codes.size:
            codes = np.trunc(value[on_codes])
            width = self.level_sets.shape[1]
            inside = (codes >= 0) & (codes < width - 1)
            place = np.where(inside, codes, width - 1).astype(np.int64)
            left[on_codes] = self.level_sets[self.levels[split[on_codes]], place]
        return np.where(np.isnan(value), self.missing_left[split], left)


class TracedSplits(NamedTuple):
    """The same splits on the user's columns.

    A split on a number goes left up to its first cut where ``lowest_left`` says so, and changes side above each cut; a
    split on a category goes left for the levels of its row of ``level_sets`` (row ``levels``, -1 for a number).
    ``is_constant``: everything goes left, or right where ``lowest_left`` is false.
    """

    column: NDArray[np.int32]
    cuts: NDArray[np.float64]
    n_cuts: NDArray[np.int64]
    lowest_left: NDArray[np.bool_]
    missing_left: NDArray[np.bool_]
    levels: NDArray[np.int32]
    level_sets: NDArray[np.bool_]
    is_constant: NDArray[np.bool_]


class _Changes(NamedTuple):
    """Neighbouring points of a grid between which a split changes sides."""

    split: NDArray[np.int64]
    column: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    low_left: NDArray[np.bool_]
    low_value: NDArray[np.float64]
    high_value: NDArray[np.float64]


def trace_splits(
    splits: Splits,
    place: NDArray[np.int64],
    traces: Sequence[FeatureTrace],
    pipeline: Pipeline,
    grids: Sequence[NDArray[np.generic]],
) -> TracedSplits:
    """Follow splits on features to the user's columns.

    Parameters
    ----------
    splits
        The splits.
    place
        Position of each split's feature among the used features, ``(n_splits,)``.
    traces
        The used features along the grids.
    pipeline, grids
        The pipeline, and the cells of each column that the traces were asked at.
    """
    n = splits.feature.size
    width = max((c.levels.size for c in pipeline.columns if isinstance(c, CategoryColumn)), default=1)
    if n * width > MOST_SET_CELLS:
        raise NotComposable(f"{n} splits on categories of up to {width} levels are too many to write down")
    lowest, missing = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    owner = np.array([trace.column for trace in traces], dtype=np.int64)[place]
    sets = np.zeros((n, width), dtype=bool)
    changes: list[_Changes] = []
    for feature, trace in enumerate(traces):
        own = np.flatnonzero(place == feature)
        can_miss = trace.column >= 0 and pipeline.columns[trace.column].can_miss
        missing[own] = splits.go_left(own, np.full(own.size, trace.missing)) if can_miss else False
        if trace.column >= 0 and isinstance(pipeline.columns[trace.column], CategoryColumn):
            for part in np.array_split(own, -(-own.size * trace.values.size // DECISIONS_AT_A_TIME)):
                left = _decisions(splits, part, trace.values)
                lowest[part], sets[part, : left.shape[1]] = left[:, 0], left
        elif own.size:
            lowest[own] = splits.go_left(own, np.full(own.size, trace.values[0]))
            changes.append(_changes(splits, own, trace, grids))
    found = _joined(changes)
    cuts = _bisected(found, splits, place, pipeline, grids)
    return _assembled(owner, found.split, cuts, lowest, missing, sets, pipeline)


def _decisions(splits: Splits, part: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    wide = np.repeat(part, values.size)
    return splits.go_left(wide, np.tile(values, part.size)).reshape(part.size, values.size)


def _changes(
    splits: Splits, own: NDArray[np.int64], trace: FeatureTrace, grids: Sequence[NDArray[np.generic]]
) -> _Changes:
    """Find between which neighbours of the grid the splits of one feature change sides."""
    row, at = _crossed(splits, own, trace.values)
    points = grids[trace.column].astype(np.float64) if row.size else np.zeros(0)
    after = at + 1
    return _Changes(
        own[row],
        np.full(row.size, trace.column),
        points[at] if row.size else np.zeros(0),
        points[after] if row.size else np.zeros(0),
        splits.go_left(own[row], trace.values[at]),
        trace.values[at],
        trace.values[after] if row.size else np.zeros(0),
    )


def _crossed(
    splits: Splits, own: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return positions in ``own``, and the places in ``values`` after which those splits change sides."""
    if np.isnan(values).any() or (splits.levels[own] >= 0).any():
        rows, places = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for part in np.array_split(np.arange(own.size), -(-own.size * values.size // DECISIONS_AT_A_TIME)):
            left = _decisions(splits, own[part], values)
            row, at = np.nonzero(left[:, 1:] != left[:, :-1])
            rows.append(part[row])
            places.append(at)
        return np.concatenate(rows), np.concatenate(places)
    # a threshold t lies between two values where min <= t < max: a range of the sorted thresholds
    order = np.argsort(splits.threshold[own], kind="stable")
    ends = np.searchsorted(splits.threshold[own][order], values, side="left")
    first, last = np.minimum(ends[:-1], ends[1:]), np.maximum(ends[:-1], ends[1:])
    at = np.repeat(np.arange(values.size - 1), last - first)
    within = np.arange(at.size) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
    return order[first[at] + within], at


def _joined(changes: Sequence[_Changes]) -> _Changes:
    """Put changes in the order of their splits and, within a split, along the column."""
    if not changes:
        none = np.zeros(0)
        return _Changes(none.astype(np.int64), none.astype(np.int64), none, none, none.astype(bool), none, none)
    split, low = (np.concatenate([getattr(part, name) for part in changes]) for name in ("split", "low"))
    order = np.lexsort((low, split))
    return _Changes(*(np.concatenate(parts)[order] for parts in zip(*changes, strict=True)))


def _bisected(
    found: _Changes,
    splits: Splits,
    place: NDArray[np.int64],
    pipeline: Pipeline,
    grids: Sequence[NDArray[np.generic]],
) -> NDArray[np.float64]:
    """Return the last number of each low side: one question to the pipeline halves all open intervals."""
    low, high = found.low.copy(), found.high.copy()
    is_whole = np.array([isinstance(c, NumberColumn) and c.is_whole for c in pipeline.columns])[found.column]
    feature = place[found.split]
    for step in range(128):
        open_ = np.flatnonzero(np.where(is_whole, high - low > 1, np.nextafter(low, np.inf) < high))
        if not open_.size:
            break
        guess = np.full(open_.size, np.nan)
        if step < 2 * len(GUESSES):
            guess = _guess(found, splits, open_, step, is_whole[open_])
        middle = np.where(is_whole[open_], np.floor(low[open_] / 2 + high[open_] / 2), between(low[open_], high[open_]))
        is_inside = (guess > low[open_]) & (guess < high[open_])
        middle = np.where(is_inside, guess, middle)
        row, cells = _one_row_per_change(found.column[open_], middle, grids)
        value = pipeline.ask(cells)[row, feature[open_]]
        stays = splits.go_left(found.split[open_], value) == found.low_left[open_]
        low[open_] = np.where(stays, middle, low[open_])
        high[open_] = np.where(stays, high[open_], middle)
    return low


def _guess(
    found: _Changes, splits: Splits, open_: NDArray[np.int64], step: int, is_whole: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Try both sides of where a straight line would cross, at growing distance: most maps are lines, then rounded.

    Of whole numbers only the two beside it are tried, at first; nothing (NaN) after that.
    """
    threshold = splits.threshold[found.split[open_]]
    low, high = found.low[open_], found.high[open_]
    low_value, high_value = found.low_value[open_], found.high_value[open_]
    with np.errstate(all="ignore"):
        is_same = (low_value == low.astype(np.float32)) & (high_value == high.astype(np.float32))
        is_same |= (low_value == low) & (high_value == high)
        share = (threshold - low_value) / (high_value - low_value)
        crossing = np.where(is_same, threshold, low + share * (high - low))
        is_rounded, exponent = GUESSES[step // 2]
        centre = at_most(crossing) if is_rounded else crossing
        away = np.spacing(np.abs(centre)) * 2.0**exponent
        beside = np.floor(crossing) + step if step < 2 else np.full(crossing.size, np.nan)
        return np.where(is_whole, beside, centre + (away if step % 2 else -away))


def between(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the number half-way in the count of doubles, so that 64 halvings settle any interval."""
    first, last = _rank(low), _rank(high)
    middle = (first >> 1) + (last >> 1) + (first & last & 1)
    return np.asarray(np.where(middle >= 0, middle, np.iinfo(np.int64).min - middle).view(np.float64))


def _rank(x: NDArray[np.float64]) -> NDArray[np.int64]:
    bits = np.ascontiguousarray(x).view(np.int64)
    return np.where(bits >= 0, bits, np.iinfo(np.int64).min - bits)


def _one_row_per_change(
    column: NDArray[np.int64], value: NDArray[np.float64], grids: Sequence[NDArray[np.generic]]
) -> tuple[NDArray[np.int64], list[NDArray[np.generic]]]:
    """Place questions about different columns side by side in one row; cells without a question hold the first one."""
    order = np.argsort(column, kind="stable")
    count = np.bincount(column, minlength=len(grids))
    row = np.empty(column.size, dtype=np.int64)
    row[order] = np.arange(column.size) - np.repeat(np.cumsum(count) - count, count)
    cells = [np.repeat(grid[:1], count.max()) for grid in grids]
    for position in np.flatnonzero(count):
        cells[position] = cells[position].astype(np.float64)
        own = column == position
        cells[position][row[own]] = value[own]
    return row, cells


def _assembled(
    owner: NDArray[np.int64],
    changed: NDArray[np.int64],
    cuts: NDArray[np.float64],
    lowest: NDArray[np.bool_],
    missing: NDArray[np.bool_],
    sets: NDArray[np.bool_],
    pipeline: Pipeline,
) -> TracedSplits:
    n_cuts = np.bincount(changed, minlength=owner.size)
    sizes = np.array([len(c.levels) if isinstance(c, CategoryColumn) else 0 for c in pipeline.columns] + [0])
    can_miss = np.array([c.can_miss for c in pipeline.columns] + [False])
    n_levels = sizes[owner]
    is_category = n_levels > 0
    n_left = sets.sum(axis=1)
    is_one_sided = np.where(is_category, (n_left == 0) | (n_left == n_levels), n_cuts == 0)
    lowest = np.where(is_category, n_left > 0, lowest)
    missing = np.where(can_miss[owner] | ~is_one_sided, missing, lowest)
    is_constant = is_one_sided & (missing == lowest)
    # a split that only missing cells decide, and one on a category, has one cut above everything
    padded = np.insert(cuts, np.cumsum(n_cuts)[n_cuts == 0], np.inf)
    distinct, rows = np.unique(sets[is_category & ~is_constant], axis=0, return_inverse=True)
    levels = np.full(owner.size, -1, dtype=np.int32)
    levels[is_category & ~is_constant] = rows.ravel()
    return TracedSplits(
        owner.astype(np.int32),
        padded,
        np.maximum(n_cuts, 1),
        lowest | (is_category & ~is_constant),
        missing,
        levels,
        distinct,
        is_constant,
    )
