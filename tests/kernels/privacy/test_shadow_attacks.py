"""All attacks from one bank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from holdfast.kernels.privacy import shadow_attacks
from holdfast.kernels.privacy.membership_curve import true_positive_rate
from holdfast.kernels.privacy.shadow_attacks import attack_model, attack_shadow
from holdfast.kernels.privacy.shadow_design import balanced_design
from holdfast.kernels.stats.delong import auc_delong


def bank(seed: int, *, shadows: int, n: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sure = rng.beta(4, 2, n)[:, None]
    members = rng.random(n) < 0.5
    is_in = np.column_stack([members, balanced_design(n, shadows, rng=rng)])
    lifted = sure + is_in * (1 - sure) * 0.4
    answers = np.clip(lifted + rng.normal(0, 0.06, is_in.shape), 0, 1)
    return answers[:, 0], members, answers[:, 1:], is_in[:, 1:]


@pytest.mark.parametrize(("shadows", "expected"), [(2, 5), (4, 5), (6, 6), (16, 6)])
def test_every_attack_scores_members_higher(shadows: int, expected: int) -> None:
    target, members, answers, is_in = bank(0, shadows=shadows)
    scores = attack_model(target, answers, is_in)
    assert len(scores) == expected
    for name, each in scores.items():
        assert np.isfinite(each).all(), name
        if shadows > 2 or name == "rmia":
            assert auc_delong(members, each).low > 0.5, name


def test_combination_is_about_as_good_as_the_best_of_its_parts() -> None:
    losses = []
    for seed in range(4):
        target, members, answers, is_in = bank(seed, shadows=16)
        named = {
            name: true_positive_rate(each, members, fpr=0.01).value
            for name, each in attack_model(target, answers, is_in).items()
        }
        losses.append(max(named.values()) - named["fusion"])
    assert np.mean(losses) < 0.03


def test_attack_on_a_shadow_model_does_not_see_its_pair() -> None:
    _, _, answers, is_in = bank(0, shadows=8)
    before = attack_shadow(answers, is_in, 4)
    changed = answers.copy()
    changed[:, 5] = 0.123
    after = attack_shadow(changed, is_in, 4)
    for name in before:
        assert (before[name] == after[name]).all(), name


def test_labels_alone_are_attacked_too() -> None:
    target, members, answers, is_in = bank(1, shadows=8)
    scores = attack_model((target > 0.6) * 1.0, (answers > 0.6) * 1.0, is_in)
    assert scores["rmia"][members].mean() > scores["rmia"][~members].mean()


def test_answers_in_a_file_give_the_same_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    is_in = balanced_design(500, 8, rng=rng)
    answers, target = np.clip(rng.uniform(0.3, 0.6, (500, 8)) + 0.2 * is_in, 0, 1), rng.uniform(size=500)
    whole = attack_model(target, answers, is_in)
    np.save(tmp_path / "answers.npy", answers)
    monkeypatch.setattr(shadow_attacks, "BLOCK", 64)
    streamed = attack_model(target, np.load(tmp_path / "answers.npy", mmap_mode="r"), is_in)
    assert set(whole) == set(streamed) == {"lira", "pooled", "bavaria", "rmia", "shrunken", "fusion"}
    for name, scores in whole.items():
        np.testing.assert_allclose(streamed[name], scores, rtol=1e-9, atol=1e-9)
