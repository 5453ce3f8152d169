from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from holdfast.kernels.data.image_properties import block_means, coarse_pixels, image_properties

RNG = np.random.default_rng(0)
GREY = RNG.random((20, 1, 12, 9)).astype(np.float32)


def test_brightness_and_contrast_are_mean_and_standard_deviation() -> None:
    found = image_properties(GREY)
    assert found["brightness"] == pytest.approx(GREY.mean(axis=(1, 2, 3)), rel=1e-5)
    assert found["contrast"] == pytest.approx(GREY.std(axis=(1, 2, 3)), rel=1e-5)
    parts = [values for name, values in found.items() if name.startswith("brightness of")]
    assert np.mean(parts, axis=0) == pytest.approx(found["brightness"])  # nine parts of one size


def test_sharpness_falls_with_blur_and_stays_with_light() -> None:
    found = image_properties(GREY)["sharpness"]
    blurred = gaussian_filter(GREY, (0, 0, 1, 1))
    assert (image_properties(blurred)["sharpness"] < found).all()
    assert image_properties(0.5 * GREY + 3)["sharpness"] == pytest.approx(found, rel=1e-3)
    assert image_properties(np.ones((1, 1, 4, 4), dtype=np.float32))["sharpness"].tolist() == [0.0]


def test_the_part_that_is_bright_is_named() -> None:
    image = np.zeros((1, 1, 7, 7), dtype=np.float32)
    image[0, 0, 6, 0] = 1.0
    found = image_properties(image)
    bright = [name for name, value in found.items() if name.startswith("brightness of") and value > 0]
    assert bright == ["brightness of the bottom left"]


def test_grey_pixels_in_three_channels_have_no_saturation() -> None:
    grey = np.repeat(GREY, 3, axis=1)
    assert image_properties(grey)["saturation"].max() == 0.0
    red = grey.copy()
    red[:, 0] += 1.0
    found = image_properties(red)
    assert found["saturation"] == pytest.approx(1.0, rel=1e-5)
    assert (found["brightness of red"] > found["brightness of green"] + 0.9).all()


@pytest.mark.parametrize("shape", [(12, 9), (16, 16), (17, 40), (3, 5)])
def test_means_of_blocks_are_those_of_their_pixels(shape: tuple[int, int]) -> None:
    images = RNG.random((2, 3, *shape))
    found = block_means(images, 4)
    assert found.shape == (2, 3, min(4, shape[0]), min(4, shape[1]))
    first = images[:, :, : (shape[0] // found.shape[2]), : (shape[1] // found.shape[3])]
    assert found[:, :, 0, 0] == pytest.approx(first.mean(axis=(2, 3)))


def test_coarse_pixels_are_named_by_the_pixels_they_stand_for() -> None:
    named = coarse_pixels(GREY, side=6)
    assert len(named) == 36
    assert named["pixels in rows 3-4, columns 2-3"] == pytest.approx(GREY[:, 0, 2:4, 1:3].mean(axis=(1, 2)), rel=1e-5)
    assert "pixels in red, row 1, column 1" in coarse_pixels(np.repeat(GREY, 3, axis=1))


def test_a_missing_pixel_leaves_its_image_unknown_and_no_other() -> None:
    images = GREY.copy()
    images[3, 0, 0, 0] = np.nan
    assert np.flatnonzero(np.isnan(image_properties(images)["brightness"])).tolist() == [3]


def test_images_of_two_pixels_are_refused() -> None:
    with pytest.raises(ValueError, match="3 x 3"):
        image_properties(np.zeros((1, 1, 2, 8), dtype=np.float32))
