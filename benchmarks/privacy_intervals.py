"""Coverage of the intervals of membership inference, by simulation: for this model, this way of training, a remedy.

python benchmarks/privacy_intervals.py [--replicates 2000] [--part model|procedure|pairs]

*This model*: scores of members and others are drawn, so that the true rate at the true threshold is known. *This way of
training*: whole banks of answers are drawn (records of different difficulty, a lift by training that differs from
record to record, noise from model to model) and attacked as the check does; the truth is the mean of the rates of the
chosen attack over all banks. *Pairs* draw scores of one attack, without and with an effect of single
models, and what a remedy removes from them. One thread.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.stats import norm

from holdfast.kernels.privacy.attack_choice import Choice, chosen_on_shadows, procedure_rate, rates_of
from holdfast.kernels.privacy.membership_curve import true_positive_rate
from holdfast.kernels.privacy.pair_rates import PairRates, over_models_and_records, pair_rates
from holdfast.kernels.privacy.shadow_design import balanced_design

LEVEL = 0.95
RECORDS, RATE = 400, 0.05


def this_model(replicates: int) -> None:
    """Normal scores, members shifted and spread; ties from rounding in one setting."""
    for n, fpr, shift, decimals in (
        (10_000, 0.001, 0.0, None), (10_000, 0.001, 1.0, None), (10_000, 0.001, 2.5, None), (10_000, 0.01, 0.5, None),
        (1_000, 0.01, 0.0, None), (1_000, 0.01, 1.0, None), (1_000, 0.05, 1.0, 1), (100_000, 0.001, 0.3, None),
    ):  # fmt: skip
        truth = float(norm.sf(norm.isf(fpr), loc=shift, scale=1.3 if shift else 1.0))
        if decimals is not None:
            truth = _tied_truth(fpr, shift, decimals)
        inside, rng = 0, np.random.default_rng(0)
        is_member = np.arange(2 * n) < n
        for _ in range(replicates):
            scores = np.concatenate([rng.normal(shift, 1.3 if shift else 1.0, n), rng.normal(size=n)])
            found = true_positive_rate(
                scores if decimals is None else scores.round(decimals), is_member, fpr=fpr, level=LEVEL
            )
            inside += found.low <= truth <= found.high
        tied = "" if decimals is None else f", scores with {decimals} decimal"
        print(f"{n:,} of each, fpr {fpr:g}, true rate {truth:.4f}{tied}: {inside / replicates:.1%}", flush=True)


def _tied_truth(fpr: float, shift: float, decimals: int) -> float:
    """Rate of rounded scores: between steps of the curve lots are drawn."""
    grid = np.round(np.arange(-8, 8.05, 0.1), decimals)
    above = [norm.sf(grid - 0.05, loc=loc, scale=scale)[::-1] for loc, scale in ((0.0, 1.0), (shift, 1.3))]
    return float(np.interp(fpr, above[0], above[1]))


def drawn_bank(rng: np.random.Generator, shadows: int, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Answers of models about records, and who was trained on which."""
    sure, lift = rng.normal(1.0, 1.5, RECORDS), gap * rng.exponential(1.0, RECORDS)
    is_in = balanced_design(RECORDS, shadows, rng=rng)
    noise = 0.5 * np.sqrt(8 / rng.chisquare(8, RECORDS))
    signal = sure[:, None] + lift[:, None] * is_in + noise[:, None] * rng.normal(size=is_in.shape)
    return 1.0 / (1.0 + np.exp(-signal)), is_in


