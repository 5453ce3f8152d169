"""The cells of windows are those of the operator."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")

from holdfast.kernels.torch_certificates.relaxations import maximum  # noqa: E402  (needs torch)
from holdfast.kernels.torch_certificates.windows import windows_of  # noqa: E402
from holdfast.kernels.torch_networks.forward import OPERATORS  # noqa: E402


@pytest.mark.parametrize("ceil_mode", [0, 1])
def test_maxima_of_windows_are_those_of_the_operator(ceil_mode: int) -> None:
    x = torch.tensor(np.random.default_rng(0).normal(size=(2, 3, 7, 6)))
    for kernel, stride, pad, dilation in itertools.product((2, 3), (1, 2, 3), (0, 1), (1, 2)):
        given = {
            "kernel_shape": (kernel, 2), "strides": (stride, stride), "pads": (pad, 0, 0, pad),
            "dilations": (dilation, 1), "ceil_mode": ceil_mode,
        }  # fmt: skip
        expected = OPERATORS["MaxPool"](given, x)
        found = maximum(x, torch.tensor(windows_of(given, (7, 6))))
        torch.testing.assert_close(found.reshape(expected.shape), expected)


def test_windows_along_one_axis() -> None:
    x = torch.tensor(np.random.default_rng(0).normal(size=(1, 2, 9)))
    given = {"kernel_shape": (3,), "strides": (2,)}
    torch.testing.assert_close(maximum(x, torch.tensor(windows_of(given, (9,)))), OPERATORS["MaxPool"](given, x))
