"""Damage images as cameras, weather of light, compression and careless framing do, in five strengths."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from scipy.ndimage import convolve, gaussian_filter

Images = NDArray[np.float32]
Damage = Callable[[Images, float, np.random.Generator], Images]

SMALL_SIDE, LARGE_SIDE, SMALLEST_LARGE = 32, 224, 65
N_DIRECTIONS = 8
BLOCK = 8
# ITU T.81 (JPEG), annex K.1: quantisation of luminance and of chrominance
LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
CHROMINANCE = np.array(
    [
        [17, 18, 24, 47, 99, 99, 99, 99],
        [18, 21, 26, 66, 99, 99, 99, 99],
        [24, 26, 56, 99, 99, 99, 99, 99],
        [47, 66, 99, 99, 99, 99, 99, 99],
        *[[99] * 8] * 4,
    ]
)
# ITU-R BT.601, full range
TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


class Strengths(NamedTuple):
    """Five strengths of a kind for images up to 64 pixels and above; of lengths, in pixels at 32 and at 224."""

    small: tuple[float, ...]
    large: tuple[float, ...]
    is_length: bool = False


STRENGTHS: Mapping[str, Strengths] = {
    "gaussian_noise": Strengths((0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38)),
    "shot_noise": Strengths((500, 250, 100, 75, 50), (60, 25, 12, 5, 3)),
    "impulse_noise": Strengths((0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27)),
    "gaussian_blur": Strengths((0.4, 0.6, 0.7, 0.8, 1.0), (1, 2, 3, 4, 6), is_length=True),
    "motion_blur": Strengths((2, 3, 4, 5, 6), (10, 15, 20, 25, 30), is_length=True),
    "defocus_blur": Strengths((0.7, 0.9, 1.1, 1.4, 1.8), (3, 4, 6, 8, 10), is_length=True),
    "contrast": Strengths((0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)),
    "brightness": Strengths((0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5)),
    "jpeg": Strengths((80, 65, 58, 50, 40), (25, 18, 15, 10, 7)),
    "pixelation": Strengths((0.95, 0.9, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25)),
    "rotation": Strengths((5, 10, 15, 20, 30), (5, 10, 15, 20, 30)),
    "translation": Strengths((0.02, 0.04, 0.06, 0.09, 0.12), (0.02, 0.04, 0.06, 0.09, 0.12)),
    "zoom": Strengths((1.05, 1.1, 1.15, 1.2, 1.3), (1.05, 1.1, 1.15, 1.2, 1.3)),
}


def strength(kind: str, severity: int, shape: tuple[int, int]) -> float:
    """Return the strength of a kind at a severity from 1 to 5 for images of so many rows and columns of pixels."""
    side, given = min(shape), STRENGTHS[kind]
    is_large = side >= SMALLEST_LARGE
    amount = (given.large if is_large else given.small)[severity - 1]
    return amount * side / (LARGE_SIDE if is_large else SMALL_SIDE) if given.is_length else amount


def damage_images(images: Images, kind: str, severity: int, *, seed: int) -> Images:
    """Damage images by one kind at one severity.

    Random draws are the same at every severity, but for shot noise, so that damage is nested; directions of motion,
    turns, shifts and zooms are each image's own.

    Parameters
    ----------
    images : ndarray of float32, shape (n, channels, height, width)
        One or three channels, cells from 0 to 1.
    kind : str
        One of ``STRENGTHS``.
    severity : int
        1 to 5.
    seed : int

    Returns
    -------
    ndarray of float32, shape (n, channels, height, width)
        Cells from 0 to 1.

    Raises
    ------
    ValueError
        When the images are no such array, or no kind or severity is so named.

    Notes
    -----
    Strengths of noise, blur, contrast, brightness, compression and pixelation up to 64 pixels are those of CIFAR-10-C,
    above those of ImageNet-C, lengths in proportion to the shorter side; motion blur and defocus of small images, and
    the geometry, are ours. Motion goes in one of eight directions. ``jpeg`` cuts the cosine frequencies of blocks of
    8 x 8 pixels as JPEG does, without its subsampling of colours. What comes in from outside repeats the border.

    References
    ----------
    Hendrycks, D. and Dietterich, T. (2019). Benchmarking neural network robustness to common corruptions and
    perturbations. ICLR, section 3 and appendix A.

    Examples
    --------
    >>> image = np.zeros((1, 1, 8, 8), dtype=np.float32)
    >>> damage_images(image, "brightness", 5, seed=0).max().round(2)
    np.float32(0.3)
    """
    if (
        images.ndim != 4
        or images.shape[1] not in (1, 3)
        or not (images.size and 0 <= images.min() <= images.max() <= 1)
    ):
        raise ValueError(
            f"expected images (n, 1 or 3, height, width) with cells from 0 to 1, got {images.shape}"
            + (f" from {images.min()} to {images.max()}" if images.size else "")
        )
    if kind not in STRENGTHS or severity not in range(1, 6):
        raise ValueError(f"expected one of {', '.join(STRENGTHS)} and a severity from 1 to 5, got {kind!r}, {severity}")
    rng = np.random.default_rng([seed, list(STRENGTHS).index(kind)])
    amount = strength(kind, severity, (images.shape[2], images.shape[3]))
    damaged = DAMAGES[kind](np.asarray(images, dtype=np.float32), amount, rng)
    return np.asarray(np.clip(damaged, 0.0, 1.0), dtype=np.float32)


def _gaussian_noise(images: Images, amount: float, rng: np.random.Generator) -> Images:
    return images + np.float32(amount) * rng.standard_normal(images.shape, dtype=np.float32)


def _shot_noise(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Photons are counted; so many make a white cell."""
    return (rng.poisson(images.astype(np.float64) * amount) / amount).astype(np.float32)


