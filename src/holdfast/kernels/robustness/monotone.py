"""Which features of a pipeline follow one number, and which way the outcome goes with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Cells = Mapping[str, NDArray[Any]]
# Weaker ties of a number and the outcome say nothing about a direction.
WEAKEST = 0.05


def monotone_directions(
    cells: Cells, features: Callable[[Cells], NDArray[np.float64]], y: NDArray[np.int64], *, rng: np.random.Generator
) -> tuple[int, ...]:
    """Return, for each feature, 1 where the outcome rises with the number it follows, -1 where it falls, else 0.

    Parameters
    ----------
    cells
        Columns of the training data by name, each ``(n_rows,)``: float64 for numbers, objects for categories.
    features
        The pipeline, from columns to features ``(n_rows, n_features)``.
    y
        Outcomes, 0 or 1.
    rng
        Shuffles one column at a time, to see which features move with it.

    Notes
    -----
    The sign of Spearman's correlation, 0 where that is weaker than 0.05. Features that move with a category, or with
    several columns, get 0.

    Examples
    --------
    >>> x, c = np.arange(50.0), np.array(["a", "b"] * 25, dtype=object)
    >>> pipeline = lambda cells: np.column_stack([-cells["x"], cells["c"] == "a"])
    >>> monotone_directions({"x": x, "c": c}, pipeline, (x > 20).astype(int), rng=np.random.default_rng(0))
    (-1, 0)
    """
    plain = np.asarray(features(cells), dtype=np.float64)
    movers, by_number = np.zeros(plain.shape[1], dtype=np.int64), np.zeros(plain.shape[1], dtype=np.bool_)
    for name, values in cells.items():
        shuffled = features({**cells, name: values[rng.permutation(values.size)]})
        moves = ((shuffled != plain) & ~(np.isnan(shuffled) & np.isnan(plain))).any(axis=0)
        movers += moves
        by_number |= moves & (values.dtype.kind == "f")
    return tuple(_direction(plain[:, j], y) if movers[j] == 1 and by_number[j] else 0 for j in range(plain.shape[1]))


def _direction(values: NDArray[np.float64], y: NDArray[np.int64]) -> int:
    known = np.isfinite(values)
    if known.sum() < 2 or np.ptp(values[known]) == 0 or np.ptp(y[known]) == 0:
        return 0
    rho = float(np.corrcoef(rankdata(values[known]), y[known])[0, 1])
    return int(np.sign(rho)) if abs(rho) >= WEAKEST else 0
