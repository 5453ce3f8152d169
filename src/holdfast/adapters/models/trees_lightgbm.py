"""The trees of LightGBM, from its text format.

References
----------
LightGBM 4, ``src/io/tree.cpp`` and ``include/LightGBM/tree.h``: bits of ``decision_type`` (1: category; 2: missing goes
left; 4 and 8: what counts as missing); numbers go left if ``<=``, codes if in the set, unknown and missing codes right.
Numbers up to ``kZeroThreshold`` are taken for zero (``RowPairFunctionFromDenseMatric`` in ``src/c_api.cpp``).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.tree_arrays import Intervals, assembled, no_trees
from holdfast.core.subject import Link, RawTrees

IS_CATEGORY, DEFAULT_LEFT = 1, 2
MISSING_IS_ZERO, MISSING_IS_NAN = 1, 2
ZERO = float(np.float32(1e-35))
BELOW_ZERO = float(np.nextafter(-ZERO, -np.inf))
LINKS: Mapping[str, Link] = {
    "binary": "sigmoid",
    "multiclass": "softmax",
    "softmax": "softmax",
    "multiclassova": "sigmoids",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
}


def has_trees(booster: Any) -> bool:
    """Whether a booster holds trees of constants whose answer is known."""
    text = booster.model_to_string(num_iteration=1)
    return _link(text.partition("\nTree=")[0]) is not None and "\nis_linear=1" not in text


def read_trees(booster: Any) -> RawTrees:
    """Read the trees that a booster predicts with: up to the best iteration where training stopped early.

    Raises
    ------
    NotRun
        For linear trees, and objectives whose answers are not known.
    """
    head, *blocks = booster.model_to_string().partition("\nend of trees")[0].split("\nTree=")
    header = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    options = header.get("objective", "").split(" ")
    link = _link(head)
    if link is None:
        raise no_trees(f"the objective {header.get('objective') or 'custom'!r} of LightGBM is not known")
    scale = next((float(option[8:]) for option in options if option.startswith("sigmoid:")), 1.0)
    n_outputs = int(header.get("num_tree_per_iteration", "1"))
    if "average_output" in head.splitlines():
        scale /= max(1, len(blocks) // n_outputs)
    parts = [_Tree(block.partition("\n")[2], number % n_outputs) for number, block in enumerate(blocks)]
    n_columns = int(header["max_feature_idx"]) + 1
    return _joined(parts, n_columns=n_columns, n_outputs=n_outputs, scale=scale, link=link)


def _link(head: str) -> Link | None:
    """Return the link of the objective that the head of a model names, where it is known."""
    stated = next((line[10:] for line in head.splitlines() if line.startswith("objective=")), "")
    kind, *options = stated.split(" ")
    return None if "sqrt" in options else LINKS.get(kind)


class _Tree:
    """One tree: its splits first, then its leaves."""

    def __init__(self, text: str, output: int) -> None:
        fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        if fields.get("is_linear", "0") != "0":
            raise no_trees("its leaves hold linear models")
        self.output = output
        self.leaf_value = _numbers(fields["leaf_value"])
        n_inner = self.leaf_value.size - 1
        self.column = _numbers(fields.get("split_feature", "")).astype(np.int64)
        self.threshold = _numbers(fields.get("threshold", ""))
        self.decision = _numbers(fields.get("decision_type", "")).astype(np.int64)
        left, right = (_numbers(fields.get(side, "")).astype(np.int64) for side in ("left_child", "right_child"))
        # a leaf is written as minus its number, less one
        self.left, self.right = (np.where(child < 0, n_inner + ~child, child) for child in (left, right))
        bounds = _numbers(fields.get("cat_boundaries", "0")).astype(np.int64)
        words = _numbers(fields.get("cat_threshold", "")).astype(np.uint32)
        self.sets = [_bits(words[start:end]) for start, end in itertools.pairwise(bounds)]


def _joined(parts: list[_Tree], *, n_columns: int, n_outputs: int, scale: float, link: Link) -> RawTrees:
    sizes = [2 * part.leaf_value.size - 1 for part in parts]
    starts = np.cumsum([0, *sizes])
    column, threshold, left, right = (np.full(starts[-1], fill) for fill in (-1, 0.0, -1, -1))
    decision, levels = np.zeros(starts[-1], dtype=np.int64), np.full(starts[-1], -1)
    value = np.zeros((starts[-1], n_outputs))
    sets: list[NDArray[np.bool_]] = []
    for part, start in zip(parts, starts, strict=False):
        inner = slice(start, start + part.column.size)
        column[inner], threshold[inner], decision[inner] = part.column, part.threshold, part.decision
        left[inner], right[inner] = part.left + start, part.right + start
        on_sets = np.flatnonzero(part.decision & IS_CATEGORY)
        levels[start + on_sets] = len(sets) + part.threshold[on_sets].astype(np.int64)
        sets += part.sets
        value[inner.stop : inner.stop + part.leaf_value.size, part.output] = part.leaf_value * scale
    threshold = np.where(levels >= 0, 0.0, _past_zero(threshold))
    trees = RawTrees(
        column=column.astype(np.int32),
        threshold=threshold,
        levels=levels.astype(np.int32),
        missing_left=_missing_left(threshold, decision, levels),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        value=value,
        roots=starts[:-1].astype(np.int32),
        base=np.zeros(n_outputs),
        level_sets=_stacked(sets),
        n_columns=n_columns,
        link=link,
    )
    return assembled(trees, intervals=_around_zero(trees, decision))


def _past_zero(threshold: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move thresholds within the numbers that are taken for zero to where those end: all of them go where zero goes."""
    moved = np.where((threshold >= 0) & (threshold < ZERO), ZERO, threshold)
    return np.where((threshold >= -ZERO) & (threshold < 0), BELOW_ZERO, moved)


