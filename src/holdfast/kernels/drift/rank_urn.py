"""Where each new row falls among all rows before it, such that nothing about the distribution enters.

As long as reference and stream come from one distribution, the next row is equally likely to fall into each of the
gaps between the rows seen so far. Gaps are joined to a few hundred cells; a cell's chance is then its number of gaps,
those of the reference plus one for each later row that fell into it: an urn. The chance is exact whatever the
distribution is, and it knows that the reference is a sample.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

CELLS = 256
BLOCK = 32
STEPS, WAVES = 4096, 4
EARLIER = np.tri(BLOCK, k=-1, dtype=np.bool_)


class Shares(NamedTuple):
    """For each row its cell as an interval of cumulative chance, ``(n,)`` float64 each, before the row came."""

    low: Numbers
    high: Numbers


class RankUrn:
    """Cells between order statistics of a reference, and the rows that fell into them.

    Parameters
    ----------
    reference : array-like of float, shape (n,)
        No NaN; infinities are values. May be empty.
    rng : numpy.random.Generator
        Breaks ties at the edges of cells, so that columns with equal values are valid too.
    n_cells : int, default 256
        At most; the reference has one gap more than rows.

    Attributes
    ----------
    gaps
        ``(n_cells,)`` int64: gaps in each cell, reference and later rows.

    Notes
    -----
    Equal values are ordered at random, once for each row. The law of the cells is Blackwell and MacQueen's urn, because
    the gaps of uniform order statistics have a Dirichlet distribution.

    References
    ----------
    Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic Learning in a Random World, chapter 7 (exchangeability is
    tested online by ranks among the past).
    Wilks, S. S. (1962). Mathematical Statistics, section 8.7 (gaps between order statistics).

    Examples
    --------
    >>> urn = RankUrn([1.0, 2.0, 3.0], rng=np.random.default_rng(0))
    >>> shares = urn.add([2.5, 2.7], rng=np.random.default_rng(0))
    >>> shares.low.tolist(), shares.high.tolist(), urn.gaps.tolist()
    ([0.5, 0.4], [0.75, 0.8], [1, 1, 3, 1])
    """

    def __init__(self, reference: ArrayLike, *, rng: np.random.Generator, n_cells: int = CELLS) -> None:
        values = np.asarray(reference, dtype=np.float64)
        if values.ndim != 1 or np.isnan(values).any():
            raise ValueError(f"expected numbers of shape (n,) without NaN in `reference`, got shape {values.shape}")
        n_gaps = values.size + 1
        ends = np.arange(min(n_cells, n_gaps) + 1) * n_gaps // min(n_cells, n_gaps)
        self.gaps: Places = np.diff(ends).astype(np.int64)
        at = ends[1:-1] - 1
        ordered = np.sort(values)
        self._edge = ordered[at]
        first, last = (np.searchsorted(ordered, self._edge, side=side) for side in ("left", "right"))
        self._tie = rng.random(at.size)
        for start in np.unique(first[last > first + 1]):
            run = first == start
            # Of equal reference rows in random order, the places of those at the edges.
            self._tie[run] = np.sort(rng.random(last[run][0] - start))[at[run] - start]

    @property
    def n_gaps(self) -> int:
        """Rows seen, and one."""
        return int(self.gaps.sum())

    def place(self, values: ArrayLike, *, rng: np.random.Generator) -> Places:
        """Return the cell of each value, ``(n,)`` int64; adds nothing."""
        rows = np.asarray(values, dtype=np.float64)
        if rows.ndim != 1 or np.isnan(rows).any():
            raise ValueError(f"expected numbers of shape (n,) without NaN in `values`, got shape {rows.shape}")
        first = np.searchsorted(self._edge, rows, side="left")
        cells = first.astype(np.int64)
        tied = np.flatnonzero(np.append(self._edge, np.nan)[first] == rows)
        last = np.searchsorted(self._edge, rows[tied], side="right")
        drawn = rng.random(tied.size)
        for start in np.unique(first[tied]):
            run = first[tied] == start
            cells[tied[run]] += np.searchsorted(self._tie[start : last[run][0]], drawn[run])
        return cells

    def add(self, values: ArrayLike, *, rng: np.random.Generator) -> Shares:
        """Add rows one after the other, and return where each fell among those before it."""
        cells = self.place(values, rng=rng)
        lower, equal = earlier_rows(cells, self.gaps.size)
        below = np.concatenate([[0], np.cumsum(self.gaps)])[cells] + lower
        total = self.n_gaps + np.arange(cells.size)
        own = self.gaps[cells] + equal
        self.gaps = self.gaps + np.bincount(cells, minlength=self.gaps.size)
        return Shares(below / total, (below + own) / total)

    def state(self) -> dict[str, Any]:
        """Return all that is known, as numbers and lists."""
        return {"edge": self._edge.tolist(), "tie": self._tie.tolist(), "gaps": self.gaps.tolist()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RankUrn:
        """Go on where a state was taken."""
        urn = cls.__new__(cls)
        urn._edge, urn._tie = (np.array(state[key], dtype=np.float64) for key in ("edge", "tie"))
        urn.gaps = np.array(state["gaps"], dtype=np.int64)
        return urn


def earlier_rows(cells: Places, n_cells: int) -> tuple[Places, Places]:
    """For each row, count the rows before it in lower cells and in its own, ``(n,)`` int64 each.

    Cost O(n (BLOCK + n_cells / BLOCK)).

    Examples
    --------
    >>> lower, equal = earlier_rows(np.array([2, 0, 2, 1]), 3)
    >>> lower.tolist(), equal.tolist()
    ([0, 0, 1, 1], [0, 0, 1, 0])
    """
    n_blocks = -(-cells.size // BLOCK)
    padded = np.full(n_blocks * BLOCK, n_cells, dtype=np.int64)
    padded[: cells.size] = cells
    blocks = padded.reshape(n_blocks, BLOCK)
    row, width = np.arange(n_blocks)[:, None], n_cells + 2
    flat = ((row + 1) * width + blocks + 1).ravel()
    counts = np.bincount(flat, minlength=(n_blocks + 1) * width).reshape(n_blocks + 1, width).cumsum(axis=0)[:-1]
    below = counts.cumsum(axis=1)
    small = blocks.astype(np.int16)
    lower = below[row, blocks] + ((small[:, None, :] < small[:, :, None]) & EARLIER).sum(axis=2, dtype=np.int8)
    equal = counts[row, blocks + 1] + ((small[:, None, :] == small[:, :, None]) & EARLIER).sum(axis=2, dtype=np.int8)
    return lower.ravel()[: cells.size], equal.ravel()[: cells.size]


def wave_scores(shares: Shares) -> Numbers:
    """Return normal scores of each row, its order folded into 1 to 4 waves.

    Parameters
    ----------
    shares : Shares
        From :meth:`RankUrn.add`.

    Returns
    -------
    ndarray of float64, shape (n, 4)
        1 wave: larger values score higher (location); 2: values far from the middle score higher (spread); 3 and 4:
        finer changes of shape. Mean over the row's cell of the normal quantile of the folded cumulative chance, the
        quantile itself averaged over steps of 1 / 4096.

    Notes
    -----
    A triangle wave leaves the uniform distribution as it is, so that the normal quantile of it is a standard normal
    number. By Jensen, its mean over a step and then over a cell has ``E exp(a score) <= exp(a**2 / 2)`` for every a,
    given the rows before.

    Examples
    --------
    >>> both = Shares(np.array([0.0, 0.9]), np.array([0.1, 1.0]))
    >>> wave_scores(both)[:, :2].round(2).tolist()
    [[-1.75, 1.4], [1.75, 1.4]]
    """
    areas = [_area(share) for share in (shares.high, shares.low)]
    return np.asarray((areas[0] - areas[1]) / (shares.high - shares.low)[:, None])


def _area(share: Numbers) -> Numbers:
    """Integral of the scores from 0 to a share, ``(n, 4)``."""
    place = share * STEPS
    knot = np.minimum(place.astype(np.int64), STEPS - 1)
    return np.asarray(AREA[knot] + (place - knot)[:, None] * RISE[knot])


def _areas(waves: int) -> Numbers:
    """Integral of one score at the knots: zero at the end of every fold, plus or minus the normal density between."""
    scaled = np.arange(STEPS + 1) * waves
    fold = np.minimum(scaled // STEPS, waves - 1)
    density = np.exp(-0.5 * ndtri(scaled / STEPS - fold) ** 2) / np.sqrt(2.0 * np.pi)
    return np.asarray(np.where((waves - 1 - fold) % 2 == 0, -density, density) / waves)


AREA: Numbers = np.column_stack([_areas(waves) for waves in range(1, WAVES + 1)])
RISE: Numbers = np.diff(AREA, axis=0)
