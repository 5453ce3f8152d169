"""The trees of XGBoost, from its JSON format.

References
----------
XGBoost 3, ``src/predictor/cpu_predictor.cc`` and ``src/common/categorical.h``: inputs are rounded to single precision
and go left if ``<``; codes in the set of a category split go right, all others left; missing ones as the node says.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.tree_arrays import assembled, no_trees
from holdfast.core.subject import Link, RawTrees
from holdfast.kernels.robustness.single_precision import below

BOOSTERS = ("gbtree", "dart")
LINKS: Mapping[str, Link] = {
    "binary:logistic": "sigmoid",
    "binary:logitraw": "sigmoid",
    "binary:hinge": "sign",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:absoluteerror": "identity",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
}


def has_trees(booster: Any) -> bool:
    """Whether a booster holds trees whose answer is known."""
    learner = json.loads(booster.save_config())["learner"]
    return learner["objective"]["name"] in LINKS and learner["gradient_booster"]["name"] in BOOSTERS


def read_trees(booster: Any, rounds: tuple[int, int] = (0, 0)) -> RawTrees:
    """Read the trees of a range of rounds; (0, 0) are all.

    Raises
    ------
    NotRun
        For linear boosters, trees with several outputs, and objectives whose answers are not known.
    """
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    objective: str = learner["objective"]["name"]
    if objective not in LINKS:
        raise no_trees(f"the objective {objective!r} of XGBoost is not known")
    model, weights = _model(learner["gradient_booster"])
    ends = model["iteration_indptr"]
    chosen = slice(ends[rounds[0]], ends[min(rounds[1], len(ends) - 1)] if rounds[1] else ends[-1])
    groups = model["tree_info"][chosen]
    parameters = learner["learner_model_param"]
    n_outputs = max(1, int(parameters["num_class"]))
    if int(parameters.get("num_target", "1")) > 1:
        raise no_trees("it answers several questions at once")
    base = _base(parameters["base_score"], objective, n_outputs)
    parts = [
        _Tree(tree, group, weight)
        for tree, group, weight in zip(model["trees"][chosen], groups, weights[chosen], strict=True)
    ]
    return _joined(parts, n_columns=int(parameters["num_feature"]), base=base, link=LINKS[objective])


def _model(booster: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[float]]:
    """Return the trees and the weight of each, which is 1 where none was dropped."""
    if booster["name"] not in BOOSTERS:
        raise no_trees(f"the booster {booster['name']!r} of XGBoost has none")
    model = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    return model, booster.get("weight_drop") or [1.0] * len(model["trees"])


def _base(text: str, objective: str, n_outputs: int) -> NDArray[np.float64]:
    """Turn the stated base score, on the scale of what the objective returns, into scores."""
    stated = json.loads(text)
    values = [float(value) for value in (stated if isinstance(stated, list) else [stated])]
    if objective == "binary:logistic":
        values = [math.log(value / (1 - value)) for value in values]
    elif LINKS[objective] == "exp":
        values = [math.log(value) for value in values]
    return np.resize(np.array(values), n_outputs)


class _Tree:
    """One tree as XGBoost holds it: leaf values stand where splits have their threshold."""

    def __init__(self, tree: Mapping[str, Any], output: int, weight: float) -> None:
        if int(tree["tree_param"].get("size_leaf_vector", "1")) > 1:
            raise no_trees("its leaves hold several values")
        self.output, self.weight = output, weight
        self.left, self.right = np.array(tree["left_children"]), np.array(tree["right_children"])
        self.column = np.where(self.left < 0, -1, np.array(tree["split_indices"]))
        self.number = np.array(tree["split_conditions"], dtype=np.float32).astype(np.float64)
        self.missing_left = np.array(tree["default_left"]).astype(bool)
        spans = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
        self.right_codes = {node: tree["categories"][start : start + size] for node, start, size in spans}


def _joined(parts: list[_Tree], *, n_columns: int, base: NDArray[np.float64], link: Link) -> RawTrees:
    starts = np.cumsum([0, *(part.left.size for part in parts)])
    column = np.concatenate([part.column for part in parts])
    number = np.concatenate([part.number for part in parts])
    left, right = (
        np.concatenate([np.where(side < 0, -1, side + start) for side, start in zip(sides, starts, strict=False)])
        for sides in ([part.left for part in parts], [part.right for part in parts])
    )
    levels = np.full(starts[-1], -1)
    sets: list[list[int]] = []
    for part, start in zip(parts, starts, strict=False):
        for node, codes in part.right_codes.items():
            levels[start + node] = len(sets)
            sets.append(codes)
    value = np.zeros((starts[-1], base.size))
    output = np.repeat([part.output for part in parts], np.diff(starts))
    value[np.arange(starts[-1]), output] = number * np.repeat([part.weight for part in parts], np.diff(starts))
    value[column >= 0] = 0.0
    return assembled(
        RawTrees(
            column=column.astype(np.int32),
            threshold=np.where((column >= 0) & (levels < 0), below(number), 0.0),
            levels=levels.astype(np.int32),
            missing_left=np.concatenate([part.missing_left for part in parts]),
            left=left.astype(np.int32),
            right=right.astype(np.int32),
            value=value,
            roots=starts[:-1].astype(np.int32),
            base=base,
            level_sets=_left_codes(sets),
            n_columns=n_columns,
            link=link,
        )
    )


def _left_codes(right_codes: list[list[int]]) -> NDArray[np.bool_]:
    """Write which codes go left; codes outside do, in the last place."""
    sets = np.ones((len(right_codes), 2 + max((max(codes, default=0) for codes in right_codes), default=0)), dtype=bool)
    for row, codes in enumerate(right_codes):
        sets[row, codes] = False
    return sets
