from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.kernels.data.label_noise import label_noise, suspect_cutoff

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


def drawn(seed: int, n: int, *, n_classes: int = 3, power: float = 1.0) -> tuple[Numbers, Places]:
    """Return what an ideal observer says of Gaussian clouds, raised to a power, and the true classes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    x = rng.normal(size=(n, n_classes))
    x[np.arange(n), truth] += 3
    logs = power * 3 * x
    p = np.exp(logs - logs.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True), truth


def with_errors(truth: Places, transition: Numbers, seed: int) -> Places:
    draws = np.random.default_rng(seed).random(truth.size)
    return np.asarray((transition[truth].cumsum(axis=1) < draws[:, None]).sum(axis=1))


def f1(suspect: NDArray[np.bool_], is_wrong: NDArray[np.bool_]) -> float:
    return float(2 * (suspect & is_wrong).sum() / (suspect.sum() + is_wrong.sum()))


ONE_WAY = np.array([[0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.02, 0.98]])


@pytest.mark.parametrize("power", [0.4, 1.0, 3.0])
def test_errors_of_each_class_are_found_however_sure_the_model_is(power: float) -> None:
    p, truth = drawn(0, 20_000, power=power)
    given = with_errors(truth, ONE_WAY, 1)
    found = label_noise(p, given, rng=np.random.default_rng(2))
    assert found.transition == pytest.approx(ONE_WAY, abs=0.01)
    assert found.sharpening == pytest.approx(1 / power, rel=0.1)
    assert f1(found.wrong >= suspect_cutoff(found.wrong), given != truth) > 0.9
    assert (found.suggested[given != truth] == truth[given != truth]).mean() > 0.9
    assert found.share_given[1].low > found.share_given[0].high


def test_probability_of_being_wrong_means_what_it_says() -> None:
    p, truth = drawn(3, 50_000)
    given = with_errors(truth, ONE_WAY, 4)
    found = label_noise(p, given, rng=np.random.default_rng(5))
    unsure = (found.wrong > 0.3) & (found.wrong < 0.7)
    assert (given != truth)[unsure].mean() == pytest.approx(found.wrong[unsure].mean(), abs=0.1)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_labels_without_errors_leave_none_shown(n_classes: int) -> None:
    p, truth = drawn(6, 4000, n_classes=n_classes)
    found = label_noise(p, truth, rng=np.random.default_rng(7))
    assert found.share.low == 0
    assert (found.wrong >= suspect_cutoff(found.wrong)).mean() < 0.003


def test_result_does_not_hang_on_how_many_rows_are_worked_on_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    p, truth = drawn(8, 3000)
    given = with_errors(truth, ONE_WAY, 9)
    whole = label_noise(p, given, rng=np.random.default_rng(0))
    monkeypatch.setattr("holdfast.kernels.data.label_noise.CELLS", 1000)
    parts = label_noise(p, given, rng=np.random.default_rng(0))
    assert parts.wrong == pytest.approx(whole.wrong, abs=1e-9)


def test_class_that_nobody_was_given_is_no_trouble() -> None:
    p, truth = drawn(10, 600)
    found = label_noise(p, np.where(truth == 2, 1, truth), rng=np.random.default_rng(0))
    assert np.isfinite(found.wrong).all()
    assert found.share_given[2].value == 0


def test_few_rows_settle_nothing() -> None:
    p, truth = drawn(11, 10)
    assert label_noise(p, truth, rng=np.random.default_rng(0)).share[1:] == (0.0, 1.0)


@pytest.mark.parametrize(
    ("p", "given", "message"),
    [
        ([[0.5, 0.5], [0.9, 0.3]], [0, 1], "the first is row 1"),
        ([[0.5, 0.5], [1.2, -0.2]], [0, 1], "row 1"),
        ([[0.5, 0.5], [float("nan"), 0.5]], [0, 1], "row 1"),
        ([[0.5, 0.5]], [2], "labels from 0 to 1"),
        ([[1.0]], [0], "n_classes >= 2"),
    ],
)
def test_what_is_no_probability_is_refused(p: list[list[float]], given: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        label_noise(p, given, rng=np.random.default_rng(0))


def test_cutoff_is_the_best_of_all() -> None:
    wrong = np.random.default_rng(0).beta(0.1, 1.0, 500)

    def expected(cutoff: float) -> float:
        return float(2 * wrong[wrong >= cutoff].sum() / ((wrong >= cutoff).sum() + wrong.sum()))

    assert expected(suspect_cutoff(wrong)) == pytest.approx(max(expected(c) for c in wrong))
    assert suspect_cutoff([0.1, 0.2]) > 1
    assert suspect_cutoff([]) > 1


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.02, 0.05, 0.15])
def test_interval_of_the_share_covers(rate: float) -> None:
    transition = np.full((3, 3), rate / 2) + np.eye(3) * (1 - 1.5 * rate)
    hits = 0
    for seed in range(400):
        p, truth = drawn(seed, 2000)
        found = label_noise(p, with_errors(truth, transition, seed + 1000), rng=np.random.default_rng(seed))
        hits += found.share.low <= rate <= found.share.high
    assert 0.92 <= hits / 400 <= 0.99


@pytest.mark.slow
def test_labels_without_errors_are_rarely_accused() -> None:
    accused = 0
    for seed in range(300):
        p, truth = drawn(seed, 2000)
        accused += label_noise(p, truth, rng=np.random.default_rng(seed)).share.low > 0
    assert accused <= 0.07 * 300
