"""Straight lines above and below a step that is not affine, within the bounds of what goes into it.

References
----------
Zhang, H., Weng, T.-W., Chen, P.-Y., Hsieh, C.-J. and Daniel, L. (2018). Efficient neural network robustness
certification with general activation functions. NeurIPS, section 3.2.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# Halvings until the tangent point of an S-shaped curve is known; it is then taken from the sound side.
HALVINGS = 24


class Lines(NamedTuple):
    """``low_slope * x + low_shift <= f(x) <= high_slope * x + high_shift``, each of the shape of x."""

    low_slope: Tensor
    low_shift: Tensor
    high_slope: Tensor
    high_shift: Tensor


class Choices(NamedTuple):
    """Lines about the largest cell of each window: one cell below it, one cell and a constant above it.

    ``at`` is a position in the flattened channel; all fields have the shape of the windows' results, flattened.
    """

    low_at: Tensor
    high_at: Tensor
    high_slope: Tensor
    high_shift: Tensor


def bend_lines(low: Tensor, high: Tensor, slope: float) -> Lines:
    """Bound ``x`` above 0 and ``slope * x`` below it.

    Below 0 and above it the lines are exact. Where both can be, the upper one joins the ends, and the lower one is the
    side that leaves less room.
    """
    is_above, is_below = low >= 0, high <= 0
    # the denominator is that of rows in which both signs are possible; elsewhere the value is not used
    rise = torch.where(is_above | is_below, torch.ones_like(low), high - low)
    joined = (high - slope * low) / rise
    shift = high - joined * high
    one, other = torch.ones_like(low), torch.full_like(low, slope)
    low_slope = torch.where(is_above | (~is_below & (high > -low)), one, other)
    high_slope = torch.where(is_above, one, torch.where(is_below, other, joined))
    high_shift = torch.where(is_above | is_below, torch.zeros_like(low), shift)
    return Lines(low_slope, torch.zeros_like(low), high_slope, high_shift)


def tanh_lines(low: Tensor, high: Tensor) -> Lines:
    """Bound the hyperbolic tangent: a chord on the hollow side, a tangent on the other."""
    high_slope, high_shift = _above(low, high)
    slope, shift = _above(-high, -low)
    return Lines(slope, -shift, high_slope, high_shift)


def _above(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """A line above tanh, which is hollow below 0 and bulges above it."""
    at_low, at_high = torch.tanh(low), torch.tanh(high)
    width = (high - low).clamp(min=1e-12)
    chord = ((at_high - at_low) / width).clamp(min=0.0)
    # through the lower end, touching the curve at d > 0: the farther d, the flatter the line, the higher its lower end
    near, far = low.clamp(min=0.0), high.clamp(min=0.0)
    for _ in range(HALVINGS):
        middle = 0.5 * (near + far)
        is_sound = torch.tanh(middle) + _slope(middle) * (low - middle) >= at_low
        near, far = torch.where(is_sound, near, middle), torch.where(is_sound, middle, far)
    bulges = low >= 0
    touch = torch.where(bulges, 0.5 * (low + high), far)
    by_tangent = bulges | (_slope(high) < chord)
    slope = torch.where(by_tangent, _slope(touch), chord)
    shift = torch.where(by_tangent, torch.tanh(touch) - slope * touch, at_high - slope * high)
    # a narrow interval has no chord that rounding would leave sound: a constant is
    flat = high - low < 1e-6
    return torch.where(flat, torch.zeros_like(slope), slope), torch.where(flat, at_high, shift)


def _slope(x: Tensor) -> Tensor:
    return 1.0 - torch.tanh(x) ** 2


def maximum_choices(low: Tensor, high: Tensor, windows: Tensor) -> Choices:
    """Bound the largest cell of each window.

    Parameters
    ----------
    low, high
        Bounds of the cells, ``(n, channels, *size)``.
    windows
        As :func:`~holdfast.kernels.torch_certificates.windows.windows_of` lists them.

    Notes
    -----
    Below: the cell whose middle is largest, which is the maximum itself where one cell is never below another. Above:
    with i the cell that can be largest and m what all others cannot exceed, max(x_i, m) is convex in x_i, so its chord
    lies above it; where x_i is never below m it is x_i itself.
    """
    low_cells, high_cells = (_in_windows(x, windows) for x in (low, high))
    low_at = _at(windows, (low_cells + high_cells).argmax(dim=-1))
    which = high_cells.argmax(dim=-1, keepdim=True)
    high_at, top = _at(windows, which[..., 0]), high_cells.gather(-1, which)[..., 0]
    bottom = low_cells.gather(-1, which)[..., 0]
    others = high_cells.scatter(-1, which, -torch.inf).amax(dim=-1)
    others = torch.maximum(others, bottom)
    width = top - bottom
    slope = torch.where(others > bottom, (top - others) / width.clamp(min=1e-300), torch.ones_like(width))
    shift = torch.where(others > bottom, top - slope * top, torch.zeros_like(width))
    return Choices(low_at, high_at, slope, shift)


def maximum(x: Tensor, windows: Tensor) -> Tensor:
    """Return the largest cell of each window, ``(n, channels, n_windows)``."""
    return _in_windows(x, windows).amax(dim=-1)


def _in_windows(x: Tensor, windows: Tensor) -> Tensor:
    flat = torch.nn.functional.pad(x.flatten(2), (0, 1), value=-torch.inf)
    return flat[..., windows]


def _at(windows: Tensor, which: Tensor) -> Tensor:
    """Position in the channel of a chosen cell of each window."""
    return torch.gather(windows.expand(*which.shape, windows.shape[1]), -1, which[..., None])[..., 0]
