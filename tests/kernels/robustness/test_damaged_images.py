"""Damage to images: what each kind does to a picture that one can compute by hand, and what holds for all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import rotate

from holdfast.kernels.robustness.damaged_images import STRENGTHS, damage_images, strength

RANDOM = ("gaussian_noise", "shot_noise", "impulse_noise", "motion_blur", "rotation", "translation", "zoom")


def pictures(n: int = 3, channels: int = 1, height: int = 16, width: int = 20) -> np.ndarray:
    """Smooth gradients with a bright bar."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    images = np.stack([np.stack([0.2 + 0.3 * y * (c + 1) / channels + 0.2 * x for c in range(channels)])] * n)
    images[:, :, 3:13, 8:11] = 0.95
    return images.astype(np.float32)


def point(side: int = 33) -> np.ndarray:
    image = np.zeros((1, 1, side, side), dtype=np.float32)
    image[0, 0, side // 2, side // 2] = 1.0
    return image


@pytest.mark.parametrize("kind", STRENGTHS)
@pytest.mark.parametrize("channels", [1, 3])
def test_images_stay_images_follow_from_the_seed_and_are_never_modified(kind: str, channels: int) -> None:
    images = pictures(channels=channels)
    before = images.copy()
    one, two = (damage_images(images, kind, 3, seed=5) for _ in range(2))
    assert one.shape == images.shape
    assert one.dtype == np.float32
    assert 0.0 <= one.min() <= one.max() <= 1.0
    assert np.array_equal(one, two)
    assert np.array_equal(images, before)
    assert np.abs(one - images).mean() > 1e-3
    if kind in RANDOM:
        assert not np.array_equal(one, damage_images(images, kind, 3, seed=6))


@pytest.mark.parametrize("kind", STRENGTHS)
@pytest.mark.parametrize("side", [32, 96])
def test_damage_grows_with_severity(kind: str, side: int) -> None:
    texture = np.random.default_rng(0).normal(0.0, 0.1, (8, 1, side, side))
    images = np.clip(pictures(8, 1, side, side) + texture, 0.0, 1.0).astype(np.float32)
    changes = [np.abs(damage_images(images, kind, severity, seed=1) - images).mean() for severity in range(1, 6)]
    # of small images, 30 cells for 32 pixels lie worse than 29
    assert changes == sorted(changes) or (kind == "pixelation" and side == 32)
    assert changes[-1] > changes[0]


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from([k for k in STRENGTHS if "noise" not in k and k != "jpeg"]), st.floats(0.1, 0.6), st.integers(1, 5)
)
def test_a_picture_of_one_grey_is_changed_by_nothing_but_light(kind: str, grey: float, severity: int) -> None:
    images = np.full((2, 1, 9, 11), grey, dtype=np.float32)
    expected = grey + strength(kind, severity, (9, 11)) if kind == "brightness" else grey
    np.testing.assert_allclose(damage_images(images, kind, severity, seed=0), min(expected, 1.0), atol=1e-4)


def test_noise_has_the_stated_size() -> None:
    grey = np.full((50, 1, 20, 20), 0.5, dtype=np.float32)
    assert damage_images(grey, "gaussian_noise", 3, seed=0).std() == pytest.approx(0.08, rel=0.03)
    assert damage_images(grey, "shot_noise", 3, seed=0).std() == pytest.approx((0.5 / 100) ** 0.5, rel=0.03)
    salted = damage_images(grey, "impulse_noise", 5, seed=0)
    assert np.mean(salted != 0.5) == pytest.approx(0.07, abs=0.006)
    assert np.mean(salted == 1.0) == pytest.approx(0.035, abs=0.004)


def test_impulses_are_nested_in_severity() -> None:
    grey = np.full((2, 1, 30, 30), 0.5, dtype=np.float32)
    hit = [damage_images(grey, "impulse_noise", severity, seed=2) != 0.5 for severity in range(1, 6)]
    assert all((less <= more).all() for less, more in itertools.pairwise(hit))


def test_blurs_spread_a_point_as_far_as_stated() -> None:
    places = np.arange(33) - 16
    # a disc has a quarter of its squared radius along each axis; its points are shared among cells, which adds a sixth
    for kind, variance in (("gaussian_blur", (33 / 32) ** 2), ("defocus_blur", (1.8 * 33 / 32) ** 2 / 4 + 1 / 6)):
        blurred = damage_images(point(), kind, 5, seed=0)[0, 0]
        assert blurred.sum() == pytest.approx(1.0, abs=1e-4)
        assert (blurred.sum(axis=0) * places**2).sum() == pytest.approx(variance, rel=0.1)
    moved = damage_images(np.repeat(point(), 40, axis=0), "motion_blur", 5, seed=0)
    along = np.array(
        [np.linalg.eigvalsh(np.cov(np.argwhere(m[0] > 1e-3).T, aweights=m[0][m[0] > 1e-3], ddof=0)) for m in moved]
    )
    # a line of length L has the variance L^2 / 12 along it, and next to none across
    assert along[:, 1] == pytest.approx((6 * 33 / 32) ** 2 / 12, rel=0.2)
    assert (along[:, 0] < 0.4).all()


