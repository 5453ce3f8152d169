"""Compare two profiles column by column: a test and an effect with an interval for each, and one verdict over all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.category_counts import CategoryCounts
from holdfast.kernels.drift.distances import coarse, jensen_shannon, psi, wasserstein
from holdfast.kernels.drift.number_counts import NumberCounts
from holdfast.kernels.drift.profile import Profile
from holdfast.kernels.drift.two_sample import TwoSampleTest, chi_square, ks_on_cells
from holdfast.kernels.drift.vectors import VectorDrift
from holdfast.kernels.drift.word_drift import CountWords, WordChange, compare_words, name_words
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.multiplicity import holm

Verdict = Literal["drifted", "within", "not shown"]
ALPHA, LEAST_EFFECT = 0.05, 0.01
UNITS = {10.0**power for power in (*range(-9, 0), *range(1, 10))} | {60.0, 1 / 60, 3600.0, 1 / 3600, 24.0, 1 / 24}
UNITS |= {
    2.54,
    1 / 2.54,
    0.3048,
    1 / 0.3048,
    0.45359237,
    1 / 0.45359237,
    1.609344,
    1 / 1.609344,
    7.0,
    1 / 7,
    12.0,
    1 / 12,
}
CLOSE = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """What is known of one property of one column.

    Attributes
    ----------
    column, test
        The column, and how it was tested: ``Kolmogorov-Smirnov``, ``chi-square``, ``chi-square of missing cells``,
        ``Kolmogorov-Smirnov of lengths``, ``Fisher's exact test of words``,
        ``mean random features of vectors``.
    statistic, p_value
        Of the test.
    effect
        Share of rows that would have to move, at least, for both to be alike.
    adjusted
        The p-value after Holm over all tests of the table.
    verdict
        ``drifted``: significant, and the effect is at least the least one that matters; ``within``: the effect is
        smaller than that; ``not shown``: could not tell.
    n
        Rows with a value in the reference and in the current table.
    exact
        Whether the values themselves were compared, not counts on cells.
    distances
        ``psi``, ``jensen_shannon`` and, for numbers, ``wasserstein`` in standard deviations of the reference.
    words
        What changed, in a sentence.
    named
        Words that came and went most, where words were compared.
    """

    column: str
    test: str
    statistic: float
    p_value: float
    effect: IntervalEstimate[float]
    n: tuple[int, int]
    adjusted: float = 1.0
    verdict: Verdict = "not shown"
    exact: bool = True
    distances: Mapping[str, IntervalEstimate[float]] = field(default_factory=dict)
    words: str = ""
    named: tuple[WordChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """A column that cannot be compared, or only with care."""

    column: str
    change: str


def compare_profiles(
    reference: Profile,
    current: Profile,
    *,
    exact: Mapping[str, TwoSampleTest] | None = None,
    count_words: CountWords | None = None,
    vectors: Mapping[str, VectorDrift] | None = None,
    alpha: float = ALPHA,
    least_effect: float = LEAST_EFFECT,
    level: float = 0.95,
) -> list[ColumnDrift]:
    """Test all columns that both profiles hold.

    Parameters
    ----------
    reference, current : Profile
        Counted on the same cells.
    exact : mapping of str to TwoSampleTest, optional
        By column of numbers, the test of its values; tests on cells otherwise, which are conservative.
    count_words : callable, optional
        Counts words by name where rows are at hand, see `CountWords`; only listed words are named otherwise.
    vectors : mapping of str to VectorDrift, optional
        By column of vectors, what was found; profiles know nothing of them.
    alpha : float, default 0.05
        Chance that any column is called drifted where none is, over all columns together.
    least_effect : float, default 0.01
        Share of rows that must have moved for a change to matter.
    level : float, default 0.95
        Confidence level of the intervals.

    Returns
    -------
    list of ColumnDrift
        In the order of the columns. Columns of instants, which move by nature, are not tested.
    """
    found: list[ColumnDrift] = []
    for name, plan in reference.plan.items():
        a, b = reference.columns[name], current.columns[name]
        if isinstance(a, NumberCounts) and isinstance(b, NumberCounts) and plan.kind == "number":
            found += _numbers(name, a, b, (exact or {}).get(name), level)
        elif isinstance(a, CategoryCounts) and isinstance(b, CategoryCounts):
            found += _texts(name, a, b, plan.kind == "text", level)
            found += _words(name, a, b, count_words, alpha, level)
        missing = _missing(name, a.n, a.n_missing, b.n, b.n_missing, level)
        found += [missing] if missing else []
    for name, pair in (vectors or {}).items():
        found += _vectors(name, pair, level)
    adjusted = holm([each.p_value for each in found])
    return [
        replace(each, adjusted=float(p), verdict=_verdict(float(p), each.effect, alpha, least_effect))
        for each, p in zip(found, adjusted, strict=True)
    ]


def schema_changes(reference: Profile, current: Profile) -> list[SchemaChange]:
    """Say which columns vanished, appeared, changed type, emptied or seem to be in another unit."""
    changes = []
    for name, rows in sorted(current.absent.items()):
        kinds = current.added.get(name)
        what = f"was {_kind(reference, name)}, came as {' and '.join(kinds)}" if kinds else "vanished"
        part = "" if rows == current.n_rows else f" in {rows:,} of {current.n_rows:,} rows"
        changes.append(SchemaChange(column=name, change=what + part))
    new = sorted(set(current.added) - set(reference.plan))
    changes += [SchemaChange(column=name, change="is new") for name in new]
    for name, a in reference.columns.items():
        b = current.columns[name]
        if name in current.absent or not current.n_rows:
            continue
        if a.n and not b.n:
            changes.append(SchemaChange(column=name, change="has no value any more"))
        elif b.n and not a.n:
            changes.append(SchemaChange(column=name, change="had no value in the reference"))
        elif isinstance(a, NumberCounts) and isinstance(b, NumberCounts) and (unit := other_unit(a, b)):
            changes.append(SchemaChange(column=name, change=f"seems to be in another unit: {unit:.6g} times as large"))
    return changes


def other_unit(reference: NumberCounts, current: NumberCounts) -> float | None:
    """Return the factor between two columns of numbers where all else suggests a change of unit."""
    a, b = reference, current
    if a.n < 2 or b.n < 2:
        return None
    before, after = a.sd, b.sd
    if not (before > 0.0 and after > 0.0) or not math.isfinite(before * after):
        return None
    ratio = after / before
    unit = min(UNITS, key=lambda factor: abs(math.log(factor / ratio)))
    error = CLOSE + 2.0 / math.sqrt(min(a.n, b.n))
    same_spread = abs(math.log(unit / ratio)) < error
    if not same_spread:
        return None
    mean, later = a.mean, b.mean
    off_centre = abs(later - unit * mean) / (unit * before)
    # a column that is nearly always 0 changes its spread by chance, and its mean by little
    has_moved = abs(later - mean) / before > error
    return unit if off_centre < error and has_moved else None


def _kind(profile: Profile, name: str) -> str:
    return {"number": "numbers", "time": "instants"}.get(profile.plan[name].kind, "texts")


def _verdict(p: float, effect: IntervalEstimate[float], alpha: float, least: float) -> Verdict:
    if p <= alpha and effect.low >= least:
        return "drifted"
    return "within" if effect.high < least else "not shown"


def _numbers(
    name: str, a: NumberCounts, b: NumberCounts, exact: TwoSampleTest | None, level: float
) -> list[ColumnDrift]:
    test = exact or ks_on_cells(a.counts, b.counts, level=level)
    if test is None:
        return []
    distances = _distances(*coarse(a.counts, b.counts), level)
    ends = np.append(a.grid.edges, max(a.maximum, b.maximum))
    low = min(a.minimum, b.minimum)
    sds = a.sd, b.sd
    moved = wasserstein(a.counts, b.counts, np.maximum(ends, low), sds=sds, level=level)
    if moved is not None and sds[0] > 0.0:
        distances["wasserstein"] = IntervalEstimate(*(part / sds[0] for part in moved))
    words = f"mean {_number(a.mean)} to {_number(b.mean)}, median {_median(a)} to {_median(b)}"
    return [_column(name, "Kolmogorov-Smirnov", test, (a.n, b.n), distances, words, exact=exact is not None)]


def _texts(name: str, a: CategoryCounts, b: CategoryCounts, is_prose: bool, level: float) -> list[ColumnDrift]:
    if not a.n or not b.n:
        return []
    if is_prose:
        test = ks_on_cells(a.lengths.counts, b.lengths.counts, level=level)
        words = f"mean length {_number(a.lengths.mean)} to {_number(b.lengths.mean)}"
        return [_column(name, "Kolmogorov-Smirnov of lengths", test, (a.n, b.n), {}, words)] if test else []
    first, second = (np.append(side.counts, side.n_other) for side in (a, b))
    test = chi_square(first, second, level=level)
    if test is None:
        return []
    distances = _distances(first, second, level)
    return [_column(name, "chi-square", test, (a.n, b.n), distances, _shares_in_words(a, b))]


def _vectors(name: str, found: VectorDrift, level: float) -> list[ColumnDrift]:
    said = f"vectors of {found.length:,} numbers, {found.n[0]:,} and {found.n[1]:,} rows compared"
    moved = found.test and _column(name, "mean random features of vectors", found.test, found.n, {}, said)
    missing = _missing(name, found.n[0], found.n_missing[0], found.n[1], found.n_missing[1], level)
    return [each for each in (moved, missing) if each is not None]


def _words(
    name: str, a: CategoryCounts, b: CategoryCounts, count: CountWords | None, alpha: float, level: float
) -> list[ColumnDrift]:
    if a.words is None or b.words is None:
        return []
    found = compare_words(a.words, b.words, a.n, b.n, level=level)
    if found is None:
        return []
    named = name_words(found, a.words, b.words, a.n, b.n, column=name, count=count, alpha=alpha, level=level)
    n_moved = int((found.adjusted <= alpha).sum())
    said = ", ".join(_word_in_words(each) for each in named[:4]) or "no word that may be named"
    more = f" and {n_moved - len(named[:4]):,} more" if n_moved > len(named[:4]) else ""
    words = f"rows with {said}{more}" if n_moved else "no word came or went for sure"
    test = _column(name, "Fisher's exact test of words", found.test, (a.n, b.n), {}, words)
    return [replace(test, named=named)]


def _word_in_words(each: WordChange) -> str:
    before, after = (rows / n for rows, n in zip(each.rows, each.n, strict=True))
    return f"{each.word!r:.30} {'at most ' if each.is_at_most else ''}{before:.1%} to {after:.1%}"


def _shares_in_words(a: CategoryCounts, b: CategoryCounts) -> str:
    names = [*a.categories, "other values"]
    p = np.append(a.counts, a.n_other) / a.n
    q = np.append(b.counts, b.n_other) / b.n
    place = int(np.argmax(np.abs(p - q)))
    sentence = f"{names[place]!r:.40} {p[place]:.1%} to {q[place]:.1%}"
    unseen = {name: times for name, times in b.others.items() if name not in a.others}
    if b.n_other and unseen and a.distinct.is_complete:
        first = sorted(unseen, key=lambda name: (-unseen[name], name))[:3]
        sentence += f"; not in the reference: {', '.join(f'{name!r:.30}' for name in first)}"
    return sentence


def _missing(name: str, n: int, missing: int, m: int, other: int, level: float) -> ColumnDrift | None:
    if not (missing or other) or not n + missing or not m + other:
        return None
    test = chi_square([n, missing], [m, other], level=level)
    if test is None:
        return None
    words = f"missing {missing / (n + missing):.1%} to {other / (m + other):.1%}"
    return _column(name, "chi-square of missing cells", test, (n + missing, m + other), {}, words)


def _distances(
    a: Sequence[int] | NDArray[np.int64], b: Sequence[int] | NDArray[np.int64], level: float
) -> dict[str, IntervalEstimate[float]]:
    found = {"psi": psi(a, b, level=level), "jensen_shannon": jensen_shannon(a, b, level=level)}
    return {name: value for name, value in found.items() if value is not None}


def _column(
    name: str,
    kind: str,
    test: TwoSampleTest,
    n: tuple[int, int],
    distances: Mapping[str, IntervalEstimate[float]],
    words: str,
    *,
    exact: bool = True,
) -> ColumnDrift:
    return ColumnDrift(
        column=name, test=kind, statistic=test.statistic, p_value=test.p_value, effect=test.effect, n=n,
        exact=exact, distances=distances, words=words,
    )  # fmt: skip


def _median(column: NumberCounts) -> str:
    beyond = column.counts[-1] > column.n / 2.0 and column.grid.edges.size > 0
    return f"above {_number(float(column.grid.edges[-1]))}" if beyond else _number(float(column.quantiles(0.5)))


def _number(value: float) -> str:
    return f"{value:.4g}"
