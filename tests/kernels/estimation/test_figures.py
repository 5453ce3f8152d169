"""Figures and their standing."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.estimation.figures import Figure, standing


@pytest.mark.parametrize(
    ("metric", "figure", "expected"),
    [
        ("auc", (0.7, 0.7), "worse"),
        ("auc", (0.95, 0.95), "better"),
        ("log_loss", (0.95, 0.95), "worse"),
        ("mae", (0.7, 0.7), "better"),
        ("auc", (0.7, 0.85), "within"),
        ("auc", (np.nan, np.nan), "unknown"),
    ],
)
def test_standing_follows_the_side_that_is_bad(metric: str, figure: tuple[float, float], expected: str) -> None:
    assert standing(metric, figure, 0.8, 0.9) == expected


def test_a_figure_from_a_sample_stands_by_its_whole_interval() -> None:
    common = ("auc", 1000)
    parts = (0.85, 0.85, 0.84, 0.86, 0.78, 0.75, 0.81, np.nan, 0.8, 0.9, "", 1.0, 0.0, 0.5, False)
    sampled = Figure(0, *common, 100, *parts).placed()
    whole = Figure(0, *common, 1000, *parts).placed()
    assert (sampled.is_sampled, sampled.standing) == (True, "within")
    assert (whole.is_sampled, whole.standing) == (False, "worse")
    assert sampled.best.value == 0.78
    assert sampled._replace(restated=np.nan).best == (0.85, 0.84, 0.86)
