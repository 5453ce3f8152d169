"""Attacks with the calling conventions of Foolbox and ART run within a threat, whether or not these are installed."""

from __future__ import annotations

import random
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.adapters.attacks.opening import open_attack
from holdfast.core.errors import InputError, NotRun
from tests.attack_packages import as_art, as_foolbox

torch = pytest.importorskip("torch", reason="torch is not installed: attacks have no slopes to follow")

WEIGHTS = np.array([[1.0, -1.0], [0.5, 0.0], [0.0, 2.0], [0.3, 0.1]], dtype=np.float32)
GAP = WEIGHTS[:, 0] - WEIGHTS[:, 1]


@pytest.fixture(autouse=True)
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    as_foolbox(monkeypatch)
    as_art(monkeypatch)


def forward(rows: Any) -> Any:
    return rows.flatten(1) @ torch.from_numpy(WEIGHTS)


def attacked(
    name: str, *, eps: float = 0.15, norm: Literal["linf", "l2", "l1"] = "linf", seed: int = 1, network: Any = forward
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    X = np.random.default_rng(0).random((40, 1, 2, 2)).astype(np.float32)
    y = (X.reshape(40, -1) @ WEIGHTS).argmax(axis=1)
    after = open_attack(name)(network, X, y, low=0.0, high=1.0, eps=eps, norm=norm, seed=seed)
    return X.reshape(40, -1), after.reshape(40, -1), y


@pytest.mark.parametrize(
    ("name", "norm", "order"),
    [
        ("foolbox.LinfNoise(repeats=60)", "linf", np.inf),
        ("foolbox.L2Noise", "l2", 2),
        ("art.SignedStep", "linf", np.inf),
    ],
)
def test_what_it_finds_flips_within_distance_and_range(name: str, norm: Any, order: float) -> None:
    before, after, y = attacked(name, norm=norm)
    flips = (after @ WEIGHTS).argmax(axis=1) != y
    assert flips.any()
    assert np.linalg.norm(after - before, order, axis=1).max() <= 0.15 + 1e-6
    assert after.min() >= 0
    assert after.max() <= 1
    dual = {np.inf: 1, 2: 2}[order]
    can = np.abs(before @ GAP) <= 0.15 * np.linalg.norm(GAP, dual) + 1e-6
    assert not (flips & ~can).any()


def test_steps_of_art_keep_their_ratio_to_the_distance() -> None:
    # two steps of half the distance reach every flip of a linear model that the range does not forbid
    before, after, y = attacked("art.SignedStep", eps=0.2)
    inside = (before >= 0.2).all(axis=1) & (before <= 0.8).all(axis=1)
    can = np.abs(before @ GAP) < 0.2 * np.abs(GAP).sum() - 1e-5
    assert (inside & can).sum() > 2
    assert ((after @ WEIGHTS).argmax(axis=1) != y)[inside & can].all()


def test_draws_repeat_and_leave_ours_alone() -> None:
    before = (random.getstate(), np.random.get_state()[1].copy(), torch.random.get_rng_state())  # noqa: NPY002
    first, again, other = (attacked("foolbox.LinfNoise", seed=seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), before[2])


def test_another_norm_unknown_settings_unknown_names_and_failures_are_told_apart() -> None:
    with pytest.raises(InputError, match="L2, and the threat is linf"):
        attacked("foolbox.L2Noise")
    with pytest.raises(InputError, match=r"cannot be made(.|\n)*repeat"):
        attacked("foolbox.LinfNoise(repeat=3)")
    with pytest.raises(InputError, match=r"art.SignedStep cannot be made: norm 2 is not known"):
        attacked("art.SignedStep", norm="l2")
    with pytest.raises(InputError, match="did you mean 'LinfNoise'"):
        attacked("foolbox.LinfNois")
    with pytest.raises(NotRun, match="failed"):
        attacked("foolbox.LinfNoise(repeats='many')")
