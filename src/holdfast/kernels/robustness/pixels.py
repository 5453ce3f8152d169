"""Read the columns of a table as the cells of images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class Layout(NamedTuple):
    """How the columns of a row lie in an image.

    Attributes
    ----------
    shape
        Channels, height and width.
    channels_last
        Whether the channels of a pixel stand side by side, rather than one channel behind the other.
    """

    shape: tuple[int, int, int]
    channels_last: bool


def square_layout(n_columns: int, *, height: int = 0, channels: int = 0) -> Layout | None:
    """Find the shape of images of so many columns: a square unless the height is given, grey or of three channels.

    Returns
    -------
    Layout or None
        Channels last; ``None`` where no such shape has that many cells.

    Examples
    --------
    >>> square_layout(784)
    Layout(shape=(1, 28, 28), channels_last=True)
    >>> square_layout(3072).shape, square_layout(785)
    ((3, 32, 32), None)
    """
    for each in (channels,) if channels > 0 else (1, 3):
        rows = height if height > 0 else math.isqrt(n_columns // each)
        if rows > 0 and n_columns % (rows * each) == 0 and (height > 0 or rows * rows * each == n_columns):
            return Layout((each, rows, n_columns // (rows * each)), channels_last=True)
    return None


def image_layout(
    n_columns: int, stated: Sequence[int] = (), *, height: int = 0, channels: int = 0, smallest: int = 4
) -> Layout | None:
    """Find the shape of images: as stated by channels, height and width where it fits, else as `square_layout` does.

    Parameters
    ----------
    smallest : int, default 4
        Fewest pixels each way of a shape that was not stated.

    Examples
    --------
    >>> image_layout(12, (1, 3, 4)), image_layout(12, (1, 5, 5)), image_layout(784).shape
    (Layout(shape=(1, 3, 4), channels_last=False), None, (1, 28, 28))
    """
    if len(stated) == 3 and stated[0] in (1, 3) and math.prod(stated) == n_columns and not height and not channels:
        return Layout((stated[0], stated[1], stated[2]), channels_last=False)
    found = square_layout(n_columns, height=height, channels=channels)
    return found if found is not None and min(found.shape[1:]) >= smallest else None


def pixel_names(layout: Layout) -> list[str]:
    """Say where each column lies in the image.

    Examples
    --------
    >>> pixel_names(Layout((1, 2, 2), channels_last=False))
    ['row 1, column 1', 'row 1, column 2', 'row 2, column 1', 'row 2, column 2']
    """
    channels, height, width = layout.shape
    tones = [f", {tone}" for tone in ("red", "green", "blue")] if channels == 3 else [""] * channels
    spots = np.array(
        [[[f"row {i}, column {j}{tone}" for j in range(1, width + 1)] for i in range(1, height + 1)] for tone in tones]
    )
    return [str(name) for name in (np.moveaxis(spots, 0, -1) if layout.channels_last else spots).ravel()]


def as_images(rows: NDArray[Any], layout: Layout) -> NDArray[np.float32]:
    """Lay rows ``(n, n_columns)`` out as images ``(n, channels, height, width)``."""
    channels, height, width = layout.shape
    if layout.channels_last:
        laid = rows.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
    else:
        laid = rows.reshape(-1, channels, height, width)
    return np.ascontiguousarray(laid, dtype=np.float32)


def as_rows(images: NDArray[np.float32], layout: Layout) -> Numbers:
    """Lay images ``(n, channels, height, width)`` out as rows ``(n, n_columns)``."""
    cells = images.transpose(0, 2, 3, 1) if layout.channels_last else images
    return cells.reshape(len(images), -1).astype(np.float64)


def pixel_range(low: Sequence[Any], high: Sequence[Any]) -> tuple[float, float]:
    """Guess black and white from the smallest and largest value of each column.

    Returns
    -------
    tuple of float
        (0, 1) or (0, 255) where all values lie inside, else what occurs; (0, 1) where only one value does.

    Examples
    --------
    >>> pixel_range([0, 0], [254, 3]), pixel_range([0.0], [0.9]), pixel_range([-1.0], [1.0])
    ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))
    """
    least, most = (float(pick(v for v in ends if v is not None)) for pick, ends in ((min, low), (max, high)))
    for white in (1.0, 255.0):
        if least >= 0.0 and most <= white:
            return 0.0, white
    return (least, most) if most > least else (least, least + 1.0)


def nearest_class(X: Numbers, y: NDArray[np.int64]) -> Callable[[Numbers], NDArray[np.int64]]:
    """Learn the mean of each class, and answer rows with the class whose mean is nearest.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_columns)
        Rows with a missing cell are left out.
    y : ndarray of int64, shape (n_samples,)
        Classes; rows below 0 are left out.
    """
    is_used = (y >= 0) & np.isfinite(X).all(axis=1)
    classes = np.unique(y[is_used])
    means = np.stack([X[is_used & (y == each)].mean(axis=0) for each in classes])
    offsets = 0.5 * (means**2).sum(axis=1)

    def answer(rows: Numbers) -> NDArray[np.int64]:
        return np.asarray(classes[(rows @ means.T - offsets).argmax(axis=1)])

    return answer
