"""Fairness and calibration: values of Fairlearn, AIF360, MAPIE, netcal and venn-abers, and the time they take.

``python benchmarks/fairness.py [--rows 100000] [--peer PYTHON]``, where PYTHON is an interpreter with the peers. Two
sensitive columns (2 and 5 groups, crossed), seven count metrics and the area under the ROC curve per group with
intervals, their largest difference and smallest ratio. Fairlearn's bootstrap is run for two replicates and extrapolated
to a hundred.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.fairness.group_gaps import largest_estimate_gap, largest_rate_gap
from holdfast.kernels.fairness.group_scores import auc_by_group
from holdfast.kernels.fairness.inequality import between_groups, inequality
from holdfast.kernels.fairness.rates import average_odds, confusion_counts, group_rates
from holdfast.kernels.fairness.ratios import smallest_rate_ratio
from holdfast.kernels.performance.calibration import brier_decomposition, expected_calibration_error
from holdfast.kernels.performance.conformal import split_intervals
from holdfast.kernels.performance.recalibration import apply_recalibrator, fit_recalibrator
from holdfast.kernels.stats.bootstrap import multinomial_bootstrap
from holdfast.kernels.stats.proportions import clopper_pearson

Bank = dict[str, NDArray[Any]]
RACES = 5


def bank(rows: int) -> Bank:
    """Draw outcomes, scores and answers that differ a little by group; scores are too sure."""
    rng = np.random.default_rng(0)

    def people(n: int) -> tuple[NDArray[Any], ...]:
        sex, race = rng.integers(2, size=n), rng.choice(RACES, n, p=[0.5, 0.2, 0.15, 0.1, 0.05])
        p = 1 / (1 + np.exp(-(rng.normal(size=n) * 1.5 + 0.3 * sex - 0.2 * (race == 3))))
        stated = 1 / (1 + ((1 - p) / p) ** 1.5)
        return sex, race, (rng.random(n) < p).astype(int), np.round(stated, 3)

    sex, race, y, score = people(rows)
    _, _, known_y, known_score = people(2000)
    new, known = rng.normal(size=1000), rng.normal(size=999)
    return {
        "sex": sex, "race": race, "y": y, "score": score, "answer": (score >= 0.5).astype(int),
        "known_y": known_y, "known_score": known_score,
        "reg_new": new, "reg_known": known, "reg_known_y": known + rng.normal(size=999),
    }  # fmt: skip


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.process_time()
    found = call()
    return found, time.process_time() - begin


def by_counts(held: Bank) -> dict[str, Any]:
    """Intervals of seven rates in ten groups, of their largest difference and smallest ratio."""
    group = held["sex"] * RACES + held["race"]
    rates = group_rates(confusion_counts(held["answer"], held["y"], group, n_groups=2 * RACES))
    rates.pop("negative_predictive_value")
    return {
        name: (
            clopper_pearson(*rate, level=0.95), largest_rate_gap(*rate), smallest_rate_ratio(*rate)
        ) for name, rate in rates.items()
    }  # fmt: skip


def by_bootstrap(held: Bank, n_resamples: int) -> dict[str, NDArray[np.float64]]:
    """The same rates from resampled tables of counts."""
    group = held["sex"] * RACES + held["race"]
    counts = confusion_counts(held["answer"], held["y"], group, n_groups=2 * RACES)
    drawn = multinomial_bootstrap(counts, n_resamples=n_resamples, rng=np.random.default_rng(0))
    rates = group_rates(drawn.reshape(-1, 2, 2))
    return {name: (s / np.maximum(n, 1)).reshape(n_resamples, -1) for name, (s, n) in rates.items()}


def by_area(held: Bank) -> Any:
    """Intervals of the area under the curve in ten groups and of its largest difference."""
    group = held["sex"] * RACES + held["race"]

    def areas(level: float) -> Any:
        return auc_by_group(held["y"], held["score"], group, n_groups=2 * RACES, level=level)

    return areas(0.95), largest_estimate_gap(areas)


def aif360_like(held: Bank) -> dict[str, float]:
    rates = group_rates(confusion_counts(held["answer"], held["y"], held["sex"], n_groups=2))
    share = {name: rate.successes / rate.trials for name, rate in rates.items()}
    odds = average_odds(rates["true_positive_rate"], rates["false_positive_rate"], level=0.95).value
    benefit = 1.0 + held["answer"] - held["y"]
    spread, between = inequality(benefit), between_groups(benefit, held["sex"], n_groups=2)
    assert spread is not None
    assert between is not None
    return {
        "statistical_parity": float(share["selection_rate"][0] - share["selection_rate"][1]),
        "disparate_impact": float(share["selection_rate"][0] / share["selection_rate"][1]),
        "average_odds": float(odds[0] - odds[1]),
        "equal_opportunity": float(share["true_positive_rate"][0] - share["true_positive_rate"][1]),
        "predictive_parity": float(share["precision"][0] - share["precision"][1]),
        "theil": spread.theil.value, "entropy": spread.entropy.value, "between": between.value,
    }  # fmt: skip


def calibrated(held: Bank) -> tuple[dict[str, Any], dict[str, float]]:
    two = np.column_stack([1 - held["known_score"], held["known_score"]])
    new = np.column_stack([1 - held["score"], held["score"]])[:2000]
    found, seconds = {}, {}
    parts, seconds["ece_debiased_l2"] = timed(lambda: brier_decomposition(held["score"], held["y"]))
    found["ece_debiased_l2"] = float(np.sqrt(max(parts.reliability.value, 0.0)))
    ece, seconds["ece"] = timed(lambda: expected_calibration_error(held["score"], held["y"]))
    found["ece"] = ece.value
    for method in ("venn_abers", "temperature"):
        mended, seconds[method] = timed(
            lambda method=method: apply_recalibrator(fit_recalibrator(method, two, held["known_y"]), new)[:, 1]
        )
        found[method] = mended
    return found, seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--peer")
    parser.add_argument("--data", help="not needed")
    given = parser.parse_args()
    held = bank(given.rows)
    by_counts(held)
    counts, seconds_counts = timed(lambda: by_counts(held))
    _, seconds_100 = timed(lambda: by_bootstrap(held, 100))
    _, seconds_2000 = timed(lambda: by_bootstrap(held, 2000))
    (areas, _), seconds_auc = timed(lambda: by_area(held))
    values, (mended, seconds) = aif360_like(held), calibrated(held)
    width = split_intervals(held["reg_known_y"] - held["reg_known"], held["reg_new"])
    print(
        f"counts: {seconds_counts:.4f} CPU s exact, {seconds_100:.4f} bootstrap 100, {seconds_2000:.4f} bootstrap 2,000"
    )
    print(f"area under the curve: {seconds_auc:.4f} CPU s")
    if given.peer is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bank.npz"
        np.savez(path, **held)
        command = [given.peer, str(Path(__file__).parent / "fairness_peers.py"), str(path)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    theirs = json.loads(output.splitlines()[-1])
    _compare(counts, areas, values, mended, float(width.high[0] - width.low[0]), theirs["values"])
    spent = theirs["seconds"]
    whole = 100 * spent["counts_per_replicate"], 100 * spent["auc_per_replicate"]
    print(f"Fairlearn, 100 replicates (from {2}): counts {whole[0]:.0f} CPU s, area {whole[1]:.0f} CPU s")
    print(f"ratio: counts {whole[0] / seconds_counts:.0f}x (bootstrap 100: {whole[0] / seconds_100:.0f}x), "
          f"area {whole[1] / seconds_auc:.0f}x")  # fmt: skip
    for name, own in seconds.items():
        print(f"{name}: {own:.3f} CPU s, peer {spent.get(name, float('nan')):.3f}")


def _compare(
    counts: dict[str, Any], areas: Any, values: dict[str, float], mended: dict[str, Any], width: float, theirs: Any
) -> None:
    """Print the largest difference of any value from the peer's."""
    rates = max(
        float(np.abs(ends.value - np.array(theirs["by_group"][name])).max()) for name, (ends, _, _) in counts.items()
    )
    gaps = max(abs(gap.estimate.value - theirs["difference"][name]) for name, (_, gap, _) in counts.items())
    ratios = max(abs(ratio.estimate.value - theirs["ratio"][name]) for name, (_, _, ratio) in counts.items())
    area = float(np.abs(areas.value - np.array(theirs["auc"])).max())
    print(f"largest difference from Fairlearn: rates {rates:.1e}, gaps {gaps:.1e}, ratios {ratios:.1e}, AUC {area:.1e}")
    off = {name: abs(value - theirs["aif360"][name]) for name, value in values.items()}
    print(f"largest difference from AIF360: {max(off.values()):.1e} ({max(off, key=lambda name: off[name])})")
    other = theirs["calibration"]
    print(
        f"debiased L2 error {mended['ece_debiased_l2']:.5f}, uncertainty-calibration {other['ece_debiased_l2']:.5f}; "
        f"ECE {mended['ece']:.5f}, netcal (not debiased, equal width) {other['ece_netcal']:.5f}"
    )
    for name in ("venn_abers", "temperature"):
        far = np.abs(mended[name] - np.array(other[name]))
        print(f"{name}: probabilities differ by {far.mean():.5f} on average, {far.max():.5f} at most")
    print(f"width of split intervals {width:.6f}, MAPIE {theirs['mapie']:.6f}")


if __name__ == "__main__":
    main()
