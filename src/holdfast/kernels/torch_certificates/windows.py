"""Which cells lie in each window of a pooling operator."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from holdfast.core.network import Attribute


def windows_of(attributes: Mapping[str, Attribute], size: tuple[int, ...]) -> NDArray[np.int64]:
    """List the cells of each window of ``MaxPool``.

    Parameters
    ----------
    attributes
        Those of the operator: ``kernel_shape``, ``strides``, ``pads``, ``dilations``, ``ceil_mode``.
    size
        Spatial size of one channel of the input.

    Returns
    -------
    ndarray of int64, shape (n_windows, n_cells)
        Positions in a flattened channel; the number of its cells stands for padding.

    Examples
    --------
    >>> windows_of({"kernel_shape": (2,), "strides": (2,), "pads": (1, 0)}, (3,)).tolist()
    [[3, 0], [1, 2]]
    """
    kernel: Any = attributes["kernel_shape"]
    n = len(kernel)
    strides: Any = attributes.get("strides", (1,) * n)
    dilations: Any = attributes.get("dilations", (1,) * n)
    pads: Any = attributes.get("pads", (0,) * (2 * n))
    cells = []
    for axis in range(n):
        before, room = pads[axis], size[axis] + pads[axis] + pads[n + axis]
        room -= dilations[axis] * (kernel[axis] - 1) + 1
        steps = -(-room // strides[axis]) if attributes.get("ceil_mode", 0) else room // strides[axis]
        # a window that would begin behind the input is left out
        starts = np.arange(0, min(steps * strides[axis], size[axis] + before - 1) + 1, strides[axis])
        cells.append(starts[:, None] + dilations[axis] * np.arange(kernel[axis]) - before)
    padding, flat = int(np.prod(size)), []
    for at in itertools.product(*(range(len(axis)) for axis in cells)):
        grid = np.meshgrid(*(axis[i] for axis, i in zip(cells, at, strict=True)), indexing="ij")
        outside = np.any([(g < 0) | (g >= end) for g, end in zip(grid, size, strict=True)], axis=0)
        inside = np.ravel_multi_index([np.clip(g, 0, end - 1) for g, end in zip(grid, size, strict=True)], size)
        flat.append(np.where(outside, padding, inside).ravel())
    return np.array(flat, dtype=np.int64)
