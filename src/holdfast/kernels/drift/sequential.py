"""Watch one column of a stream for change, with a budget of false alarms per year.

What a window tells is turned into bets whose law without change is known exactly (ranks among all rows so far, shares
in urns) and summed up by :class:`~holdfast.kernels.drift.evidence.YearlyEvidence`. The reference is a sample, and is
treated as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.drift.evidence import Alarm, YearlyEvidence, tilted_counts
from holdfast.kernels.drift.rank_urn import RankUrn, wave_scores
from holdfast.kernels.drift.share_urn import ShareUrn

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

NUMBER_BETS = {"location": 0.7, "spread": 0.1, "skew": 0.04, "shoulders": 0.04}
"""Bets on normal scores of the order, folded into 1, 2, 3 and 4 waves, and their weights."""
SHARE_BETS = {"low tail": 0.04, "high tail": 0.04, "missing": 0.04}
TAIL = 0.01
MOST_LEVELS = 20
DESIGN = 0.2
"""Part of the reference from which levels and their expected shares are learned; it is not used again."""
OTHER, NEW, MISSING = "other known value", "new value", "missing"


class Observed(NamedTuple):
    """What one window says: sums of scores, rows scored, and log evidence of each share and tilt."""

    scores: Numbers
    n_scored: int
    counts: Numbers


class Counts(Protocol):
    """Rows of one season, seen so far."""

    @property
    def n_seen(self) -> int: ...
    def add(self, values: Sequence[Any] | Numbers, *, rng: np.random.Generator) -> Observed: ...
    def state(self) -> dict[str, Any]: ...


class NumberCounts:
    """Ranks of a numeric column, its tails, and its missing values (NaN)."""

    def __init__(self, reference: Numbers, *, rng: np.random.Generator) -> None:
        is_missing = np.isnan(reference)
        self._ranks = RankUrn(reference[~is_missing], rng=rng)
        design = rng.random(reference.size) < DESIGN
        expected = (is_missing[design].sum() + 0.5) / (design.sum() + 1)
        kept = is_missing[~design]
        self._missing = ShareUrn([kept.sum()], kept.size, expected=[expected], rng=rng)

    @property
    def n_seen(self) -> int:
        """Rows that have a value, and one."""
        return self._ranks.n_gaps

    def add(self, values: Sequence[Any] | Numbers, *, rng: np.random.Generator) -> Observed:
        """Add a window."""
        rows = np.asarray(values, dtype=np.float64)
        is_missing = np.isnan(rows)
        before, total = self._tails(), self._ranks.n_gaps
        shares = self._ranks.add(rows[~is_missing], rng=rng)
        scores = wave_scores(shares).sum(axis=0)
        n = shares.low.size
        tails = tilted_counts(self._tails() - before, [n, n], inside=before, total=[total, total])
        missing = self._missing.add([is_missing.sum()], rows.size, rng=rng)
        return Observed(scores, n, np.vstack([tails, missing]))

    def _tails(self) -> Places:
        gaps = self._ranks.gaps
        width = max(round(TAIL * gaps.size), 1)
        return np.array([gaps[:width].sum(), gaps[-width:].sum()])

    def state(self) -> dict[str, Any]:
        """Return all that is known, as numbers and lists."""
        return {"ranks": self._ranks.state(), "missing": self._missing.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> NumberCounts:
        """Go on where a state was taken."""
        counts = cls.__new__(cls)
        counts._ranks = RankUrn.from_state(state["ranks"])
        counts._missing = ShareUrn.from_state(state["missing"])
        return counts


class LevelCounts:
    """Shares of the levels of a column: each frequent one, other known ones, new ones, and missing values (None)."""

    def __init__(
        self,
        kept: Sequence[Any],
        design: Sequence[Any],
        *,
        levels: Sequence[str],
        known: frozenset[str],
        rng: np.random.Generator,
    ) -> None:
        self._levels, self._known = list(levels), known
        expected = (self._members(design) + 0.5) / (len(design) + 1)
        singles = sum(count == 1 for level, count in Counter(design).items() if level is not None)
        expected[len(levels) + 1] = (singles + 0.5) / (len(design) + 1)  # Good and Turing: what is new to a sample
        self._shares = ShareUrn(self._members(kept), len(kept), expected=expected, rng=rng)

    def _members(self, values: Sequence[Any]) -> Numbers:
        """Count rows of each level, of other known ones, of new ones, and missing ones."""
        count = Counter(values)
        missing = count.pop(None, 0)
        frequent = [count.pop(level, 0) for level in self._levels]
        new = sum(n for level, n in count.items() if level not in self._known)
        return np.array([*frequent, count.total() - new, new, missing], dtype=np.float64)

    @property
    def n_seen(self) -> int:
        """Rows, and one."""
        return self._shares.total

    def add(self, values: Sequence[Any] | Numbers, *, rng: np.random.Generator) -> Observed:
        """Add a window."""
        found = self._shares.add(self._members(list(values)), len(values), rng=rng)
        return Observed(np.empty(0), 0, found)

    def state(self) -> dict[str, Any]:
        """Return all that is known, as numbers and lists."""
        return {"levels": self._levels, "known": sorted(self._known), "shares": self._shares.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> LevelCounts:
        """Go on where a state was taken."""
        counts = cls.__new__(cls)
        counts._levels, counts._known = state["levels"], frozenset(state["known"])
        counts._shares = ShareUrn.from_state(state["shares"])
        return counts


class ColumnWatch:
    """One column, window by window. Made by :func:`watch_numbers` or :func:`watch_levels`.

    Attributes
    ----------
    bets
        Name of each bet; :attr:`Alarm.bet` is a position in it.
    evidence
        What the windows of this year say together.
    """

    def __init__(
        self, counts: Sequence[Counts], bets: Sequence[str], evidence: YearlyEvidence, rng: np.random.Generator
    ) -> None:
        self._counts, self.bets, self.evidence, self._rng = list(counts), tuple(bets), evidence, rng

    @property
    def alarms(self) -> list[Alarm]:
        """At most one for each year."""
        return self.evidence.alarms

    def update(self, values: Sequence[Any] | Numbers, *, seasons: ArrayLike | None = None) -> Alarm | None:
        """Add a window, and return the alarm that it raises.

        Parameters
        ----------
        values : array-like, shape (n,)
            Numbers with NaN for missing, or levels as text with None for missing, in the order in which they came. May
            be empty.
        seasons : array-like of int, shape (n,)
            Season of each row, where the reference had seasons.
        """
        parts = _by_season(values, seasons, len(self._counts))
        n_seen = sum(counts.n_seen for counts in self._counts)
        found = [counts.add(part, rng=self._rng) for counts, part in zip(self._counts, parts, strict=True)]
        return self.evidence.update(
            np.sum([one.scores for one in found], axis=0),
            sum(one.n_scored for one in found),
            n_seen=n_seen,
            counts=np.sum([one.counts for one in found], axis=0),
        )

    def state(self) -> dict[str, Any]:
        """Return all that is known, ready for JSON; :meth:`from_state` goes on exactly where it was taken."""
        return {
            "kind": "numbers" if isinstance(self._counts[0], NumberCounts) else "levels",
            "counts": [counts.state() for counts in self._counts],
            "bets": list(self.bets),
            "evidence": self.evidence.state(),
            "rng": self._rng.bit_generator.state,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ColumnWatch:
        """Go on where a state was taken."""
        kind = NumberCounts if state["kind"] == "numbers" else LevelCounts
        rng = np.random.Generator(np.random.PCG64())
        rng.bit_generator.state = state["rng"]
        counts = [kind.from_state(part) for part in state["counts"]]
        return cls(counts, state["bets"], YearlyEvidence.from_state(state["evidence"]), rng)


def watch_numbers(
    reference: ArrayLike,
    *,
    rng: np.random.Generator,
    windows_per_year: int,
    alpha: float,
    seasons: ArrayLike | None = None,
    n_seasons: int = 1,
) -> ColumnWatch:
    """Watch a numeric column for changes of location, spread and shape, of its tails, and of missing values.

    Parameters
    ----------
    reference : array-like of float, shape (n,)
        What the stream is compared with; NaN for missing. Infinities are values. May be empty or all missing.
    rng : numpy.random.Generator
        PCG64. Breaks ties and picks rows; the watch keeps it, so give it one of its own.
    windows_per_year : int
        Evidence begins anew after so many.
    alpha : float
        Probability of a false alarm in this column in a year, inside (0, 1).
    seasons : array-like of int, shape (n,), optional
        Season of each row, from 0 to ``n_seasons - 1``: rows are compared with those of their own season only.

    Notes
    -----
    Assumes that rows of reference and stream are independent draws from one distribution, that of their season.
    Nothing is assumed about the distribution.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> watch = watch_numbers(rng.normal(size=5000), rng=rng, windows_per_year=52, alpha=0.05)
    >>> [watch.update(rng.normal(size=500)) for _ in range(3)]
    [None, None, None]
    >>> alarm = watch.update(rng.normal(loc=0.5, size=500))
    >>> alarm.window, alarm.start, watch.bets[alarm.bet]
    (3, 3, 'location')
    """
    rows = np.asarray(reference, dtype=np.float64)
    if rows.ndim != 1:
        raise ValueError(f"expected numbers of shape (n,) in `reference`, got shape {rows.shape}")
    counts = [NumberCounts(np.asarray(part), rng=rng) for part in _by_season(rows, seasons, n_seasons)]
    evidence = YearlyEvidence(
        [*NUMBER_BETS.values()], [*SHARE_BETS.values()], windows_per_year=windows_per_year, alpha=alpha
    )
    return ColumnWatch(counts, [*NUMBER_BETS, *SHARE_BETS], evidence, rng)


def watch_levels(
    reference: Iterable[str | None],
    *,
    rng: np.random.Generator,
    windows_per_year: int,
    alpha: float,
    seasons: ArrayLike | None = None,
    n_seasons: int = 1,
) -> ColumnWatch:
    """Watch a column of texts for changes of the share of each level, of new levels, and of missing values.

    Parameters as in :func:`watch_numbers`, with None for missing. A fifth of the reference is used to learn which 20
    levels are frequent and how frequent, the rest for the comparison.
    """
    rows = list(reference)
    is_design = rng.random(len(rows)) < DESIGN
    picked = [row for row, chosen in zip(rows, is_design, strict=True) if chosen]
    common = Counter(row for row in picked if row is not None)
    levels = sorted(common, key=lambda level: (-common[level], level))[:MOST_LEVELS]
    season_of = np.zeros(len(rows), dtype=np.int64) if seasons is None else np.asarray(seasons)
    counts = []
    for season in range(n_seasons):
        inside = season_of == season
        parts = [_chosen(rows, inside & mask) for mask in (~is_design, is_design)]
        counts.append(LevelCounts(*parts, levels=levels, known=frozenset(common), rng=rng))
    names = [*map(repr, levels), OTHER, NEW, MISSING]
    weights = np.full(len(names), 1.0 / len(names))
    evidence = YearlyEvidence([], weights, windows_per_year=windows_per_year, alpha=alpha)
    return ColumnWatch(counts, names, evidence, rng)


def _chosen(rows: Sequence[Any], mask: NDArray[np.bool_]) -> list[Any]:
    return [rows[place] for place in np.flatnonzero(mask).tolist()]


def _by_season(
    values: Sequence[Any] | Numbers, seasons: ArrayLike | None, n_seasons: int
) -> list[Sequence[Any] | Numbers]:
    if n_seasons == 1:
        return [values]
    season_of = np.asarray(seasons)
    if seasons is None or season_of.shape != (len(values),):
        raise ValueError(f"expected the season of each of {len(values)} rows in `seasons`, got {seasons!r}")
    if isinstance(values, np.ndarray):
        return [values[season_of == season] for season in range(n_seasons)]
    return [_chosen(values, season_of == season) for season in range(n_seasons)]
