"""Least values over boxes and balls, and inputs at which they are met."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")

from holdfast.kernels.torch_certificates.regions import Region, is_empty, lowest, smallest  # noqa: E402  (needs torch)
from tests.kernels.torch_certificates.small_networks import ball, inside  # noqa: E402


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_the_least_value_is_met_and_never_undercut(norm: str) -> None:
    rng = np.random.default_rng(0)
    x, a = torch.tensor(rng.normal(size=(6, 8))), torch.tensor(rng.normal(size=(6, 8)))
    region = ball(x, 0.7, norm)
    least = smallest(a[:, None], region)[:, 0]
    torch.testing.assert_close((a * lowest(a, region)).sum(dim=1), least)
    assert ((a * inside(region, 500, 1)).sum(dim=2) >= least - 1e-9).all()


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_a_ball_that_the_box_cuts_keeps_its_bound_and_its_inputs(norm: str) -> None:
    rng = np.random.default_rng(1)
    x, a = torch.tensor(rng.random((6, 8))), torch.tensor(rng.normal(size=(6, 8)))
    region = Region((x - 0.8).clamp(0, 1), (x + 0.8).clamp(0, 1), x, torch.ones_like(x), 0.8, norm)  # type: ignore[arg-type]
    least, met = smallest(a[:, None], region)[:, 0], lowest(a, region)
    assert ((a * met).sum(dim=1) >= least - 1e-12).all()
    assert ((a * inside(region, 500, 1)).sum(dim=2) >= least - 1e-9).all()
    length = (met - x).norm(dim=1) if norm == "l2" else (met - x).abs().sum(dim=1)
    assert (length <= 0.8 * (1 + 1e-9)).all()
    assert ((met >= region.low) & (met <= region.high)).all()


def test_cells_outside_the_ball_are_bound_by_the_box_alone() -> None:
    scale = torch.tensor([[1.0, 2.0, 0.0]], dtype=torch.float64)
    zero = torch.zeros_like(scale)
    region = Region(zero - 9, zero + torch.tensor([9.0, 9.0, 1.0]), zero, scale, 0.5, "l2")
    found = smallest(torch.tensor([[[3.0, 2.0, -7.0]]], dtype=torch.float64), region)
    assert found.item() == pytest.approx(-0.5 * 5.0 - 7.0)


def test_a_part_of_the_box_outside_the_ball_is_known_to_be_empty() -> None:
    point = torch.zeros((2, 2), dtype=torch.float64)
    low = torch.tensor([[0.8, 0.8], [0.6, 0.6]], dtype=torch.float64)
    region = Region(low, low + 0.2, point, torch.ones_like(point), 1.0, "l2")
    assert is_empty(region).tolist() == [True, False]
    part = lowest(torch.ones_like(point), region)
    assert part[1].norm() <= 1.0 + 1e-9
