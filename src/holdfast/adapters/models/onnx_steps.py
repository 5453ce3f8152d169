"""Layers, functions and normalisations of an ONNX graph in the form that networks have here.

Everything that does not depend on the inputs of the model has been computed before, and the shape of everything that
does is known: that leaves little to do. Old versions of the standard hold in attributes what new ones take as inputs;
both are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.onnx_sight import Sight
from holdfast.adapters.models.onnx_trees import TreeNode
from holdfast.core.network import Attribute

Array = NDArray[Any]
Writer = Callable[[Sight, TreeNode], None]
FLOAT_TYPES = (1, 11)
INT64 = 7
SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875


def same(sight: Sight, node: TreeNode) -> None:
    """Write an operator that treats each number by itself, or two or three that stand under each other."""
    sight.write(node, node.operator, *sight.aligned(node, node.inputs))


def with_numbers(**defaults: float) -> Writer:
    def written(sight: Sight, node: TreeNode) -> None:
        given: dict[str, Attribute] = {name: node.number(name, value) for name, value in defaults.items()}
        sight.write(node, node.operator, *sight.aligned(node, node.inputs[:1]), **given)

    return written


def dropped(sight: Sight, node: TreeNode) -> None:
    sight.names[node.outputs[0]] = sight.operand(node.inputs[0])


def cast(sight: Sight, node: TreeNode) -> None:
    kind = node.integer("to", 1)
    if kind in FLOAT_TYPES or (sight.is_integer(node.inputs[0]) and sight.is_integer(node.outputs[0])):
        dropped(sight, node)
    else:
        sight.write(node, "Cast", sight.operand(node.inputs[0]), to=kind)


def divided(sight: Sight, node: TreeNode) -> None:
    """Write a division, which cuts fractions off where it is one of whole numbers."""
    if sight.is_integer(node.outputs[0]):
        quotient = sight.before(node, "Div", *sight.aligned(node, node.inputs))
        sight.write(node, "Cast", quotient, to=INT64)
    else:
        same(sight, node)


def modulo(sight: Sight, node: TreeNode) -> None:
    sight.write(node, "Mod", *sight.aligned(node, node.inputs), fmod=node.integer("fmod", 0))


def gelu(sight: Sight, node: TreeNode) -> None:
    sight.write(node, "Gelu", sight.operand(node.inputs[0]), approximate=node.word("approximate", "none"))


def selu(sight: Sight, node: TreeNode) -> None:
    scaled = sight.before(node, "Elu", sight.operand(node.inputs[0]), alpha=node.number("alpha", SELU_ALPHA))
    sight.write(node, "Mul", scaled, sight.constant(node, node.number("gamma", SELU_GAMMA), "gamma"))


def celu(sight: Sight, node: TreeNode) -> None:
    alpha = node.number("alpha", 1.0)
    by_alpha = sight.before(node, "Mul", sight.operand(node.inputs[0]), sight.constant(node, 1 / alpha, "inverse"))
    bent = sight.before(node, "Elu", by_alpha, alpha=1.0)
    sight.write(node, "Mul", bent, sight.constant(node, alpha, "alpha"))


def mish(sight: Sight, node: TreeNode) -> None:
    x = sight.operand(node.inputs[0])
    sight.write(node, "Mul", x, sight.before(node, "Tanh", sight.before(node, "Softplus", x)))


def swish(sight: Sight, node: TreeNode) -> None:
    x, alpha = sight.operand(node.inputs[0]), node.number("alpha", 1.0)
    scaled = x if alpha == 1 else sight.before(node, "Mul", x, sight.constant(node, alpha, "alpha"))
    sight.write(node, "Mul", x, sight.before(node, "Sigmoid", scaled))


def softsign(sight: Sight, node: TreeNode) -> None:
    x = sight.operand(node.inputs[0])
    larger = sight.before(node, "Add", sight.before(node, "Abs", x), sight.constant(node, 1.0, "one"))
    sight.write(node, "Div", x, larger)


def prelu(sight: Sight, node: TreeNode) -> None:
    x, slope = sight.aligned(node, node.inputs)
    up = sight.before(node, "Relu", x)
    down = sight.before(node, "Relu", sight.before(node, "Neg", x))
    sight.write(node, "Sub", up, sight.before(node, "Mul", down, slope))


def scaler(sight: Sight, node: TreeNode) -> None:
    offset, scale = (node.floats(name).astype(np.float32) for name in ("offset", "scale"))
    centred = sight.before(node, "Sub", sight.operand(node.inputs[0]), sight.script.constant(offset, "offset"))
    sight.write(node, "Mul", centred, sight.script.constant(scale, "scale"))


def folded(op: str) -> Writer:
    """Write an operator of any number of inputs as one of two after the other."""

    def written(sight: Sight, node: TreeNode) -> None:
        first, *others = sight.aligned(node, node.inputs)
        for name in others[:-1]:
            first = sight.before(node, op, first, name)
        if others:
            sight.write(node, op, first, others[-1])
        else:
            sight.names[node.outputs[0]] = first

    return written


def mean(sight: Sight, node: TreeNode) -> None:
    total, *others = sight.aligned(node, node.inputs)
    for name in others:
        total = sight.before(node, "Add", total, name)
    sight.write(node, "Mul", total, sight.constant(node, 1 / len(node.inputs), "share"))


def clip(sight: Sight, node: TreeNode) -> None:
    ends: dict[str, Attribute] = {}
    for place, name in enumerate(("min", "max"), 1):
        if name in node.attributes:
            ends[name] = node.number(name, 0.0)
        elif place < len(node.inputs) and node.inputs[place]:
            ends[name] = float(sight.value(node.inputs[place]).item())
    ends = {name: end for name, end in ends.items() if math.isfinite(float(end))}  # type: ignore[arg-type]
    sight.write(node, "Clip", sight.operand(node.inputs[0]), **ends)


def extreme(sight: Sight, node: TreeNode) -> None:
    """Write the larger or smaller of something and one number as a clip."""
    moving = [name for name in node.inputs if sight.moves(name)]
    ends = [sight.value(name) for name in node.inputs if name not in moving]
    if len(moving) == 1 and len(ends) == 1 and ends[0].size == 1 and np.isfinite(ends[0]).all():
        (x,) = sight.aligned(node, moving)
        sight.write(node, "Clip", x, **{"min" if node.operator == "Max" else "max": float(ends[0].item())})
    else:
        folded(node.operator)(sight, node)


def gemm(sight: Sight, node: TreeNode) -> None:
    if node.integer("transA", 0) or any(sight.moves(name) for name in node.inputs[1:]):
        _gemm_of_rows(sight, node)
        return
    weight = sight.value(node.inputs[1]) * node.number("alpha", 1.0)
    weight = weight.T if node.integer("transB", 0) else weight
    inputs = [sight.operand(node.inputs[0]), sight.script.constant(weight, node.inputs[1])]
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = sight.value(node.inputs[2]) * node.number("beta", 1.0)
        inputs.append(sight.script.constant(bias, node.inputs[2]))
    sight.write(node, "Gemm", *inputs)


def _gemm_of_rows(sight: Sight, node: TreeNode) -> None:
    """Write a Gemm whose weights depend on the inputs, or that turns them, with what it consists of."""
    factors = []
    for name, turned in zip(node.inputs[:2], ("transA", "transB"), strict=True):
        factor = sight.whole(name)
        factors.append(sight.before(node, "Transpose", factor, perm=(0, 2, 1)) if node.integer(turned, 0) else factor)
    made = sight.before(node, "MatMul", *factors)
    if (alpha := node.number("alpha", 1.0)) != 1:
        made = sight.before(node, "Mul", made, sight.constant(node, alpha, "alpha"))
    if len(node.inputs) > 2 and node.inputs[2]:
        made = sight.before(node, "Add", made, _summand(sight, node, node.inputs[2], node.number("beta", 1.0)))
    sight.finish(node, made, 1)


def _summand(sight: Sight, node: TreeNode, name: str, beta: float) -> str:
    if not sight.moves(name):
        return sight.constant(node, sight.value(name) * beta, "summand")
    shape = sight.shapes[name]
    added = sight.shaped(name, (1,) * (2 - len(shape)) + shape)
    return added if beta == 1 else sight.before(node, "Mul", added, sight.constant(node, beta, "beta"))


def product(sight: Sight, node: TreeNode) -> None:
    """Write a matrix product; the rows are no axis of a matrix unless a constant stands behind them."""
    left, right = node.inputs[:2]
    moving = [name for name in (left, right) if sight.moves(name)]
    rank = len(sight.shapes[moving[0]])
    led = all(sight.is_led(name) and len(sight.shapes[name]) == rank for name in [*moving, node.outputs[0]])
    constants = [sight.value(name) for name in (left, right) if name not in moving]
    few = all(value.ndim <= max(2, rank - 1) or value.shape[0] == 1 for value in constants)
    if led and few and (rank > 2 or (moving == [left] and constants[0].ndim <= 2)):
        sight.write(node, "MatMul", *(sight.operand(name) for name in (left, right)))
        return
    shapes = [sight.shapes[name] if sight.moves(name) else sight.value(name).shape for name in (left, right)]
    # a vector is a matrix of one row on the left, of one column on the right
    full = [(1, *shape) if i == 0 else (*shape, 1) if len(shape) == 1 else shape for i, shape in enumerate(shapes)]
    full[0] = shapes[0] if len(shapes[0]) > 1 else full[0]
    longest = max(map(len, full))
    names = []
    for name, shape in zip((left, right), full, strict=True):
        if sight.moves(name):
            names.append(sight.reshaped(sight.whole(name), sight.shapes[name], (1,) * (longest - len(shape)) + shape))
        else:
            names.append(sight.script.constant(sight.value(name).reshape(shape), name))
    before = (*np.broadcast_shapes(*(shape[:-2] for shape in full)), full[0][-2], full[1][-1])
    made = sight.before(node, "MatMul", *names)
    after = sight.shapes[node.outputs[0]] or (1,)
    sight.finish(node, sight.reshaped(made, before, after), 1)


def conv(sight: Sight, node: TreeNode) -> None:
    weight = sight.value(node.inputs[1])
    _require_images(sight, node, weight.ndim)
    given = _windows(sight, node, tuple(weight.shape[2:]))
    inputs = (sight.operand(name) for name in node.inputs if name)
    sight.write(node, "Conv", *inputs, group=node.integer("group", 1), **given)


def conv_transpose(sight: Sight, node: TreeNode) -> None:
    weight = sight.value(node.inputs[1])
    _require_images(sight, node, weight.ndim)
    n, kernel = weight.ndim - 2, weight.shape[2:]
    given = _windows(sight, node, tuple(kernel), auto_pad=False)
    extra = tuple(node.integers("output_padding").tolist()) or (0,) * n
    strides, dilations, pads = (_integers(given[name]) for name in ("strides", "dilations", "pads"))
    if node.word("auto_pad", "NOTSET") != "NOTSET" or "output_shape" in node.attributes:
        sizes = (sight.shapes[name][2:] for name in (node.inputs[0], node.outputs[0]))
        every = zip(*sizes, kernel, strides, dilations, extra, strict=True)
        total = [max(0, s * (i - 1) + e + (k - 1) * d + 1 - o) for i, o, k, s, d, e in every]
        less, more = tuple(each // 2 for each in total), tuple(each - each // 2 for each in total)
        pads = (*less, *more) if node.word("auto_pad", "NOTSET") == "SAME_UPPER" else (*more, *less)
    inputs = (sight.operand(name) for name in node.inputs if name)
    sight.write(
        node, "ConvTranspose", *inputs, group=node.integer("group", 1), strides=strides, dilations=dilations, pads=pads,
        output_padding=extra,
    )  # fmt: skip


def pool(sight: Sight, node: TreeNode) -> None:
    kernel = tuple(node.integers("kernel_shape").tolist())
    _require_images(sight, node, len(kernel) + 2)
    if len(node.outputs) > 1 and node.outputs[1]:
        raise no_network(f"a {node.operator} that also gives places is not supported")
    given = {**_windows(sight, node, kernel), "kernel_shape": kernel, "ceil_mode": node.integer("ceil_mode", 0)}
    if node.operator == "AveragePool":
        given["count_include_pad"] = node.integer("count_include_pad", 0)
    sight.write(node, node.operator, sight.operand(node.inputs[0]), **given)


def global_pool(sight: Sight, node: TreeNode) -> None:
    _require_images(sight, node, len(sight.shapes[node.inputs[0]]))
    sight.write(node, node.operator, sight.operand(node.inputs[0]))


def local_response(sight: Sight, node: TreeNode) -> None:
    _require_images(sight, node, len(sight.shapes[node.inputs[0]]))
    given = {name: node.number(name, value) for name, value in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))}
    sight.write(node, "LRN", sight.operand(node.inputs[0]), size=node.integer("size", 1), **given)


def _require_images(sight: Sight, node: TreeNode, rank: int) -> None:
    if rank not in (3, 4, 5):
        raise no_network(f"a {node.operator} over {rank - 2} axes is not supported")
    if not sight.is_led(node.inputs[0]):
        raise no_network(f"a {node.operator} over several images of each row is not supported")


def _windows(sight: Sight, node: TreeNode, kernel: tuple[int, ...], *, auto_pad: bool = True) -> dict[str, Attribute]:
    """Read how windows lie; padding that is asked for by name is written out."""
    n = len(kernel)
    strides = tuple(node.integers("strides").tolist()) or (1,) * n
    dilations = tuple(node.integers("dilations").tolist()) or (1,) * n
    pads = tuple(node.integers("pads").tolist()) or (0,) * (2 * n)
    wanted = node.word("auto_pad", "NOTSET")
    if wanted == "VALID":
        pads = (0,) * (2 * n)
    elif wanted.startswith("SAME") and auto_pad:
        sizes = zip(sight.shapes[node.inputs[0]][2:], kernel, strides, dilations, strict=True)
        total = [max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size) for size, k, s, d in sizes]
        less, more = tuple(each // 2 for each in total), tuple(each - each // 2 for each in total)
        pads = (*less, *more) if wanted == "SAME_UPPER" else (*more, *less)
    return {"strides": strides, "dilations": dilations, "pads": pads}


def _integers(given: Attribute) -> tuple[int, ...]:
    assert isinstance(given, tuple)
    return tuple(int(each) for each in given)
