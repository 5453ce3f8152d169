from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from holdfast.kernels.performance.calibration import expected_calibration_error
from holdfast.kernels.performance.recalibration import (
    METHODS,
    Recalibrator,
    ScoreMap,
    apply_recalibrator,
    fit_recalibrator,
    read_recalibrator,
    recalibrator_json,
)

Numbers = NDArray[np.float64]


def too_sure(n: int, seed: int, heat: float = 3.0) -> tuple[Numbers, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 1.5, n)
    stated = 1 / (1 + ((1 - p) / p) ** heat)
    return np.column_stack([1 - stated, stated]), (rng.random(n) < p).astype(np.int64)


def three_classes(n: int, seed: int, heat: float = 2.5) -> tuple[Numbers, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([1, 1, 1], n)
    y = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    stated = p**heat
    return stated / stated.sum(axis=1, keepdims=True), y


def test_temperature_is_the_one_that_was_put_in() -> None:
    assert fit_recalibrator("temperature", *too_sure(20_000, 0)).temperature == pytest.approx(3.0, rel=0.1)
    assert fit_recalibrator("temperature", *three_classes(20_000, 0)).temperature == pytest.approx(2.5, rel=0.1)


def test_platt_agrees_with_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    scores, y = too_sure(5000, 0)
    odds = np.log(scores[:, 1] / scores[:, 0])[:, None]
    theirs = LogisticRegression(C=1e9).fit(odds, y)
    slope, intercept = fit_recalibrator("platt", scores, y).maps[0].value
    assert slope == pytest.approx(float(theirs.coef_[0, 0]), abs=0.003)
    assert intercept == pytest.approx(float(theirs.intercept_[0]), abs=0.003)


def test_isotonic_agrees_with_scikit_learn() -> None:
    from sklearn.isotonic import IsotonicRegression

    scores, y = too_sure(1000, 0)
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores[:, 1], y)
    new = np.linspace(0, 1, 200)
    ours = apply_recalibrator(fit_recalibrator("isotonic", scores, y), np.column_stack([1 - new, new]))
    assert ours[:, 1] == pytest.approx(theirs.predict(new))


def test_venn_abers_of_two_scores_is_computed_by_hand() -> None:
    scores = np.array([[0.8, 0.2]] * 4 + [[0.3, 0.7]] * 4)
    y = [0, 0, 0, 1, 1, 1, 1, 0]
    # With a fifth case at 0.7: 3 of 5 or 4 of 5; merged 0.8 / (1 - 0.6 + 0.8).
    found = apply_recalibrator(fit_recalibrator("venn_abers", scores, y), [[0.3, 0.7]])
    assert found[0, 1] == pytest.approx(0.8 / (1 - 0.6 + 0.8))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cases", [too_sure, three_classes])
def test_mended_probabilities_are_calibrated_on_new_rows(cases, method) -> None:
    fitted = fit_recalibrator(method, *cases(4000, 1))
    scores, y = cases(8000, 2)
    mended = apply_recalibrator(fitted, scores)
    before, after = (expected_calibration_error(each[:, 1], y == 1) for each in (scores, mended))
    assert before.low > 0.05
    assert after.value < 0.03
    assert ((mended - np.eye(mended.shape[1])[y]) ** 2).mean() < ((scores - np.eye(scores.shape[1])[y]) ** 2).mean()


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1e-15, 0.2, 0.5, 0.9, 1.0]), st.integers(0, 1)), min_size=1, max_size=30)
)
def test_result_is_a_probability_and_survives_the_round_trip(method, cases) -> None:
    p, y = map(np.array, zip(*cases, strict=True))
    scores = np.column_stack([1 - p, p])
    fitted = fit_recalibrator(method, scores, y)
    again = read_recalibrator(recalibrator_json(fitted))
    assert again == fitted
    mended = apply_recalibrator(again, scores)
    assert np.array_equal(mended, apply_recalibrator(fitted, scores))
    assert mended.min() >= 0.0
    assert mended.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("method", METHODS)
def test_a_text_holds_numbers_only_and_gives_the_same_answers(method) -> None:
    scores, y = three_classes(500, 0)
    fitted = fit_recalibrator(method, scores, y)
    text = recalibrator_json(fitted)
    assert json.loads(text)["schema"] == "https://holdfast.dev/schema/recalibrator/1"
    assert len(text) < 60_000
    assert np.array_equal(apply_recalibrator(read_recalibrator(text), scores), apply_recalibrator(fitted, scores))


@pytest.mark.parametrize("method", METHODS)
def test_order_of_two_classes_is_kept(method) -> None:
    fitted = fit_recalibrator(method, *too_sure(400, 3))
    p = np.linspace(0, 1, 300)
    mended = apply_recalibrator(fitted, np.column_stack([1 - p, p]))[:, 1]
    slack = 1e-12 if method != "venn_abers" else 0.02  # its bins are fitted one at a time
    assert np.diff(mended).min() >= -slack


GOOD = Recalibrator("isotonic", 2, None, (ScoreMap("line", (0.1, 0.9), (0.0, 1.0)),), 50)


@pytest.mark.parametrize(
    "broken",
    [
        replace(GOOD, schema="https://example.org/other"),
        replace(GOOD, method="guess"),  # type: ignore[arg-type]
        replace(GOOD, maps=()),
        replace(GOOD, temperature=2.0),
        replace(GOOD, n_classes=1),
        replace(GOOD, maps=(ScoreMap("line", (0.9, 0.1), (0.0, 1.0)),)),
        replace(GOOD, maps=(ScoreMap("line", (0.1,), (0.0, 1.0)),)),
        replace(GOOD, maps=(ScoreMap("steps", (0.1,), (0.0, 1.5)),)),
        replace(GOOD, method="temperature", maps=(), temperature=-1.0),
    ],
)
def test_texts_that_do_not_fit_are_refused(broken: Recalibrator) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_recalibrator(recalibrator_json(broken))


def test_texts_with_other_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="fields"):
        read_recalibrator(json.dumps({**json.loads(recalibrator_json(GOOD)), "code": "x"}))
    with pytest.raises(ValueError, match="schema"):
        read_recalibrator("[]")


def test_scores_of_another_model_are_refused() -> None:
    with pytest.raises(ValueError, match="2 classes, got 3"):
        apply_recalibrator(GOOD, [[0.2, 0.3, 0.5]])


@pytest.mark.parametrize(("scores", "y"), [([[2.0, -1.0]], [1]), ([[0.5, 0.5]], [2]), ([[0.5, 0.5]], [0, 1])])
def test_what_is_no_probability_or_class_is_refused(scores, y) -> None:
    with pytest.raises(ValueError, match="expected"):
        fit_recalibrator("platt", scores, y)


def test_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="temperature"):
        fit_recalibrator("magic", [[0.5, 0.5]], [1])  # type: ignore[arg-type]
