"""A network that is plain data, as a function that torch can differentiate.

The meaning of each operator is that of the ONNX standard; :class:`holdfast.core.network.Step` says where ours differs.
Rows never meet: each is computed as if it came alone, whatever else is in the batch.

References
----------
ONNX, Operators.md, opset 21.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from holdfast.kernels.torch_networks.choices import CHOICES
from holdfast.kernels.torch_networks.recurrent import RECURRENT

if TYPE_CHECKING:
    from holdfast.core.network import NetworkLink, RawNetwork, Step

Attributes = Mapping[str, Any]
MOST_CELLS = 1 << 27
# a prime, so that rows are not taken for anything else of that number
N_ROWS = 7919
ALONG_AXIS = ("Softmax", "LogSoftmax", "Concat", "Gather", "GatherElements", "CumSum", "TopK")
NEUTRAL = (("strides", 1), ("dilations", 1), ("output_padding", 0))
FLOAT, FLOAT16, DOUBLE, BFLOAT16, INTEGERS, BOOL = 1, 10, 11, 16, (2, 3, 4, 5, 6, 7, 12, 13), 9


class NetworkError(ValueError):
    """The network cannot be computed as it is; the message says which step of it and why."""


def as_function(network: RawNetwork, *, device: str = "cpu", dtype: Any = torch.float32) -> Callable[[Tensor], Tensor]:
    """Return the network as a function of a batch of rows.

    Parameters
    ----------
    network
        Steps and weights; the weights are copied to the device once.
    device, dtype
        Where, and in which precision, it is computed.

    Returns
    -------
    callable
        From ``(n, *input_shape)``, on that device and of that type, to scores ``(n, n_outputs)``; differentiable, and
        free of state, so that ``torch.func`` may transform it.

    Raises
    ------
    NetworkError
        When a step has an operator that is not in ``OPERATORS`` (it is named). By the function itself: when the rows
        have another shape, or a step does not fit what it is given.

    Examples
    --------
    >>> import numpy as np
    >>> from holdfast.core.network import RawNetwork, Step
    >>> doubled = Step(op="Mul", inputs=("input", "two"), output="y")
    >>> network = RawNetwork(
    ...     steps=(doubled,), constants={"two": np.float32(2)}, input_shape=(2,), output="y", link="values"
    ... )
    >>> as_function(network)(torch.ones(1, 2)).tolist()
    [[2.0, 2.0]]
    """
    _require_known(network)
    constants = {name: _constant(value, device, dtype) for name, value in network.constants.items()}
    forgotten = _last_uses(network)

    def function(x: Tensor) -> Tensor:
        for _, value in _computed(network, constants, x, forgotten):
            scores = value
        return scores[:, None] if scores.dim() == 1 else scores

    return function


def as_probabilities(scores: Tensor, link: NetworkLink) -> Tensor:
    """Turn the scores of a network into class probabilities, ``(n, n_classes)``; two classes for one column.

    Raises
    ------
    NetworkError
        For the values of a regression.
    """
    if link == "logits":
        return torch.softmax(scores, dim=1)
    if link == "probabilities":
        return scores
    if link == "values":
        raise NetworkError("the values of a regression are no probabilities")
    positive = torch.sigmoid(scores) if link == "sigmoid" else scores
    return torch.cat([1 - positive, positive], dim=1)


def shapes(network: RawNetwork, *, most_cells: int = MOST_CELLS) -> dict[str, tuple[int, ...]]:
    """Find the shape, for one row, of everything a network computes, without computing it.

    Parameters
    ----------
    most_cells
        The largest result of one step that is allowed, in numbers for each row.

    Raises
    ------
    NetworkError
        When steps do not fit each other, rows meet, or a result is too large: then it is not to be run at all.
    """
    _require_known(network)
    constants = {name: _constant(value, "meta", torch.float32) for name, value in network.constants.items()}
    ranks = {"input": 1 + len(network.input_shape)}
    found = {}
    for step, value in _computed(network, constants, torch.empty((N_ROWS, *network.input_shape), device="meta"), {}):
        name, shape = step.output, tuple(value.shape)
        # of two ranks, the rows of one would stand beside the columns of the other
        met = {ranks[each] for each in step.inputs if each in ranks}
        is_apart = shape[:1] == (N_ROWS,) and len(met) == 1 and (len(shape) > 1 or name == network.output)
        attributes: Attributes = step.attributes
        rank = max((ranks[each] for each in step.inputs if each in ranks), default=len(shape))
        is_along_rows = step.op in ALONG_AXIS and attributes.get("axis", -1) % rank == 0
        if not is_apart or is_along_rows or (step.op == "Einsum" and _sums_rows(step, ranks)):
            raise NetworkError(f"the step {name!r} ({step.op}) does not treat each row by itself")
        if math.prod(shape[1:]) > most_cells:
            raise NetworkError(f"the step {name!r} makes {shape[1:]} of each row, more than {most_cells} numbers")
        found[name], ranks[name] = shape[1:], len(shape)
    return found


def _sums_rows(step: Step, ranks: Mapping[str, int]) -> bool:
    """Tell whether a sum by letters has another letter than one of their own for the rows, first everywhere."""
    terms, _, result = str(step.attributes["equation"]).partition("->")
    row = result[:1]
    starts = [(term[:1] == row, term.count(row)) for term in terms.split(",")]
    wanted = [(True, 1) if name in ranks else (False, 0) for name in step.inputs]
    return not row.isalpha() or starts != wanted


def _require_known(network: RawNetwork) -> None:
    unknown = sorted(network.operators - OPERATORS.keys())
    if unknown:
        raise NetworkError(f"the network has operators that are not known here: {', '.join(unknown)}")
    if not network.steps or network.steps[-1].output != network.output:
        raise NetworkError(f"expected the scores {network.output!r} to come from the last step of the network")


def _computed(
    network: RawNetwork, constants: Mapping[str, Tensor], x: Tensor, forgotten: Mapping[str, list[str]]
) -> Iterator[tuple[Step, Tensor]]:
    """Yield each step and its result, the scores last."""
    if tuple(x.shape[1:]) != tuple(network.input_shape):
        raise NetworkError(f"expected rows of shape {tuple(network.input_shape)}, got {tuple(x.shape[1:])}")
    values: dict[str, Tensor] = {**constants, "input": x}
    for step in network.steps:
        try:
            values[step.output] = OPERATORS[step.op](step.attributes, *(values[name] for name in step.inputs))
        except (RuntimeError, ValueError, TypeError, IndexError, KeyError) as error:
            if isinstance(error, torch.OutOfMemoryError) or "alloc" in str(error).lower():
                raise  # whoever asked may ask again about fewer rows
            given = [tuple(values[name].shape) if name in values else name for name in step.inputs]
            said = f"the step {step.output!r} ({step.op}) does not fit its inputs {given}"
            raise NetworkError(f"{said}: {str(error)[:300]}") from error
        yield step, values[step.output]
        for name in forgotten.get(step.output, ()):
            del values[name]


def _last_uses(network: RawNetwork) -> dict[str, list[str]]:
    """Name, for each step, the results that nothing behind it uses."""
    last = {name: step.output for step in network.steps for name in step.inputs}
    freed: dict[str, list[str]] = {}
    for name, at in last.items():
        if name not in network.constants and name not in ("input", network.output):
            freed.setdefault(at, []).append(name)
    return freed


def _constant(value: Any, device: str, dtype: Any) -> Tensor:
    tensor = torch.tensor(value, device=device)
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _conv(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    n = weight.dim() - 2
    strides, dilations = a.get("strides", (1,) * n), a.get("dilations", (1,) * n)
    begin, end = _halves(a.get("pads", (0,) * (2 * n)))
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[n]
    if begin != end:
        x, begin = F.pad(x, _in_torch_order(begin, end)), (0,) * n
    return convolve(x, weight, bias, stride=strides, padding=begin, dilation=dilations, groups=a.get("group", 1))


def _conv_transpose(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    n = weight.dim() - 2
    strides, dilations, extra = (a.get(name, (each,) * n) for name, each in NEUTRAL)
    begin, end = _halves(a.get("pads", (0,) * (2 * n)))
    convolve = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[n]
    whole = convolve(x, weight, bias, strides, 0, extra, a.get("group", 1), dilations)
    # what is called padding here is cut off
    cut = [slice(b, size - e) for b, e, size in zip(begin, end, whole.shape[2:], strict=True)]
    return whole[(slice(None), slice(None), *cut)]


def _gemm(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    product = x @ weight
    return product if bias is None else product + bias


def _max_pool(a: Attributes, x: Tensor) -> Tensor:
    kernel, strides, dilations, begin, end = _windows(a, x)
    pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[len(kernel)]
    if any(begin + end):
        x = F.pad(x, _in_torch_order(begin, end), value=-torch.inf)
    return pool(x, kernel, stride=strides, dilation=dilations)


def _average_pool(a: Attributes, x: Tensor) -> Tensor:
    kernel, strides, dilations, begin, end = _windows(a, x)
    if any(step != 1 for step in dilations):
        raise NetworkError("an average over windows with gaps is not supported")
    pool = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[len(kernel)]
    if not any(begin + end):
        return pool(x, kernel, stride=strides)
    # the divisor counts cells of the input, and of the stated padding where asked for; never what ceil_mode adds
    stated_begin, stated_end = _halves(a.get("pads", (0,) * (2 * len(kernel))))
    counted = torch.ones((1, 1, *x.shape[2:]), device=x.device, dtype=x.dtype)
    if a.get("count_include_pad", 0):
        counted = F.pad(counted, _in_torch_order(stated_begin, stated_end), value=1.0)
        rest = tuple(whole - stated for whole, stated in zip(end, stated_end, strict=True))
        counted = F.pad(counted, _in_torch_order((0,) * len(kernel), rest))
    else:
        counted = F.pad(counted, _in_torch_order(begin, end))
    padded = F.pad(x, _in_torch_order(begin, end))
    return pool(padded, kernel, stride=strides) / pool(counted, kernel, stride=strides)


def _windows(a: Attributes, x: Tensor) -> tuple[Any, Any, Any, tuple[int, ...], tuple[int, ...]]:
    """Return kernel, strides, dilations and the padding that makes all windows whole."""
    kernel: Any = a["kernel_shape"]
    n = len(kernel)
    strides: Any = a.get("strides", (1,) * n)
    dilations: Any = a.get("dilations", (1,) * n)
    begin, end = _halves(a.get("pads", (0,) * (2 * n)))
    if a.get("ceil_mode", 0):
        sizes = zip(x.shape[2:], kernel, strides, dilations, begin, end, strict=True)
        end = tuple(e + _missing(size, k, s, d, before=b, after=e) for size, k, s, d, b, e in sizes)
    return kernel, strides, dilations, begin, end


def _missing(size: int, kernel: int, stride: int, dilation: int, *, before: int, after: int) -> int:
    """How many cells the last window lacks; one that would begin behind the input is left out."""
    reach = dilation * (kernel - 1) + 1
    n_windows = -(-(size + before + after - reach) // stride) + 1
    if (n_windows - 1) * stride >= size + before:
        n_windows -= 1
    return max(0, (n_windows - 1) * stride + reach - (size + before + after))


def _halves(pads: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Split the padding in front of all axes from the one behind them."""
    return tuple(pads[: len(pads) // 2]), tuple(pads[len(pads) // 2 :])


def _in_torch_order(begin: tuple[int, ...], end: tuple[int, ...]) -> list[int]:
    return list(itertools.chain.from_iterable(reversed(list(zip(begin, end, strict=True)))))


def _pad(a: Attributes, x: Tensor) -> Tensor:
    begin, end = _halves(a["pads"])
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}[str(a.get("mode", "constant"))]
    if mode == "constant":
        return F.pad(x, _in_torch_order(begin, end), value=a.get("value", 0.0))
    # torch pads all but rows and channels by its other modes, and wants those there
    n = x.dim() - 2
    if any(begin[:2] + end[:2]) or n < 1:
        raise NetworkError(f"padding by {a['mode']} is not supported for rows and channels")
    return F.pad(x, _in_torch_order(begin[2:], end[2:]), mode=mode)


def _slice(a: Attributes, x: Tensor) -> Tensor:
    starts: Any = a["starts"]
    axes: Any = a.get("axes", tuple(range(1, 1 + len(starts))))
    steps: Any = a.get("steps", (1,) * len(starts))
    cut = [slice(None)] * x.dim()
    for axis, start, stop, step in zip(axes, starts, a["ends"], steps, strict=True):
        cut[axis] = slice(start, stop, step)
    return x[tuple(cut)]


def _gather(a: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    axis = int(a.get("axis", 1)) % x.dim()
    if axis == 0:
        raise NetworkError("an operator that chooses among rows is not supported")
    # the remainder keeps a wrong index of a hostile network from ending the whole process of a GPU
    chosen = torch.index_select(x, axis, indices.reshape(-1) % x.shape[axis])
    return chosen.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def _concat(a: Attributes, *parts: Tensor) -> Tensor:
    n_rows = max(part.shape[0] for part in parts)
    return torch.cat([part.expand(n_rows, *part.shape[1:]) for part in parts], dim=a["axis"])


def _squeeze(a: Attributes, x: Tensor) -> Tensor:
    axes: Any = a["axes"]
    return torch.squeeze(x, tuple(axes))


def _unsqueeze(a: Attributes, x: Tensor) -> Tensor:
    axes: Any = a["axes"]
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _cast(a: Attributes, x: Tensor) -> Tensor:
    """Numbers stay of the type that the network is computed in; half precision rounds, whole numbers lose fractions."""
    if a["to"] in (FLOAT, DOUBLE):
        return x
    if a["to"] in (FLOAT16, BFLOAT16):
        return x.to(torch.float16 if a["to"] == FLOAT16 else torch.bfloat16).to(x.dtype)
    if a["to"] in INTEGERS:
        return torch.trunc(x)
    if a["to"] == BOOL:
        return (x != 0).to(x.dtype)
    raise NetworkError(f"a cast to the type {a['to']} is not supported")


def _reduce(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def reduced(a: Attributes, x: Tensor) -> Tensor:
        return function(x, dim=a["axes"], keepdim=bool(a.get("keepdims", 1)))

    return reduced


def _reduce_prod(a: Attributes, x: Tensor) -> Tensor:
    for axis in sorted((axis % x.dim() for axis in a["axes"]), reverse=True):
        x = torch.prod(x, dim=axis, keepdim=bool(a.get("keepdims", 1)))
    return x


def _cumulative(a: Attributes, x: Tensor) -> Tensor:
    axis = int(a["axis"])
    x = x.flip(axis) if a.get("reverse", 0) else x
    total = torch.cumsum(x, dim=axis)
    total = total - x if a.get("exclusive", 0) else total
    return total.flip(axis) if a.get("reverse", 0) else total


def _tile(a: Attributes, x: Tensor) -> Tensor:
    return x.repeat(1, *a["repeats"])


def _local_response(a: Attributes, x: Tensor) -> Tensor:
    size = int(a["size"])
    squares = F.pad((x * x).flatten(2)[:, None], (0, 0, (size - 1) // 2, size // 2))
    summed = F.avg_pool2d(squares, (size, 1), stride=1)[:, 0].reshape(x.shape) * size
    return x / (a.get("bias", 1.0) + a.get("alpha", 1e-4) / size * summed) ** a.get("beta", 0.75)


def _clip(a: Attributes, x: Tensor) -> Tensor:
    return torch.clamp(x, min=a.get("min"), max=a.get("max"))


def _hard_sigmoid(x: Tensor, alpha: Any, beta: Any) -> Tensor:
    return torch.clamp(alpha * x + beta, 0.0, 1.0)


def _plain(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Make an operator without attributes of a function."""
    return lambda a, *inputs: function(*inputs)


OPERATORS: Mapping[str, Callable[..., Tensor]] = {
    **CHOICES,
    **RECURRENT,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": lambda a, x: x.mean(dim=tuple(range(2, x.dim())), keepdim=True),
    "GlobalMaxPool": lambda a, x: x.amax(dim=tuple(range(2, x.dim())), keepdim=True),
    "MatMul": _plain(torch.matmul),
    "Einsum": lambda a, *inputs: torch.einsum(a["equation"], *inputs),
    "Add": _plain(torch.add),
    "Sub": _plain(torch.sub),
    "Mul": _plain(torch.mul),
    "Div": _plain(torch.div),
    "Pow": _plain(torch.pow),
    "Neg": _plain(torch.neg),
    "Exp": _plain(torch.exp),
    "Log": _plain(torch.log),
    "Sqrt": _plain(torch.sqrt),
    "Reciprocal": _plain(torch.reciprocal),
    "Abs": _plain(torch.abs),
    "Sin": _plain(torch.sin),
    "Cos": _plain(torch.cos),
    "Atan": _plain(torch.atan),
    "Erf": _plain(torch.erf),
    "Sigmoid": _plain(torch.sigmoid),
    "Tanh": _plain(torch.tanh),
    "Relu": _plain(torch.relu),
    "Softplus": _plain(F.softplus),
    "LeakyRelu": lambda a, x: F.leaky_relu(x, a.get("alpha", 0.01)),
    "Elu": lambda a, x: F.elu(x, a.get("alpha", 1.0)),
    "Gelu": lambda a, x: F.gelu(x, approximate=a.get("approximate", "none")),
    "HardSigmoid": lambda a, x: _hard_sigmoid(x, a.get("alpha", 0.2), a.get("beta", 0.5)),
    "HardSwish": lambda a, x: x * _hard_sigmoid(x, 1 / 6, 0.5),
    "Softmax": lambda a, x: torch.softmax(x, dim=a.get("axis", -1)),
    "LogSoftmax": lambda a, x: torch.log_softmax(x, dim=a.get("axis", -1)),
    "Clip": _clip,
    "Flatten": lambda a, x: x.flatten(1),
    "Reshape": lambda a, x: x.reshape(x.shape[0], *a["shape"]),
    "Transpose": lambda a, x: x.permute(a["perm"]),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Slice": _slice,
    "Gather": _gather,
    "Pad": _pad,
    "Expand": lambda a, x: x.expand(x.shape[0], *a["shape"]),
    "Tile": _tile,
    "CumSum": _cumulative,
    "LRN": _local_response,
    "ReduceMax": _reduce(torch.amax),
    "ReduceMin": _reduce(torch.amin),
    "ReduceProd": _reduce_prod,
    "ReduceL2": _reduce(torch.linalg.vector_norm),
    "ReduceLogSumExp": _reduce(torch.logsumexp),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Cast": _cast,
    "Identity": lambda a, x: x,
}
