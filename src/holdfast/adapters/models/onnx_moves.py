"""Operators of an ONNX graph that move, choose, repeat or sum numbers, in the form that networks have here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.onnx_sight import Shape, Sight
from holdfast.adapters.models.onnx_trees import TreeNode

Array = NDArray[Any]


def reshape(sight: Sight, node: TreeNode) -> None:
    """Write any change of shape: behind the rows, the order of numbers is the same."""
    name, output = node.inputs[0], node.outputs[0]
    ours = sight.operand(name)
    sight.names[output] = sight.reshaped(ours, sight.form(name), sight.form(output), name=output)


def transpose(sight: Sight, node: TreeNode) -> None:
    name, output = node.inputs[0], node.outputs[0]
    shape = sight.shapes[name]
    perm = tuple(node.integers("perm").tolist()) or tuple(reversed(range(len(shape))))
    long = [axis for axis in perm if shape[axis] != 1]
    if sight.rows == 1 and long == sorted(long):
        reshape(sight, node)
        return
    is_ours = perm[0] == 0 and sight.is_led(name)
    x = sight.operand(name) if is_ours else sight.whole(name)
    made = sight.before(node, "Transpose", x, name=output, perm=perm if is_ours else (0, *(axis + 1 for axis in perm)))
    sight.finish(node, made, 0 if is_ours else 1)


def concat(sight: Sight, node: TreeNode) -> None:
    axis = node.integer("axis", 1)
    parts, shift = sight.placed(node, (axis,), names=node.inputs)
    at = axis % len(sight.shapes[node.outputs[0]]) + shift
    sight.finish(node, sight.before(node, "Concat", *parts, name=node.outputs[0], axis=at), shift)


def slice_(sight: Sight, node: TreeNode) -> None:
    shape = sight.shapes[node.inputs[0]]
    starts, ends = (sight.numbers(node, name, place) or () for place, name in enumerate(("starts", "ends"), 1))
    axes = sight.numbers(node, "axes", 3) or tuple(range(len(starts)))
    strides = sight.numbers(node, "steps", 4) or (1,) * len(starts)
    cuts: dict[int, tuple[int, int, int]] = {}
    for axis, start, end, stride in zip((a % len(shape) for a in axes), starts, ends, strides, strict=True):
        cut = slice(start, end, stride).indices(shape[axis])
        if cut != (0, shape[axis], 1):
            cuts[axis] = cut
    backwards = {axis: np.arange(*cut) for axis, cut in cuts.items() if cut[2] < 0}
    (x,), shift = sight.placed(node, tuple(cuts))
    for axis, places in backwards.items():
        chosen = sight.script.constant(places, f"{node.outputs[0]}:places", whole=True)
        x = sight.before(node, "Gather", x, chosen, axis=axis + shift)
        del cuts[axis]
    if cuts:
        given = (tuple(cut[place] for cut in cuts.values()) for place in range(3))
        named = dict(zip(("starts", "ends", "steps"), given, strict=True))
        at = tuple(axis + shift for axis in cuts)
        x = sight.before(node, "Slice", x, name=node.outputs[0], axes=at, **named)
    sight.finish(node, x, shift)


def split(sight: Sight, node: TreeNode) -> None:
    axis = node.integer("axis", 0) % len(sight.shapes[node.inputs[0]])
    start = 0
    for output in node.outputs:
        if not output:
            raise no_network("a Split leaves out a part")
        end = start + sight.shapes[output][axis]
        (x,), shift = sight.placed(node, (axis,), output=output)
        given = {"axes": (axis + shift,), "starts": (start,), "ends": (end,), "steps": (1,)}
        sight.finish(node, sight.before(node, "Slice", x, name=output, **given), shift, output=output)
        start = end


def gather(sight: Sight, node: TreeNode) -> None:
    data, places = node.inputs[:2]
    if not sight.moves(data):
        _looked_up(sight, node)
        return
    if sight.moves(places):
        raise no_network("a Gather chooses by what depends on the inputs among what does, too")
    axis = node.integer("axis", 0) % len(sight.shapes[data])
    (x,), shift = sight.placed(node, (axis,), names=(data,))
    chosen = sight.script.constant(sight.value(places), places, whole=True)
    sight.finish(node, sight.before(node, "Gather", x, chosen, name=node.outputs[0], axis=axis + shift), shift)


def _looked_up(sight: Sight, node: TreeNode) -> None:
    """Write rows of a table that codes choose: an embedding."""
    table, codes = node.inputs[:2]
    value = sight.value(table)
    axis = node.integer("axis", 0) % value.ndim
    first = np.moveaxis(value, axis, 0)
    rest = first.shape[1:]
    named = sight.script.constant(first.reshape(len(first), -1), table)
    # codes stand behind each other, as do the rows that they choose
    shape = sight.shapes[codes]
    flat = sight.shaped(codes, (math.prod(shape),))
    found = sight.before(node, "Embedding", flat, named, name=node.outputs[0])
    made = sight.reshaped(found, (math.prod(shape), math.prod(rest)), (*shape, *rest))
    if axis:
        rank = len(shape)
        perm = (*(rank + i for i in range(axis)), *range(rank), *(rank + i for i in range(axis, len(rest))))
        made = sight.before(node, "Transpose", made, perm=(0, *(each + 1 for each in perm)))
    after = sight.shapes[node.outputs[0]] or (1,)
    sight.names[node.outputs[0]] = sight.reshaped(made, after, sight.form(node.outputs[0]))


def array_features(sight: Sight, node: TreeNode) -> None:
    """Write the choice of columns of an ``ArrayFeatureExtractor``: along the last axis."""
    name = node.inputs[0]
    axis = len(sight.shapes[name]) - 1
    (x,), shift = sight.placed(node, (axis,), names=(name,))
    chosen = sight.script.constant(sight.value(node.inputs[1]).ravel(), node.inputs[1], whole=True)
    sight.finish(node, sight.before(node, "Gather", x, chosen, name=node.outputs[0], axis=axis + shift), shift)


def gather_elements(sight: Sight, node: TreeNode) -> None:
    data, places = node.inputs[:2]
    axis = node.integer("axis", 0) % len(sight.shapes[node.outputs[0]])
    names, shift = sight.placed(node, (axis,), names=(data, places))
    sight.finish(node, sight.before(node, "GatherElements", *names, axis=axis + shift), shift)


def gather_nd(sight: Sight, node: TreeNode) -> None:
    data, places = node.inputs[:2]
    shape, at = sight.shapes[data], sight.value(places)
    if node.integer("batch_dims", 0):
        raise no_network("a GatherND with batches is not supported")
    depth = at.shape[-1]
    flat = _flat_places(at, shape[:depth])
    rest = shape[depth:]
    x = sight.reshaped(sight.whole(data), shape, (math.prod(shape[:depth]), *rest))
    found = sight.before(node, "Gather", x, sight.script.constant(flat.ravel(), places, whole=True), axis=1)
    sight.finish(node, sight.reshaped(found, (flat.size, *rest), (*flat.shape, *rest)), 1)


def scatter_nd(sight: Sight, node: TreeNode) -> None:
    """Write that places are overwritten as a choice among what was there and what comes."""
    if node.word("reduction", "none") != "none":
        raise no_network("a ScatterND that adds is not supported")
    at = sight.value(node.inputs[1])
    shape = sight.shapes[node.outputs[0]]
    _overwritten(sight, node, _flat_places(at, shape[: at.shape[-1]]).ravel(), rest=shape[at.shape[-1] :])


def scatter_elements(sight: Sight, node: TreeNode) -> None:
    if node.word("reduction", "none") != "none":
        raise no_network("a ScatterElements that adds is not supported")
    at, shape = sight.value(node.inputs[1]), sight.shapes[node.outputs[0]]
    places = np.indices(at.shape)
    places[node.integer("axis", 0) % len(shape)] = at
    _overwritten(sight, node, _flat_places(np.moveaxis(places, 0, -1), shape).ravel(), rest=())


def _overwritten(sight: Sight, node: TreeNode, flat: Array, *, rest: Shape) -> None:
    data, places, updates = node.inputs[:3]
    shape = sight.shapes[node.outputs[0]]
    n_cells = math.prod(shape) // math.prod(rest)
    first = _by_place(sight, data, (n_cells, *rest))
    second = _by_place(sight, updates, (flat.size, *rest))
    chosen = np.arange(n_cells)
    chosen[flat] = n_cells + np.arange(flat.size)
    both = sight.before(node, "Concat", first, second, axis=1)
    found = sight.before(node, "Gather", both, sight.script.constant(chosen, places, whole=True), axis=1)
    sight.finish(node, sight.reshaped(found, (n_cells, *rest), shape), 1)


def _by_place(sight: Sight, name: str, shape: Shape) -> str:
    if sight.moves(name):
        return sight.reshaped(sight.whole(name), sight.shapes[name], shape)
    return sight.script.constant(sight.value(name).reshape(1, *shape), name)


def _flat_places(at: Array, shape: Shape) -> Array:
    """Number the cells that lists of places name, the last axis first."""
    inside = [at[..., i] % size for i, size in enumerate(shape)]
    return np.ravel_multi_index(inside, shape)


def pad(sight: Sight, node: TreeNode) -> None:
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
    if mode not in ("constant", "reflect", "edge", "wrap"):
        raise no_network(f"padding by {mode} is not known here")
    touched = tuple(axis for axis in range(rank) if pads[axis] or pads[rank + axis])
    (made,), shift = sight.placed(node, touched)
    if mode == "constant":
        given = (*(0,) * shift, *pads[:rank], *(0,) * shift, *pads[rank:])
        made = sight.before(node, "Pad", made, name=node.outputs[0], pads=given, mode=mode, value=filled)
    for axis in touched if mode != "constant" else ():
        ends: Any = (pads[axis], pads[rank + axis])
        places = np.pad(np.arange(sight.shapes[node.inputs[0]][axis]), ends, mode=mode)  # type: ignore[call-overload]
        chosen = sight.script.constant(places, f"{node.outputs[0]}:places", whole=True)
        made = sight.before(node, "Gather", made, chosen, axis=axis + shift)
    sight.finish(node, made, shift)


def expand(sight: Sight, node: TreeNode) -> None:
    name, output = node.inputs[0], node.outputs[0]
    (x,) = sight.aligned(node, [name])
    after = sight.form(output)
    if math.prod(after) == math.prod(sight.form(name)):
        sight.names[output] = x
    else:
        sight.write(node, "Expand", x, shape=after)


def tile(sight: Sight, node: TreeNode) -> None:
    repeats = tuple(int(each) for each in sight.value(node.inputs[1]))
    (x,), shift = sight.placed(node, tuple(axis for axis, times in enumerate(repeats) if times != 1))
    given = repeats if shift else repeats[1:]
    sight.finish(node, sight.before(node, "Tile", x, name=node.outputs[0], repeats=given), shift)


def depth_to_space(sight: Sight, node: TreeNode) -> None:
    name, block = node.inputs[0], node.integer("blocksize", 1)
    _, channels, height, width = _images(sight, node)
    after = channels // block**2
    if node.word("mode", "DCR") == "DCR":
        before, perm = (block, block, after, height, width), (0, 3, 4, 1, 5, 2)
    else:
        before, perm = (after, block, block, height, width), (0, 1, 4, 2, 5, 3)
    _permuted(sight, node, sight.shaped(name, before), perm)


def space_to_depth(sight: Sight, node: TreeNode) -> None:
    block = node.integer("blocksize", 1)
    _, channels, height, width = _images(sight, node)
    before = (channels, height // block, block, width // block, block)
    _permuted(sight, node, sight.shaped(node.inputs[0], before), (0, 3, 5, 1, 2, 4))


def _images(sight: Sight, node: TreeNode) -> Shape:
    if not sight.is_led(node.inputs[0]):
        raise no_network(f"a {node.operator} over several images of each row is not supported")
    return sight.shapes[node.inputs[0]]


def _permuted(sight: Sight, node: TreeNode, x: str, perm: Shape) -> None:
    output = node.outputs[0]
    turned = sight.before(node, "Transpose", x, perm=perm)
    sight.names[output] = sight.script.step("Reshape", turned, name=output, shape=sight.form(output))


def trilu(sight: Sight, node: TreeNode) -> None:
    shape = sight.shapes[node.inputs[0]]
    k = int(sight.value(node.inputs[1]).item()) if len(node.inputs) > 1 and node.inputs[1] else 0
    mask = (np.triu if node.integer("upper", 1) else np.tril)(np.ones(shape[-2:], dtype=np.float32), k)
    x, shift = sight.whole(node.inputs[0]), 1
    sight.finish(node, sight.before(node, "Mul", x, sight.constant(node, mask, "mask")), shift)


def cumulative_sum(sight: Sight, node: TreeNode) -> None:
    axis = int(sight.value(node.inputs[1]).item())
    (x,), shift = sight.placed(node, (axis,))
    given = {name: node.integer(name, 0) for name in ("exclusive", "reverse")}
    at = axis % len(sight.shapes[node.inputs[0]]) + shift
    sight.finish(node, sight.before(node, "CumSum", x, name=node.outputs[0], axis=at, **given), shift)


def reduce(sight: Sight, node: TreeNode) -> None:
    rank = len(sight.shapes[node.inputs[0]])
    axes = sight.numbers(node, "axes", 1)
    if not axes and node.integer("noop_with_empty_axes", 0):
        sight.names[node.outputs[0]] = sight.operand(node.inputs[0])
        return
    at = tuple(sorted(axis % rank for axis in axes or range(rank)))
    (x,), shift = sight.placed(node, at)
    ours = tuple(axis + shift for axis in at)
    is_single = not sight.shapes[node.outputs[0]]
    given: dict[str, Any] = {"axes": ours, "keepdims": int(is_single or node.integer("keepdims", 1))}
    made = _reduced(sight, node, x, given)
    sight.finish(node, sight.reshaped(made, (1,) * rank, (1,)) if is_single else made, shift)


def _reduced(sight: Sight, node: TreeNode, x: str, given: Mapping[str, Any]) -> str:
    if node.operator == "ReduceL1":
        return sight.before(node, "ReduceSum", sight.before(node, "Abs", x), **given)
    if node.operator == "ReduceSumSquare":
        return sight.before(node, "ReduceSum", sight.before(node, "Mul", x, x), **given)
    if node.operator == "ReduceLogSum":
        return sight.before(node, "Log", sight.before(node, "ReduceSum", x, **given))
    return sight.before(node, node.operator, x, name=node.outputs[0], **given)


def top_k(sight: Sight, node: TreeNode) -> None:
    """Write the largest numbers along an axis, and where they stand, as a step each."""
    k = node.integer("k", 0) if "k" in node.attributes else int(sight.value(node.inputs[1]).item())
    axis = node.integer("axis", -1)
    for place, output in enumerate(node.outputs):
        if output:
            (x,), shift = sight.placed(node, (axis,), output=output)
            at = axis % len(sight.shapes[node.inputs[0]]) + shift
            given = {"k": k, "axis": at, "largest": node.integer("largest", 1), "places": place}
            sight.finish(node, sight.before(node, "TopK", x, name=output, **given), shift, output=output)


def arg_extreme(sight: Sight, node: TreeNode) -> None:
    axis = node.integer("axis", 0)
    if node.integer("select_last_index", 0):
        raise no_network(f"an {node.operator} that takes the last of equals is not supported")
    (x,), shift = sight.placed(node, (axis,))
    at = axis % len(sight.shapes[node.inputs[0]]) + shift
    largest = int(node.operator == "ArgMax")
    made = sight.before(node, "TopK", x, k=1, axis=at, largest=largest, places=1)
    before, after = sight.shapes[node.inputs[0]], sight.shapes[node.outputs[0]] or (1,)
    kept = tuple(1 if place + shift == at else size for place, size in enumerate(before))
    sight.finish(node, sight.reshaped(made, kept, after) if shift else sight.reshaped(made, kept[1:], after[1:]), shift)
