import numpy as np
import polars as pl
import pytest

from holdfast.core.deployment import Deployment
from holdfast.core.errors import NotApplicable, NotRun
from tests.harness import run_check


def table(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return pl.DataFrame({"p": p, "y": (rng.random(n) < p).astype(int)})


def run(distort, frame, **options):
    def model(X):
        p = np.clip(distort(X["p"].to_numpy()), 0, 1)
        return np.column_stack((1 - p, p))

    return run_check("performance.calibration", model=model, test=frame, target="y", **options)


def measured(outcome):
    return {item.id: item for item in outcome.measurements}


def calibrated(p):
    return p


def overconfident(p):
    return 1 / (1 + (1 / np.clip(p, 1e-9, 1 - 1e-9) - 1) ** 3)


def test_a_calibrated_model_is_not_accused():
    found = measured(run(calibrated, table()))
    assert found["ece"].interval.low == 0.0
    assert found["ece"].interval.high < 0.04
    assert found["calibration_in_the_large"].interval.low < 0.0 < found["calibration_in_the_large"].interval.high
    assert found["reliability"].interval.low <= 0.0


def test_an_overconfident_model_is_found():
    outcome = run(overconfident, table())
    assert measured(outcome)["ece"].interval.low > 0.05
    assert outcome.tables["affected_rows"].height > 50


def test_probabilities_that_are_too_high_on_the_whole_are_found():
    found = measured(run(lambda p: p + 0.2, table()))
    assert found["calibration_in_the_large"].interval.low > 0.1
    assert "more in which the outcome is 1 than there are" in found["calibration_in_the_large"].plain


def test_a_model_that_always_states_the_base_rate_is_calibrated_without_resolution():
    frame = table()
    found = measured(run(lambda p: np.full(p.size, frame["y"].mean()), frame))
    assert found["ece"].interval.low == 0.0
    assert found["resolution"].interval.high < 0.01


def test_parts_of_the_brier_score_add_up():
    found = measured(run(overconfident, table()))
    total = found["reliability"].value - found["resolution"].value + found["uncertainty"].value
    assert total == pytest.approx(found["brier"].value)


def test_brier_score_can_be_computed_again_from_the_rows():
    outcome = run(overconfident, table())
    rows = outcome.tables["rows"]
    assert measured(outcome)["brier"].value == pytest.approx(((rows["probability"] - rows["happened"]) ** 2).mean())


def test_affected_rows_are_in_the_part_that_is_off():
    outcome = run(lambda p: np.where(p > 0.8, p - 0.4, p), table())
    rows = outcome.tables["affected_rows"]["row"]
    p, y = table()["p"].to_numpy()[rows], table()["y"].to_numpy()[rows]
    assert rows.len() > 100
    assert (p[y == 1] > 0.35).all()


def test_positive_class_of_the_deployment_is_judged():
    frame = table().with_columns(pl.when(pl.col("y") == 1).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("y"))
    outcome = run(calibrated, frame, deployment=Deployment(positive="no"))
    assert any("'no'" in text for text in outcome.assumptions)
    assert measured(outcome)["ece"].interval.low == 0.0


def test_several_classes_are_judged_by_the_probability_of_the_answer():
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(3), size=3000)
    y = (rng.random((3000, 1)) > scores.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    frame = pl.DataFrame({"a": scores[:, 0], "b": scores[:, 1], "c": scores[:, 2], "y": y})
    fair = run_check("performance.calibration", model=lambda X: X.to_numpy(), test=frame, target="y")

    def sharpened(X):
        sharp = X.to_numpy() ** 4
        return sharp / sharp.sum(axis=1, keepdims=True)

    sure = run_check("performance.calibration", model=sharpened, test=frame, target="y")
    assert measured(fair)["ece"].interval.low == 0.0
    assert measured(sure)["ece"].interval.low > 0.1


def test_one_outcome_only_is_measured_with_room_for_the_other():
    found = measured(
        run(calibrated, table(400).with_columns(pl.lit(1).alias("y")), deployment=Deployment(classes=(0, 1)))
    )
    assert found["ece"].value > 0.3
    assert found["uncertainty"].interval.high > 0.0


def test_labels_alone_are_not_enough():
    with pytest.raises(NotRun, match="labels only"):
        run_check("performance.calibration", model=lambda X: np.zeros(X.height, dtype=int), test=table(), target="y")


def test_margins_are_no_probabilities():
    with pytest.raises(NotRun, match="no probabilities"):
        run_check(
            "performance.calibration", model=lambda X: np.tile([-1.0, 3.0], (X.height, 1)), test=table(), target="y"
        )


def test_a_handful_of_rows_is_not_enough():
    with pytest.raises(NotRun, match="9 rows"):
        run(calibrated, table().head(9))


def test_regression_has_no_probabilities():
    with pytest.raises(NotApplicable):
        run_check(
            "performance.calibration",
            model=lambda X: X["p"].to_numpy(),
            test=table(),
            target="y",
            deployment=Deployment(task="regression"),
        )


def test_error_without_bins_agrees_with_that_in_bins_where_probabilities_take_few_values():
    rng = np.random.default_rng(0)
    stated = rng.choice([0.1, 0.4, 0.7], size=6000)
    frame = pl.DataFrame({"p": stated, "y": (rng.random(6000) < stated - 0.05).astype(int)})
    outcome = run(calibrated, frame)
    found = {item.id: item for item in outcome.measurements}
    assert found["rms_calibration_error"].value == pytest.approx(0.05, abs=0.012)
    assert found["miscalibration"].value == pytest.approx(0.05**2, abs=0.001)
    assert found["miscalibration"].interval.low > 0.0005
    assert "would vanish" in found["miscalibration"].plain


def test_curve_of_an_overconfident_model_leaves_the_band():
    outcome = run(overconfident, table())
    curve = outcome.tables["reliability"]
    outside = (curve["recalibrated"] < curve["low"]) | (curve["recalibrated"] > curve["high"])
    assert outside.mean() > 0.5