def test_contrast_is_halved_around_the_mean_of_each_channel() -> None:
    images = pictures(channels=3)
    damaged = damage_images(images, "contrast", 2, seed=0)
    np.testing.assert_allclose(damaged.mean(axis=(2, 3)), images.mean(axis=(2, 3)), atol=1e-5)
    np.testing.assert_allclose(damaged.std(axis=(2, 3)), images.std(axis=(2, 3)) * 0.5, rtol=1e-4)


def test_brightness_keeps_hue_and_saturation() -> None:
    colour = np.zeros((1, 3, 4, 4), dtype=np.float32)
    colour[:, 0], colour[:, 1] = 0.4, 0.2
    damaged = damage_images(colour, "brightness", 5, seed=0)
    np.testing.assert_allclose(damaged[0, :, 0, 0], [0.7, 0.35, 0.0], atol=1e-6)


def test_compression_keeps_blocks_that_the_quantised_frequencies_describe() -> None:
    # a block of one grey has one frequency: 8 * (cell - 128), in steps of 16 * scale at quality 50 = 16
    grey = np.full((1, 1, 8, 8), 140 / 255, dtype=np.float32)
    damaged = damage_images(np.tile(grey, (1, 1, 12, 12)), "jpeg", 1, seed=0) * 255
    step = np.floor((16 * 5000 / 25 + 50) / 100)
    assert damaged == pytest.approx(128 + np.rint(8 * 12 / step) * step / 8, abs=0.51)


def test_pixelation_shows_the_averages_of_larger_cells() -> None:
    image = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4) / 16
    big = np.repeat(np.repeat(image, 24, axis=2), 24, axis=3)
    coarse = damage_images(big, "pixelation", 5, seed=0)
    # 96 pixels at a quarter are 24 cells of 4 x 4, which lie inside the squares of one grey
    np.testing.assert_allclose(coarse, big, atol=1e-5)


def test_a_turn_is_the_turn_of_scipy() -> None:
    images = np.clip(pictures(6, 1, 25, 25), 0, 1)
    turned = damage_images(images, "rotation", 4, seed=0)[:, 0]
    middle = (slice(5, 20), slice(5, 20))
    by_scipy = [rotate(images[0, 0], angle, reshape=False, order=1, mode="nearest") for angle in (20, -20)]
    errors = [[np.abs(each[middle] - other[middle]).max() for other in by_scipy] for each in turned]
    assert np.min(errors, axis=1).max() < 1e-3
    assert len(set(np.argmin(errors, axis=1))) == 2


def test_a_shift_moves_the_middle_by_the_stated_length() -> None:
    images = np.repeat(point(41), 20, axis=0)
    moved = damage_images(images, "translation", 5, seed=0)[:, 0]
    places = np.arange(41) - 20
    shift = np.stack([(moved.sum(axis=2) * places).sum(axis=1), (moved.sum(axis=1) * places).sum(axis=1)])
    np.testing.assert_allclose(np.hypot(*shift), 0.12 * 41, rtol=0.02)


def test_zooming_changes_the_size_of_what_is_shown() -> None:
    images = np.zeros((30, 1, 40, 40), dtype=np.float32)
    images[:, :, 15:25, 15:25] = 1.0
    areas = damage_images(images, "zoom", 5, seed=0).sum(axis=(1, 2, 3)) / 100
    is_near = areas > 1
    np.testing.assert_allclose(areas, np.where(is_near, 1.3**2, 1.3**-2), rtol=0.06)
    assert 0 < is_near.sum() < 30


@pytest.mark.parametrize(
    ("images", "kind", "severity", "message"),
    [
        (np.zeros((2, 4, 4), np.float32), "zoom", 1, r"\(n, 1 or 3, height, width\)"),
        (np.full((1, 1, 4, 4), 7, np.float32), "zoom", 1, "from 7"),
        (np.zeros((0, 1, 4, 4), np.float32), "zoom", 1, r"\(0, 1, 4, 4\)"),
        (np.zeros((1, 1, 4, 4), np.float32), "fog", 1, "'fog'"),
        (np.zeros((1, 1, 4, 4), np.float32), "zoom", 6, "1 to 5"),
    ],
)
def test_what_is_no_image_or_no_kind_is_refused(images: np.ndarray, kind: str, severity: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        damage_images(images, kind, severity, seed=0)
