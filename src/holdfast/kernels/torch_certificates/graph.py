"""A network as a graph of steps of three kinds about which something can be proved: affine, bent once, or a maximum.

Other operators are written with these where that is exact: ``Clip``, ``Abs`` and ``HardSigmoid`` with ``Relu``,
``Sigmoid`` with ``Tanh``.

Every step also says how far the deployed model, which computes in single precision, may be from it. So a bound that
holds whatever each step errs by holds for the deployed model too, in whatever order it adds.

References
----------
Higham, N. J. (2002). Accuracy and stability of numerical algorithms. SIAM, section 3.1: a sum of n products errs by at
most n u / (1 - n u) times the sum of their sizes, in any order and with fused operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from holdfast.kernels.torch_certificates.windows import windows_of
from holdfast.kernels.torch_networks.forward import OPERATORS, shapes

if TYPE_CHECKING:
    from holdfast.core.network import RawNetwork, Step

# Unit roundoff of single precision; its smallest normal number, below which results may be flushed to zero.
UNIT, SMALLEST = 2.0**-24, 2.0**-126
# Largest error of Tanh and Sigmoid as libraries compute them in single precision; approximations that are called fast
# err more.
SMOOTH_ERROR = 2.0**-19
# Our own arithmetic, in double precision, errs by less than this part of what single precision errs by.
OWN_ERROR = 1.01
# Operators that are affine whichever of their inputs vary, those that are if only the first does, and if one does.
ALWAYS = frozenset(
    {
        "Add", "AveragePool", "Concat", "CumSum", "Expand", "Flatten", "GlobalAveragePool", "Identity", "Neg", "Pad",
        "ReduceMean", "ReduceSum", "Reshape", "Slice", "Squeeze", "Sub", "Tile", "Transpose", "Unsqueeze",
    }
)  # fmt: skip
FIRST = frozenset({"Conv", "ConvTranspose", "Gemm", "Div", "Gather"})
ONE = frozenset({"Mul", "MatMul", "Einsum"})
BENT = frozenset({"Relu", "Clip", "Abs", "HardSigmoid", "Max", "MaxPool", "Min", "Sigmoid", "Tanh"})
TO_FLOAT, TO_HALF = (1, 11), (10, 16)
# Numbers of the largest matrix that a node is written as.
LARGEST_MATRIX = 1 << 20


class UnsupportedOperator(ValueError):
    """Nothing can be proved of a network with this operator; the message names it."""


@dataclass(frozen=True, slots=True)
class Affine:
    """``apply`` of the inputs; ``magnify`` is the same with the sizes of all weights and no constant term."""

    name: str
    inputs: tuple[str, ...]
    apply: Callable[..., Tensor]
    magnify: Callable[..., Tensor]
    n_terms: int = 0
    error: float = 0.0
    transposed: Callable[[Tensor], Tensor] | None = None
    """From slopes at the result to slopes at the one input, where there is a quicker way than by its derivative."""


@dataclass(frozen=True, slots=True)
class Bend:
    """``x`` where it is positive, ``slope * x`` where it is not; the slope lies between 0 and 1."""

    name: str
    inputs: tuple[str, ...]
    slope: float = 0.0


@dataclass(frozen=True, slots=True)
class Tanh:
    """The hyperbolic tangent."""

    name: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Maximum:
    """The largest cell of each window; see :func:`windows_of`."""

    name: str
    inputs: tuple[str, ...]
    windows: Tensor


Node = Affine | Bend | Tanh | Maximum


class Pull(NamedTuple):
    """An affine node backwards."""

    constant: Tensor
    """Its result for inputs of 0, ``(1, *shape)``."""
    back: Callable[[Tensor], tuple[Tensor, ...]]
    """From slopes at the result, ``(n, *shape)``, to slopes at each input."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in the order of computation, the shape of one row of each (``input`` too), and which one is the output."""

    nodes: tuple[Node, ...]
    shapes: Mapping[str, tuple[int, ...]]
    output: str
    pulls: Mapping[str, Pull]

    @property
    def bent(self) -> tuple[str, ...]:
        """Names of what goes into nodes that are not affine, in order."""
        return tuple(dict.fromkeys(node.inputs[0] for node in self.nodes if not isinstance(node, Affine)))


