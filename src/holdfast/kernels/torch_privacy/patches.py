"""The cells under each window of a convolution, written beside each other, so that it is a matrix product."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from holdfast.core.network import Step


class Windows(NamedTuple):
    """Where the windows of a convolution lie, axis by axis.

    Attributes
    ----------
    kernel, strides, dilations
        Cells of a window, and steps from window to window and from cell to cell.
    begin, end
        Zeros in front and behind.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]

    def padded(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Cells along each axis, with the zeros."""
        return tuple(b + cells + e for b, cells, e in zip(self.begin, size, self.end, strict=True))

    def counts(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Windows along each axis of so many cells."""
        axes = zip(self.padded(size), self.kernel, self.strides, self.dilations, strict=True)
        return tuple((cells - dilation * (kernel - 1) - 1) // stride + 1 for cells, kernel, stride, dilation in axes)

    def overlap(self, size: tuple[int, ...]) -> float:
        """How many times as many cells lie under windows as there are."""
        return math.prod(self.kernel) * math.prod(self.counts(size)) / math.prod(size)


def windows_of(step: Step, kernel: tuple[int, ...]) -> Windows:
    """Return the windows of a step ``Conv``, given the last axes of its weights."""
    n = len(kernel)
    given: dict[str, Any] = dict(step.attributes)
    pads = tuple(given.get("pads", (0,) * (2 * n)))
    strides, dilations = (tuple(given.get(name, (1,) * n)) for name in ("strides", "dilations"))
    return Windows(kernel, strides, dilations, pads[:n], pads[n:])


def patches(x: Tensor, windows: Windows) -> Tensor:
    """Write the cells under each window beside each other; differentiable.

    Parameters
    ----------
    x : Tensor, shape (n_networks, n, n_channels, *size)
        In any order in memory; without a copy when the rows lie innermost and nothing is padded.
    windows

    Returns
    -------
    Tensor, shape (n_networks, n_windows * n, n_channels * n_cells)
        In memory its second axis is the innermost one, and the rows are innermost in that: then everything is copied
        in runs as long as a batch, whatever the windows, and a product with weights comes out in the same order.

    References
    ----------
    Chellapilla, K., Puri, S. and Simard, P. (2006). High performance convolutional neural networks for document
    processing. IWFHR, section 3.1.
    """
    written: Tensor = _Patches.apply(x, windows)
    return written.mT


class _Patches(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Tensor, windows: Windows) -> Tensor:
        ctx.windows, ctx.shape = windows, x.shape
        innermost = x.movedim(1, -1)
        around = _around(windows)
        padded = (F.pad(innermost, around) if any(around) else innermost).contiguous()
        return _under(padded, windows).reshape(len(x), x.shape[2] * math.prod(windows.kernel), -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        n_networks, n, n_channels, *size = ctx.shape
        windows: Windows = ctx.windows
        padded = gradients[0].new_zeros(n_networks, n_channels, *windows.padded(tuple(size)), n)
        under = _under(padded, windows)
        parts = gradients[0].reshape(under.shape)
        # one cell of all windows at a time: those of different windows are different
        for place in itertools.product(*map(range, windows.kernel)):
            under[:, :, *place].add_(parts[:, :, *place])
        inner = F.pad(padded, [-zeros for zeros in _around(windows)])
        return inner.movedim(-1, 1), None


def _around(windows: Windows) -> list[int]:
    """Zeros around the cells in the order of ``F.pad``, the last axis first: the rows have none."""
    sides = reversed(list(zip(windows.begin, windows.end, strict=True)))
    return [0, 0, *itertools.chain.from_iterable(sides)]


def _under(padded: Tensor, windows: Windows) -> Tensor:
    """View ``(n_networks, n_channels, *size, n)`` as ``(n_networks, n_channels, *kernel, *counts, n)``."""
    n_networks, n_channels, *size, n = padded.shape
    of_networks, of_channels, *steps, of_rows = padded.stride()
    counts = windows._replace(begin=(0,) * len(size), end=(0,) * len(size)).counts(tuple(size))
    between_cells = [step * dilation for step, dilation in zip(steps, windows.dilations, strict=True)]
    between_windows = [step * stride for step, stride in zip(steps, windows.strides, strict=True)]
    return padded.as_strided(
        (n_networks, n_channels, *windows.kernel, *counts, n),
        (of_networks, of_channels, *between_cells, *between_windows, of_rows),
    )
