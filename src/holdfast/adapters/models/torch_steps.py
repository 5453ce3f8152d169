"""Operators of ATen in the form that networks have here: one function for each that needs more than its name.

References
----------
PyTorch 2.13, native_functions.yaml (signatures of the operators).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.network_writing import Script
from holdfast.core.network import Attribute

Given = Mapping[str, Any]
Writer = Callable[["Sight", Any, Given], "str | tuple[str, ...]"]
N_ROWS = 2


@dataclass(slots=True)
class Sight:
    """What is known of a graph while it is rewritten: values that stand still, names of those that do not."""

    script: Script
    still: dict[Any, Any] = field(default_factory=dict)
    names: dict[Any, Any] = field(default_factory=dict)

    def operand(self, value: Any, label: str) -> str:
        """Name an input of a step: something that depends on the rows, or a constant."""
        if is_node(value) and value in self.names:
            name: str = self.names[value]
            return name
        return self.script.constant(self.array(value), label)

    def array(self, value: Any) -> Any:
        """Return what stands still as an array."""
        value = self.plain(value)
        return value.detach().numpy() if hasattr(value, "detach") else np.asarray(value)

    def plain(self, value: Any) -> Any:
        """Return what stands still: a tensor or a number."""
        if is_node(value):
            if value not in self.still:
                raise no_network(f"{value.name!r} is expected to be a constant, but depends on the inputs")
            return self.still[value]
        return value


def is_node(value: Any) -> bool:
    return hasattr(value, "all_input_nodes")


def shape_of(node: Any) -> tuple[int, ...]:
    """Return the shape of what a node makes for an example of ``N_ROWS`` rows."""
    return tuple(int(size) if isinstance(size, int) else N_ROWS for size in node.meta["val"].shape)


def _pair(values: Any, n: int) -> tuple[int, ...]:
    given = tuple(int(value) for value in values) if isinstance(values, (list, tuple)) else (int(values),)
    return given * n if len(given) == 1 else given


def _plain(op: str) -> Writer:
    return lambda sight, node, given: sight.script.step(op, sight.operand(_first(given), node.name), name=node.name)


def _first(given: Given) -> Any:
    return next(iter(given.values()))


def _with(op: str, **named: str) -> Writer:
    """Write an operator whose attributes stand under other names."""

    def written(sight: Sight, node: Any, given: Given) -> str:
        attributes: dict[str, Attribute] = {ours: given[theirs] for ours, theirs in named.items()}
        return sight.script.step(op, sight.operand(given["self"], node.name), name=node.name, **attributes)

    return written


def _arithmetic(op: str, *, turned: bool = False) -> Writer:
    def written(sight: Sight, node: Any, given: Given) -> str:
        left, right = (sight.operand(given[name], f"{node.name}:{name}") for name in _sides(given))
        if given.get("alpha", 1) != 1:
            scaled = sight.script.constant(given["alpha"], f"{node.name}:alpha")
            right = sight.script.step("Mul", right, scaled, name=f"{node.name}:scaled")
        if given.get("rounding_mode") is not None:
            raise no_network("a division is rounded")
        return sight.script.step(op, *((right, left) if turned else (left, right)), name=node.name)

    return written


def _sides(given: Given) -> tuple[str, str]:
    return ("self", "exponent") if "exponent" in given else ("self", "mat2") if "mat2" in given else ("self", "other")


def _same(sight: Sight, node: Any, given: Given) -> str:
    return sight.operand(_first(given), node.name)


def _converted(sight: Sight, node: Any, given: Given) -> str:
    if not node.meta["val"].dtype.is_floating_point:
        raise no_network(f"{node.name} makes whole numbers of what depends on the inputs")
    return _same(sight, node, given)


def _dropout(sight: Sight, node: Any, given: Given) -> str:
    if given.get("train"):
        raise no_network("it drops out at random: dropout is applied in eval mode too")
    return _same(sight, node, given)


def _clip(sight: Sight, node: Any, given: Given) -> str:
    ends = {"min": given.get("min", given.get("min_val")), "max": given.get("max", given.get("max_val"))}
    numbers = {name: float(sight.plain(end)) for name, end in ends.items() if end is not None}
    finite: dict[str, Attribute] = {name: end for name, end in numbers.items() if math.isfinite(end)}
    return sight.script.step("Clip", sight.operand(given["self"], node.name), name=node.name, **finite)


def _relu6(sight: Sight, node: Any, given: Given) -> str:
    return _clip(sight, node, {**given, "min": 0.0, "max": 6.0})


def _silu(sight: Sight, node: Any, given: Given) -> str:
    x = sight.operand(given["self"], node.name)
    return sight.script.step("Mul", x, sight.script.step("Sigmoid", x, name=node.name), name=node.name)


def _elu(sight: Sight, node: Any, given: Given) -> str:
    if given["input_scale"] != 1:
        raise no_network("an elu scales its input")
    x = sight.operand(given["self"], node.name)
    scaled = sight.script.step("Elu", x, name=node.name, alpha=float(given["alpha"]))
    if given["scale"] == 1:
        return scaled
    return sight.script.step("Mul", scaled, sight.script.constant(given["scale"], f"{node.name}:scale"), name=node.name)


def _selu(sight: Sight, node: Any, given: Given) -> str:
    return _elu(sight, node, {**given, "alpha": 1.6732632423543772, "scale": 1.0507009873554805, "input_scale": 1})


def _hard_sigmoid(sight: Sight, node: Any, given: Given) -> str:
    x = sight.operand(given["self"], node.name)
    return sight.script.step("HardSigmoid", x, name=node.name, alpha=1 / 6, beta=0.5)


def _softplus(sight: Sight, node: Any, given: Given) -> str:
    if given["beta"] != 1:
        raise no_network("a softplus scales its input")
    return sight.script.step("Softplus", sight.operand(given["self"], node.name), name=node.name)


def _linear(sight: Sight, node: Any, given: Given) -> str:
    weight, bias = sight.array(given["weight"]), given["bias"]
    return _product(sight, node, given["input"], weight.T, None if bias is None else sight.array(bias))


def _addmm(sight: Sight, node: Any, given: Given) -> str:
    weight, bias = sight.array(given["mat2"]) * given["alpha"], sight.array(given["self"]) * given["beta"]
    return _product(sight, node, given["mat1"], weight, bias)


def _product(sight: Sight, node: Any, rows: Any, weight: Any, bias: Any) -> str:
    x, w = sight.operand(rows, node.name), sight.script.constant(weight, f"{node.name}:weight")
    summand = () if bias is None else (sight.script.constant(bias, f"{node.name}:bias"),)
    if len(shape_of(rows)) == 2:
        return sight.script.step("Gemm", x, w, *summand, name=node.name)
    product = sight.script.step("MatMul", x, w, name=node.name)
    return sight.script.step("Add", product, *summand, name=node.name) if summand else product


def _conv(sight: Sight, node: Any, given: Given) -> str:
    weight = sight.array(given["weight"])
    n = weight.ndim - 2
    if n not in (1, 2) or given.get("transposed"):
        raise no_network(f"a convolution over {n} axes, or a transposed one, is not supported")
    strides, dilations = _pair(given["stride"], n), _pair(given["dilation"], n)
    pads = _pads(given["padding"], weight.shape[2:], dilations)
    inputs = [sight.operand(given["input"], node.name), sight.script.constant(weight, f"{node.name}:weight")]
    if given["bias"] is not None:
        inputs.append(sight.script.constant(sight.array(given["bias"]), f"{node.name}:bias"))
    attributes: dict[str, Attribute] = {"strides": strides, "dilations": dilations, "pads": pads}
    return sight.script.step("Conv", *inputs, name=node.name, group=int(given["groups"]), **attributes)


def _pads(padding: Any, kernel: Any, dilations: tuple[int, ...]) -> tuple[int, ...]:
    if padding == "valid":
        return (0,) * (2 * len(kernel))
    if padding == "same":
        total = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
        return (*(each // 2 for each in total), *(each - each // 2 for each in total))
    return _pair(padding, len(kernel)) * 2


def _batch_norm(sight: Sight, node: Any, given: Given) -> str:
    if given.get("training") or given["running_mean"] is None:
        raise no_network("it normalises by the mean of the batch, so that a row's answer depends on the others")
    mean, variance = (sight.array(given[name]).astype(np.float64) for name in ("running_mean", "running_var"))
    scale = 1 / np.sqrt(variance + given["eps"])
    scale = scale if given["weight"] is None else scale * sight.array(given["weight"])
    shift = -mean * scale + (0 if given["bias"] is None else sight.array(given["bias"]))
    x = sight.operand(given["input"], node.name)
    return sight.script.by_channel(x, scale, shift, rank=len(shape_of(node)), name=node.name)


def _layer_norm(sight: Sight, node: Any, given: Given) -> str:
    rank = len(shape_of(node))
    axes = tuple(range(rank - len(given["normalized_shape"]), rank))
    x = sight.operand(given["input"], node.name)
    result = sight.script.standardised(x, axes, epsilon=given["eps"], name=node.name)
    for op, name in (("Mul", "weight"), ("Add", "bias")):
        if given[name] is not None:
            constant = sight.script.constant(sight.array(given[name]), f"{node.name}:{name}")
            result = sight.script.step(op, result, constant, name=node.name)
    return result


def _group_norm(sight: Sight, node: Any, given: Given) -> str:
    shape = shape_of(node)
    parts = (int(given["num_groups"]), math.prod(shape[1:]) // int(given["num_groups"]))
    grouped = sight.script.step("Reshape", sight.operand(given["input"], node.name), name=node.name, shape=parts)
    normal = sight.script.standardised(grouped, (2,), epsilon=given["eps"], name=node.name)
    whole = sight.script.step("Reshape", normal, name=node.name, shape=shape[1:])
    scale = np.ones(shape[1]) if given["weight"] is None else sight.array(given["weight"])
    shift = np.zeros(shape[1]) if given["bias"] is None else sight.array(given["bias"])
    return sight.script.by_channel(whole, scale, shift, rank=len(shape), name=node.name)


def _pool(op: str) -> Writer:
    def written(sight: Sight, node: Any, given: Given) -> str:
        n = len(shape_of(given["self"])) - 2
        kernel = _pair(given["kernel_size"], n)
        attributes: dict[str, Attribute] = {
            "kernel_shape": kernel,
            "strides": _pair(given["stride"] or kernel, n),
            "pads": _pair(given["padding"], n) * 2,
            "ceil_mode": int(given["ceil_mode"]),
        }
        if op == "MaxPool":
            attributes["dilations"] = _pair(given["dilation"], n)
        else:
            attributes["count_include_pad"] = int(given["count_include_pad"])
        if given.get("divisor_override") is not None:
            raise no_network("an average is divided by a number of its own")
        return sight.script.step(op, sight.operand(given["self"], node.name), name=node.name, **attributes)

    return written


def _adaptive_average(sight: Sight, node: Any, given: Given) -> str:
    sizes, wanted = shape_of(given["self"])[2:], shape_of(node)[2:]
    x = sight.operand(given["self"], node.name)
    if all(size == 1 for size in wanted):
        return sight.script.step("GlobalAveragePool", x, name=node.name)
    if any(size % out for size, out in zip(sizes, wanted, strict=True)):
        raise no_network(f"an average pool makes {wanted} of {sizes}, by windows of several sizes")
    kernel = tuple(size // out for size, out in zip(sizes, wanted, strict=True))
    return sight.script.step("AveragePool", x, name=node.name, kernel_shape=kernel, strides=kernel)


def _reshape(sight: Sight, node: Any, given: Given) -> str:
    before, after = shape_of(_first(given)), shape_of(node)
    if before[:1] != after[:1]:
        raise no_network(f"{node.name} makes rows of the shape {after} of rows of the shape {before}")
    return sight.script.step("Reshape", sight.operand(_first(given), node.name), name=node.name, shape=after[1:])


def _permute(sight: Sight, node: Any, given: Given) -> str:
    rank = len(shape_of(node))
    order = list(range(rank))
    if "dims" in given:
        order = [axis % rank for axis in given["dims"]]
    else:
        first, second = (given[name] % rank for name in ("dim0", "dim1"))
        order[first], order[second] = second, first
    if order[0] != 0:
        raise no_network(f"{node.name} moves the rows to another axis")
    return sight.script.step("Transpose", sight.operand(given["self"], node.name), name=node.name, perm=tuple(order))


def _cat(sight: Sight, node: Any, given: Given) -> str:
    parts = (sight.operand(part, f"{node.name}:{place}") for place, part in enumerate(given["tensors"]))
    return sight.script.step("Concat", *parts, name=node.name, axis=given["dim"] % len(shape_of(node)))


def _cut(sight: Sight, node: Any, source: Any, axis: int, start: int, end: int, *, step: int = 1) -> str:
    if axis == 0:
        raise no_network(f"{node.name} leaves rows out")
    given: dict[str, Attribute] = {"axes": (axis,), "starts": (start,), "ends": (end,), "steps": (step,)}
    return sight.script.step("Slice", sight.operand(source, node.name), name=node.name, **given)


def _slice(sight: Sight, node: Any, given: Given) -> str:
    shape = shape_of(given["self"])
    axis = given["dim"] % len(shape)
    start, end, step = slice(given["start"], given["end"], given["step"]).indices(shape[axis])
    if axis == 0 and (start, end, step) == (0, shape[0], 1):
        return _same(sight, node, given)
    return _cut(sight, node, given["self"], axis, start, end, step=step)


def _select(sight: Sight, node: Any, given: Given) -> str:
    shape = shape_of(given["self"])
    axis = given["dim"] % len(shape)
    place = sight.script.constant(np.array(given["index"] % shape[axis]), f"{node.name}:place", whole=True)
    if axis == 0:
        raise no_network(f"{node.name} chooses among rows")
    return sight.script.step("Gather", sight.operand(given["self"], node.name), place, name=node.name, axis=axis)


def _split(sight: Sight, node: Any, given: Given) -> tuple[str, ...]:
    axis = given["dim"] % len(shape_of(given["self"]))
    parts, start = [], 0
    for part in node.meta["val"]:
        parts.append(_cut(sight, node, given["self"], axis, start, start + int(part.shape[axis])))
        start += int(part.shape[axis])
    return tuple(parts)


def _getitem(sight: Sight, node: Any, given: Given) -> str:
    parts: tuple[str, ...] = sight.names[given["0"]]
    return parts[given["1"]]


def _along_axis(op: str) -> Writer:
    def written(sight: Sight, node: Any, given: Given) -> str:
        axis = given["dim"] % len(shape_of(node))
        return sight.script.step(op, sight.operand(given["self"], node.name), name=node.name, axis=axis)

    return written


def _reduce(op: str) -> Writer:
    def written(sight: Sight, node: Any, given: Given) -> str:
        rank = len(shape_of(given["self"]))
        axes = tuple(sorted(axis % rank for axis in given.get("dim") or range(rank)))
        if 0 in axes:
            raise no_network(f"{node.name} runs over the rows")
        x = sight.operand(given["self"], node.name)
        return sight.script.step(op, x, name=node.name, axes=axes, keepdims=int(given["keepdim"]))

    return written


def _pad(sight: Sight, node: Any, given: Given) -> str:
    mode = str(given.get("mode", "constant"))
    if mode not in ("constant", "reflect", "replicate"):
        raise no_network(f"padding by {mode} is not known here")
    rank = len(shape_of(node))
    begin, end = [0] * rank, [0] * rank
    for place, (before, after) in enumerate(zip(given["pad"][::2], given["pad"][1::2], strict=True)):
        begin[rank - 1 - place], end[rank - 1 - place] = int(before), int(after)
    x, value = sight.operand(given["self"], node.name), float(given.get("value") or 0.0)
    named = {"replicate": "edge"}.get(mode, mode)
    return sight.script.step("Pad", x, name=node.name, pads=(*begin, *end), mode=named, value=value)


RESHAPING = ("flatten", "view", "reshape", "_unsafe_view", "squeeze", "unsqueeze", "unflatten")
DROPPED = ("contiguous", "clone", "detach", "alias", "lift_fresh_copy", "positive")
WRITERS: Mapping[str, Writer] = {
    **{name: _plain(op) for name, op in (
        ("relu", "Relu"), ("sigmoid", "Sigmoid"), ("tanh", "Tanh"), ("erf", "Erf"), ("exp", "Exp"), ("log", "Log"),
        ("sqrt", "Sqrt"), ("abs", "Abs"), ("neg", "Neg"), ("sign", "Sign"), ("round", "Round"), ("floor", "Floor"),
        ("ceil", "Ceil"), ("reciprocal", "Reciprocal"), ("hardswish", "HardSwish"),
    )},
    **{name: _arithmetic(op) for name, op in (
        ("add", "Add"), ("sub", "Sub"), ("mul", "Mul"), ("div", "Div"), ("pow", "Pow"), ("matmul", "MatMul"),
        ("mm", "MatMul"), ("bmm", "MatMul"),
    )},
    "rsub": _arithmetic("Sub", turned=True),
    **dict.fromkeys(RESHAPING, _reshape),
    **dict.fromkeys(DROPPED, _same),
    **dict.fromkeys(("to", "_to_copy", "type_as"), _converted),
    **dict.fromkeys(("dropout", "feature_dropout", "alpha_dropout"), _dropout),
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max", "hardtanh"), _clip),
    "relu6": _relu6,
    "leaky_relu": _with("LeakyRelu", alpha="negative_slope"),
    "gelu": _with("Gelu", approximate="approximate"),
    "silu": _silu,
    "elu": _elu,
    "selu": _selu,
    "hardsigmoid": _hard_sigmoid,
    "softplus": _softplus,
    "linear": _linear,
    "addmm": _addmm,
    **dict.fromkeys(("conv1d", "conv2d", "convolution"), _conv),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    **dict.fromkeys(("max_pool1d", "max_pool2d"), _pool("MaxPool")),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d"), _pool("AveragePool")),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_avg_pool2d"), _adaptive_average),
    **dict.fromkeys(("permute", "transpose"), _permute),
    "cat": _cat,
    "slice": _slice,
    "select": _select,
    **dict.fromkeys(("split", "split_with_sizes", "chunk"), _split),
    "getitem": _getitem,
    "softmax": _along_axis("Softmax"),
    "log_softmax": _along_axis("LogSoftmax"),
    "mean": _reduce("ReduceMean"),
    "sum": _reduce("ReduceSum"),
    "pad": _pad,
}  # fmt: skip
