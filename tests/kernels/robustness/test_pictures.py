"""Which flipped images are shown, and how they are laid out."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.robustness.constraints import Budget, NumericLimits
from holdfast.kernels.robustness.limits import Rules
from holdfast.kernels.robustness.pictures import MOST_PICTURES, picture_shape, pictures

RULES = Rules({"p": NumericLimits(255.0, 0.0, 255.0, True)}, Budget(0.1, 0))


@pytest.mark.parametrize(
    ("n", "stated", "shape"),
    [
        (784, (), (1, 28, 28)),
        (3 * 32 * 32, (), (3, 32, 32)),
        (12, (3, 2, 2), (3, 2, 2)),
        (12, (1, 3, 4), (1, 3, 4)),
        (12, (1, 28, 28), None),
        (8, (2, 2, 2), None),
        (10, (), None),
        (1 << 20, (), None),
    ],
)
def test_the_shape_is_the_stated_one_or_a_square(
    n: int, stated: tuple[int, ...], shape: tuple[int, int, int] | None
) -> None:
    assert picture_shape(n, stated) == shape


def test_the_closest_flip_of_each_label_comes_first_with_channels_last() -> None:
    before = np.arange(4 * 12, dtype=np.float64).reshape(4, 12)
    found = pictures(
        before,
        before + 1,
        (3, 2, 2),
        labels=["7", "7", "1", "7"],
        distance=np.array([0.2, 0.1, 0.3, 0.15]),
        rules=RULES,
    )
    assert found["at"] == [1, 2, 3, 0]
    assert found["before"][0][:4] == [12.0, 16.0, 20.0, 13.0]
    assert found["after"][0][:2] == [13.0, 17.0]
    assert found["shape"] == [[2, 2, 3]] * 4
    assert (found["low"], found["high"]) == ([0.0] * 4, [255.0] * 4)


def test_only_a_few_are_shown() -> None:
    cells = np.zeros((50, 4))
    found = pictures(cells, cells, (1, 2, 2), labels=["a"] * 50, distance=np.arange(50.0), rules=RULES)
    assert found["at"] == list(range(MOST_PICTURES))
