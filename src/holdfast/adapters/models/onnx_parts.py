"""Operators of an ONNX graph that are written with several others: sums by letters, sizes, codes, recurrent layers."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.onnx_resizing import nearest_places, weights
from holdfast.adapters.models.onnx_sight import Sight
from holdfast.adapters.models.onnx_trees import TreeNode

Array = NDArray[Any]
QUANTISED = ("uint8", "int8", "uint16", "int16")
N_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
ACTIVATIONS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}


def einsum(sight: Sight, node: TreeNode) -> None:
    """Write a sum of products by letters, with one more letter for the rows."""
    stated = node.word("equation", "").replace(" ", "")
    left, arrow, right = stated.partition("->")
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        right = ("..." if "..." in left else "") + "".join(sorted(x for x in set(letters) if letters.count(x) == 1))
    terms = left.split(",")
    free = next(letter for letter in string.ascii_letters if letter not in stated)
    names, written = [], []
    for name, term in zip(node.inputs, terms, strict=True):
        if sight.moves(name):
            names.append(sight.whole(name))
            written.append(free + term)
        else:
            names.append(sight.operand(name))
            written.append(term)
    made = sight.before(node, "Einsum", *names, equation=f"{','.join(written)}->{free}{right}")
    if not sight.shapes[node.outputs[0]]:
        made = sight.script.step("Reshape", made, name=made, shape=(1,))
    sight.finish(node, made, 1)


def one_hot(sight: Sight, node: TreeNode) -> None:
    codes, output = node.inputs[0], node.outputs[0]
    depth = int(sight.value(node.inputs[1]).item())
    off, on = (float(each) for each in sight.value(node.inputs[2]))
    shape = sight.shapes[codes]
    axis = node.integer("axis", -1) % (len(shape) + 1)
    cells = (*shape[:axis], 1, *shape[axis:])
    whole = sight.reshaped(sight.whole(codes), shape or (1,), cells)
    # a code below 0 counts from the end
    whole = sight.before(node, "Mod", whole, sight.constant(node, float(depth), "depth"), fmod=0)
    levels = np.arange(depth, dtype=np.float32).reshape((-1,) + (1,) * (len(shape) - axis))
    _as_levels(sight, node, whole, levels, off=off, on=on, output=output)


def one_hot_encoder(sight: Sight, node: TreeNode) -> None:
    """Write the one of scikit-learn's converter: a new last axis, 0 everywhere for a code it does not know."""
    levels = node.integers("cats_int64s")
    if not levels.size:
        raise no_network("a OneHotEncoder of text")
    if not node.integer("zeros", 1):
        raise no_network("a OneHotEncoder that fails for codes it does not know")
    codes, output = node.inputs[0], node.outputs[0]
    shape = sight.shapes[codes]
    whole = sight.reshaped(sight.whole(codes), shape or (1,), (*shape, 1))
    whole = sight.before(node, "Cast", whole, to=7) if not sight.is_integer(codes) else whole
    _as_levels(sight, node, whole, levels.astype(np.float32), off=0.0, on=1.0, output=output)


def _as_levels(sight: Sight, node: TreeNode, x: str, levels: Array, *, off: float, on: float, output: str) -> None:
    made = sight.before(node, "Equal", x, sight.constant(node, levels, "levels"))
    if on - off != 1:
        made = sight.before(node, "Mul", made, sight.constant(node, on - off, "on"))
    if off:
        made = sight.before(node, "Add", made, sight.constant(node, off, "off"))
    sight.finish(node, made, 1, output=output)


def binarizer(sight: Sight, node: TreeNode) -> None:
    sight.write(
        node, "Greater", sight.operand(node.inputs[0]), sight.constant(node, node.number("threshold", 0.0), "threshold")
    )


def imputer(sight: Sight, node: TreeNode) -> None:
    """Write the one of scikit-learn's converter: a value that stands for a missing one is replaced."""
    values = node.floats("imputed_value_floats").astype(np.float32)
    marked = node.number("replaced_value_float", math.nan)
    if not values.size:
        raise no_network("an Imputer of whole numbers or text")
    x = sight.operand(node.inputs[0])
    is_missing = (
        sight.before(node, "IsNaN", x)
        if math.isnan(marked)
        else sight.before(node, "Equal", x, sight.constant(node, marked, "marked"))
    )
    sight.write(node, "Where", is_missing, sight.constant(node, values, "values"), x)


