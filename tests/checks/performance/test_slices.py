import numpy as np
import polars as pl
import pytest

from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check


def table(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "age": rng.integers(18, 90, size=n),
            "region": rng.choice(["north", "south", "east", "west"], size=n),
            "income": np.where(rng.random(n) < 0.1, None, rng.lognormal(10, 1, size=n)).astype(float),
            "gains": np.where(rng.random(n) < 0.9, 0.0, rng.lognormal(8, 1, size=n)),
            "y": rng.integers(2, size=n),
        }
    )


def model_wrong_with(share, frame, seed=7):
    """A model whose chance of a wrong answer depends on the row."""
    flip = np.random.default_rng(seed).random(frame.height) < share
    answers = np.where(flip, 1 - frame["y"].to_numpy(), frame["y"].to_numpy())
    return lambda X: answers[: X.height]


def measured(outcome):
    return {item.id: item for item in outcome.measurements}


def run(share, frame, **options):
    model = model_wrong_with(share, frame)
    return run_check("performance.slices", model=model, test=frame, target="y", **options)


def test_a_harmed_subgroup_is_found_and_named():
    frame = table()
    harmed = (frame["region"] == "north").to_numpy() & (frame["age"] >= 70).to_numpy()
    outcome = run(np.where(harmed, 0.6, 0.1), frame)
    found = measured(outcome)
    assert found["worst_gap"].interval.low > 0.1
    assert found["n_confirmed"].value >= 1
    assert "region = 'north'" in found["worst_gap"].plain
    assert "age >=" in found["worst_gap"].plain


def test_affected_rows_are_errors_of_the_harmed_subgroup():
    frame = table()
    harmed = (frame["region"] == "north").to_numpy()
    outcome = run(np.where(harmed, 0.5, 0.05), frame)
    rows = outcome.tables["affected_rows"]["row"].to_numpy()
    assert rows.size > 200
    assert harmed[rows].mean() > 0.8


@pytest.mark.parametrize("seed", range(5))
def test_equal_errors_everywhere_are_not_accused(seed):
    frame = table(1500, seed)
    found = measured(run(np.full(frame.height, 0.15), frame))
    assert found["n_confirmed"].value == 0
    assert found["worst_gap"].interval.low <= 0.0
    assert "No kind of case was confirmed" in found["worst_gap"].plain


def test_missing_values_are_a_slice():
    frame = table()
    outcome = run(np.where(frame["income"].is_nan().to_numpy(), 0.6, 0.1), frame)
    assert outcome.tables["slices"]["slice"][0] == "income is missing"


def test_the_few_rows_off_a_common_value_are_a_slice():
    frame = table()
    outcome = run(np.where(frame["gains"].to_numpy() > 0, 0.6, 0.1), frame)
    confirmed = outcome.tables["slices"].filter("confirmed")["slice"]
    assert any("gains" in text for text in confirmed)


def test_a_sensitive_column_that_is_no_input_is_searched_too():
    frame = table().with_columns(pl.Series("sex", ["f", "m"] * 1500))
    share = np.where((frame["sex"] == "f").to_numpy(), 0.4, 0.1)
    deployment = Deployment(sensitive=("sex",), ignore=("sex",))
    outcome = run(share, frame, deployment=deployment)
    assert "sex = 'f'" in outcome.tables["slices"]["slice"][0]


def test_rare_levels_form_one_slice():
    frame = table().with_columns(pl.Series("code", [f"c{i % 200}" for i in range(3000)]))
    share = np.where(np.arange(3000) % 200 >= 50, 0.5, 0.1)
    outcome = run(share, frame, max_levels=50)
    assert any("none of its 50 most frequent values" in text for text in outcome.tables["slices"]["slice"])


def test_larger_errors_of_a_regression_model_are_found():
    frame, rng = table(), np.random.default_rng(3)
    frame = frame.with_columns(pl.Series("y", rng.normal(size=3000)))
    spread = np.where((frame["region"] == "east").to_numpy(), 3.0, 1.0)
    answers = frame["y"].to_numpy() + spread * rng.standard_t(5, size=3000)
    found = run_check(
        "performance.slices",
        model=lambda X: answers[: X.height],
        test=frame,
        target="y",
        deployment=Deployment(task="regression"),
    )
    assert measured(found)["worst_gap"].interval.low > 0.5
    assert "region = 'east'" in measured(found)["worst_gap"].plain


def test_equal_errors_of_a_regression_model_are_not_accused():
    frame, rng = table(1500), np.random.default_rng(3)
    frame = frame.with_columns(pl.Series("y", rng.normal(size=1500)))
    answers = frame["y"].to_numpy() + rng.standard_t(3, size=1500)
    found = run_check(
        "performance.slices",
        model=lambda X: answers[: X.height],
        test=frame,
        target="y",
        deployment=Deployment(task="regression"),
    )
    assert measured(found)["n_confirmed"].value == 0


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_errors_and_only_errors_have_no_worst_slice(share):
    frame = table(400)
    found = measured(run(np.full(frame.height, share), frame, deployment=Deployment(classes=(0, 1))))
    assert found["worst_gap"].value == 0.0
    assert found["worst_gap"].no_interval_reason