def this_procedure(replicates: int) -> None:
    """Whole banks, attacked as the check does."""
    for shadows, gap in ((4, 0.5), (8, 1.5), (8, 0.5), (8, 0.0)):
        rng, found, rates = np.random.default_rng(shadows), [], defaultdict(list)
        for _ in range(replicates):
            answers, is_in = drawn_bank(rng, shadows, gap)
            choice = chosen_on_shadows(answers, is_in, rates=(RATE,))
            found.append((choice.strongest, procedure_rate(choice, is_in, rate=RATE, level=LEVEL)))
            rates[choice.strongest].append(found[-1][1].value)
        truth = {name: float(np.mean(values)) for name, values in rates.items()}
        share = np.mean([each.low <= truth[name] <= each.high for name, each in found])
        chosen = ", ".join(f"{name} {len(values)}" for name, values in rates.items())
        overall = np.mean([value for values in rates.values() for value in values])
        width = np.mean([each.high - each.low for _, each in found])
        print(
            f"{shadows} shadow models, mean rate {overall:.4f}: {share:.1%}, width {width:.4f} ({chosen})", flush=True
        )


def drawn_scores(
    rng: np.random.Generator, is_in: np.ndarray, lift: float, models: float, kept: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Scores without a remedy, and with one that leaves a part of the lift and changes each score a little."""
    n, shadows = is_in.shape
    spread, gain = np.exp(rng.normal(0, 0.7, n))[:, None], lift * rng.exponential(1, n)[:, None]
    gain = gain * np.exp(rng.normal(0, models, shadows)) * is_in
    noise = rng.normal(size=is_in.shape)
    other = 0.8 * noise + 0.6 * rng.normal(size=is_in.shape)
    return spread * noise + gain, spread * other + kept * gain


def named_by_pair(scores: np.ndarray, is_in: np.ndarray) -> np.ndarray:
    """As `shares_named` at RATE, of all models at once: without ties members are counted above two thresholds."""
    others, members = np.where(is_in, -np.inf, scores), np.where(is_in, scores, -np.inf)
    accused = RATE * (~is_in).sum(axis=0)
    below = accused.astype(int)
    top = -np.sort(-others, axis=0)[: below.max() + 2]
    columns = np.arange(scores.shape[1])
    first, second = ((members > top[below + step, columns]).sum(axis=0) for step in (0, 1))
    named = (first + (accused - below) * (second - first)) / is_in.sum(axis=0)
    return named.reshape(-1, 2).mean(axis=1)


def rates(scores: np.ndarray, is_in: np.ndarray) -> PairRates:
    return pair_rates(lambda kept: named_by_pair(scores[kept], is_in[kept]), np.arange(len(scores)))


def pairs_and_remedies(replicates: int) -> None:
    for shadows, lift, models, kept in (
        (8, 0.0, 0.0, 1.0), (4, 0.5, 0.0, 0.5), (8, 0.5, 0.4, 0.5), (8, 2.0, 0.4, 0.1),
    ):  # fmt: skip
        rng, plain, removed = np.random.default_rng(shadows), [], []
        for _ in range(replicates):
            is_in = balanced_design(RECORDS, shadows, rng=rng)
            drawn = drawn_scores(rng, is_in, lift, models, kept)
            without, behind = (rates(each, is_in) for each in drawn)
            if not plain:
                exact = rates_of(Choice("drawn", {}, drawn[0]), is_in, rate=RATE)
                np.testing.assert_allclose(without.left, exact.left, atol=1e-12)
            plain.append(over_models_and_records(without, level=LEVEL))
            removed.append(over_models_and_records(without.less(behind), level=LEVEL))
        for name, found in (("rate", plain), ("removed", removed)):
            value, low, high = np.array(found).T
            covered = ((low <= value.mean()) & (value.mean() <= high)).mean()
            print(
                f"{shadows} models, lift {lift:g}, effect of single models {models:g}, kept {kept:g}: {name} "
                f"{value.mean():.4f}: {covered:.1%}, median width {np.median(high - low):.4f}, "
                f"of a known variance {3.92 * value.std():.4f}; too high {(low > value.mean()).mean():.1%}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--part", default="model,procedure,pairs")
    given, _ = parser.parse_known_args()
    if "model" in given.part:
        this_model(given.replicates)
    if "procedure" in given.part:
        this_procedure(given.replicates)
    if "pairs" in given.part:
        pairs_and_remedies(given.replicates)


if __name__ == "__main__":
    main()
