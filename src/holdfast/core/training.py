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
    label_smoothing
        Share of each outcome that is spread over all classes, in [0, 1).
    averaging
        The weights at the ends of this last share of the passes are averaged; 0 for those at the end alone.
    """

    epochs: int
    learning_rate: float
    batch_size: int = 32
    optimiser: Literal["sgd", "adam"] = "adam"
    momentum: float = 0.0
    weight_decay: float = 0.0
    initial: Literal["lecun", "glorot"] = "lecun"
    label_smoothing: float = 0.0
    averaging: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Adversary:
    """Who moves the rows while a network is trained, so that it learns to answer rows that were moved.

    Attributes
    ----------
    norm, distance
        How far a row is moved, in units.
    unit
        Length of one unit in each column; 0 for a column that stays.
    low, high
        Smallest and largest valid value of each column.
    direction
        1 for a column that may only grow, -1 for one that may only shrink, 0 for both.
    steps
        Steps of projected gradient ascent for each batch.
    ramp
        Share of the passes over which the distance grows from 0.
    """

    norm: Literal["linf", "l1", "l2"]
    distance: float
    unit: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    direction: tuple[int, ...]
    steps: int = 7
    ramp: float = 0.3
