from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression

from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import ModelError, NotApplicable, NotRun
from tests.harness import run_check

CHECK = "robustness.corruptions"


def draw(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    weight, town = rng.normal(70, 10, n), rng.choice(["Rome", "Oslo", "Lima"], n)
    return pl.DataFrame(
        {
            "weight": weight,
            "count": rng.integers(0, 9, n),
            "town": town,
            "member": rng.random(n) < 0.5,
            "y": np.where((weight > 70) ^ (town == "Oslo"), "high", "low"),
        }
    )


TRAIN, TEST = draw(0, 600), draw(1, 600)


def rule(X: pl.DataFrame) -> np.ndarray:
    """Right on clean rows; reads the weight and the town."""
    is_high = (X["weight"].fill_null(0) > 70).to_numpy() ^ (X["town"].fill_null("") == "Oslo").to_numpy()
    return np.where(is_high, "high", "low")


def values(outcome: Outcome) -> dict[str, float]:
    return {m.id: m.value for m in outcome.measurements}


def check(model: object, **options: object) -> Outcome:
    return run_check(CHECK, model=model, train=TRAIN, test=TEST, target="y", **options)  # type: ignore[arg-type]


def test_a_model_that_reads_damaged_cells_gets_worse() -> None:
    outcome = check(rule)
    found = {m.id: m for m in outcome.measurements}
    for kind in ("missing", "units", "categories", "typos", "noise"):
        interval = found[f"worst_drop.{kind}"].interval
        assert interval is not None
        assert interval.low is not None
        assert interval.low > 0
    assert found["mean_drop"].value > 0
    assert "more are wrong" in found["worst_drop.missing"].plain


def test_a_model_that_ignores_its_inputs_does_not_get_worse() -> None:
    found = values(check(lambda X: np.full(X.height, "low")))
    assert all(found[id] == 0 for id in found)


def test_drops_follow_from_the_share_of_damaged_cells() -> None:
    # A fifth of the towns are swapped; of those two in three change whether they are Oslo or come from it.
    drop = values(check(rule))["worst_drop.categories"]
    expected = 0.2 * (1 / 3 + 2 / 3 * 1 / 2)
    assert drop == pytest.approx(expected, abs=4 * np.sqrt(expected / 600))


def test_damage_is_nested_in_severity() -> None:
    answers = check(rule).tables["answers"]
    for kind in ("missing", "categories", "typos"):
        totals = [answers[f"{kind}_{severity}"].sum() for severity in range(1, 6)]
        assert totals == sorted(totals)


def test_the_curve_can_be_recomputed_from_the_answers() -> None:
    outcome = check(rule)
    for line in outcome.tables["severities"].iter_rows(named=True):
        errors = outcome.tables["answers"][f"{line['kind']}_{line['severity']}"]
        assert line["drop"] == pytest.approx(errors.mean() - outcome.tables["answers"]["clean"].mean())
        assert line["low"] <= line["drop"] <= line["high"]


def test_types_of_the_columns_are_kept() -> None:
    seen = []

    def model(X: pl.DataFrame) -> np.ndarray:
        seen.append(X.schema)
        return rule(X)

    check(model)
    assert all(schema == TEST.drop("y").schema for schema in seen)


@pytest.mark.parametrize("error", [ModelError("missing values are refused"), ValueError("Input contains NaN")])
def test_a_refusal_is_an_answer(error: Exception) -> None:
    def strict(X: pl.DataFrame) -> np.ndarray:
        if sum(X.null_count().row(0)):
            raise error
        return rule(X)

    outcome = check(strict)
    found = values(outcome)
    assert found["n_rejected"] == 1
    assert "worst_drop.missing" not in found
    assert any("missing" in note and "refuses" in note for note in outcome.assumptions)
    assert outcome.tables["severities"].filter(pl.col("kind") == "missing")["refusal"].null_count() == 0


def test_whole_tables_of_numbers_have_no_typos() -> None:
    model = LinearRegression()
    rng = np.random.default_rng(0)
    X = pl.DataFrame(rng.normal(size=(300, 3)), schema=["a", "b", "c"])
    frame = X.with_columns(y=pl.Series(X.to_numpy() @ [1.0, 2.0, 0.0] + rng.normal(0, 0.1, 300)))
    model.fit(X.to_pandas(), frame["y"].to_numpy())
    outcome = run_check(CHECK, model=model, train=frame, test=frame, target="y")
    found = values(outcome)
    assert set(found) == {"worst_drop.noise", "worst_drop.units", "mean_drop", "n_rejected"}
    assert found["worst_drop.noise"] > 1
    assert found["n_rejected"] == 1
    assert any("typos" in note for note in outcome.assumptions)


def test_a_perfect_regression_has_no_relative_rise() -> None:
    frame = pl.DataFrame({"a": [1.0, 2.0, 3.0, 4.5], "y": [1.0, 2.0, 3.0, 4.5]})
    deployment = Deployment(task="regression")
    outcome = run_check(
        CHECK, model=lambda X: X["a"].fill_null(0.0).to_numpy(), test=frame, target="y", deployment=deployment
    )
    assert set(values(outcome)) == {"n_rejected"}


def test_missing_cells_and_huge_numbers_can_be_damaged() -> None:
    test = TEST.with_columns(
        count=pl.Series([None, 2**60, -(2**60)] * 200, dtype=pl.Int64), town=pl.Series([None, "Rome", ""] * 200)
    )
    outcome = run_check(CHECK, model=rule, train=TRAIN, test=test, target="y")
    assert "worst_drop.units" in values(outcome)


def test_one_row_and_no_training_table_are_enough() -> None:
    outcome = run_check(CHECK, model=rule, test=TEST[:1], target="y", deployment=Deployment(classes=("high", "low")))
    assert "worst_drop.missing" in values(outcome)
    assert any("no training table" in note for note in outcome.assumptions)


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, two = check(rule, seed=3), check(rule, seed=3)
    assert values(one) == values(two)
    assert one.tables["answers"].equals(two.tables["answers"])


def test_effort_limits_the_rows() -> None:
    outcome = check(rule, effort="quick")
    assert outcome.work == {"points": 500, "queries": 500 * 25}


def test_clean_noise_free_models_are_not_flagged_by_typos_in_unused_columns() -> None:
    def by_weight(X: pl.DataFrame) -> np.ndarray:
        return np.where(X["weight"].fill_null(0) > 70, "high", "low")

    assert values(check(by_weight))["worst_drop.typos"] == 0


def pictures(seed: int, n: int, *, white: float = 1.0) -> pl.DataFrame:
    """Bars that stand or lie, 8 x 8 pixels, somewhere."""
    rng = np.random.default_rng(seed)
    lies, at = rng.random(n) < 0.5, rng.integers(0, 7, n)
    images = rng.uniform(0.0, 0.2, (n, 8, 8))
    for image, is_lying, place in zip(images, lies, at, strict=True):
        (image if is_lying else image.T)[place : place + 2] += 0.7
    pixels = np.rint(images * white).astype(np.int64) if white > 1 else images
    names = [f"pixel_{i}" for i in range(64)]
    return pl.DataFrame(pixels.reshape(n, 64), schema=names).with_columns(y=pl.Series(np.where(lies, "lies", "stands")))


def by_variance(X: pl.DataFrame) -> np.ndarray:
    """Right on clean pictures: rows of a lying bar differ, columns of a standing one."""
    images = X.to_numpy().reshape(-1, 8, 8).astype(float)
    return np.where(images.mean(axis=2).std(axis=1) > images.mean(axis=1).std(axis=1), "lies", "stands")


IMAGES = Deployment(modality="image")


def test_images_are_damaged_as_images_are() -> None:
    seen: list[pl.DataFrame] = []

    def model(X: pl.DataFrame) -> np.ndarray:
        seen.append(X)
        images = X.to_numpy().reshape(-1, 8, 8)
        return np.where(images.mean(axis=2).std(axis=1) > 40, "lies", "stands")

    test = pictures(1, 150, white=255.0)
    outcome = run_check(
        CHECK, model=model, train=pictures(0, 150, white=255.0), test=test, target="y", deployment=IMAGES
    )
    found = values(outcome)
    kinds = set(outcome.tables["severities"]["kind"])
    assert len(kinds) == 13
    assert {f"worst_drop.{kind}" for kind in kinds} < set(found)
    assert all(each.schema == test.drop("y").schema for each in seen)
    assert all(each.min_horizontal().min() >= 0 and each.max_horizontal().max() <= 255 for each in seen)
    assert any("1 x 8 x 8" in note and "0 to 255" in note for note in outcome.assumptions)
    wrong = [outcome.tables["answers"][f"{kind}_{s}"].mean() for kind in kinds for s in range(1, 6)]
    assert found["corruption_error"] == pytest.approx(np.mean(wrong))
    assert found["relative_corruption_error"] > 0
    assert outcome.work == {"points": 150, "queries": 150 * 65}


def test_a_model_that_reads_little_of_an_image_is_as_good_as_ever_where_light_changes() -> None:
    outcome = run_check(
        CHECK, model=by_variance, train=pictures(0, 100), test=pictures(1, 100), target="y", deployment=IMAGES
    )
    found = values(outcome)
    assert found["worst_drop.contrast"] == 0
    assert found["worst_drop.brightness"] == 0
    assert found["worst_drop.zoom"] == 0


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (pictures(0, 20).drop("pixel_0"), NotApplicable, "63 inputs make no square image"),
        (pictures(0, 20).with_columns(pixel_0=pl.lit("dark")), NotApplicable, "'pixel_0' is no number"),
        (pictures(0, 20).with_columns(pixel_0=pl.lit(None, dtype=pl.Float64)), NotRun, "pixels are missing"),
    ],
)
def test_what_is_no_image_is_said(frame: pl.DataFrame, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run_check(CHECK, model=lambda X: np.full(X.height, "lies"), test=frame, target="y", deployment=IMAGES)


def test_the_height_can_be_stated() -> None:
    frame = pictures(0, 30)
    outcome = run_check(
        CHECK, model=lambda X: np.full(X.height, "lies"), test=frame, target="y", deployment=IMAGES, height=4
    )
    assert any("1 x 4 x 16" in note for note in outcome.assumptions)
    assert "relative_corruption_error" not in values(outcome)
