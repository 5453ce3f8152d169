"""Grow boosted trees on columns of small codes, and ask them: for telling two tables apart, where speed counts most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import entrance

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]
Places = NDArray[np.int32]

DEPTH = 5
N_BINS = 256
NO_CUT = 255
RIDGE = 1.0


@entrance
def grow_trees(
    codes: Codes,
    is_current: Codes,
    looked_at: Places,
    rate: float,
    least: float,
    columns: Places,
    cuts: Codes,
    leaves: Floats,
    score: Floats,
    slopes: Floats,
    node: Codes,
    sums: Floats,
    best: Floats,
) -> None:
    """Fit trees one after the other to what those before leave unexplained (logistic loss, Newton steps).

    Each tree has the depth ``DEPTH``; a node that is not worth a split sends all rows to its left child.

    Parameters
    ----------
    codes
        ``(n_columns, n_rows)``
    is_current
        ``(n_rows,)``: 0 or 1.
    looked_at
        ``(n_trees, n_looked_at)``: columns that each tree may split on.
    rate
        Share of each step that is taken.
    least
        How much of the second derivative either side of a split holds, at least: a quarter for each row of which
        nothing is known yet.
    columns, cuts
        ``(n_trees, 2 ** DEPTH - 1)``, written: rows whose code in the column is larger than the cut go right. The
        children of node ``i`` are ``2 i + 1`` and ``2 i + 2``.
    leaves
        ``(n_trees, 2 ** DEPTH)``, written: what each leaf adds to the log odds.
    score
        ``(n_rows,)``: log odds to begin with; those of all trees after.
    slopes, node, sums, best
        Room: ``(2, n_rows)``, ``(n_rows,)``, ``(2 ** (DEPTH - 1), N_BINS, 2)`` and ``(2 ** (DEPTH - 1),)``.

    References
    ----------
    Friedman, J. (2001). Greedy function approximation: a gradient boosting machine. Annals of Statistics 29.
    Chen, T. and Guestrin, C. (2016). XGBoost: a scalable tree boosting system. KDD, sections 2.2 and 3.1.
    """
    n = score.size
    for tree in range(columns.shape[0]):
        for i in range(n):
            p = 1.0 / (1.0 + np.exp(-score[i]))
            slopes[0, i] = p - is_current[i]
            slopes[1, i] = p * (1.0 - p)
            node[i] = 0
        for level in range(DEPTH):
            width = 1 << level
            start = width - 1
            best[:width] = 1e-9
            for at in range(start, start + width):
                columns[tree, at] = 0
                cuts[tree, at] = NO_CUT
            for column in looked_at[tree]:
                sums[:width] = 0.0
                for i in range(n):
                    here = node[i]
                    code = codes[column, i]
                    sums[here, code, 0] += slopes[0, i]
                    sums[here, code, 1] += slopes[1, i]
                for here in range(width):
                    whole, weight = 0.0, 0.0
                    for code in range(N_BINS):
                        whole += sums[here, code, 0]
                        weight += sums[here, code, 1]
                    if weight < 2.0 * least:
                        continue
                    base = whole * whole / (weight + RIDGE)
                    left, light = 0.0, 0.0
                    for code in range(NO_CUT):
                        left += sums[here, code, 0]
                        light += sums[here, code, 1]
                        if light < least:
                            continue
                        if weight - light < least:
                            break
                        right = whole - left
                        gain = left * left / (light + RIDGE) + right * right / (weight - light + RIDGE) - base
                        if gain > best[here]:
                            best[here] = gain
                            columns[tree, start + here] = column
                            cuts[tree, start + here] = code
            for i in range(n):
                at = start + node[i]
                node[i] = 2 * node[i] + (codes[columns[tree, at], i] > cuts[tree, at])
        sums[0, : 1 << DEPTH] = 0.0
        for i in range(n):
            sums[0, node[i], 0] += slopes[0, i]
            sums[0, node[i], 1] += slopes[1, i]
        for leaf in range(1 << DEPTH):
            leaves[tree, leaf] = -rate * sums[0, leaf, 0] / (sums[0, leaf, 1] + RIDGE)
        for i in range(n):
            score[i] += leaves[tree, node[i]]


@entrance
def ask_trees(codes: Codes, asked: Places, columns: Places, cuts: Codes, leaves: Floats, values: Floats) -> None:
    """Write what some trees, given by their places, say of rows: ``values``, ``(n_trees, n_rows)``."""
    for tree in asked:
        for i in range(codes.shape[1]):
            at = 0
            for _ in range(DEPTH):
                at = 2 * at + 1 + (codes[columns[tree, at], i] > cuts[tree, at])
            values[tree, i] = leaves[tree, at - ((1 << DEPTH) - 1)]
