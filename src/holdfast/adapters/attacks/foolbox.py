"""Attacks of Foolbox (3.3.4) on a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from holdfast.adapters.attacks.surroundings import NORMS, as_module, made, surroundings
from holdfast.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from holdfast.core.network import ForeignAttack


def foolbox_attack(name: str, attack: type[Any], settings: Mapping[str, Any]) -> ForeignAttack:
    """Wrap a class of ``foolbox.attacks``: what it returns is cut to the distance, as Foolbox itself does."""

    def search(
        forward: Callable[[Any], Any], X: NDArray[np.float32], y: NDArray[np.int64], *,
        low: float, high: float, eps: float, norm: Literal["linf", "l1", "l2"], seed: int,
    ) -> NDArray[np.float32]:  # fmt: skip
        import foolbox
        import numpy as np
        import torch

        own = made(name, attack, **settings)
        with surroundings(name, seed):
            p = getattr(own.distance, "p", NORMS[norm])
            if p != NORMS[norm]:
                raise InputError(
                    f"{name} searches in the norm L{p:g}, and the threat is {norm}",
                    hint="choose an attack for that norm, or another `norm`",
                )
            model = foolbox.PyTorchModel(as_module(forward), bounds=(low, high), device="cpu")
            _, found, _ = own(model, torch.from_numpy(X), torch.from_numpy(y), epsilons=eps)
            return np.asarray(found.detach().numpy(), dtype=np.float32)

    return search
