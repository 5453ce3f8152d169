"""Find images that are nearly the same: shifted a little, noisier, brighter, compressed again.

An image is laid out around the centre of what stands out of its border, so that a shift changes nothing, and brought to
32 x 32 pixels. The signs of its lowest 8 x 8 cosine frequencies are a hash of 63 bits, by which candidates are found;
how near they are is then measured on the pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter

Numbers = NDArray[np.float64]
Hashes = NDArray[np.uint64]

SIDE, LOWEST = 32, 8
BLUR = 1.0
SHIFTS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
N_CANDIDATES = 20
CELLS = 20_000_000
"""Distances of hashes, or pixels, that are in memory at once."""


class Prepared(NamedTuple):
    """Images laid out alike."""

    hashes: Hashes
    """``(n,)``: 63 signs of cosine frequencies."""
    pixels: NDArray[np.float32]
    """``(n, 32, 32)``: blurred a little, of mean 0 and norm 1; 0 where an image is of one colour."""


class Nearest(NamedTuple):
    """The nearest other image of each."""

    place: NDArray[np.int64]
    """``(n,)``: its position, -1 where there is none."""
    likeness: Numbers
    """``(n,)``: largest correlation of the pixels over shifts by up to one of 32 pixels, in [-1, 1]."""


def prepare_images(images: ArrayLike) -> Prepared:
    """Lay images out alike and hash them.

    Parameters
    ----------
    images : array-like, shape (n, height, width) or (n, height, width, channels)
        Finite numbers of any scale; channels are averaged. Four pixels or more each way.

    Returns
    -------
    Prepared

    Raises
    ------
    ValueError
        For another shape, or a pixel that is NaN or infinite.

    Notes
    -----
    The centre is that of the distances from the median of the border; the image is moved by whole pixels, and what
    leaves on one side comes in on the other. Cost O(n height width).

    References
    ----------
    Zauner, C. (2010). Implementation and benchmarking of perceptual image hash functions, section 3.2.1 (DCT).
    """
    stack = np.asarray(images, dtype=np.float32)
    if stack.ndim not in (3, 4) or min(stack.shape[1:3]) < 4:
        raise ValueError(f"expected images of shape (n, height, width[, channels]), 4 x 4 or more, got {stack.shape}")
    if not np.isfinite(stack).all():
        raise ValueError("expected finite pixels, got NaN or infinity")
    grey = stack if stack.ndim == 3 else stack.mean(axis=3)
    step = max(1, CELLS // max(grey[0].size if grey.size else 1, SIDE * SIDE))
    parts = [_prepared(grey[start : start + step]) for start in range(0, len(grey), step)]
    if not parts:
        return Prepared(np.empty(0, dtype=np.uint64), np.empty((0, SIDE, SIDE), dtype=np.float32))
    return Prepared(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _prepared(grey: NDArray[np.float32]) -> tuple[Hashes, NDArray[np.float32]]:
    small = _resized(_centred(grey))
    low = dctn(small, axes=(1, 2))[:, :LOWEST, :LOWEST].reshape(len(small), -1)[:, 1:]
    signs = low > np.median(low, axis=1, keepdims=True)
    hashes = (signs.astype(np.uint64) << np.arange(signs.shape[1], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    smooth = gaussian_filter(small, (0.0, BLUR, BLUR))
    smooth -= smooth.mean(axis=(1, 2), keepdims=True)
    norm = np.sqrt((smooth**2).sum(axis=(1, 2), keepdims=True))
    flat = norm <= 1e-6 * np.abs(small).max(axis=(1, 2), keepdims=True)
    return hashes, np.where(flat, 0.0, smooth / np.where(flat, 1.0, norm)).astype(np.float32)


def _centred(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move each image so that what stands out of its border is in the middle."""
    n, height, width = grey.shape
    edge = np.concatenate([grey[:, 0], grey[:, -1], grey[:, 1:-1, 0], grey[:, 1:-1, -1]], axis=1)
    weight = np.abs(grey - np.median(edge, axis=1)[:, None, None])
    weight = np.where(weight > 0.25 * weight.max(axis=(1, 2), keepdims=True), weight, 0.0)  # faint noise does not pull
    total = np.maximum(weight.sum(axis=(1, 2)), np.finfo(np.float32).tiny)
    middle = [
        (weight.sum(axis=3 - axis) * np.arange(size)).sum(axis=1) / total for axis, size in ((1, height), (2, width))
    ]
    by = [np.rint((size - 1) / 2 - at).astype(np.int64) for at, size in zip(middle, (height, width), strict=True)]
    by = [np.where(weight.any(axis=(1, 2)), each, 0) for each in by]
    rows = (np.arange(height) - by[0][:, None]) % height
    columns = (np.arange(width) - by[1][:, None]) % width
    return np.asarray(grey[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]])


