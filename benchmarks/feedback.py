"""Feedback loops: false alarms, power, coverage, and whether the advised exploration suffices.

``python benchmarks/feedback.py [--logs 400]``. Logs with a known truth: patrols that follow what patrols found
(``holdfast.auditing.patrols``), and loans given to the 60 % of applicants who look safest. Intervals at 95 %.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from holdfast.auditing.patrols import patrol_log
from holdfast.kernels.feedback.concentration import concentration
from holdfast.kernels.feedback.decisions import verdict_of
from holdfast.kernels.feedback.distortion import selection_distortion
from holdfast.kernels.feedback.exploration import exploration_for_distortion
from holdfast.kernels.feedback.loop import loop_gain
from holdfast.kernels.feedback.periods import cut_periods
from holdfast.kernels.stats.interval import IntervalEstimate

Floats = NDArray[np.float64]
Case = tuple[Floats, NDArray[np.bool_], Floats, Floats]


def lending(rng: np.random.Generator, n: int, coin: float, base: float) -> Case:
    """Return outcomes, who was accepted, with what probability, and the true risk."""
    risk = 1.0 / (1.0 + np.exp(-(base + rng.normal(size=n))))
    wanted = risk < np.quantile(risk, 0.6)
    chance = np.where(wanted, 1.0 - coin / 2.0, coin / 2.0)
    return (rng.random(n) < risk).astype(float), rng.random(n) < chance, chance, risk


def patrols(logs: int) -> None:
    print("| areas, days, share to a coin | loop: found | no loop: accused | no loop: shown to be within 0.05 |")
    print("|---|---|---|---|")
    for areas, days, coin in ((16, 100, 0.2), (16, 100, 0.05), (8, 100, 0.2), (4, 24, 0.2)):
        found: dict[bool, list[IntervalEstimate[float]]] = {True: [], False: []}
        for is_loop, gains in found.items():
            for seed in range(logs):
                log = patrol_log(np.random.default_rng(seed), is_loop=is_loop, areas=areas, days=days, coin_share=coin)
                chosen, taken = log["patrolled"].to_numpy(), log["chance"].to_numpy()
                chance = np.where(chosen, taken, 1.0 - taken)
                area = np.unique(log["area"].to_numpy().astype(str), return_inverse=True)[1]
                horizon = max(1, days // 5)
                gain = loop_gain(chance, chosen, chance, area, log["day"].to_numpy(), horizon=horizon).gain
                gains.append(IntervalEstimate(*(horizon * end for end in gain)))
        apart = {is_loop: np.mean([g.low > 0 or g.high < 0 for g in gains]) for is_loop, gains in found.items()}
        within = np.mean([verdict_of(g, margin=0.05) == "no" for g in found[False]])
        print(f"| {areas}, {days}, {coin:.0%} | {apart[True]:.0%} | {apart[False]:.1%} | {within:.0%} |", flush=True)


def loans(logs: int) -> None:
    print("\n| applicants, share to a coin, default | coverage: distortion | population rate | error | width |")
    print("|---|---|---|---|---|")
    for n, coin, base in (
        (300, 0.1, -1.5),
        (1000, 0.1, -1.5),
        (1000, 0.02, -1.5),
        (5000, 0.02, -4.0),
        (5000, 0.1, -4.0),
    ):
        rng = np.random.default_rng(5)
        y, _, chance, risk = lending(rng, 2_000_000, coin, base)
        loss = (risk - y) ** 2
        gaps = [float((each * chance).sum() / chance.sum() - each.mean()) for each in (y, loss)]
        mean, hits, widths = float(y.mean()), np.zeros(3), []
        for _ in range(logs):
            y, chosen, chance, risk = lending(rng, n, coin, base)
            found = selection_distortion(y, chosen, chance, value_range=(0.0, 1.0))
            error = selection_distortion((risk - y) ** 2, chosen, chance, value_range=(0.0, 1.0))
            hits += [
                found.difference.low <= gaps[0] <= found.difference.high,
                found.population.low <= mean <= found.population.high,
                error.difference.low <= gaps[1] <= error.difference.high,
            ]
            widths.append(found.difference.high - found.difference.low)
        shown = " | ".join(f"{hit:.1%}" for hit in hits / logs)
        print(f"| {n:,}, {coin:.0%}, {mean:.0%} | {shown} | {np.mean(widths):.3f} |", flush=True)


def advice(logs: int) -> None:
    print("\n| decisions, 40 % refused | share to a coin, margin 0.05 | shown within | shown off by 0.05 |")
    print("|---|---|---|---|")
    for n in (4000, 10_000, 50_000):
        share = exploration_for_distortion(n_cases=n, unexplored=0.4, margin=0.05)
        rng, settled = np.random.default_rng(0), np.zeros(2)
        for _ in range(logs):
            for place, (rate, wanted) in enumerate(((0.5, "no"), (0.625, "yes"))):
                refused = rng.random(n) < 0.4
                chance = np.where(refused, share / 2.0, 1.0 - share / 2.0)
                y = (rng.random(n) < np.where(refused, rate, 0.5)).astype(float)
                found = selection_distortion(
                    y, rng.random(n) < chance, chance, value_range=(0.0, 1.0), largest_weight=1e4
                )
                settled[place] += verdict_of(found.difference, margin=0.05) == wanted
        print(f"| {n:,} decisions | {share:.1%} | {settled[0] / logs:.0%} | {settled[1] / logs:.0%} |", flush=True)


def gathering(logs: int) -> None:
    print("\n| concentration over 12 periods, 6 groups, 20 selections each | trend found |")
    print("|---|---|")
    for name, last in (("fixed shares", 1 / 6), ("one group from 17 to 40 %", 0.4), ("one group from 17 to 60 %", 0.6)):
        rng, found = np.random.default_rng(1), 0
        grip = np.linspace(1 / 6, last, 12)
        for _ in range(logs):
            group = np.concatenate([rng.choice(6, 20, p=[share, *[(1 - share) / 5] * 5]) for share in grip])
            period = cut_periods(np.repeat(np.arange(12.0), 20), most=12)
            change = concentration(np.ones(group.size, dtype=bool), group, period).change
            found += change.low > 0 or change.high < 0
        print(f"| {name} | {found / logs:.1%} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--logs", type=int, default=400)
    n_logs = parser.parse_args().logs
    patrols(n_logs)
    loans(n_logs)
    advice(n_logs)
    gathering(n_logs)
