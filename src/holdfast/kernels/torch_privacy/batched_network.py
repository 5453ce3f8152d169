"""Many networks of one architecture, each with weights of its own, computed as one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from holdfast.kernels.torch_networks.forward import OPERATORS, NetworkError, shapes
from holdfast.kernels.torch_privacy.patches import Windows, patches, windows_of

if TYPE_CHECKING:
    from holdfast.core.network import RawNetwork, Step

Initial = Literal["lecun", "glorot"]
Weights = Mapping[str, Tensor]
# these mean the same whatever stands in front of the axes of a row
ELEMENTWISE = frozenset({
    "Add", "Sub", "Mul", "Div", "Pow", "Neg", "Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Sign",
    "Round", "Floor", "Ceil", "Erf", "Sigmoid", "Tanh", "Relu", "Softplus", "LeakyRelu", "Elu",
    "Gelu", "HardSigmoid", "HardSwish", "Clip", "Identity", "Cast",
})  # fmt: skip
# these see each channel of each row by itself
CHANNELWISE = frozenset({"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"})
# A convolution of few channels is computed as a product with the cells under its windows, if these overlap little or it
# reads the rows themselves, so that no gradient has to be folded back; else torch's grouped convolution is faster.
MOST_CHANNELS, MOST_OVERLAP = 16, 4.0
# layers whose weights training would find, and rounding that training did not have
UNTRAINED = frozenset({"ConvTranspose", "Einsum", "Embedding", "GRU", "LSTM", "QuantizeLinear", "RNN"})


class Parameter(NamedTuple):
    """A constant that training finds.

    Attributes
    ----------
    shape
        Of one network's.
    fan_in, fan_out
        Numbers that one output of its layer reads, and that one input of it feeds; 0 for a scale or a shift that
        belongs to no layer.
    start
        What it begins with when it belongs to no layer.
    """

    shape: tuple[int, ...]
    fan_in: int
    fan_out: int
    start: float = 0.0


class Product(NamedTuple):
    """A matrix product in which a layer's weights are used, and nowhere else.

    Attributes
    ----------
    names
        Of the weights and, if there is one, the bias.
    inputs
        ``(n_matrices, n, n_inputs)``, with a matrix for each network, or for each group of channels of each.
    outputs
        ``(n_matrices, n, n_outputs)``. From the gradient of a loss by these, that by the weights is their product with
        the inputs, which an optimiser can add in place; autograd would write it out first.
    """

    names: tuple[str, ...]
    inputs: Tensor
    outputs: Tensor


class Computed(NamedTuple):
    """Scores ``(n_networks, n, n_outputs)``, and the products on the way to them whose weights ask for no gradient."""

    scores: Tensor
    products: list[Product]


def parameters_of(network: RawNetwork) -> dict[str, Parameter]:
    """Find the constants that training would have found, in the order of their first use.

    Weights and biases of ``Gemm``, ``MatMul`` and ``Conv``; and behind the first of these what ``Add`` and ``Mul`` are
    given, unless it is one number (that belongs to the architecture): biases, and what is left of normalisation. All
    else, such as the scaling of the inputs, stays.

    Raises
    ------
    NetworkError
        When a layer's weights are computed by other steps, or it is recurrent, looked up or quantised, another operator
        behind the first layer is given several numbers, or there is no layer at all: then it is not known what training
        finds.
    """
    shapes(network)
    found: dict[str, Parameter] = {}
    layer_of: dict[str, Parameter] = {}
    for step in network.steps:
        if step.op in UNTRAINED:
            raise NetworkError(f"the weights of the step {step.output!r} ({step.op}) are not trained here")
        given = [name for name in step.inputs if name in network.constants]
        if step.op in ("Gemm", "Conv") or (step.op == "MatMul" and given):
            if len(step.inputs) < 2 or step.inputs[0] in network.constants or len(given) != len(step.inputs) - 1:
                raise NetworkError(f"the weights of the step {step.output!r} ({step.op}) are no constants")
            shape = np.shape(network.constants[step.inputs[1]])
            weight = _weight(step, shape)
            found.setdefault(step.inputs[1], weight)
            layer_of[step.output] = weight
            for bias in step.inputs[2:]:
                found.setdefault(bias, weight._replace(shape=np.shape(network.constants[bias])))
            continue
        for name in given if found else ():
            value = np.asarray(network.constants[name])
            if value.size > 1 and value.dtype.kind == "f":
                if step.op not in ("Add", "Mul"):
                    raise NetworkError(f"what the step {step.output!r} ({step.op}) is given cannot be trained")
                layer = next((layer_of[each] for each in step.inputs if each in layer_of), None)
                is_bias = step.op == "Add" and layer is not None
                own = layer if is_bias and layer else Parameter((), 0, 0, 1.0 if step.op == "Mul" else 0.0)
                found.setdefault(name, own._replace(shape=value.shape))
    if not found:
        raise NetworkError("the network has no layer with weights, so there is nothing to train")
    return found


def _weight(step: Step, shape: tuple[int, ...]) -> Parameter:
    if step.op == "Conv":
        groups: Any = step.attributes.get("group", 1)
        window = math.prod(shape[2:])
        return Parameter(shape, shape[1] * window, shape[0] // groups * window)
    if len(shape) != 2:
        raise NetworkError(f"expected weights of two axes in the step {step.output!r} ({step.op}), got {shape}")
    return Parameter(shape, shape[0], shape[1])


def initial_weights(
    parameters: Mapping[str, Parameter], rngs: Sequence[np.random.Generator], *, rule: Initial = "lecun"
) -> dict[str, NDArray[np.float32]]:
    """Draw weights to begin with, each network's from a generator of its own.

    Parameters
    ----------
    parameters
        As :func:`parameters_of` gives them.
    rngs : sequence of numpy.random.Generator, length n_networks
    rule
        Weights and biases are uniform within a limit: ``lecun``, one over the square root of ``fan_in``, as PyTorch's
        layers begin; ``glorot``, the square root of 6 over ``fan_in + fan_out``, as scikit-learn's begin.

    Returns
    -------
    dict of str to ndarray of float32, shape (n_networks, *shape)
    """
    drawn: dict[str, list[NDArray[np.float32]]] = {name: [] for name in parameters}
    for rng in rngs:
        for name, parameter in parameters.items():
            limit = _limit(parameter, rule)
            uniform = (
                rng.uniform(-limit, limit, parameter.shape) if limit else np.full(parameter.shape, parameter.start)
            )
            drawn[name].append(np.asarray(uniform, dtype=np.float32))
    return {name: np.stack(values) for name, values in drawn.items()}


def _limit(parameter: Parameter, rule: Initial) -> float:
    if not parameter.fan_in:
        return 0.0
    if rule == "lecun":
        return float(parameter.fan_in**-0.5)
    return math.sqrt(6.0 / (parameter.fan_in + parameter.fan_out))


def product_weights(network: RawNetwork) -> frozenset[str]:
    """Name the parameters that are used once, in a matrix product, together with others of that kind only."""
    uses = Counter(name for step in network.steps for name in step.inputs)
    patched = steps_by_patches(network)
    products = [step.inputs[1:] for step in network.steps if step.op in ("Gemm", "MatMul") or step.output in patched]
    once = [names for names in products if all(name in network.constants and uses[name] == 1 for name in names)]
    return frozenset(name for names in once for name in names)


def steps_by_patches(network: RawNetwork) -> dict[str, int]:
    """Name the convolutions that are computed as products of weights with the cells under each window.

    Returns
    -------
    dict of str to int
        By the result of the step, how many cells lie under the windows of one row.
    """
    sizes = {"input": tuple(network.input_shape), **shapes(network)}
    found = {}
    for step in network.steps:
        if step.op == "Conv" and step.inputs[1] in network.constants:
            kernel, size = np.shape(network.constants[step.inputs[1]]), sizes[step.inputs[0]]
            overlap = windows_of(step, kernel[2:]).overlap(size[1:])
            if kernel[1] <= MOST_CHANNELS and (step.inputs[0] == "input" or overlap <= MOST_OVERLAP):
                found[step.output] = round(overlap * math.prod(size))
    return found


def as_matrices(weights: Tensor, n_matrices: int) -> Tensor:
    """View the weights of a layer, ``(n_networks, *shape)``, as ``(n_matrices, n_inputs, n_outputs)``."""
    if weights.dim() == 3:
        return weights
    kernels = weights.flatten(2)
    return kernels.view(n_matrices, -1, kernels.shape[-1]).mT


def side_by_side(network: RawNetwork, *, device: str = "cpu") -> Callable[[Weights, Tensor], Computed]:
    """Return the architecture as a function of the weights of several networks and a batch of rows for each.

    Layers are one batched matrix product, or one grouped convolution, for all networks; all other operators see the
    rows of all networks one below the other, for rows never meet. Behind a convolution the rows lie innermost in
    memory, whatever the order of the axes.

    Returns
    -------
    callable
        Given ``(n_networks, *shape)`` by name of the parameter, and rows ``(n_networks, n, *input_shape)``, returns
        scores and products.

    Raises
    ------
    NetworkError
        As :func:`parameters_of`.
    """
    names = parameters_of(network)
    in_products = product_weights(network)
    constants = {
        name: torch.as_tensor(np.array(value), device=device)
        for name, value in network.constants.items()
        if name not in names
    }
    plan = [(step, _layer(step, names, in_products) or _operation(step, names, constants)) for step in network.steps]

    def forward(weights: Weights, x: Tensor) -> Computed:
        values: dict[str, Tensor] = {**constants, **weights, "input": x}
        products: list[Product] = []
        for step, operation in plan:
            given = [values[name] for name in step.inputs]
            if not isinstance(operation, _Layer):
                values[step.output] = operation(*given)
                continue
            rows = operation.rows(given[0])
            outputs = _product(rows, *given[1:])
            if step.inputs[1] in in_products and not given[1].requires_grad:
                products.append(Product(step.inputs[1:], rows, _watched(outputs)))
            values[step.output] = operation.placed(given[0], outputs)
        return Computed(values[network.output].reshape(*x.shape[:2], -1), products)

    return forward


class _Layer(NamedTuple):
    """A step that multiplies rows of a matrix by weights: how they are found in its input, and where results go."""

    rows: Callable[[Tensor], Tensor]
    placed: Callable[[Tensor, Tensor], Tensor]


def _layer(step: Step, names: Mapping[str, Parameter], in_products: frozenset[str]) -> _Layer | None:
    if step.op in ("Gemm", "MatMul") and step.inputs[1] in names:
        return _Layer(
            lambda x: x.flatten(1, -2),
            lambda x, outputs: outputs.reshape(*x.shape[:-1], outputs.shape[-1]),
        )
    if step.op == "Conv" and step.inputs[1] in in_products:
        windows = windows_of(step, names[step.inputs[1]].shape[2:])
        groups: Any = step.attributes.get("group", 1)
        return _Layer(partial(_grouped_patches, windows, groups), partial(_beside, windows))
    return None


def _grouped_patches(windows: Windows, groups: int, x: Tensor) -> Tensor:
    """Return the cells under windows, ``(n_networks * groups, n_windows * n, n_inputs)``."""
    under = patches(x, windows).mT
    return under.unflatten(1, (groups, -1)).flatten(0, 1).mT


def _beside(windows: Windows, x: Tensor, outputs: Tensor) -> Tensor:
    """Place ``(n_networks * groups, n_windows * n, n_outputs)`` as ``(n_networks, n, n_channels, *counts)``."""
    counts = windows.counts(tuple(x.shape[3:]))
    return outputs.mT.reshape(x.shape[0], -1, *counts, x.shape[1]).movedim(-1, 1)


def _operation(step: Step, names: Mapping[str, Parameter], constants: Mapping[str, Tensor]) -> Callable[..., Tensor]:
    """Return what a step does with values whose first two axes are the networks and the rows of each."""
    own, fixed = [name in names for name in step.inputs], [name in constants for name in step.inputs]
    if any(own) and step.op == "Conv":
        return partial(_convolution, step)
    if any(own):
        return partial(_elementwise, step, own)
    if step.op in ELEMENTWISE:
        return partial(OPERATORS[step.op], step.attributes)
    if step.op in CHANNELWISE:
        return partial(_by_channels, step)
    if step.op == "Flatten":
        # without a copy, whichever of networks and rows lie behind each other in memory
        return lambda x: x.flatten(2)
    return partial(_by_rows, step, fixed)


def _watched(found: Tensor) -> Tensor:
    """Have autograd follow what comes behind, also where nothing in front is followed."""
    return found if found.requires_grad or not torch.is_grad_enabled() else found.requires_grad_()


def _by_rows(step: Step, is_constant: list[bool], *inputs: Tensor) -> Tensor:
    """Apply an operator to the rows of all networks, one below the other."""
    n_networks = next(value.shape[0] for value, fixed in zip(inputs, is_constant, strict=True) if not fixed)
    rows = [value if fixed else value.flatten(0, 1) for value, fixed in zip(inputs, is_constant, strict=True)]
    return OPERATORS[step.op](step.attributes, *rows).unflatten(0, (n_networks, -1))


def _by_channels(step: Step, x: Tensor) -> Tensor:
    """Apply an operator to channels in the place of rows: rows that lie innermost are then what torch does at once."""
    found = OPERATORS[step.op](step.attributes, x.transpose(1, 2).flatten(0, 1))
    return found.unflatten(0, (len(x), -1)).transpose(1, 2)


def _elementwise(step: Step, is_weight: list[bool], *inputs: Tensor) -> Tensor:
    n_axes = max(value.dim() for value, own in zip(inputs, is_weight, strict=True) if not own)
    aligned = [_aligned(value, n_axes) if own else value for value, own in zip(inputs, is_weight, strict=True)]
    return OPERATORS[step.op](step.attributes, *aligned)


def _product(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply ``(n_matrices, n, n_inputs)``; what lies innermost in memory does so in the result as well."""
    matrices = as_matrices(weight, len(rows))
    is_across = rows.stride(1) == 1 and rows.stride(2) != 1
    left, right = (matrices.mT, rows.mT) if is_across else (rows, matrices)
    if bias is None:
        product = torch.bmm(left, right)
    else:
        product = torch.baddbmm(bias.reshape(len(rows), *((-1, 1) if is_across else (1, -1))), left, right)
    return product.mT if is_across else product


def _convolution(step: Step, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve the channels of all networks as groups of one convolution."""
    n_networks = x.shape[0]
    groups: Any = step.attributes.get("group", 1)
    beside = x.transpose(0, 1).flatten(1, 2)
    given = [weight.flatten(0, 1)] + ([] if bias is None else [bias.flatten()])
    convolved = OPERATORS["Conv"]({**step.attributes, "group": n_networks * groups}, beside, *given)
    return convolved.unflatten(1, (n_networks, -1)).transpose(0, 1)


def _aligned(weight: Tensor, n_axes: int) -> Tensor:
    """Place the axes of a network's constant under the last axes of its rows."""
    own = weight.shape[1:]
    while len(own) > n_axes - 2 and own[0] == 1:
        own = own[1:]
    return weight.reshape(weight.shape[0], *(1,) * (n_axes - 1 - len(own)), *own)
