"""Attacks of the Adversarial Robustness Toolbox (1.20.1) on a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Literal

from holdfast.adapters.attacks.surroundings import NORMS, as_module, made, surroundings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from holdfast.core.network import ForeignAttack


def art_attack(name: str, attack: type[Any], settings: Mapping[str, Any]) -> ForeignAttack:
    """Wrap a class of ``art.attacks.evasion``.

    Norm and distance are those of the threat where the class takes them, and its step keeps its ratio to the distance;
    all else is as the class has it. A class without a distance looks for near rows, which may lie beyond it.
    """

    def search(
        forward: Callable[[Any], Any], X: NDArray[np.float32], y: NDArray[np.int64], *,
        low: float, high: float, eps: float, norm: Literal["linf", "l1", "l2"], seed: int,
    ) -> NDArray[np.float32]:  # fmt: skip
        import numpy as np
        import torch
        from art.estimators.classification import PyTorchClassifier

        with surroundings(name, seed):
            classes = forward(torch.from_numpy(X[:1])).shape[1]
            model = PyTorchClassifier(
                as_module(forward), loss=torch.nn.CrossEntropyLoss(), input_shape=X.shape[1:], nb_classes=classes,
                clip_values=(low, high), device_type="cpu",
            )  # fmt: skip
            ours = given(attack, eps=eps, norm=NORMS[norm], rows=len(X))
            own = made(name, attack, model, **{**ours, **settings})
            return np.asarray(own.generate(x=X, y=y), dtype=np.float32)

    return search


def given(attack: type[Any], *, eps: float, norm: float, rows: int) -> dict[str, Any]:
    """Say what the threat settles of an attack, of what its class takes."""
    takes = signature(attack.__init__).parameters
    usual = {name: taken.default for name, taken in takes.items() if taken.default is not Parameter.empty}
    stated = {"eps": eps, "norm": norm if norm == float("inf") else int(norm), "batch_size": rows, "verbose": False}
    if "eps" in usual and "eps_step" in usual:
        stated["eps_step"] = eps * float(usual["eps_step"]) / float(usual["eps"])
    return {name: value for name, value in stated.items() if name in takes}
