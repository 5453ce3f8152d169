"""Cells under windows: as torch unfolds them, and its gradients."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.core.network import Step

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not trained side by side")

from holdfast.kernels.torch_privacy.patches import patches, windows_of  # noqa: E402  (needs torch)


@pytest.mark.parametrize(
    ("kernel", "attributes"),
    [
        ((3, 3), {"strides": (2, 2), "pads": (1, 1, 1, 1)}),
        ((2, 3), {"strides": (1, 2), "pads": (0, 1, 2, 0)}),
        ((2, 2), {"dilations": (3, 2)}),
        ((1, 1), {}),
    ],
)
def test_cells_and_their_gradients_are_those_of_unfolding(
    kernel: tuple[int, ...], attributes: dict[str, tuple[int, ...]]
) -> None:
    x = torch.randn(2, 5, 3, 7, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    windows = windows_of(Step(op="Conv", inputs=("x", "W"), output="y", attributes=attributes), kernel)
    top, left, bottom, right = (*windows.begin, *windows.end)
    padded = torch.nn.functional.pad(x.flatten(0, 1), (left, right, top, bottom))
    unfolded: Any = torch.nn.functional.unfold(
        padded, kernel, stride=attributes.get("strides", 1), dilation=attributes.get("dilations", 1)
    )
    expected = unfolded.unflatten(0, (2, 5)).permute(0, 3, 1, 2).flatten(1, 2)

    found = patches(x, windows)

    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(*(torch.autograd.grad((each * weights).sum(), x)[0] for each in (found, expected)))
    assert windows.overlap((7, 6)) == found.shape[1] / 5 * found.shape[2] / 3 / 42


def test_windows_along_one_axis() -> None:
    x = torch.arange(6.0).view(1, 1, 1, 6)
    windows = windows_of(Step(op="Conv", inputs=("x", "W"), output="y", attributes={"strides": (3,)}), (2,))
    assert patches(x, windows).tolist() == [[[0.0, 1.0], [3.0, 4.0]]]