def graph_of(network: RawNetwork, *, device: str = "cpu") -> Graph:
    """Read a network.

    Raises
    ------
    UnsupportedOperator
        When a step is of no kind that can be bounded; the message names its operator.
    NetworkError
        When the steps do not fit each other.
    """
    for step in network.steps:
        if not _is_known(step, network.constants):
            raise UnsupportedOperator(f"nothing can be proved of {_in_words(step, network.constants)}")
    found = {"input": tuple(network.input_shape), **shapes(network)}
    constants = {name: _constant(value, device) for name, value in network.constants.items()}
    nodes: list[Node] = []
    for step in network.steps:
        for node in _nodes(step, constants, found, device):
            nodes.append(node)
            found.setdefault(node.name, found[node.inputs[0]])
    pulls = {node.name: _pull(node, found, device) for node in nodes if isinstance(node, Affine)}
    return Graph(tuple(nodes), found, network.output, pulls)


def _pull(node: Affine, found: Mapping[str, tuple[int, ...]], device: str) -> Pull:
    """Transpose a node: by its matrix where that is small, by its derivative where not."""
    before = [found[name] for name in node.inputs]
    constant = node.apply(*(torch.zeros((1, *shape), dtype=torch.float64, device=device) for shape in before))

    def back(a: Tensor) -> tuple[Tensor, ...]:
        if node.transposed is not None:
            return (node.transposed(a),)
        with torch.enable_grad():
            zeros = [a.new_zeros((a.shape[0], *shape), requires_grad=True) for shape in before]
            parts: tuple[Tensor, ...] = torch.autograd.grad(node.apply(*zeros), zeros, a, create_graph=a.requires_grad)
        return parts

    size = constant.numel()
    if size * sum(map(math.prod, before)) > (LARGEST_MATRIX if node.n_terms > 1 else LARGEST_MATRIX >> 8):
        return Pull(constant, back)
    one = torch.eye(size, dtype=torch.float64, device=device).reshape(size, *constant.shape[1:])
    matrices = [part.detach().reshape(size, -1) for part in back(one)]

    def by_matrix(a: Tensor) -> tuple[Tensor, ...]:
        flat = a.flatten(1)
        return tuple((flat @ each).reshape(-1, *shape) for each, shape in zip(matrices, before, strict=True))

    return Pull(constant, by_matrix)


def _in_words(step: Step, constants: Mapping[str, Any]) -> str:
    """Name the operator of a step, and what is not known of it where it may be known otherwise."""
    where = f"the operator {step.op} (step {step.output!r})"
    if step.op == "Cast" and step.attributes["to"] in TO_HALF:
        return f"half precision: {where}"
    if step.op in FIRST | ONE and sum(name not in constants for name in step.inputs) > 1:
        return f"{where} where more than one of its inputs depends on the row"
    return where


def _is_known(step: Step, constants: Mapping[str, Any]) -> bool:
    varies = [name not in constants for name in step.inputs]
    if step.op in ALWAYS | BENT:
        return True
    if step.op == "LeakyRelu":
        return 0 <= float(step.attributes.get("alpha", 0.01)) <= 1  # type: ignore[arg-type]
    if step.op == "Cast":
        return step.attributes["to"] in TO_FLOAT
    if step.op == "Einsum" and len(step.inputs) > 2:
        return False
    return (step.op in FIRST and varies == [True, *[False] * (len(varies) - 1)]) or (
        step.op in ONE and sum(varies) == 1
    )


def _constant(value: Any, device: str) -> Tensor:
    tensor = torch.tensor(value, device=device)
    return tensor.to(torch.float64) if tensor.is_floating_point() else tensor


