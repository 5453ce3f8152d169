"""Inputs found by the gradient: where the answer is known, what the prior does, what stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not differentiated")

from holdfast.kernels.torch_privacy import inversion  # noqa: E402  (needs torch)
from holdfast.kernels.torch_privacy.inversion import invert_classes  # noqa: E402  (needs torch)


def box(*shape: int, reach: float = 3.0) -> dict[str, Any]:
    return {"unit": np.ones(shape), "low": np.full(shape, -reach), "high": np.full(shape, reach)}


def test_the_best_input_of_a_known_landscape_is_found() -> None:
    peaks = torch.tensor([[1.0, -2.0], [0.5, 0.5], [-1.5, 2.0]])

    def scores(x: Any) -> Any:
        return torch.exp(-((x[:, None] - peaks) ** 2).sum(2))

    found = invert_classes(scores, "probabilities", np.zeros((3, 2)), nearness=0.0, **box(2))
    np.testing.assert_allclose(found, peaks.numpy(), atol=0.02)


def test_nearness_holds_the_input_at_its_start() -> None:
    def scores(x: Any) -> Any:
        return torch.cat([-x, x], 1)

    near, far = (
        np.abs(invert_classes(scores, "logits", np.zeros((2, 1)), nearness=weight, **box(1))).max()
        for weight in (2.0, 0.01)
    )
    # the gradient of -log sigmoid(2 z) + w / 2 z^2 vanishes at 2 sigmoid(-2 z) = w z
    assert 2 / (1 + np.exp(2 * near)) == pytest.approx(2.0 * near, abs=0.01)
    assert near < far / 3


@pytest.mark.parametrize("link", ["sigmoid", "probability"])
def test_one_column_speaks_of_both_classes(link: Any) -> None:
    def scores(x: Any) -> Any:
        return x.sum(1, keepdim=True) if link == "sigmoid" else torch.sigmoid(x.sum(1, keepdim=True))

    found = invert_classes(scores, link, np.zeros((2, 2)), **box(2))
    assert (found[0] < -0.3).all()
    assert (found[1] > 0.3).all()


def test_cells_without_a_unit_stay_and_all_stay_in_range() -> None:
    def scores(x: Any) -> Any:
        return torch.cat([-x.sum(1, keepdim=True), x.sum(1, keepdim=True)], 1)

    start, low, high = np.array([0.3, 0.0]), np.array([-0.5, -9.0]), np.array([0.5, 9.0])
    found = invert_classes(
        scores, "logits", np.stack([start, start]), unit=np.array([1.0, 0.0]), low=low, high=high, nearness=0.0
    )
    np.testing.assert_allclose(found[:, 1], 0.0)
    np.testing.assert_allclose(found[:, 0], [-0.5, 0.5], atol=1e-6)


def test_classes_are_sought_each_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = torch.tensor(np.random.default_rng(0).normal(size=(6, 5)), dtype=torch.float32)
    starts = np.random.default_rng(1).normal(size=(5, 6))

    def scores(x: Any) -> Any:
        return x @ weights

    together = invert_classes(scores, "logits", starts, n_steps=20, **box(6))
    monkeypatch.setattr(inversion, "PART_CELLS", 13)
    np.testing.assert_allclose(invert_classes(scores, "logits", starts, n_steps=20, **box(6)), together, atol=1e-6)
    assert (together[0] - starts[0]) @ weights[:, 0].numpy() > 0


def test_a_regression_is_refused() -> None:
    def scores(x: Any) -> Any:
        return x

    with pytest.raises(ValueError, match="values of a regression"):
        invert_classes(scores, "values", np.zeros((2, 2)), **box(2))
