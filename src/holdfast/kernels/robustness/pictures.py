"""Flipped images, chosen to be looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import NumericLimits
from holdfast.kernels.robustness.limits import Rules

MOST_PICTURES = 6
MOST_CELLS = 1 << 17


def picture_shape(n_cells: int, stated: Sequence[int] = ()) -> tuple[int, int, int] | None:
    """Tell channels, height and width of images; ``None`` where nobody can know, or they are too large to show.

    Parameters
    ----------
    n_cells
        Numbers in one image.
    stated
        ``(channels, height, width)`` where it is known.

    Examples
    --------
    >>> picture_shape(784), picture_shape(3072), picture_shape(6, (1, 2, 3)), picture_shape(7)
    ((1, 28, 28), (3, 32, 32), (1, 2, 3), None)
    """
    shape = tuple(stated)
    if not shape:
        channels = next((k for k in (1, 3) if n_cells % k == 0 and math.isqrt(n_cells // k) ** 2 * k == n_cells), 0)
        side = math.isqrt(n_cells // channels) if channels else 0
        shape = (channels, side, side)
    is_known = len(shape) == 3 and shape[0] in (1, 3) and math.prod(shape) == n_cells <= MOST_CELLS
    return (shape[0], shape[1], shape[2]) if is_known else None


def pictures(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    shape: tuple[int, int, int],
    *,
    labels: Sequence[str],
    distance: NDArray[np.float64],
    rules: Rules,
) -> dict[str, list[Any]]:
    """Choose flips to show, the closest one of each label first, and write them as columns of evidence.

    Parameters
    ----------
    before, after : ndarray, shape (n, channels * height * width)
    shape
        Channels, height, width.
    labels, distance
        Right answer to each image, and how far it moved, length n.
    rules
        State the values of black and white.

    Returns
    -------
    dict of str to list
        ``at``, the position of the flip; ``before`` and ``after``, pixel by pixel with channels last; ``shape``, that
        is height, width and channels; ``low`` and ``high``.
    """
    order = np.argsort(distance, kind="stable").tolist()
    first = list({labels[at]: at for at in reversed(order)}.values())
    chosen = [at for at in order if at in first] + [at for at in order if at not in first]
    chosen, (channels, height, width) = chosen[:MOST_PICTURES], shape
    limits = [one for one in rules.limits.values() if isinstance(one, NumericLimits)]

    def flat(cells: NDArray[np.float64]) -> list[list[float]]:
        images = cells[chosen].reshape(len(chosen), *shape).transpose(0, 2, 3, 1)
        rows: list[list[float]] = images.reshape(len(chosen), -1).tolist()
        return rows

    return {
        "at": chosen,
        "before": flat(before),
        "after": flat(after),
        "shape": [[height, width, channels]] * len(chosen),
        "low": [min(one.low for one in limits)] * len(chosen),
        "high": [max(one.high for one in limits)] * len(chosen),
    }