def _nodes(
    step: Step, constants: Mapping[str, Tensor], found: Mapping[str, tuple[int, ...]], device: str
) -> Iterator[Node]:
    """Write a step as nodes, the last of which has its name."""
    x, name, given = step.inputs[0], step.output, step.attributes
    single = {key: float(np.float32(value)) for key, value in given.items() if isinstance(value, int | float)}
    if step.op == "Relu":
        yield Bend(name, (x,))
    elif step.op == "LeakyRelu":
        yield Bend(f"{name}/bent", (x,), single.get("alpha", float(np.float32(0.01))))
        yield _shifted(name, f"{name}/bent", n_terms=1)
    elif step.op == "Abs":
        yield _shifted(f"{name}/minus", x, factor=-1.0)
        yield Bend(f"{name}/above", (x,))
        yield Bend(f"{name}/below", (f"{name}/minus",))
        yield Affine(name, (f"{name}/above", f"{name}/below"), torch.add, torch.add)
    elif step.op == "Clip":
        yield from _clipped(name, x, single.get("min", -math.inf), single.get("max", math.inf))
    elif step.op == "HardSigmoid":
        alpha, beta = (single.get(key, float(np.float32(value))) for key, value in (("alpha", 0.2), ("beta", 0.5)))
        yield _shifted(f"{name}/line", x, factor=alpha, shift=beta, n_terms=2)
        yield from _clipped(name, f"{name}/line", 0.0, 1.0)
    elif step.op == "Tanh":
        yield Tanh(f"{name}/tanh", (x,))
        yield _shifted(name, f"{name}/tanh", error=SMOOTH_ERROR)
    elif step.op == "Sigmoid":
        yield _shifted(f"{name}/half", x, factor=0.5)
        yield Tanh(f"{name}/tanh", (f"{name}/half",))
        yield _shifted(name, f"{name}/tanh", factor=0.5, shift=0.5, error=SMOOTH_ERROR)
    elif step.op in ("Max", "Min"):
        yield from _extreme(step, constants, found)
    elif step.op == "MaxPool":
        yield Maximum(name, (x,), torch.tensor(windows_of(given, found[x][1:]), device=device))
    else:
        yield _affine(step, constants, found)


def _shifted(
    name: str, x: str, *, factor: float = 1.0, shift: float = 0.0, n_terms: int = 0, error: float = 0.0
) -> Affine:
    return Affine(name, (x,), lambda v: factor * v + shift, lambda v: abs(factor) * v, n_terms, error)


def _clipped(name: str, x: str, low: float, high: float) -> Iterator[Node]:
    """The smaller of ``high`` and the larger of ``low`` and x, with one bend for each."""
    if math.isfinite(low):
        yield _shifted(f"{name}/over", x, shift=-low)
        yield Bend(f"{name}/low", (f"{name}/over",))
        x = f"{name}/raised"
        yield _shifted(x, f"{name}/low", shift=low)
    if math.isfinite(high):
        yield _shifted(f"{name}/under", x, factor=-1.0, shift=high)
        yield Bend(f"{name}/high", (f"{name}/under",))
        yield _shifted(name, f"{name}/high", factor=-1.0, shift=high)
    else:
        yield _shifted(name, x)


def _extreme(step: Step, constants: Mapping[str, Tensor], found: Mapping[str, tuple[int, ...]]) -> Iterator[Node]:
    """The larger of two as one of them and what the other has above it; the smaller as what it has below."""
    name, sign = step.output, 1.0 if step.op == "Max" else -1.0
    x, other = sorted(step.inputs, key=lambda each: each in constants or found[each] != found[name])
    if x in constants or found[x] != found[name]:
        raise UnsupportedOperator(f"nothing can be proved of the operator {step.op} (step {name!r}) that repeats both")
    if other in constants:
        fixed = constants[other]
        yield Affine(f"{name}/apart", (x,), lambda v: sign * (v - fixed), lambda v: v)
        yield Bend(f"{name}/beyond", (f"{name}/apart",))
        yield Affine(name, (f"{name}/beyond",), lambda v: fixed + sign * v, lambda v: v)
    else:
        yield Affine(f"{name}/apart", (x, other), lambda v, w: sign * (v - w), torch.add)
        yield Bend(f"{name}/beyond", (f"{name}/apart",))
        yield Affine(name, (f"{name}/beyond", other), lambda v, w: w + sign * v, torch.add)


