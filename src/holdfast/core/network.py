"""A neural network as plain data: its operators and weights, to be differentiated and proved things of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

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
        Padding is always written out as ``pads``, which for ``Pad`` cover all axes, that of the batch with 0.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """What a PyTorch network does not say of itself: ``network`` in ``holdfast.yaml``.

    Attributes
    ----------
    factory
        ``file.py:function`` or ``module:function``: makes the module, without arguments, that the weights in the
        model's file belong to. It is code, and only runs with ``--allow-code``, in the model's process.
    input_shape
        Shape of one row, such as ``[1, 28, 28]``; columns fill it in table order, the last axis first.
    classes
        Labels in the order of its outputs.
    scale, mean, std
        What is done to the inputs before the network gets them: ``(scale * x - mean) / std``, one number or one for
        each channel.
    link
        What its outputs are, where that is not what they look like: ``logits``, ``probabilities``; ``sigmoid`` or
        ``probability`` for one output that speaks of the second class; ``values`` of a regression.
    accuracy
        The accuracy that is stated for it, in [0, 1]: an audit that finds far less says so.
    """

    factory: str = ""
    input_shape: tuple[int, ...] = ()
    classes: tuple[str | int | float | bool, ...] = ()
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    link: NetworkLink | None = None
    accuracy: float | None = None


class ForeignAttack(Protocol):
    """An attack of another package, as arrays in and arrays out."""

    def __call__(
        self,
        forward: Callable[[Any], Any],
        X: NDArray[np.float32],
        y: NDArray[np.int64],
        *,
        low: float,
        high: float,
        eps: float,
        norm: Literal["linf", "l1", "l2"],
        seed: int,
    ) -> NDArray[np.float32]:
        """Look for rows near those given that the network answers otherwise.

        Parameters
        ----------
        forward
            From a tensor of the shape of ``X`` to logits, ``(n, n_classes)`` with two classes or more; slopes pass.
        X, y
            Rows ``(n, *shape)``, and the classes that are to change, ``(n,)``.
        low, high
            Range of every cell.
        eps, norm
            How far a row may move.
        seed
            Of all that the package draws at random.

        Returns
        -------
        ndarray
            Of the shape of ``X``; a row is not promised to lie within ``eps``, nor to be answered otherwise.

        Raises
        ------
        InputError
            The attack does not search in this norm, or its settings are unfit.
        NotRun
            The attack failed on this network.
        """
