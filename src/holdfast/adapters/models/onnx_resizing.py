"""Changing the size of an image along one axis, as the ONNX standard has it: which cells it takes, with which weights.

References
----------
ONNX, Operators.md, Resize, opset 19 (coordinates, rounding, cubic weights).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.onnx_trees import TreeNode

Array = NDArray[Any]


def nearest_places(node: TreeNode, before: int, after: int, scale: float) -> Array:
    """Name the cell that each new cell is a copy of."""
    at = _coordinates(node, before, after, scale)
    rounding = node.word("nearest_mode", "round_prefer_floor") if node.operator == "Resize" else "floor"
    rounded = {
        "round_prefer_floor": lambda: np.ceil(at - 0.5),
        "round_prefer_ceil": lambda: np.floor(at + 0.5),
        "floor": lambda: np.floor(at),
        "ceil": lambda: np.ceil(at),
    }[rounding]()
    return np.asarray(np.clip(rounded, 0, before - 1), dtype=np.int64)


def weights(node: TreeNode, before: int, after: int, scale: float) -> Array:
    """Return the matrix ``(after, before)`` of linear or cubic interpolation."""
    if node.integer("antialias", 0) and scale < 1:
        raise no_network("a Resize with antialiasing is not supported")
    at = _coordinates(node, before, after, scale)
    matrix = np.zeros((after, before))
    if node.word("mode", "nearest") == "linear":
        at = np.clip(at, 0, before - 1)
        low = np.floor(at).astype(np.int64)
        for place, share in ((low, 1 - (at - low)), (np.minimum(low + 1, before - 1), at - low)):
            np.add.at(matrix, (np.arange(after), place), share)
        return matrix
    a, is_inside = node.number("cubic_coeff_a", -0.75), bool(node.integer("exclude_outside", 0))
    low = np.floor(at).astype(np.int64)
    for offset in range(-1, 3):
        share = np.array([_cubic(abs(offset - rest), a) for rest in at - low])
        place = low + offset
        if is_inside:
            share = np.where((place >= 0) & (place < before), share, 0.0)
        np.add.at(matrix, (np.arange(after), np.clip(place, 0, before - 1)), share)
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True)) if is_inside else matrix


def _coordinates(node: TreeNode, before: int, after: int, scale: float) -> Array:
    """Place new cells among the old ones."""
    mode = node.word("coordinate_transformation_mode", "half_pixel") if node.operator == "Resize" else "asymmetric"
    # in single precision, as runtimes do: on which side of a whole number a place comes to lie hangs on it
    new, by = np.arange(after, dtype=np.float32), np.float32(scale)
    if mode == "align_corners":
        return new * np.float32(before - 1) / np.float32(after - 1) if after > 1 else new * 0
    if mode == "asymmetric":
        return new / by
    if mode == "half_pixel" or (mode == "pytorch_half_pixel" and after > 1):
        return (new + np.float32(0.5)) / by - np.float32(0.5)
    if mode == "pytorch_half_pixel":
        return new * 0
    if mode == "half_pixel_symmetric":
        adjustment = after / math.floor(scale * before) if scale * before >= 1 else 1.0
        centre = before / 2
        return centre * (1 - adjustment) + (new + 0.5) / scale - 0.5
    raise no_network(f"a Resize with coordinates by {mode} is not supported")


def _cubic(distance: float, a: float) -> float:
    if distance <= 1:
        return ((a + 2) * distance - (a + 3)) * distance * distance + 1
    return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a if distance < 2 else 0.0
