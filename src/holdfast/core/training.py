"""How a neural network was trained, so that copies of it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTraining:
    """The recipe of a network's training: data, from which copies are trained by our own code.

    Attributes
    ----------
    epochs, batch_size
        Passes over the rows, in a new random order each, and rows to a step.
    learning_rate
        Constant.
    optimiser
        ``sgd`` or ``adam``.
    momentum
        Of ``sgd``.
    weight_decay
        Times the weights, added to their gradients.
    initial
        How weights begin, uniform within a limit: as PyTorch's layers do (``lecun``), or as those of Keras and
        scikit-learn (``glorot``).
    """

    epochs: int
    learning_rate: float
    batch_size: int = 32
    optimiser: Literal["sgd", "adam"] = "adam"
    momentum: float = 0.0
    weight_decay: float = 0.0
    initial: Literal["lecun", "glorot"] = "lecun"
