from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks on networks need the extra 'torch'")

from scipy.optimize import minimize  # noqa: E402

from holdfast.kernels.torch_robustness.balls import Ball, balls  # noqa: E402
from tests.kernels.torch_robustness.networks import most_gained  # noqa: E402

NORMS = ("linf", "l2", "l1")
EPS = {"linf": 0.3, "l2": 0.6, "l1": 0.9}


def ball(norm: str, X: np.ndarray, dtype: object = torch.float64) -> Ball:
    return balls(X, norm=norm, eps=EPS[norm], low=0, high=1, device="cpu", dtype=dtype)  # type: ignore[arg-type]


@pytest.mark.parametrize("norm", NORMS)
def test_projection_is_the_closest_point_inside(norm: str) -> None:
    generator = np.random.default_rng(0)
    X, far = generator.uniform(size=(5, 4)), generator.normal(size=(5, 4)) * 1.5
    order = {"linf": np.inf, "l2": 2, "l1": 1}[norm]
    inside = ball(norm, X).project(torch.as_tensor(far)).numpy()
    assert (np.linalg.norm(inside - X, ord=order, axis=1) <= EPS[norm] + 1e-12).all()
    for x, z, got in zip(X, far, inside, strict=True):
        # The move is up minus down, both at least zero, so that every constraint is smooth.
        def length(v: np.ndarray) -> float:
            return float(
                {"linf": (v[:4] + v[4:]).max(), "l2": np.sqrt(((v[:4] - v[4:]) ** 2).sum()), "l1": v.sum()}[norm]
            )

        best = minimize(
            lambda v, x=x, z=z: ((x + v[:4] - v[4:] - z) ** 2).sum(),
            np.full(8, 0.01),
            bounds=[(0, min(1 - c, EPS[norm])) for c in x] + [(0, min(c, EPS[norm])) for c in x],
            constraints=[] if norm == "linf" else [{"type": "ineq", "fun": lambda v: EPS[norm] - length(v)}],
            options={"maxiter": 300, "ftol": 1e-12},
        )
        assert ((got - z) ** 2).sum() <= best.fun + 1e-4


@pytest.mark.parametrize("norm", NORMS)
def test_summit_of_a_linear_function_is_its_highest_place(norm: str) -> None:
    generator = np.random.default_rng(1)
    X, w = generator.uniform(size=(20, 6)), generator.normal(size=(20, 6))
    top = ball(norm, X).summit(torch.as_tensor(w)).numpy()
    for x, slope, best in zip(X, w, top, strict=True):
        assert slope @ (best - x) == pytest.approx(most_gained(slope, x, 0, 1, EPS[norm], norm), rel=1e-4)


@pytest.mark.parametrize("norm", NORMS)
def test_starts_and_projections_stay_inside_without_tolerance_in_single_precision(norm: str) -> None:
    generator = np.random.default_rng(2)
    X = generator.uniform(size=(200, 30)).astype(np.float32)
    X[:, :10] = generator.integers(0, 2, size=(200, 10))
    around = ball(norm, X, torch.float32)
    for x in (around.start(generator.uniform(size=X.shape)), around.project(torch.randn(200, 30) * 3)):
        moved = x.double().numpy() - X.astype(np.float64)
        assert (np.linalg.norm(moved, ord={"linf": np.inf, "l2": 2, "l1": 1}[norm], axis=1) <= EPS[norm]).all()
        assert around.holds(x).all()
        assert x.min() >= 0
        assert x.max() <= 1


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_moves_that_rounding_made_too_long_are_shortened(norm: str) -> None:
    X = np.random.default_rng(0).uniform(20, 235, size=(5, 3000))
    around = balls(X, norm=norm, eps=50.0, low=0, high=255, device="cpu", dtype=torch.float32)  # type: ignore[arg-type]
    edge = around.centre + torch.nn.functional.normalize(torch.randn(5, 3000), p={"l2": 2, "l1": 1}[norm]) * 50.001
    edge = edge.clamp(around.lower, around.upper)
    pulled = around.pulled(edge)
    assert not around.holds(edge).any()
    assert around.holds(pulled).all()
    far = around.centre * 0.5
    assert (around.pulled(far) == far).all()


def test_a_point_at_an_end_that_single_precision_rounds_beyond_it_is_inside() -> None:
    end = 255 / 26
    ball = balls(np.array([[end]]), norm="linf", eps=0.1, low=0.0, high=end, device="cpu", dtype=torch.float32)
    assert bool(ball.holds(ball.centre).all())