def normalizer(sight: Sight, node: TreeNode) -> None:
    """Write the one of scikit-learn's converter: each row is divided by its length."""
    norm, x = node.word("norm", "MAX"), sight.operand(node.inputs[0])
    if norm not in ("L1", "L2"):
        raise no_network(f"a Normalizer by {norm}")
    sized = sight.before(node, "Abs", x) if norm == "L1" else x
    length = sight.before(node, "ReduceSum" if norm == "L1" else "ReduceL2", sized, axes=(-1,), keepdims=1)
    # a row of zeros stays one
    is_zero = sight.before(node, "Equal", length, sight.constant(node, 0.0, "zero"))
    sight.write(node, "Div", x, sight.before(node, "Add", length, is_zero))


def threshold(sight: Sight, node: TreeNode) -> None:
    """Write what is let through above a threshold."""
    x = sight.operand(node.inputs[0])
    above = sight.before(node, "Greater", x, sight.constant(node, node.number("alpha", 1.0), "threshold"))
    sight.write(node, "Mul", x, above)


def shrink(sight: Sight, node: TreeNode) -> None:
    x, width, bias = sight.operand(node.inputs[0]), node.number("lambd", 0.5), node.number("bias", 0.0)
    ends = [(op, sight.constant(node, sign * width, "end"), sign) for op, sign in (("Greater", 1), ("Less", -1))]
    parts = []
    for op, end, sign in ends:
        moved = sight.before(node, "Sub", x, sight.constant(node, sign * bias, "bias")) if bias else x
        parts.append(sight.before(node, "Mul", moved, sight.before(node, op, x, end)))
    sight.write(node, "Add", *parts)


def quantize(sight: Sight, node: TreeNode) -> None:
    """Write a rounding to whole numbers of few digits; its step says so, for its slopes are a guess."""
    kind = sight.types[node.outputs[0]]
    if kind not in QUANTISED:
        raise no_network(f"it is quantised to {kind}, which is not known here")
    scale, zero = _steps_of(sight, node)
    ends = np.iinfo(kind)
    given = {"low": int(ends.min), "high": int(ends.max)}
    sight.write(node, "QuantizeLinear", sight.operand(node.inputs[0]), scale, zero, **given)


def dequantize(sight: Sight, node: TreeNode) -> None:
    scale, zero = _steps_of(sight, node)
    sight.write(node, "Mul", sight.before(node, "Sub", sight.operand(node.inputs[0]), zero), scale)


def _steps_of(sight: Sight, node: TreeNode) -> tuple[str, str]:
    """Name the width of a step and the whole number that stands for 0, of all numbers or of each channel."""
    scale = sight.value(node.inputs[1]).astype(np.float32)
    has_zero = len(node.inputs) > 2 and node.inputs[2]
    zero = sight.value(node.inputs[2]) if has_zero else np.zeros(scale.shape)
    if scale.ndim > 1:
        raise no_network("it is quantised in blocks, which is not known here")
    axis = node.integer("axis", 1) % len(sight.shapes[node.inputs[0]])
    shape = (-1,) + (1,) * (len(sight.shapes[node.inputs[0]]) - 1 - axis) if scale.size > 1 else ()
    named = (each.astype(np.float32).reshape(shape) for each in (scale, zero))
    first, second = (sight.constant(node, each, what) for each, what in zip(named, ("scale", "zero"), strict=True))
    return first, second


def resize(sight: Sight, node: TreeNode) -> None:
    """Write a change of size, which is linear along each axis, as choices or matrices along two axes at most."""
    name, output = node.inputs[0], node.outputs[0]
    before, after = sight.shapes[name], sight.shapes[output]
    scales = _scales(sight, node)
    axes = [axis for axis in range(len(before)) if before[axis] != after[axis] or (scales and scales[axis] != 1)]
    if not axes:
        sight.names[output] = sight.operand(name)
        return
    (x,), shift = sight.placed(node, tuple(axes))
    rank = len(before)
    for axis in axes:
        scale = scales[axis] if scales else after[axis] / before[axis]
        if node.word("mode", "nearest") == "nearest":
            chosen = nearest_places(node, before[axis], after[axis], scale)
            places = sight.script.constant(chosen, f"{output}:places", whole=True)
            x = sight.before(node, "Gather", x, places, axis=axis + shift)
            continue
        matrix = weights(node, before[axis], after[axis], scale)
        if axis == rank - 1:
            x = sight.before(node, "MatMul", x, sight.constant(node, matrix.T, "weights"))
        elif axis == rank - 2:
            x = sight.before(node, "MatMul", sight.constant(node, matrix, "weights"), x)
        else:
            raise no_network(f"a Resize over {len(axes)} axes is not supported")
    sight.finish(node, x, shift)


