"""Columns of a table as cells of images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestCentroid

from holdfast.kernels.robustness.pixels import (
    Layout,
    as_images,
    as_rows,
    image_layout,
    nearest_class,
    pixel_names,
    pixel_range,
    square_layout,
)


@given(st.sampled_from([1, 3]), st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_rows_come_back_from_images(channels: int, height: int, width: int, is_last: bool) -> None:
    layout = Layout((channels, height, width), channels_last=is_last)
    rows = np.arange(2.0 * channels * height * width).reshape(2, -1)
    images = as_images(rows, layout)
    assert images.shape == (2, channels, height, width)
    assert np.array_equal(as_rows(images, layout), rows)
    assert images[0, -1, 0, 0] == (channels - 1 if is_last else (channels - 1) * height * width)


@pytest.mark.parametrize(
    ("n", "options", "shape"),
    [
        (784, {}, (1, 28, 28)), (3072, {}, (3, 32, 32)), (785, {}, None), (12, {}, (3, 2, 2)),
        (600, {"height": 20}, (1, 20, 30)), (600, {"height": 20, "channels": 3}, (3, 20, 10)),
        (16, {"channels": 4}, (4, 2, 2)), (600, {"height": 7}, None), (0, {}, None),
    ],
)  # fmt: skip
def test_the_shape_follows_from_the_number_of_columns(n: int, options: dict[str, int], shape: object) -> None:
    found = square_layout(n, **options)
    assert (found and found.shape) == shape


def test_black_and_white_are_guessed() -> None:
    assert pixel_range([0, 3], [200, 255]) == (0.0, 255.0)
    assert pixel_range([0.0, None], [1.0, None]) == (0.0, 1.0)
    assert pixel_range([-2.5], [300.0]) == (-2.5, 300.0)
    assert pixel_range([-7.0], [-7.0]) == (-7.0, -6.0)


def test_the_nearest_class_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 5)), rng.integers(0, 4, 60) * 2
    X[0] = np.nan
    y[1] = -1
    expected = NearestCentroid().fit(X[2:], y[2:]).predict(X[2:])
    assert np.array_equal(nearest_class(X, y)(X[2:]), expected)


def test_a_stated_shape_wins_where_it_fits_and_small_guesses_are_none() -> None:
    assert image_layout(12, (1, 3, 4)) == Layout((1, 3, 4), channels_last=False)
    assert image_layout(784, (1, 14, 14)) == square_layout(784)
    assert image_layout(784, (1, 28, 28), height=14).shape == (1, 14, 56)  # type: ignore[union-attr]
    assert image_layout(9) is None
    assert image_layout(9, smallest=3) == square_layout(9)


@pytest.mark.parametrize("is_last", [False, True])
def test_names_of_pixels_say_where_columns_lie(is_last: bool) -> None:
    layout = Layout((3, 2, 4), channels_last=is_last)
    images = as_images(np.arange(24.0)[None], layout)[0]
    names = pixel_names(layout)
    assert names[int(images[1, 1, 2])] == "row 2, column 3, green"
    assert names[int(images[2, 0, 3])] == "row 1, column 4, blue"
