"""Two attacks, each with the calling convention of a package that may not be installed: they really attack.

``as_foolbox`` and ``as_art`` put modules of these names where imports look first; what they hold is called as
Foolbox 3.3.4 and the Adversarial Robustness Toolbox 1.20.1 are, and is as small as an attack can be: noise, and steps
along the sign of the slope.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest


def as_foolbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer ``foolbox.LinfNoise(repeats=...)``."""
    _installed(monkeypatch, foolbox={"PyTorchModel": FoolboxModel}, **{
        "foolbox.attacks": {"Attack": FoolboxAttack, "LinfNoise": LinfNoise, "L2Noise": L2Noise}
    })  # fmt: skip


def as_art(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer ``art.SignedStep``."""
    _installed(monkeypatch, art={}, **{
        "art.attacks": {"EvasionAttack": ArtAttack},
        "art.attacks.evasion": {"SignedStep": SignedStep},
        "art.estimators": {},
        "art.estimators.classification": {"PyTorchClassifier": ArtClassifier},
    })  # fmt: skip


def _installed(monkeypatch: pytest.MonkeyPatch, **modules: dict[str, Any]) -> None:
    for name, contents in modules.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)


class FoolboxModel:
    """A module within bounds, called as a function of rows."""

    def __init__(self, model: Any, bounds: tuple[float, float], device: str) -> None:
        assert not model.training
        assert device == "cpu"
        self.model, self.bounds = model, bounds

    def __call__(self, rows: Any) -> Any:
        return self.model(rows)


class FoolboxAttack:
    """Calls ``self.noise`` for moves of length 1, and keeps the first that flips the answer."""

    distance: Any

    def __init__(self, *, repeats: int = 20) -> None:
        self.repeats = repeats

    def noise(self, rows: Any) -> Any:
        raise NotImplementedError

    def __call__(self, model: FoolboxModel, rows: Any, y: Any, *, epsilons: float) -> tuple[Any, Any, Any]:
        import torch

        found, is_flipped = rows.clone(), torch.zeros(len(rows), dtype=torch.bool)
        for _ in range(self.repeats):
            moved = (rows + epsilons * self.noise(rows)).clamp(*model.bounds)
            is_new = (model(moved).argmax(1) != y) & ~is_flipped
            found[is_new], is_flipped = moved[is_new], is_flipped | is_new
        return found, found, is_flipped


class LinfNoise(FoolboxAttack):
    distance = SimpleNamespace(p=np.inf)

    def noise(self, rows: Any) -> Any:
        import torch

        return torch.randint(0, 2, rows.shape) * 2.0 - 1.0


class L2Noise(FoolboxAttack):
    distance = SimpleNamespace(p=2.0)

    def noise(self, rows: Any) -> Any:
        import torch

        drawn = torch.randn(rows.shape)
        return drawn / drawn.flatten(1).norm(dim=1).view(-1, *[1] * (rows.dim() - 1))


class ArtClassifier:
    """A module with its loss, which shows the slope of the loss."""

    def __init__(
        self, model: Any, *, loss: Any, input_shape: tuple[int, ...], nb_classes: int,
        clip_values: tuple[float, float], device_type: str,
    ) -> None:  # fmt: skip
        assert device_type == "cpu"
        self.model, self.loss, self.clip_values = model, loss, clip_values
        self.input_shape, self.nb_classes = input_shape, nb_classes

    def loss_gradient(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        import torch

        rows = torch.from_numpy(x).requires_grad_()
        scores = self.model(rows)
        assert scores.shape == (len(x), self.nb_classes)
        self.loss(scores, torch.from_numpy(y)).backward()
        assert rows.grad is not None
        return rows.grad.numpy()


class ArtAttack:
    """The base class of attacks."""


class SignedStep(ArtAttack):
    """Steps of ``eps_step`` along the sign of the slope, within ``eps``."""

    def __init__(
        self, estimator: ArtClassifier, norm: float = np.inf, eps: float = 0.3, eps_step: float = 0.15,
        batch_size: int = 32,
    ) -> None:  # fmt: skip
        if norm != np.inf:
            raise ValueError(f"norm {norm} is not known")
        self.estimator, self.eps, self.eps_step, self.batch_size = estimator, eps, eps_step, batch_size

    def generate(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        found = x.copy()
        for _ in range(round(self.eps / self.eps_step)):
            found = found + np.float32(self.eps_step) * np.sign(self.estimator.loss_gradient(found, y))
            found = np.clip(found, x - np.float32(self.eps), x + np.float32(self.eps)).clip(*self.estimator.clip_values)
        return found