def _scales(sight: Sight, node: TreeNode) -> tuple[float, ...]:
    """Read by how much each axis is stretched; nothing where the sizes are stated instead."""
    if "axes" in node.attributes:
        raise no_network("a Resize of some axes is not supported")
    if node.operator == "Upsample" or len(node.inputs) == 2:
        stated = sight.value(node.inputs[1]) if len(node.inputs) > 1 else node.floats("scales")
    else:
        stated = sight.value(node.inputs[2]) if node.inputs[2] else np.zeros(0)
    return tuple(float(each) for each in stated.ravel())


def recurrent(sight: Sight, node: TreeNode) -> None:
    """Write a recurrent layer: our step makes the states after each element of the sequences."""
    op, hidden = node.operator, node.integer("hidden_size", 0)
    inputs = (*node.inputs, *("",) * 8)[:8]
    x, w, r, b, lengths, initial, cell, peepholes = inputs
    _require_plain(sight, node, lengths, peepholes)
    shape = sight.shapes[x]
    given = [sight.value(name) for name in (w, r)]
    n_directions, n_sequences = given[0].shape[0], shape[1]
    given.append(sight.value(b) if b else np.zeros((n_directions, 2 * N_GATES[op] * hidden), dtype=np.float32))
    names = [sight.whole(x), *(sight.script.constant(each, f"{node.outputs[0]}:weights") for each in given)]
    for name in (initial, cell) if op == "LSTM" else (initial,):
        start = np.zeros((1, n_directions, n_sequences, hidden), dtype=np.float32)
        names.append(sight.whole(name) if name else sight.constant(node, start, "start"))
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": node.word("direction", "forward")}
    if op == "GRU":
        attributes["linear_before_reset"] = node.integer("linear_before_reset", 0)
    sides = [0 if attributes["direction"] == "reverse" else shape[0] - 1, 0][:n_directions]
    for place, output in enumerate(node.outputs):
        if output:
            states = sight.before(node, op, *names, name=f"{output}:states", **attributes, cell=int(place == 2))
            sight.finish(node, states if place == 0 else _last(sight, states, output, sides), 1, output=output)


def _last(sight: Sight, states: str, output: str, sides: Sequence[int]) -> str:
    """Write the choice of the state at the end of each direction."""
    ends = []
    for i, at in enumerate(sides):
        cut = {"axes": (1, 2), "starts": (at, i), "ends": (at + 1, i + 1), "steps": (1, 1)}
        ends.append(sight.script.step("Slice", states, name=f"{output}:end", **cut))
    made = ends[0] if len(ends) == 1 else sight.script.step("Concat", *ends, name=f"{output}:ends", axis=2)
    return sight.script.step("Squeeze", made, name=output, axes=(1,))


def _require_plain(sight: Sight, node: TreeNode, lengths: str, peepholes: str) -> None:
    """Refuse what is not known of recurrent layers."""
    unusual = [name for name in ("input_forget", "layout") if node.integer(name, 0)]
    unusual += ["a clip"] if "clip" in node.attributes else []
    stated = node.strings("activations")
    n_directions = 2 if node.word("direction", "forward") == "bidirectional" else 1
    if stated and stated != ACTIVATIONS[node.operator] * n_directions:
        unusual.append(f"the functions {', '.join(stated)}")
    if peepholes:
        unusual.append("peepholes")
    length = sight.shapes[node.inputs[0]][0]
    if lengths and (sight.value(lengths) != length).any():
        unusual.append("sequences of several lengths")
    if unusual:
        raise no_network(f"an {node.operator} with {', '.join(unusual)} is not supported")
