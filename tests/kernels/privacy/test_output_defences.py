"""Changes of the output, and what an attacker gets back."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.privacy.output_defences import (
    NOISE,
    OUTPUT_DEFENCES,
    REPEATS,
    averaged,
    only_the_best,
    only_the_label,
    tempered,
)

SCORES = np.random.default_rng(0).dirichlet([1.0, 2.0, 0.5], 300)


def test_temperature_is_taken_back_exactly() -> None:
    assert tempered(tempered(SCORES, 4.0), 0.25) == pytest.approx(SCORES, abs=1e-12)
    assert tempered(np.array([[0.0, 1.0]]), 4.0).tolist() == [[0.0, 1.0]]


def test_the_best_class_keeps_its_score_and_the_rest_is_spread() -> None:
    answer = only_the_best(np.array([[0.1, 0.6, 0.3]]))
    assert answer.tolist() == [[pytest.approx(0.2), 0.6, pytest.approx(0.2)]]


def test_the_label_alone_has_no_score() -> None:
    assert only_the_label(np.array([[0.1, 0.6, 0.3]])).tolist() == [[0.0, 1.0, 0.0]]


def test_repeated_questions_average_noise_away() -> None:
    middle = np.full((4000, 1), 0.5)
    spread = averaged(middle, np.random.default_rng(0)).std()
    assert spread == pytest.approx(NOISE / np.sqrt(REPEATS), rel=0.1)


@pytest.mark.parametrize("name", sorted(OUTPUT_DEFENCES))
def test_answers_and_views_are_scores_of_the_same_shape(name: str) -> None:
    defence = OUTPUT_DEFENCES[name]
    for change in (defence.answer, *defence.views):
        changed = change(SCORES, np.random.default_rng(1))
        assert changed.shape == SCORES.shape
        assert ((changed >= 0) & (changed <= 1)).all()


@pytest.mark.parametrize("name", sorted(set(OUTPUT_DEFENCES) - {"noise", "round to 1 decimal", "round to 2 decimals"}))
def test_the_answer_stays_the_same_class(name: str) -> None:
    changed = OUTPUT_DEFENCES[name].answer(SCORES, np.random.default_rng(1))
    clear = np.sort(SCORES, axis=1)[:, -1] < 0.95  # beyond that clipping may tie
    assert (changed.argmax(axis=1) == SCORES.argmax(axis=1))[clear].all()
