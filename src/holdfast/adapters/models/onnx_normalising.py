"""Normalisations of an ONNX graph, written as the means, products and roots that they consist of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.onnx_sight import Sight
from holdfast.adapters.models.onnx_trees import TreeNode

Array = NDArray[Any]


def batch_normalization(sight: Sight, node: TreeNode) -> None:
    if node.integer("training_mode", 0):
        raise no_network("a BatchNormalization is in training mode: it runs over the rows")
    scale, shift, mean, variance = (sight.value(name).astype(np.float64) for name in node.inputs[1:5])
    scale = scale / np.sqrt(variance + node.number("epsilon", 1e-5))
    _scaled(sight, node, sight.operand(node.inputs[0]), scale, shift - mean * scale)


def _scaled(sight: Sight, node: TreeNode, x: str, scale: Array, shift: Array) -> None:
    """Write a factor and a summand for each channel."""
    output = node.outputs[0]
    rank = len(sight.shapes[output])
    sight.names[output] = sight.script.by_channel(x, scale, shift, rank=rank, name=output)


def layer_normalization(sight: Sight, node: TreeNode) -> None:
    rank = len(sight.shapes[node.inputs[0]])
    first = node.integer("axis", -1) % rank
    normal, shift = _standardised(sight, node, tuple(range(first, rank)))
    _weighed(sight, node, normal, shift)


def rms_normalization(sight: Sight, node: TreeNode) -> None:
    rank = len(sight.shapes[node.inputs[0]])
    axes = tuple(range(node.integer("axis", -1) % rank, rank))
    (x,), shift = sight.placed(node, axes)
    at = tuple(axis + shift for axis in axes)
    squares = sight.before(node, "ReduceMean", sight.before(node, "Mul", x, x), axes=at, keepdims=1)
    above = sight.before(node, "Add", squares, sight.constant(node, node.number("epsilon", 1e-5), "epsilon"))
    _weighed(sight, node, sight.before(node, "Div", x, sight.before(node, "Sqrt", above)), shift)


def _weighed(sight: Sight, node: TreeNode, normal: str, shift: int) -> None:
    """Write the factors, and the summands where there are some, of what was normalised."""
    for op, name in zip(("Mul", "Add"), node.inputs[1:3], strict=False):
        if name and (op == "Add" or (sight.value(name) != 1).any()):
            normal = sight.before(node, op, normal, sight.operand(name))
    sight.finish(node, normal, shift)


def instance_normalization(sight: Sight, node: TreeNode) -> None:
    rank = len(sight.shapes[node.inputs[0]])
    normal, shift = _standardised(sight, node, tuple(range(2, rank)))
    scale, summand = (sight.value(name) for name in node.inputs[1:3])
    by_channel = sight.script.by_channel(normal, scale, summand, rank=rank, name=node.outputs[0])
    sight.finish(node, by_channel, shift)


def group_normalization(sight: Sight, node: TreeNode) -> None:
    x, groups = node.inputs[0], node.integer("num_groups", 1)
    shape = sight.shapes[x]
    if not sight.is_led(x):
        raise no_network("a GroupNormalization over several images of each row is not supported")
    rest = math.prod(shape[1:]) // groups
    grouped = sight.shaped(x, (groups, rest))
    normal = sight.script.standardised(grouped, (2,), epsilon=node.number("epsilon", 1e-5), name=f"{node.outputs[0]}:1")
    scale, summand = (sight.value(name).ravel() for name in node.inputs[1:3])
    if scale.size != shape[1]:  # before version 21 of the standard: one for each group
        scale, summand = (np.repeat(each, shape[1] // groups) for each in (scale, summand))
    _scaled(sight, node, sight.reshaped(normal, (groups, rest), shape[1:]), scale, summand)


def mean_variance_normalization(sight: Sight, node: TreeNode) -> None:
    axes = tuple(node.integers("axes").tolist()) or (0, 2, 3)
    normal, shift = _standardised(sight, node, axes, epsilon=0.0)
    sight.finish(node, normal, shift)


def _standardised(
    sight: Sight, node: TreeNode, axes: tuple[int, ...], *, epsilon: float | None = None
) -> tuple[str, int]:
    (x,), shift = sight.placed(node, axes)
    rank = len(sight.shapes[node.inputs[0]])
    at = tuple(axis % rank + shift for axis in axes)
    epsilon = node.number("epsilon", 1e-5) if epsilon is None else epsilon
    return sight.script.standardised(x, at, epsilon=epsilon, name=f"{node.outputs[0]}:1"), shift


def lp_normalization(sight: Sight, node: TreeNode) -> None:
    axis = node.integer("axis", -1) % len(sight.shapes[node.inputs[0]])
    (x,), shift = sight.placed(node, (axis,))
    sized = {1: ("ReduceSum", sight.before(node, "Abs", x)), 2: ("ReduceL2", x)}[node.integer("p", 2)]
    length = sight.before(node, *sized, axes=(axis + shift,), keepdims=1)
    sight.finish(node, sight.before(node, "Div", x, length), shift)


def along_axis(sight: Sight, node: TreeNode) -> None:
    rank = len(sight.shapes[node.outputs[0]])
    axis = node.integer("axis", -1 if sight.opset >= 13 else 1) % rank
    if sight.opset < 13 and axis != rank - 1:
        raise no_network(f"a {node.operator} of an old version of the standard runs over several axes")
    (x,), shift = sight.placed(node, (axis,))
    sight.finish(node, sight.before(node, node.operator, x, name=node.outputs[0], axis=axis + shift), shift)
