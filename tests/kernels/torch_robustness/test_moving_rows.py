"""Rows that are moved in training stay within the threat, and go to where the loss is high."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from holdfast.core.training import Adversary

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not trained on moved rows")

from holdfast.kernels.torch_robustness.moving_rows import Mover  # noqa: E402  (needs torch)

# a free column in units of 2, one that stays, one that may only grow, one in [0, 1] that begins at its end
THREAT = Adversary(
    norm="linf", distance=0.5, unit=(2.0, 0.0, 1.0, 1.0), low=(-np.inf, 0.0, -9.0, 0.0), high=(np.inf, 0.0, 9.0, 1.0),
    direction=(0, 0, 1, 0),
)  # fmt: skip
ROWS = torch.tensor([[3.0, 7.0, 1.0, 1.0], [-4.0, 2.0, 0.0, 0.25]])
UNIFORM = np.random.default_rng(0).random((2, 4))


def moves(slopes: list[float], threat: Adversary = THREAT, progress: float = 1.0) -> Any:
    falls = torch.tensor(slopes)
    mover = Mover(threat, (4,))
    return (mover.move(lambda rows: (rows * falls).sum(1), ROWS, UNIFORM, progress=progress) - ROWS).numpy()


def test_linear_losses_push_each_cell_to_its_end() -> None:
    np.testing.assert_allclose(moves([1, 1, 1, 1]), [[1, 0, 0.5, 0], [1, 0, 0.5, 0.5]], atol=1e-5)
    np.testing.assert_allclose(moves([-1, -1, -1, -1]), [[-1, 0, 0, -0.5], [-1, 0, 0, -0.25]], atol=1e-5)


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_moves_in_other_norms_have_the_distance_and_spare_what_stays(norm: Any) -> None:
    found = moves([1.0, 50.0, 0.5, -0.1], replace(THREAT, norm=norm)) / [2, 1, 1, 1]
    length = np.abs(found).sum(1) if norm == "l1" else np.sqrt((found**2).sum(1))
    assert (length <= 0.5 + 1e-5).all()
    assert (length > 0.45).all()
    assert (found[:, 1] == 0).all()
    assert (found[:, 2] >= 0).all()
    assert (found[:, 0] > 0.3).all()


def test_the_distance_grows_from_nothing() -> None:
    assert not moves([1, 1, 1, 1], progress=0.0).any()
    np.testing.assert_allclose(moves([1, 1, 1, 1], progress=0.15)[:, 0], 0.5, atol=1e-5)


def test_threats_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="limits of 3 columns"):
        Mover(THREAT, (3,))
    with pytest.raises(ValueError, match="positive distance"):
        Mover(replace(THREAT, distance=np.inf), (4,))