def _resized(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average over areas, or interpolate where there are fewer pixels than asked for."""
    down, across = (_weights(size) for size in grey.shape[1:])
    return np.asarray(down @ grey @ across.T)


def _weights(size: int) -> NDArray[np.float32]:
    """``(32, size)``: the share that each old pixel has in each new one."""
    if size >= SIDE:
        edges = np.linspace(0, size, SIDE + 1)
        low, high = np.maximum(edges[:-1, None], np.arange(size)), np.minimum(edges[1:, None], np.arange(1, size + 1))
        shares = np.maximum(high - low, 0.0)
    else:
        at = (np.arange(SIDE) + 0.5) * size / SIDE - 0.5
        shares = np.maximum(1.0 - np.abs(np.clip(at, 0, size - 1)[:, None] - np.arange(size)), 0.0)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)


def nearest_images(asked: Prepared, known: Prepared, *, own: NDArray[np.int64] | None = None) -> Nearest:
    """Find the nearest known image of each.

    Parameters
    ----------
    asked, known : Prepared
    own : ndarray of int64, shape (n_asked,), optional
        Position among the known images of each image asked about, which is then passed over.

    Returns
    -------
    Nearest

    Notes
    -----
    The 20 known images whose hashes differ in the fewest bits are compared by their pixels. Cost O(n_asked n_known)
    comparisons of 64-bit words.

    Examples
    --------
    >>> pictures = np.random.default_rng(0).random((3, 16, 16))
    >>> known = prepare_images(pictures)
    >>> nearest_images(prepare_images(pictures[[2, 0]] * 0.5 + 1.0), known).place
    array([2, 0])
    """
    n_known, n = known.hashes.size, asked.hashes.size
    count = min(N_CANDIDATES, n_known - (own is not None))
    place, likeness = np.full(n, -1, dtype=np.int64), np.full(n, -1.0)
    if count < 1:
        return Nearest(place, likeness)
    step = max(1, CELLS // max(n_known, (count + len(SHIFTS)) * SIDE * SIDE))
    pixels = known.pixels.reshape(n_known, -1)
    for start in range(0, n, step):
        part = slice(start, min(start + step, n))
        apart = np.bitwise_count(asked.hashes[part, None] ^ known.hashes)
        if own is not None:
            apart[np.arange(apart.shape[0]), own[part]] = 255
        near = np.argpartition(apart, count - 1, axis=1)[:, :count]
        moved = np.stack([np.roll(asked.pixels[part], shift, axis=(1, 2)) for shift in SHIFTS], axis=1)
        alike = pixels[near] @ moved.reshape(len(moved), len(SHIFTS), -1).transpose(0, 2, 1)
        best = alike.max(axis=2).argmax(axis=1)
        rows = np.arange(best.size)
        place[part] = near[rows, best]
        likeness[part] = np.clip(alike[rows, best].max(axis=1), -1.0, 1.0)
    return Nearest(place, likeness)