def _impulse_noise(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Cells turn black or white."""
    draw = rng.random(images.shape, dtype=np.float32)
    is_white = rng.random(images.shape, dtype=np.float32) < 0.5
    return np.where(draw < amount, is_white, images).astype(np.float32)


def _gaussian_blur(images: Images, amount: float, rng: np.random.Generator) -> Images:
    blurred: Images = gaussian_filter(images, amount, axes=(2, 3), mode="nearest")
    return blurred


def _motion_blur(images: Images, amount: float, rng: np.random.Generator) -> Images:
    direction = rng.integers(0, N_DIRECTIONS, len(images))
    blurred = np.empty_like(images)
    for number in range(N_DIRECTIONS):
        is_own = direction == number
        if is_own.any():
            blurred[is_own] = _convolved(images[is_own], _streak(amount, math.pi * number / N_DIRECTIONS))
    return blurred


def _defocus_blur(images: Images, amount: float, rng: np.random.Generator) -> Images:
    return _convolved(images, _disc(amount))


def _streak(length: float, angle: float) -> NDArray[np.float64]:
    """Return the weights of a line through the middle."""
    along = np.linspace(-length / 2, length / 2, 16 * math.ceil(length) + 1)
    return _weights(along * math.sin(angle), along * math.cos(angle))


def _disc(radius: float) -> NDArray[np.float64]:
    """Return the weights of a disc around the middle."""
    rings = radius * np.sqrt((np.arange(32) + 0.5) / 32)
    turns = np.linspace(0.0, 2.0 * math.pi, 64, endpoint=False)
    return _weights(np.outer(rings, np.sin(turns)).ravel(), np.outer(rings, np.cos(turns)).ravel())


def _weights(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share points around the middle each among the four cells about it."""
    reach = math.ceil(max(np.abs(y).max(), np.abs(x).max()))
    weights = np.zeros((2 * reach + 2, 2 * reach + 2))
    y, x = y + reach, x + reach
    top, left = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    for dy in (0, 1):
        for dx in (0, 1):
            np.add.at(weights, (top + dy, left + dx), (1 - np.abs(y - top - dy)) * (1 - np.abs(x - left - dx)))
    return np.asarray(weights[:-1, :-1] / weights.sum())


def _convolved(images: Images, weights: NDArray[np.float64]) -> Images:
    blurred: Images = convolve(images, weights[None, None].astype(np.float32), mode="nearest")
    return blurred


def _contrast(images: Images, amount: float, rng: np.random.Generator) -> Images:
    mean = images.mean(axis=(2, 3), keepdims=True)
    return np.asarray((images - mean) * np.float32(amount) + mean)


def _brightness(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Raise the value of hue, saturation and value, of grey cells simply their grey."""
    value = images.max(axis=1, keepdims=True)
    raised = np.minimum(value + np.float32(amount), 1.0)
    return np.asarray(np.where(value > 0, images * (raised / np.maximum(value, 1e-7)), raised), dtype=np.float32)


def _jpeg(images: Images, amount: float, rng: np.random.Generator) -> Images:
    n, channels, height, width = images.shape
    padding = ((0, 0), (0, 0), (0, -height % BLOCK), (0, -width % BLOCK))
    padded = np.pad(images, padding, mode="edge") * 255.0
    if channels == 3:
        padded = np.einsum("ij,njhw->nihw", TO_YCBCR, padded)
        padded[:, 1:] += 128.0
    blocks = (padded - 128.0).reshape(n, channels, padded.shape[2] // BLOCK, BLOCK, padded.shape[3] // BLOCK, BLOCK)
    steps = np.stack([_quantisation(LUMINANCE, amount), *[_quantisation(CHROMINANCE, amount)] * (channels - 1)])
    steps = steps[:, None, :, None, :]
    frequencies = np.rint(dctn(blocks, axes=(3, 5), norm="ortho") / steps) * steps
    found = np.rint(idctn(frequencies, axes=(3, 5), norm="ortho").reshape(padded.shape) + 128.0)
    if channels == 3:
        found[:, 1:] -= 128.0
        found = np.einsum("ij,njhw->nihw", np.linalg.inv(TO_YCBCR), found)
    return np.asarray(found[:, :, :height, :width] / 255.0, dtype=np.float32)


def _quantisation(table: NDArray[np.int64], quality: float) -> NDArray[np.float64]:
    """Scale a table as the reference encoder of the Independent JPEG Group does."""
    scale = 5000.0 / quality if quality < 50 else 200.0 - 2.0 * quality
    return np.asarray(np.clip(np.floor((table * scale + 50.0) / 100.0), 1.0, 255.0))


def _pixelation(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Average over fewer, larger cells, then show each as a square."""
    down, across = (_coarser(side, max(1, round(side * amount))) for side in images.shape[2:])
    return np.asarray(np.matmul(np.matmul(down, images), across.T), dtype=np.float32)


def _coarser(side: int, fewer: int) -> NDArray[np.float32]:
    """Return the matrix that takes each cell to the average of the larger cell that its middle lies in."""
    edges = np.arange(fewer + 1) * side / fewer
    cells = np.arange(side)
    shared = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    averages = np.maximum(shared, 0.0) * fewer / side
    return np.asarray(averages[((cells + 0.5) * fewer / side).astype(np.int64)], dtype=np.float32)


def _rotation(images: Images, amount: float, rng: np.random.Generator) -> Images:
    angle = np.radians(amount) * _signs(rng, len(images))
    cos, sin = np.cos(angle), np.sin(angle)
    return _moved(images, np.stack([np.stack([cos, sin], 1), np.stack([-sin, cos], 1)], 1), np.zeros((len(images), 2)))


def _translation(images: Images, amount: float, rng: np.random.Generator) -> Images:
    direction = rng.uniform(0.0, 2.0 * math.pi, len(images))
    shift = amount * min(images.shape[2:]) * np.stack([np.sin(direction), np.cos(direction)], axis=1)
    return _moved(images, np.broadcast_to(np.eye(2), (len(images), 2, 2)), shift)


def _zoom(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Come nearer or go away."""
    factor = amount ** _signs(rng, len(images))
    return _moved(images, np.eye(2) / factor[:, None, None], np.zeros((len(images), 2)))


def _signs(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.where(rng.random(n) < 0.5, -1.0, 1.0)


def _moved(images: Images, matrix: NDArray[np.float64], shift: NDArray[np.float64]) -> Images:
    """Take each cell from ``matrix @ place + shift``, places from the middle, by bilinear interpolation."""
    n, channels, height, width = images.shape
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij")).reshape(2, -1) - middle[:, None]
    y, x = np.moveaxis(matrix @ places + (shift + middle)[:, :, None], 1, 0)
    y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    top, left = np.minimum(y.astype(np.int64), height - 2), np.minimum(x.astype(np.int64), width - 2)
    down, right = ((each - corner)[:, None].astype(np.float32) for each, corner in ((y, top), (x, left)))
    flat = images.reshape(n, channels, -1)

    def cells(dy: int, dx: int) -> Images:
        return np.take_along_axis(flat, ((top + dy) * width + left + dx)[:, None], axis=2)

    above = cells(0, 0) * (1 - right) + cells(0, 1) * right
    below = cells(1, 0) * (1 - right) + cells(1, 1) * right
    return np.asarray((above * (1 - down) + below * down).reshape(images.shape))


DAMAGES: Mapping[str, Damage] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "gaussian_blur": _gaussian_blur,
    "motion_blur": _motion_blur,
    "defocus_blur": _defocus_blur,
    "contrast": _contrast,
    "brightness": _brightness,
    "jpeg": _jpeg,
    "pixelation": _pixelation,
    "rotation": _rotation,
    "translation": _translation,
    "zoom": _zoom,
}
