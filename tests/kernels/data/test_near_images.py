import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from holdfast.kernels.data.near_images import nearest_images, prepare_images


def pictures(n, rng, side=24):
    """Smooth blobs on an even ground."""
    found = np.zeros((n, side, side))
    found[:, 5:-5, 5:-5] = rng.random((n, side - 10, side - 10)) > 0.6
    return gaussian_filter(found, (0, 1, 1)) * 200


def alter(kind, images, rng):
    shift = rng.integers(-2, 3, size=(len(images), 2))
    return {
        "as they are": images,
        "moved": np.stack([np.roll(one, by, axis=(0, 1)) for one, by in zip(images, shift, strict=True)]),
        "brightened": images * 0.5 + 60,
        "noisier": images + rng.normal(0, 8, images.shape),
        "in colour": np.repeat(images[..., None], 3, axis=3),
        "enlarged": np.kron(images, np.ones((1, 2, 2))),
    }[kind]


KINDS = ["as they are", "moved", "brightened", "noisier", "in colour", "enlarged"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_altered_copy_is_nearest_to_what_it_was_copied_from(kind):
    rng = np.random.default_rng(0)
    images = pictures(400, rng)
    rows = rng.permutation(400)[:100]
    found = nearest_images(prepare_images(alter(kind, images[rows], rng)), prepare_images(images))
    assert (found.place == rows).mean() >= 0.97
    assert np.median(found.likeness) > 0.97


def test_an_image_is_not_its_own_neighbour():
    images = pictures(50, np.random.default_rng(0))
    prepared = prepare_images(np.concatenate([images, images[:1]]))
    found = nearest_images(prepared, prepared, own=np.arange(51))
    assert (found.place != np.arange(51)).all()
    assert (found.place[0], found.place[50]) == (50, 0)
    assert found.likeness[0] == pytest.approx(1.0)


def test_other_images_are_less_alike_than_copies():
    rng = np.random.default_rng(0)
    images = pictures(300, rng)
    known = prepare_images(images)
    others = nearest_images(prepare_images(pictures(300, rng)), known).likeness
    copies = nearest_images(prepare_images(alter("noisier", images, rng)), known).likeness
    assert np.quantile(others, 0.99) < np.quantile(copies, 0.05)


def test_likeness_is_a_correlation():
    rng = np.random.default_rng(0)
    found = nearest_images(prepare_images(rng.normal(size=(40, 9, 31))), prepare_images(rng.normal(size=(30, 9, 31))))
    assert (np.abs(found.likeness) <= 1.0).all()
    assert ((found.place >= 0) & (found.place < 30)).all()


def test_neither_scale_nor_offset_changes_hash_or_pixels():
    images = pictures(20, np.random.default_rng(0))
    one, other = prepare_images(images), prepare_images(images * 1e-3 - 7)
    assert np.abs(one.pixels - other.pixels).max() < 1e-3
    assert np.bitwise_count(one.hashes ^ other.hashes).max() <= 4


def test_an_image_of_one_colour_is_like_no_other():
    flat = np.full((3, 8, 8), 9.0)
    found = nearest_images(prepare_images(flat), prepare_images(flat))
    assert found.likeness.tolist() == [0.0] * 3


def test_without_others_there_is_no_neighbour():
    one = prepare_images(np.random.default_rng(0).random((1, 8, 8)))
    none = prepare_images(np.empty((0, 8, 8)))
    assert nearest_images(one, none).place.tolist() == [-1]
    assert nearest_images(one, one, own=np.array([0])).place.tolist() == [-1]
    assert nearest_images(none, one).place.size == 0


@pytest.mark.parametrize("images", [np.zeros((4, 16)), np.zeros((2, 3, 8)), np.full((1, 8, 8), np.nan)])
def test_what_is_no_image_is_refused(images):
    with pytest.raises(ValueError, match="expected"):
        prepare_images(images)