def _affine(step: Step, constants: Mapping[str, Tensor], found: Mapping[str, tuple[int, ...]]) -> Affine:
    varying = tuple(name for name in step.inputs if name not in constants)
    fixed = [constants.get(name) for name in step.inputs]
    is_factor = step.op in ONE or step.op in FIRST
    sizes = [
        value if value is None or not value.is_floating_point() else value.abs() if is_factor and i < 2 else 0 * value
        for i, value in enumerate(fixed)
    ]
    operator = OPERATORS[{"Sub": "Add", "Neg": "Identity"}.get(step.op, step.op)]
    no_value = {**step.attributes, "value": 0.0} if step.op == "Pad" else step.attributes

    def apply(*values: Tensor) -> Tensor:
        rest = iter(values)
        return OPERATORS[step.op](step.attributes, *(next(rest) if value is None else value for value in fixed))

    def magnify(*values: Tensor) -> Tensor:
        rest = iter(values)
        return operator(no_value, *(next(rest) if value is None else value for value in sizes))

    transposed = _transposed(step, fixed, found) if step.op == "Conv" else None
    return Affine(step.output, varying, apply, magnify, _n_terms(step, fixed, found), transposed=transposed)


def _transposed(
    step: Step, fixed: list[Tensor | None], found: Mapping[str, tuple[int, ...]]
) -> Callable[[Tensor], Tensor] | None:
    """Carry slopes back through a convolution whose padding is the same on both sides."""
    weight, shape = fixed[1], found[step.inputs[0]]
    assert weight is not None
    n = weight.dim() - 2
    given: Mapping[str, Any] = step.attributes
    pads = tuple(given.get("pads", (0,) * (2 * n)))
    if pads[:n] != pads[n:]:
        return None
    back = {1: torch.nn.grad.conv1d_input, 2: torch.nn.grad.conv2d_input, 3: torch.nn.grad.conv3d_input}[n]
    ones = (1,) * n
    return lambda a: back(
        (a.shape[0], *shape), weight, a, stride=tuple(given.get("strides", ones)), padding=pads[:n],
        dilation=tuple(given.get("dilations", ones)), groups=given.get("group", 1),
    )  # fmt: skip


def _n_terms(step: Step, fixed: list[Tensor | None], found: Mapping[str, tuple[int, ...]]) -> int:
    """How many roundings one result may have met."""
    if step.op in {"Add", "Sub", "Mul", "Div"}:
        return 1
    if step.op == "Conv":
        assert fixed[1] is not None
        return int(fixed[1][0].numel()) + 1
    if step.op == "ConvTranspose":
        assert fixed[1] is not None
        groups: Any = step.attributes.get("group", 1)
        return int(fixed[1].shape[0] // groups * fixed[1][0, 0].numel()) + 1
    if step.op == "CumSum":
        return max(found[step.inputs[0]])
    if step.op == "Einsum":
        return _summed(step, fixed, found) + 1
    if step.op in {"Gemm", "MatMul"}:
        at = 1 if fixed[0] is None else 0
        weight = fixed[at]
        assert weight is not None
        return int(weight.shape[-1 if at == 0 else max(-2, -weight.dim())]) + 1
    if step.op == "AveragePool":
        return math.prod(step.attributes["kernel_shape"]) + 1  # type: ignore[arg-type]
    if step.op in {"GlobalAveragePool", "ReduceMean", "ReduceSum"}:
        return math.prod(found[step.inputs[0]]) // max(math.prod(found[step.output]), 1) + 1
    return 0


def _summed(step: Step, fixed: list[Tensor | None], found: Mapping[str, tuple[int, ...]]) -> int:
    """How many products one result of a sum by letters adds; too many where axes have no letter."""
    terms, _, result = str(step.attributes["equation"]).partition("->")
    shapes_ = [
        (1, *found[name]) if value is None else value.shape for name, value in zip(step.inputs, fixed, strict=True)
    ]
    if "." in terms:
        return max(map(math.prod, shapes_))
    sizes = {
        letter: size
        for term, shape in zip(terms.split(","), shapes_, strict=True)
        for letter, size in zip(term, shape, strict=True)
    }
    return math.prod(size for letter, size in sizes.items() if letter not in result)
