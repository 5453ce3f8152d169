"""What an image is as a whole: how bright, how rich in contrast, how sharp, how coloured; and coarse copies of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Images = NDArray[np.float32]

SIDE = 16
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")
CHANNELS = ("red", "green", "blue")


def image_properties(images: Images) -> dict[str, Floats]:
    """Measure each image as a whole.

    Parameters
    ----------
    images : ndarray of float32, shape (n, channels, height, width)
        One channel (grey), or three: red, green, blue. Three pixels or more each way. NaN makes those properties of its
        image NaN that it enters.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        *brightness*, the mean; *contrast*, the standard deviation of the grey image; *sharpness*, the mean difference
        of neighbouring pixels over the contrast, 0 where there is none; the *brightness* of each of 3 x 3 parts; of
        coloured images the mean of each channel and the *saturation*, the mean distance of the largest channel from
        the smallest.

    Raises
    ------
    ValueError
        When images are smaller.

    Examples
    --------
    >>> found = image_properties(np.eye(3, dtype=np.float32).reshape(1, 1, 3, 3))
    >>> found["brightness"].round(2).tolist(), found["brightness of the top left"].tolist()
    ([0.33], [1.0])
    """
    if images.ndim != 4 or min(images.shape[2:]) < 3:
        raise ValueError(f"expected images of 3 x 3 pixels or more, got the shape {images.shape}")
    grey = images.mean(axis=1, dtype=np.float64)
    contrast = grey.std(axis=(1, 2))
    steps = (np.abs(np.diff(grey, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2))
    found = {
        "brightness": grey.mean(axis=(1, 2)),
        "contrast": contrast,
        "sharpness": sum(steps, start=np.zeros(len(images))) / 2.0 / np.where(contrast > 0.0, contrast, 1.0),
    }
    if images.shape[1] == len(CHANNELS):
        found["saturation"] = np.asarray(np.ptp(images, axis=1).mean(axis=(1, 2), dtype=np.float64))
        means = images.mean(axis=(2, 3), dtype=np.float64).T
        found |= {f"brightness of {name}": mean for name, mean in zip(CHANNELS, means, strict=True)}
    parts = block_means(grey[:, None], 3)[:, 0]
    for row, name in enumerate(ROWS):
        for column, beside in enumerate(COLUMNS):
            place = beside if name == "middle" and beside == "centre" else f"{name} {beside}"
            found[f"brightness of the {place}"] = parts[:, row, column]
    return found


def block_means(images: NDArray[np.float32] | Floats, side: int) -> Floats:
    """Bring images ``(n, channels, height, width)`` to at most ``side`` rows and columns, the means of blocks."""
    found = np.asarray(images, dtype=np.float64)
    for axis in (2, 3):
        starts = block_starts(found.shape[axis], side)
        sizes = np.diff(starts, append=found.shape[axis])
        shape = [-1 if place == axis else 1 for place in range(4)]
        found = np.add.reduceat(found, starts, axis=axis) / sizes.reshape(shape)
    return found


def block_starts(length: int, side: int) -> NDArray[np.int64]:
    """Return where each of at most ``side`` blocks of nearly equal length begins.

    Examples
    --------
    >>> block_starts(7, 3).tolist()
    [0, 2, 4]
    """
    n = min(length, side)
    return np.asarray(np.arange(n) * length // n, dtype=np.int64)


def coarse_pixels(images: Images, *, side: int = SIDE) -> dict[str, Floats]:
    """Return the pixels of coarse copies by name, each of shape (n,); names say which pixels one stands for.

    Examples
    --------
    >>> list(coarse_pixels(np.zeros((1, 1, 2, 4), dtype=np.float32), side=2))[:2]
    ['pixels in row 1, columns 1-2', 'pixels in row 1, columns 3-4']
    """
    coarse = block_means(images, side)
    _, channels, height, width = images.shape
    rows, columns = (_spans("row", height, side), _spans("column", width, side))
    tones = [f"{name}, " for name in CHANNELS] if channels == len(CHANNELS) else [""] * channels
    return {
        f"pixels in {tone}{row}, {column}": coarse[:, channel, i, j]
        for channel, tone in enumerate(tones)
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    }


def _spans(name: str, length: int, side: int) -> list[str]:
    starts = block_starts(length, side)
    ends = np.append(starts[1:], length)
    return [
        f"{name} {end}" if end - start == 1 else f"{name}s {start + 1}-{end}"
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
