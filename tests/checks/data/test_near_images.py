from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from holdfast.core.check import Measured, Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check

IMAGES = Deployment(modality="image")


def pictures(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    found = np.zeros((n, 16, 16))
    found[:, 3:-3, 3:-3] = rng.random((n, 10, 10)) > 0.6
    return np.asarray(gaussian_filter(found, (0, 1, 1)) * 200)


def table(images: NDArray[np.float64]) -> pl.DataFrame:
    flat = images.reshape(len(images), -1)
    return pl.DataFrame({f"x{place}": flat[:, place] for place in range(flat.shape[1])})


def check(train: NDArray[np.float64], test: NDArray[np.float64], **options: object) -> Outcome:
    return run_check("data.near_images", train=table(train), test=table(test), deployment=IMAGES, **options)


def measured(outcome: Outcome) -> dict[str, Measured]:
    return {item.id: item for item in outcome.measurements}


def low_of(outcome: Outcome, id: str) -> float:
    interval = measured(outcome)[id].interval
    assert interval is not None
    assert interval.low is not None
    return interval.low


def test_moved_and_noisy_copies_are_found_and_named() -> None:
    rng = np.random.default_rng(0)
    train, test = pictures(600, rng), pictures(300, rng)
    test[:60] = np.roll(train[100:160], 1, axis=2) + rng.normal(0, 4, (60, 16, 16))
    outcome = check(train, test)
    assert low_of(outcome, "excess_overlap") > 0.1
    best = outcome.tables["pairs"].head(50)
    assert (best["train_row"] == best["test_row"] + 100).mean() > 0.95
    assert len(set(outcome.tables["affected_rows"]["row"]) & set(range(60))) >= 55
    assert measured(outcome)["moved_recall"].value > 0.8


@pytest.mark.parametrize("seed", range(5))
def test_other_images_are_not_accused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcome = check(pictures(400, rng), pictures(300, rng))
    assert low_of(outcome, "excess_overlap") <= 0.0
    assert outcome.tables["affected_rows"].is_empty()


def test_exact_copies_are_left_to_another_check() -> None:
    rng = np.random.default_rng(0)
    train, test = pictures(300, rng), pictures(200, rng)
    outcome = check(train, np.concatenate([test, train[:100]]))
    assert measured(outcome)["overlap"].n == 200


def test_colours_and_heights_can_be_stated() -> None:
    rng = np.random.default_rng(0)
    train, test = pictures(150, rng), pictures(150, rng)
    assert "16 x 16 pixels" in check(train, test).assumptions[0]
    assert "8 x 32 pixels" in check(train, test, height=8).assumptions[0]
    assert "8 x 16 x 2 pixels" in check(train, test, height=8, channels=2).assumptions[0]


def test_tables_of_no_images_are_left_alone() -> None:
    plain = table(pictures(150, np.random.default_rng(0)))
    with pytest.raises(NotApplicable, match="no images"):
        run_check("data.near_images", train=plain, test=plain)
    with pytest.raises(NotApplicable, match="no square"):
        run_check("data.near_images", train=plain.drop("x0"), test=plain.drop("x0"), deployment=IMAGES)
    words = plain.with_columns(x3=pl.lit("a"))
    with pytest.raises(NotApplicable, match="x3"):
        run_check("data.near_images", train=words, test=words, deployment=IMAGES)


def test_missing_pixels_and_few_images_are_said() -> None:
    plain = table(pictures(150, np.random.default_rng(0)))
    holes = plain.with_columns(x3=pl.lit(None, dtype=pl.Float64))
    with pytest.raises(NotRun, match="missing"):
        run_check("data.near_images", train=plain, test=holes, deployment=IMAGES)
    with pytest.raises(NotRun, match="no exact copy"):
        run_check("data.near_images", train=plain, test=plain, deployment=IMAGES)


def test_the_stated_shape_of_images_is_used() -> None:
    rng = np.random.default_rng(4)
    train, test = pictures(200, rng).reshape(-1, 8, 32), pictures(120, rng).reshape(-1, 8, 32)
    stated = Deployment(modality="image", image_shape=(1, 8, 32))
    found = run_check("data.near_images", train=table(train), test=table(test), deployment=stated)
    assert "8 x 32 pixels" in found.assumptions[0]


def test_colours_that_lie_one_channel_behind_the_other_are_laid_out_so() -> None:
    rng = np.random.default_rng(5)
    train, test = (np.repeat(pictures(n, rng)[:, None], 3, axis=1) for n in (200, 120))
    test[:30] = train[:30]
    test[:30, 0] *= 0.9  # the red channel is darker: the image is nearly the same, its cells are not
    stated = Deployment(modality="image", image_shape=(3, 16, 16))
    outcome = run_check("data.near_images", train=table(train), test=table(test), deployment=stated)
    assert "16 x 16 x 3 pixels" in outcome.assumptions[0]
    assert low_of(outcome, "excess_overlap") > 0.1