def _missing_left(
    threshold: NDArray[np.float64], decision: NDArray[np.int64], levels: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Where NaN goes: as told where something counts as missing, else as zero; with unknown codes to the right."""
    told = (decision & DEFAULT_LEFT) != 0
    return np.where(levels >= 0, False, np.where(decision >> 2 & 3, told, threshold >= 0))


def _around_zero(trees: RawTrees, decision: NDArray[np.int64]) -> Intervals:
    """Return the splits in which zero counts as missing, and goes elsewhere than its neighbours."""
    node = np.flatnonzero((trees.column >= 0) & (trees.levels < 0) & (decision >> 2 & 3 == MISSING_IS_ZERO))
    cuts, n_cuts, lowest = [], [], []
    for threshold, zero_left in zip(trees.threshold[node], trees.missing_left[node], strict=True):
        marks = sorted({BELOW_ZERO, ZERO, float(threshold)})
        ends = [*marks, np.inf]
        sides = [bool(zero_left) if BELOW_ZERO < end <= ZERO else bool(end <= threshold) for end in ends]
        turns = [mark for mark, side, next_side in zip(marks, sides, sides[1:], strict=False) if side != next_side]
        cuts += turns or [np.inf]
        n_cuts.append(len(turns) or 1)
        lowest.append(sides[0])
    return Intervals(node, np.array(cuts), np.array(n_cuts, dtype=np.int64), np.array(lowest, dtype=bool))


def _stacked(sets: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Put sets of codes in rows, the last place for codes outside: these go right."""
    stacked = np.zeros((len(sets), 1 + max((row.size for row in sets), default=0)), dtype=bool)
    for row, codes in enumerate(sets):
        stacked[row, : codes.size] = codes
    return stacked


def _bits(words: NDArray[np.uint32]) -> NDArray[np.bool_]:
    return np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little").astype(bool)


def _numbers(text: str) -> NDArray[np.float64]:
    return np.array(text.split(), dtype=np.float64)
