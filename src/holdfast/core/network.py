"""A neural network as plain data: its operators and weights, to be differentiated and proved things of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Attribute = float | int | str | tuple[float, ...] | tuple[int, ...]
NetworkLink = Literal["logits", "probabilities", "sigmoid", "probability", "values"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operator.

    Attributes
    ----------
    op
        Name in the ONNX standard, such as ``Conv``, ``Gemm``, ``Relu``. Its meaning is that of opset 21, except that
        what newer opsets take as a constant input stands in ``attributes`` (``axes``, ``shape``, ``min``, ``max``,
        ``pads``), that ``Gemm`` is always ``x @ W + b``, and that shapes leave the batch dimension out (axes count it).
    inputs
        ``input`` (the rows), names of constants, or outputs of earlier steps.
    output
        Name of what it computes; each name is given once.
    """

    op: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawNetwork:
    """A network from the columns of a table, or the pixels of an image, to one row of scores each.

    Attributes
    ----------
    steps
        In the order of computation. What the model does in eval mode: dropout and the like are left out, batch
        normalisation is written as ``Mul`` and ``Add``; scaling of the inputs (mean, deviation) is part of the steps.
    constants
        Weights by name: float32, or int64 where an operator asks for whole numbers.
    input_shape
        Shape of one row as the first step gets it, ``(n_features,)`` or ``(channels, height, width)``; its cells are
        the table's columns in order.
    output
        Name of the scores, ``(n, n_outputs)``.
    link
        What the scores are: ``logits`` (softmax makes them probabilities), ``probabilities``; ``sigmoid`` and
        ``probability`` for one column that speaks of the second class, before and after the sigmoid; ``values`` of a
        regression.
    """

    steps: tuple[Step, ...]
    constants: Mapping[str, NDArray[np.generic]]
    input_shape: tuple[int, ...]
    output: str
    link: NetworkLink

    @property
    def operators(self) -> frozenset[str]:
        """Which operators it uses."""
        return frozenset(step.op for step in self.steps)
