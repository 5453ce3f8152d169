"""Damage the rows of a table in kinds and five strengths, nested: what is damaged a little is damaged more, too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.corruptions import (
    UNIT_FACTORS,
    add_noise,
    misspell,
    robust_scale,
    slip_units,
    swap_levels,
)

Column = NDArray[np.generic]
Cells = Mapping[str, Column]

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2)
NOISE = (0.05, 0.1, 0.2, 0.5, 1.0)
KINDS = ("missing", "noise", "units", "categories", "typos")
LARGEST_WHOLE = 2.0**62


@dataclass
class TableDamage:
    """Rows and the random draws that damage them, the same at every severity.

    Attributes
    ----------
    cells
        Columns by name, ``(n_rows,)``: float64 with NaN for missing cells, all else as objects with ``None``.
    reference
        The same columns of rows that show ranges, spreads and levels.
    words
        Columns of text cells, which can be misspelt.
    categories
        Columns whose cells can be swapped for other levels.
    whole
        Columns of numbers that are whole.
    rng
        Consumed when it is made.
    """

    cells: Cells
    reference: Cells
    words: Collection[str]
    categories: Collection[str]
    whole: Collection[str]
    rng: np.random.Generator

    def __post_init__(self) -> None:
        self._numbers = [name for name, values in self.cells.items() if values.dtype.kind == "f"]
        n_rows = len(next(iter(self.cells.values())))
        n_numbers = max(len(self._numbers), 1)
        self._place = {name: place for place, name in enumerate(self.cells)}
        self._drawn = self.rng.random((n_rows, len(self.cells)))
        self._z = self.rng.normal(size=(n_rows, n_numbers))
        self._rows, self._column = self.rng.random(n_rows), self.rng.integers(0, n_numbers, n_rows)
        self._factor = self.rng.integers(0, len(UNIT_FACTORS), n_rows)
        self._steps = self.rng.random((n_rows, len(self.cells)))
        self._mistyped = {name: self._with_mistakes(self.cells[name]) for name in self.words}

    @property
    def kinds(self) -> list[str]:
        """The kinds of damage these columns can suffer."""
        able = {"noise": self._numbers, "units": self._numbers, "categories": self.categories, "typos": self.words}
        return [kind for kind in KINDS if able.get(kind, self.cells)]

    def at(self, kind: str, severity: int) -> tuple[float, dict[str, Column]]:
        """Return the amount of damage of a kind at a severity from 1 to 5, and the columns it changes."""
        amount = (NOISE if kind == "noise" else SHARES)[severity - 1]
        damage = {
            "missing": self._missing,
            "noise": self._noisy,
            "units": self._slipped,
            "categories": self._swapped,
            "typos": self._misspelt,
        }[kind]
        return amount, damage(amount)

    def _hit(self, name: str, share: float) -> NDArray[np.bool_]:
        return np.asarray(self._drawn[:, self._place[name]] < share)

    def _missing(self, share: float) -> dict[str, Column]:
        emptied: dict[str, Column] = {}
        for name, values in self.cells.items():
            empty = np.array(np.nan if values.dtype.kind == "f" else None, dtype=values.dtype)
            emptied[name] = np.where(self._hit(name, share), empty, values)
        return emptied

    def _noisy(self, factor: float) -> dict[str, Column]:
        noisy: dict[str, Column] = {}
        for j, name in enumerate(self._numbers):
            seen = self.reference[name].astype(np.float64)
            finite = seen[np.isfinite(seen)]
            if finite.size:
                low, high, scale = float(finite.min()), float(finite.max()), factor * robust_scale(finite)
                is_whole = name in self.whole
                values = self.cells[name].astype(np.float64)
                moved = add_noise(values, self._z[:, j], scale=scale, low=low, high=high, whole=is_whole)
                noisy[name] = _storable(moved, is_whole=is_whole)
        return noisy

    def _slipped(self, share: float) -> dict[str, Column]:
        slipped: dict[str, Column] = {}
        for j, name in enumerate(self._numbers):
            hit, is_whole = (self._rows < share) & (self._column == j), name in self.whole
            factors = np.where(hit, np.asarray(UNIT_FACTORS)[self._factor], 1.0)
            moved = slip_units(self.cells[name].astype(np.float64), factors, whole=is_whole)
            slipped[name] = _storable(moved, is_whole=is_whole)
        return slipped

    def _swapped(self, share: float) -> dict[str, Column]:
        swapped: dict[str, Column] = {}
        for name in self.categories:
            values = self.cells[name]
            levels = sorted({each for each in (*self.reference[name], *values) if each is not None})
            if not levels:
                continue
            place = {level: code for code, level in enumerate(levels)}
            codes = np.array([-1 if each is None else place[each] for each in values], dtype=np.int64)
            moved = swap_levels(codes, self._steps[:, self._place[name]], n_levels=len(levels))
            others = np.array([*levels, None], dtype=object)[moved]
            swapped[name] = np.where(self._hit(name, share), others, values)
        return swapped

    def _misspelt(self, share: float) -> dict[str, Column]:
        return {name: np.where(self._hit(name, share), self._mistyped[name], self.cells[name]) for name in self.words}

    def _with_mistakes(self, values: Column) -> Column:
        words = misspell(["" if each is None else str(each) for each in values], self.rng)
        return np.array([None if each is None else word for each, word in zip(values, words, strict=True)], object)


def _storable(values: NDArray[np.float64], *, is_whole: bool) -> NDArray[np.float64]:
    """Cut numbers to what a column of whole numbers can hold."""
    return np.clip(values, -LARGEST_WHOLE, LARGEST_WHOLE) if is_whole else values
