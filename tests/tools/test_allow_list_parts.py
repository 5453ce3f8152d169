"""The parts of scikit-learn that the corpus holds beside the estimators."""

from __future__ import annotations

import numpy as np

from tests.tools.loading import load_tool

load_tool("generate_allow_list")
parts = load_tool("allow_list_parts")


def test_every_distance_comes_in_both_precisions() -> None:
    kinds = {type(value).__name__ for _, value in parts.distances(np.random.default_rng(0).random((20, 2)))}
    for name in ("Haversine", "Mahalanobis", "SEuclidean", "Euclidean", "Minkowski"):
        assert {f"{name}Distance64", f"{name}Distance32"} <= kinds


def test_losses_splits_and_kernels_are_made() -> None:
    kinds = {type(value).__name__ for _, value in parts.part_objects(np.ones((4, 2)), np.array([0, 1, 0, 1]))}
    assert {"HalfGammaLoss", "CyHalfGammaLoss", "PredefinedSplit", "RBF", "LogLink"} <= kinds