def test_one_class_in_the_test_table_is_searched():
    frame = table().with_columns(pl.lit(1).alias("y"))
    share = np.where((frame["region"] == "west").to_numpy(), 0.5, 0.1)
    assert measured(run(share, frame, deployment=Deployment(classes=(0, 1))))["worst_gap"].interval.low > 0.1


def test_too_few_rows_say_how_many_are_needed():
    frame = table(70)
    with pytest.raises(NotRun, match="35 rows") as caught:
        run(np.full(70, 0.2), frame)
    assert "80 test rows" in caught.value.hint


def test_numbers_can_be_computed_again_from_the_halves():
    frame = table()
    share = np.where((frame["region"] == "north").to_numpy(), 0.5, 0.1)
    outcome = run(share, frame)
    halves = outcome.tables["halves"].filter("confirming")
    inside = frame["region"].gather(halves["row"]) == "north"
    row = outcome.tables["slices"].row(by_predicate=pl.col("slice") == "region = 'north'", named=True)
    assert row["n"] == inside.sum()
    assert row["gap"] == pytest.approx(halves.filter(inside)["loss"].mean() - halves.filter(~inside)["loss"].mean())


def test_same_seed_gives_the_same_outcome_and_another_seed_other_halves():
    frame = table(800)
    first, again, other = (run(np.full(800, 0.2), frame, seed=seed) for seed in (0, 0, 1))
    assert first.measurements == again.measurements
    assert not first.tables["halves"].equals(other.tables["halves"])


def test_of_a_wide_table_the_columns_that_stand_out_are_paired():
    frame = table()
    rng = np.random.default_rng(3)
    noise = {f"noise_{number}": rng.integers(4, size=frame.height) for number in range(60)}
    wide = frame.select(pl.DataFrame(noise).get_columns() + frame.get_columns())
    harmed = (frame["region"] == "north").to_numpy() & (frame["age"] >= 70).to_numpy()
    outcome = run(np.where(harmed, 0.6, 0.1), wide, max_combined=5)
    assert "region = 'north'" in measured(outcome)["worst_gap"].plain
    assert "among 5 of them" in outcome.assumptions[0]


def test_a_table_without_anything_to_tell_rows_apart_by_has_no_slices():
    with pytest.raises(NotApplicable, match="two values or more"):
        run(0.2, pl.DataFrame({"x": [1] * 500, "y": [0, 1] * 250}))


def test_a_word_that_comes_with_errors_is_named():
    rng = np.random.default_rng(0)
    words = rng.choice(["refund", "card", "bank", "loan", "late", "fee"], size=(3000, 3))
    frame = pl.DataFrame({"note": [" ".join(row) for row in words], "y": rng.integers(2, size=3000)})
    harmed = (words == "refund").any(axis=1)
    outcome = run(np.where(harmed, 0.5, 0.1), frame, deployment=Deployment(text=("note",)))
    assert "note mentions 'refund'" in measured(outcome)["worst_gap"].plain


def test_rows_alike_in_many_numbers_are_a_slice():
    rng = np.random.default_rng(0)
    kind = rng.integers(20, size=3000)
    vectors = 3.0 * rng.normal(size=(20, 24))[kind] + rng.normal(size=(3000, 24))
    frame = pl.DataFrame({**{f"v{i}": column for i, column in enumerate(vectors.T)}, "y": rng.integers(2, size=3000)})
    outcome = run(np.where(kind == 2, 0.7, 0.1), frame)
    name = outcome.tables["slices"]["slice"][0]
    assert "the row is like test row" in name
    members = outcome.tables["members"].filter(pl.col("slice") == name)["row"].to_numpy()
    assert (kind[members] == 2).mean() > 0.9


def test_a_group_described_by_three_conditions_is_found():
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=(6000, 5))
    frame = pl.DataFrame({**{f"c{i}": column for i, column in enumerate(codes.T)}, "y": rng.integers(2, size=6000)})
    harmed = (codes[:, 0] == 1) & (codes[:, 2] == 2) & (codes[:, 4] == 0)
    outcome = run(np.where(harmed, 0.6, 0.1), frame)
    assert outcome.tables["slices"]["slice"][0] == "c0 = 1 and c2 = 2 and c4 = 0"


def test_kinds_of_images_are_described_by_what_they_are_as_a_whole():
    rng = np.random.default_rng(0)
    x = rng.random((1200, 6, 6)) * rng.uniform(0.2, 1.0, (1200, 1, 1))
    dark = x.mean(axis=(1, 2)) < 0.2
    frame = pl.DataFrame({f"p{place}": cells for place, cells in enumerate(x.reshape(1200, -1).T)})
    frame = frame.with_columns(y=pl.Series(rng.integers(2, size=1200)))
    outcome = run(np.where(dark, 0.7, 0.05), frame, deployment=Deployment(modality="image"))
    found = measured(outcome)
    assert found["n_confirmed"].value >= 1
    assert "brightness <" in found["worst_gap"].plain
    assert not any(" p" in text for text in outcome.tables["slices"]["slice"].to_list())
