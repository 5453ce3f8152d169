"""Attacks of other packages are opened by name, and run on a network within a threat."""

from __future__ import annotations

import random
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.adapters.attacks.opening import open_attack, parsed
from holdfast.core.errors import InputError, MissingExtra, NotRun

ATTACKS = {
    "linf": ["foolbox.LinfPGD(steps=20)", "foolbox.LinfDeepFoolAttack", "art.ProjectedGradientDescentPyTorch"],
    "l2": ["foolbox.L2PGD", "foolbox.DDNAttack", "art.FastGradientMethod", "art.DeepFool"],
    "l1": ["foolbox.L1BasicIterativeAttack", "art.ProjectedGradientDescent"],
}
PAIRS = [(name, norm) for norm, names in ATTACKS.items() for name in names]
WEIGHTS = np.array([[1.0, -1.0], [0.5, 0.0], [0.0, 2.0], [0.3, 0.1]], dtype=np.float32)


def forward(rows: Any) -> Any:
    import torch

    return rows.flatten(1) @ torch.from_numpy(WEIGHTS)


def rows(n: int = 30) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    X = np.random.default_rng(0).random((n, 1, 2, 2)).astype(np.float32)
    return X, (X.reshape(n, -1) @ WEIGHTS).argmax(axis=1)


def length(moves: NDArray[np.float32], norm: str) -> NDArray[np.float32]:
    return np.linalg.norm(moves.reshape(len(moves), -1), {"linf": np.inf, "l2": 2, "l1": 1}[norm], axis=1)


@pytest.mark.parametrize(("name", "norm"), PAIRS)
def test_an_attack_finds_flips_within_the_distance(name: str, norm: Literal["linf", "l2", "l1"]) -> None:
    package = name.partition(".")[0]
    pytest.importorskip(package, reason=f"needs {package} of the extra attacks")
    X, y = rows()
    eps = {"linf": 0.15, "l2": 0.25, "l1": 0.35}[norm]
    after = open_attack(name)(forward, X, y, low=0.0, high=1.0, eps=eps, norm=norm, seed=1)
    assert after.shape == X.shape
    assert after.min() >= -1e-6
    assert after.max() <= 1 + 1e-6
    flips = (after.reshape(len(X), -1) @ WEIGHTS).argmax(axis=1) != y
    inside = length(after - X, norm) <= eps * (1 + 1e-4)
    margin = np.abs(X.reshape(len(X), -1) @ (WEIGHTS[:, 0] - WEIGHTS[:, 1]))
    dual = {"linf": 1, "l2": 2, "l1": np.inf}[norm]
    can = margin / np.linalg.norm(WEIGHTS[:, 0] - WEIGHTS[:, 1], dual) <= eps * (1 + 1e-4)
    assert not (flips & inside & ~can).any()
    assert 3 * (flips & inside).sum() >= can.sum() > 3


@pytest.mark.parametrize("package", ["foolbox", "art"])
def test_draws_repeat_and_leave_ours_alone(package: str) -> None:
    pytest.importorskip(package, reason=f"needs {package} of the extra attacks")
    import torch

    names = {"foolbox": "foolbox.LinfPGD(steps=1)", "art": "art.FastGradientMethod(num_random_init=1)"}
    X, y = rows()
    before = (random.getstate(), np.random.get_state()[1].copy(), torch.random.get_rng_state())  # noqa: NPY002
    runs = [
        open_attack(names[package])(forward, X, y, low=0.0, high=1.0, eps=0.1, norm="linf", seed=seed)
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), before[2])


@pytest.mark.parametrize("package", ["foolbox", "art"])
def test_an_unknown_attack_is_named_with_the_nearest(package: str) -> None:
    pytest.importorskip(package, reason=f"needs {package} of the extra attacks")
    name = {"foolbox": "foolbox.LinfPDG", "art": "art.DeepFol"}[package]
    with pytest.raises(InputError, match=r"did you mean '(LinfPGD|DeepFool)'"):
        open_attack(name)


@pytest.mark.parametrize("package", ["foolbox", "art"])
def test_a_missing_package_is_named_with_the_extra(package: str) -> None:
    if find_spec(package):
        pytest.skip(f"{package} is installed")
    with pytest.raises(MissingExtra, match=rf"{package}.Any(.|\n)*holdfast\[attacks\]"):
        open_attack(f"{package}.Any")


def test_another_norm_unknown_settings_and_failures_are_told_apart() -> None:
    pytest.importorskip("foolbox", reason="needs foolbox of the extra attacks")
    X, y = rows()

    def attack(name: str, eps: float = 0.1) -> Any:
        return open_attack(name)(forward, X, y, low=0.0, high=1.0, eps=eps, norm="linf", seed=0)

    with pytest.raises(InputError, match=r"L2, and the threat is linf"):
        attack("foolbox.L2PGD")
    with pytest.raises(InputError, match=r"cannot be made(.|\n)*stepps"):
        attack("foolbox.LinfPGD(stepps=3)")
    with pytest.raises(NotRun, match="failed"):
        attack("foolbox.LinfPGD(steps='many')")


@pytest.mark.parametrize(
    "name", ["", "LinfPGD", "foolbox", "foolbox.LinfPGD(3)", "foolbox.LinfPGD(steps=open('x'))", "a.b.c", "foolbox.x("]
)
def test_what_is_no_name_is_refused_and_nothing_of_it_is_run(name: str) -> None:
    with pytest.raises(InputError, match=r"expected PACKAGE.ATTACK"):
        parsed(name)


def test_an_unknown_package_is_refused() -> None:
    with pytest.raises(InputError, match=r"did you mean 'foolbox'"):
        open_attack("foolbocks.LinfPGD")
