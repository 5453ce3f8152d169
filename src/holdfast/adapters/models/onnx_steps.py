"""Operators of an ONNX graph in the form that networks have here: one function for each that needs more than its name.

Everything that does not depend on the inputs of the model has been computed before, and the shape of everything that
does is known: that leaves little to do. Old versions of the standard hold in attributes what new ones take as inputs;
both are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.network_writing import Script
from holdfast.adapters.models.onnx_trees import TreeNode
from holdfast.core.network import Attribute

Array = NDArray[Any]
Writer = Callable[["Sight", TreeNode], None]
FLOAT_TYPES = (1, 10, 11, 16)
SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875


@dataclass(slots=True)
class Sight:
    """What is known of a graph while its operators are rewritten, and what was written of it so far.

    Attributes
    ----------
    opset
        Version of the standard.
    still
        What does not depend on the inputs.
    shapes
        Shapes of what does, the rows first.
    names
        Our names of what has been written.
    script
        What was written.
    """

    opset: int
    still: Mapping[str, Array]
    shapes: Mapping[str, tuple[int, ...]]
    names: dict[str, str]
    script: Script = field(default_factory=Script)

    def write(self, node: TreeNode, op: str, *inputs: str, **attributes: Attribute) -> None:
        """Write the operator itself: the step that makes its output."""
        self.names[node.outputs[0]] = self.script.step(op, *inputs, name=node.outputs[0], **attributes)

    def before(self, node: TreeNode, op: str, *inputs: str, name: str = "", **attributes: Attribute) -> str:
        """Write a step that another one of the same operator goes on from; return the name of what it makes."""
        return self.script.step(op, *inputs, name=name or f"{node.outputs[0]}:1", **attributes)

    def operand(self, name: str, *, whole: bool = False) -> str:
        """Name an input of a step; one that stands still becomes a constant, of whole numbers where asked for."""
        if name in self.names:
            return self.names[name]
        value = self.value(name)
        if value.dtype.kind not in "fiu":
            raise no_network(f"{name!r} holds {value.dtype}, no numbers")
        self.names[name] = self.script.constant(value, name, whole=whole)
        return self.names[name]

    def value(self, name: str) -> Array:
        """Look up what does not depend on the inputs."""
        if name not in self.still:
            raise no_network(f"{name!r} is expected to be a constant, but depends on the inputs")
        return self.still[name]

    def numbers(self, node: TreeNode, attribute: str, place: int) -> tuple[int, ...] | None:
        """Read whole numbers from an attribute, or from the input that newer versions take them from."""
        if attribute in node.attributes:
            return tuple(node.integers(attribute).tolist())
        if place < len(node.inputs) and node.inputs[place]:
            return tuple(int(each) for each in self.value(node.inputs[place]).ravel())
        return None


def write(sight: Sight, node: TreeNode) -> None:
    """Write one operator.

    Raises
    ------
    NotRun
        When it is not known, or used in a way that is not; it is named.
    """
    if node.operator not in WRITERS:
        raise no_network(f"it uses the operator {node.operator}, which is not known here")
    WRITERS[node.operator](sight, node)


def _same(sight: Sight, node: TreeNode) -> None:
    sight.write(node, node.operator, *(sight.operand(name) for name in node.inputs))


def _with_numbers(**defaults: float) -> Writer:
    def written(sight: Sight, node: TreeNode) -> None:
        given: dict[str, Attribute] = {name: node.number(name, value) for name, value in defaults.items()}
        sight.write(node, node.operator, sight.operand(node.inputs[0]), **given)

    return written


def _dropped(sight: Sight, node: TreeNode) -> None:
    sight.names[node.outputs[0]] = sight.operand(node.inputs[0])


def _cast(sight: Sight, node: TreeNode) -> None:
    kind = node.integer("to", 1)
    if kind in FLOAT_TYPES:
        _dropped(sight, node)
    else:
        sight.write(node, "Cast", sight.operand(node.inputs[0]), to=kind)


def _gelu(sight: Sight, node: TreeNode) -> None:
    sight.write(node, "Gelu", sight.operand(node.inputs[0]), approximate=node.word("approximate", "none"))


def _selu(sight: Sight, node: TreeNode) -> None:
    scaled = sight.before(node, "Elu", sight.operand(node.inputs[0]), alpha=node.number("alpha", SELU_ALPHA))
    gamma = sight.script.constant(node.number("gamma", SELU_GAMMA), f"{node.outputs[0]}:gamma")
    sight.write(node, "Mul", scaled, gamma)


def _prelu(sight: Sight, node: TreeNode) -> None:
    x, slope = (sight.operand(name) for name in node.inputs)
    up = sight.before(node, "Relu", x)
    down = sight.before(node, "Relu", sight.before(node, "Neg", x))
    sight.write(node, "Sub", up, sight.before(node, "Mul", down, slope))


def _scaler(sight: Sight, node: TreeNode) -> None:
    offset, scale = (node.floats(name).astype(np.float32) for name in ("offset", "scale"))
    centred = sight.before(node, "Sub", sight.operand(node.inputs[0]), sight.script.constant(offset, "offset"))
    sight.write(node, "Mul", centred, sight.script.constant(scale, "scale"))


def _sum(sight: Sight, node: TreeNode) -> None:
    total = sight.operand(node.inputs[0])
    for name in node.inputs[1:-1]:
        total = sight.before(node, "Add", total, sight.operand(name))
    if len(node.inputs) == 1:
        sight.names[node.outputs[0]] = total
    else:
        sight.write(node, "Add", total, sight.operand(node.inputs[-1]))


def _gemm(sight: Sight, node: TreeNode) -> None:
    if node.integer("transA", 0):
        raise no_network("a Gemm transposes the rows")
    weight = sight.value(node.inputs[1]) * node.number("alpha", 1.0)
    weight = weight.T if node.integer("transB", 0) else weight
    inputs = [sight.operand(node.inputs[0]), sight.script.constant(weight, node.inputs[1])]
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = sight.value(node.inputs[2]) * node.number("beta", 1.0)
        inputs.append(sight.script.constant(bias, node.inputs[2]))
    sight.write(node, "Gemm", *inputs)


def _conv(sight: Sight, node: TreeNode) -> None:
    weight = sight.value(node.inputs[1])
    if weight.ndim not in (3, 4):
        raise no_network(f"a convolution over {weight.ndim - 2} axes is not supported")
    given = _windows(sight, node, tuple(weight.shape[2:]))
    inputs = (sight.operand(name) for name in node.inputs if name)
    sight.write(node, "Conv", *inputs, group=node.integer("group", 1), **given)


def _pool(sight: Sight, node: TreeNode) -> None:
    kernel = tuple(node.integers("kernel_shape").tolist())
    if len(kernel) not in (1, 2) or (len(node.outputs) > 1 and node.outputs[1]):
        raise no_network(f"a {node.operator} over {len(kernel)} axes, or one that also gives places, is not supported")
    given = {**_windows(sight, node, kernel), "kernel_shape": kernel, "ceil_mode": node.integer("ceil_mode", 0)}
    if node.operator == "AveragePool":
        given["count_include_pad"] = node.integer("count_include_pad", 0)
    sight.write(node, node.operator, sight.operand(node.inputs[0]), **given)


def _windows(sight: Sight, node: TreeNode, kernel: tuple[int, ...]) -> dict[str, Attribute]:
    """Read how windows lie; padding that is asked for by name is written out."""
    n = len(kernel)
    strides = tuple(node.integers("strides").tolist()) or (1,) * n
    dilations = tuple(node.integers("dilations").tolist()) or (1,) * n
    pads = tuple(node.integers("pads").tolist()) or (0,) * (2 * n)
    wanted = node.word("auto_pad", "NOTSET")
    if wanted == "VALID":
        pads = (0,) * (2 * n)
    elif wanted.startswith("SAME"):
        sizes = zip(sight.shapes[node.inputs[0]][2:], kernel, strides, dilations, strict=True)
        total = [max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size) for size, k, s, d in sizes]
        less, more = tuple(each // 2 for each in total), tuple(each - each // 2 for each in total)
        pads = (*less, *more) if wanted == "SAME_UPPER" else (*more, *less)
    return {"strides": strides, "dilations": dilations, "pads": pads}


def _batch_normalization(sight: Sight, node: TreeNode) -> None:
    scale, shift, mean, variance = (sight.value(name).astype(np.float64) for name in node.inputs[1:5])
    scale = scale / np.sqrt(variance + node.number("epsilon", 1e-5))
    _scaled(sight, node, sight.operand(node.inputs[0]), scale, shift - mean * scale)


def _scaled(sight: Sight, node: TreeNode, x: str, scale: Array, shift: Array) -> None:
    """Write a factor and a summand for each channel."""
    output = node.outputs[0]
    rank = len(sight.shapes[output])
    sight.names[output] = sight.script.by_channel(x, scale, shift, rank=rank, name=output)


def _layer_normalization(sight: Sight, node: TreeNode) -> None:
    rank = len(sight.shapes[node.inputs[0]])
    first = node.integer("axis", -1) % rank
    normal = _standardised(sight, node, sight.operand(node.inputs[0]), tuple(range(first, rank)))
    scaled = sight.before(node, "Mul", normal, sight.operand(node.inputs[1]))
    if len(node.inputs) > 2 and node.inputs[2]:
        sight.write(node, "Add", scaled, sight.operand(node.inputs[2]))
    else:
        sight.names[node.outputs[0]] = scaled


def _instance_normalization(sight: Sight, node: TreeNode) -> None:
    rank = len(sight.shapes[node.inputs[0]])
    normal = _standardised(sight, node, sight.operand(node.inputs[0]), tuple(range(2, rank)))
    _scaled(sight, node, normal, sight.value(node.inputs[1]), sight.value(node.inputs[2]))


def _standardised(sight: Sight, node: TreeNode, x: str, axes: tuple[int, ...]) -> str:
    epsilon = node.number("epsilon", 1e-5)
    return sight.script.standardised(x, axes, epsilon=epsilon, name=f"{node.outputs[0]}:1")


def _along_axis(sight: Sight, node: TreeNode) -> None:
    rank = len(sight.shapes[node.outputs[0]])
    axis = node.integer("axis", -1 if sight.opset >= 13 else 1) % rank
    if sight.opset < 13 and axis != rank - 1:
        raise no_network(f"a {node.operator} of an old version of the standard runs over several axes")
    sight.write(node, node.operator, sight.operand(node.inputs[0]), axis=axis)


def _clip(sight: Sight, node: TreeNode) -> None:
    ends: dict[str, Attribute] = {}
    for place, name in enumerate(("min", "max"), 1):
        if name in node.attributes:
            ends[name] = node.number(name, 0.0)
        elif place < len(node.inputs) and node.inputs[place]:
            ends[name] = float(sight.value(node.inputs[place]).item())
    ends = {name: end for name, end in ends.items() if math.isfinite(float(end))}  # type: ignore[arg-type]
    sight.write(node, "Clip", sight.operand(node.inputs[0]), **ends)


def _extreme(sight: Sight, node: TreeNode) -> None:
    """Write the larger or smaller of something and one number as a clip."""
    moving = [name for name in node.inputs if name in sight.names and name not in sight.still]
    ends = [sight.value(name) for name in node.inputs if name not in moving]
    if len(moving) != 1 or len(ends) != 1 or ends[0].size != 1:
        raise no_network(f"a {node.operator} of several things that depend on the inputs is not supported")
    end = float(ends[0].item())
    sight.write(node, "Clip", sight.names[moving[0]], **{"min" if node.operator == "Max" else "max": end})


def _reshape(sight: Sight, node: TreeNode) -> None:
    before, after = sight.shapes[node.inputs[0]], sight.shapes[node.outputs[0]]
    if not before or not after or before[0] != after[0]:
        raise no_network(f"a {node.operator} makes rows of the shape {after} of rows of the shape {before}")
    sight.write(node, "Reshape", sight.operand(node.inputs[0]), shape=after[1:])


def _flatten(sight: Sight, node: TreeNode) -> None:
    if node.integer("axis", 1) == 1:
        sight.write(node, "Flatten", sight.operand(node.inputs[0]), axis=1)
    else:
        _reshape(sight, node)


def _transpose(sight: Sight, node: TreeNode) -> None:
    rank = len(sight.shapes[node.inputs[0]])
    perm = tuple(node.integers("perm").tolist()) or tuple(reversed(range(rank)))
    if perm[:1] != (0,):
        raise no_network("a Transpose moves the rows to another axis")
    sight.write(node, "Transpose", sight.operand(node.inputs[0]), perm=perm)


def _concat(sight: Sight, node: TreeNode) -> None:
    axis = node.integer("axis", 1) % len(sight.shapes[node.outputs[0]])
    sight.write(node, "Concat", *(sight.operand(name) for name in node.inputs), axis=axis)


def _slice(sight: Sight, node: TreeNode) -> None:
    shape = sight.shapes[node.inputs[0]]
    starts, ends = (sight.numbers(node, name, place) or () for place, name in enumerate(("starts", "ends"), 1))
    axes = sight.numbers(node, "axes", 3) or tuple(range(len(starts)))
    strides = sight.numbers(node, "steps", 4) or (1,) * len(starts)
    cuts: dict[int, tuple[int, int, int]] = {}
    for axis, start, end, stride in zip((a % len(shape) for a in axes), starts, ends, strides, strict=True):
        if stride < 0:
            raise no_network("a Slice runs backwards")
        cut = slice(start, end, stride).indices(shape[axis])
        if axis == 0 and cut != (0, shape[0], 1):
            raise no_network("a Slice leaves rows out")
        if axis:
            cuts[axis] = cut
    given = (tuple(cut[place] for cut in cuts.values()) for place in range(3))
    named = dict(zip(("starts", "ends", "steps"), given, strict=True))
    sight.write(node, "Slice", sight.operand(node.inputs[0]), axes=tuple(cuts), **named)


def _split(sight: Sight, node: TreeNode) -> None:
    axis = node.integer("axis", 0) % len(sight.shapes[node.inputs[0]])
    start = 0
    for output in node.outputs:
        end = start + sight.shapes[output][axis]
        given = {"axes": (axis,), "starts": (start,), "ends": (end,), "steps": (1,)}
        sight.names[output] = sight.before(node, "Slice", sight.operand(node.inputs[0]), name=output, **given)
        start = end


def _gather(sight: Sight, node: TreeNode) -> None:
    if node.inputs[0] in sight.still:
        raise no_network("it looks rows up in a table by whole numbers, through which no gradient runs")
    axis = node.integer("axis", 0) % len(sight.shapes[node.inputs[0]])
    sight.write(node, "Gather", sight.operand(node.inputs[0]), sight.operand(node.inputs[1], whole=True), axis=axis)


def _pad(sight: Sight, node: TreeNode) -> None:
    pads = sight.numbers(node, "pads", 1) or ()
    rank = len(sight.shapes[node.inputs[0]])
    axes = sight.numbers(node, "axes", 3)
    if axes is not None:
        whole = [0] * (2 * rank)
        for place, axis in enumerate(axes):
            whole[axis % rank], whole[rank + axis % rank] = pads[place], pads[len(axes) + place]
        pads = tuple(whole)
    filled = node.number("value", 0.0)
    if len(node.inputs) > 2 and node.inputs[2]:
        filled = float(sight.value(node.inputs[2]).item())
    mode = node.word("mode", "constant")
    if mode not in ("constant", "reflect", "edge"):
        raise no_network(f"padding by {mode} is not known here")
    sight.write(node, "Pad", sight.operand(node.inputs[0]), pads=pads, mode=mode, value=filled)


def _reduce(sight: Sight, node: TreeNode) -> None:
    rank = len(sight.shapes[node.inputs[0]])
    axes = sight.numbers(node, "axes", 1)
    if not axes and node.integer("noop_with_empty_axes", 0):
        _dropped(sight, node)
        return
    at = tuple(sorted(axis % rank for axis in axes or range(rank)))
    if 0 in at:
        raise no_network(f"a {node.operator} runs over the rows")
    sight.write(node, node.operator, sight.operand(node.inputs[0]), axes=at, keepdims=node.integer("keepdims", 1))


WRITERS: Mapping[str, Writer] = {
    **dict.fromkeys(
        ("Relu", "Sigmoid", "Tanh", "Erf", "HardSwish", "Softplus", "Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Neg",
         "Sign", "Round", "Floor", "Ceil", "Add", "Sub", "Mul", "Div", "Pow", "MatMul", "GlobalAveragePool",
         "GlobalMaxPool"),
        _same,
    ),
    "LeakyRelu": _with_numbers(alpha=0.01),
    "Elu": _with_numbers(alpha=1.0),
    "HardSigmoid": _with_numbers(alpha=0.2, beta=0.5),
    "Gelu": _gelu,
    "Selu": _selu,
    "PRelu": _prelu,
    "Identity": _dropped,
    "Dropout": _dropped,
    "Cast": _cast,
    "Scaler": _scaler,
    "Sum": _sum,
    "Gemm": _gemm,
    "Conv": _conv,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "InstanceNormalization": _instance_normalization,
    "Softmax": _along_axis,
    "LogSoftmax": _along_axis,
    "Clip": _clip,
    "Max": _extreme,
    "Min": _extreme,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _reshape,
    "Unsqueeze": _reshape,
    "Transpose": _transpose,
    "Concat": _concat,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Pad": _pad,
    "ReduceMean": _reduce,
    "ReduceSum": _reduce,
}  # fmt: skip
