"""Alarms over time: how often they are false, and how soon they come, against rules in use and river's detectors.

``python benchmarks/drift_alarms.py [--part null|columns|errors|real|all] [--years 1000] [--peer PYTHON] [--data DIR]``

52 weekly windows of 1,000 rows x 20 columns, reference of 20,000 rows. *null*: years without change, 20 normal columns.
*columns*: +0.08 standard deviations in one of 20 from week 1, 11, 27 or 41; then single columns without change, with
heavy tails, ties and levels. *errors*: answers wrong with probability 0.2, from row 5,000 of 10,000 on with another;
PYTHON is an interpreter with river. *real*: Elec2 (``elec.csv`` in DIR): boosted trees of scikit-learn learn from the
first 10,000 rows, and the errors on the others are the stream, for all detectors and for two that always and never
raise an alarm.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.error_stream import ErrorStream
from holdfast.kernels.drift.evidence import YearlyEvidence, tilted_counts
from holdfast.kernels.drift.rank_urn import RankUrn, wave_scores
from holdfast.kernels.drift.sequential import NUMBER_BETS, SHARE_BETS, TAIL, ColumnWatch, watch_levels, watch_numbers
from holdfast.kernels.drift.share_urn import ShareUrn
from holdfast.kernels.stats.proportions import clopper_pearson

WEEKS, ROWS, COLUMNS, REFERENCE, SHIFT, BUDGET = 52, 1000, 20, 20_000, 0.08, 0.05
HORIZON, CHANGE = 10_000, 5_000
LEVELS = np.array([f"level {place}" for place in range(30)])
Draw = Callable[[np.random.Generator, int], NDArray[np.generic]]


def levels(rng: np.random.Generator, n: int) -> NDArray[np.generic]:
    """Levels with frequencies 1 / rank."""
    weights = 1.0 / np.arange(1, LEVELS.size + 1)
    return rng.choice(LEVELS, n, p=weights / weights.sum())


DRAWS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    "whole numbers 0 to 4": lambda rng, n: rng.binomial(4, 0.3, n).astype(np.float64),
    "nine in ten are 0": lambda rng, n: np.where(rng.random(n) < 0.9, 0.0, rng.lognormal(size=n)),
    "30 levels": levels,
}


def watch(draw: Draw, rng: np.random.Generator, *, alpha: float) -> ColumnWatch:
    """Watch a column drawn this way."""
    reference = draw(rng, REFERENCE)
    make = watch_levels if reference.dtype.kind == "U" else watch_numbers
    return make(reference, rng=rng, windows_per_year=WEEKS, alpha=alpha)


def null_column(draw: Draw, rng: np.random.Generator, *, alpha: float) -> bool:
    """Whether a column without change raises an alarm in a year."""
    column = watch(draw, rng, alpha=alpha)
    return any(column.update(draw(rng, ROWS)) for _ in range(WEEKS))


def weeks_to_alarm(start: int, rng: np.random.Generator) -> tuple[float, int]:
    """Weeks from a change to its alarm (infinite if none within 8, not positive if before), and the week estimated."""
    column = watch(DRAWS["normal"], rng, alpha=BUDGET / COLUMNS)
    for week in range(min(start + 8, WEEKS)):
        alarm = column.update(rng.normal(size=ROWS) + SHIFT * (week >= start))
        if alarm:
            return week - start + 1, alarm.start - start
    return np.inf, 0


def shown(hits: int, n: int) -> str:
    """A share with its exact 95 % interval."""
    share = clopper_pearson(hits, n)
    return f"{share.value:.4f} ({share.low:.4f} to {share.high:.4f}) of {n:,}"


def columns(years: int) -> None:
    """Print false alarms and power of column alarms."""
    print("| change from week | alarm within 8 weeks | alarm before it | median weeks | week estimated within 1 |")
    print("|---|---|---|---|---|")
    for start in (0, 10, 26, 40):
        found = np.array([weeks_to_alarm(start, np.random.default_rng([start, seed])) for seed in range(years)])
        weeks, off = found.T
        caught = (weeks > 0) & np.isfinite(weeks)
        print(
            f"| {start + 1} | {shown(int(caught.sum()), years)} | {shown(int((weeks <= 0).sum()), years)} | "
            f"{np.median(weeks[caught]):g} | {(np.abs(off[caught]) <= 1).mean():.2f} |",
            flush=True,
        )
    print("| column without change, its budget 0.05 | raises an alarm in a year |\n|---|---|")
    for name, draw in DRAWS.items():
        hits = sum(null_column(draw, np.random.default_rng([7, seed]), alpha=BUDGET) for seed in range(years))
        print(f"| {name} | {shown(hits, years)} |", flush=True)


def null_years(years: int) -> None:
    """Print how many years without change have an alarm in any of 20 columns."""
    begin, hits, batch = time.process_time(), 0, 5
    for seed in range(years // batch):
        best = most_evidence(np.random.default_rng([9, seed]), batch * COLUMNS).reshape(batch, COLUMNS)
        hits += int((best.max(axis=1) >= np.log(COLUMNS / BUDGET)).sum())
        if (seed + 1) * batch % 50 == 0:
            spent = time.process_time() - begin
            n = (seed + 1) * batch
            print(f"years without change, 20 normal columns: {shown(hits, n)}, {spent:.0f} CPU s", flush=True)


def most_evidence(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Largest log evidence in a year of n normal columns without change: as ``ColumnWatch``, side by side."""
    urns = [RankUrn(rng.normal(size=REFERENCE), rng=rng) for _ in range(n)]
    missing = ShareUrn(np.zeros(n, dtype=np.int64), round(0.8 * REFERENCE), expected=np.full(n, 1e-4), rng=rng)
    scores, shares = np.array([*NUMBER_BETS.values()]), np.array([*SHARE_BETS.values()])
    evidence = YearlyEvidence(
        np.tile(scores, n) / n, np.tile(shares, n) / n, windows_per_year=WEEKS, alpha=BUDGET / COLUMNS
    )
    width = round(TAIL * urns[0].gaps.size)
    most = np.full(n, -np.inf)
    for _ in range(WEEKS):
        before, total = np.array([[urn.gaps[:width].sum(), urn.gaps[-width:].sum()] for urn in urns]), urns[0].n_gaps
        found = [urn.add(rng.normal(size=ROWS), rng=rng) for urn in urns]
        sums = np.array([wave_scores(one).sum(axis=0) for one in found])
        after = np.array([[urn.gaps[:width].sum(), urn.gaps[-width:].sum()] for urn in urns])
        same = np.full(2 * n, ROWS)
        tails = tilted_counts((after - before).ravel(), same, inside=before.ravel(), total=np.full(2 * n, total))
        absent = missing.add(np.zeros(n, dtype=np.int64), ROWS, rng=rng)
        counts = np.concatenate([tails.reshape(n, 2, -1), absent[:, None]], axis=1).reshape(3 * n, -1)
        evidence.update(sums.ravel(), ROWS, n_seen=total, counts=counts)
        parts = np.exp(evidence.by_bet_and_start() + np.log(n)) * evidence.start_weights()[:, None]
        of_column = [part.reshape(-1, n, size).sum(axis=(0, 2)) for part, size in _split(parts, n)]
        most = np.maximum(most, np.log(sum(of_column) + 1.0 - evidence.start_weights().sum()))
    return most


def _split(parts: NDArray[np.float64], n: int) -> list[tuple[NDArray[np.float64], int]]:
    """Bets on scores and bets on shares, and how many of each a column has."""
    first = n * len(NUMBER_BETS)
    return [(parts[:, :first], len(NUMBER_BETS)), (parts[:, first:], len(SHARE_BETS))]


def answers(seed: int, after: float) -> NDArray[np.bool_]:
    """A stream of wrong (True) and right answers."""
    return np.random.default_rng(seed).random(HORIZON) < np.where(np.arange(HORIZON) < CHANGE, 0.2, after)


def first_alarms(streams: list[NDArray[np.bool_]], peer: str | None) -> dict[str, tuple[list[list[int]], float]]:
    """Rows of the alarms that each detector raises on each stream, and CPU seconds."""
    begin = time.process_time()
    ours = [[alarm.row for alarm in ErrorStream(horizon=HORIZON).update(stream)] for stream in streams]
    found = {"holdfast": (ours, time.process_time() - begin)}
    if peer:
        script = str(Path(__file__).parent / "drift_peers.py")
        text = json.dumps([stream.astype(int).tolist() for stream in streams])
        answered = subprocess.run([peer, script], input=text, capture_output=True, text=True, check=True).stdout
        found |= {name: (rows, seconds) for name, (rows, seconds) in json.loads(answered).items()}
    return found


def errors(repetitions: int, peer: str | None) -> None:
    """Print false alarms and delays on streams of errors."""
    print("| detector | change | alarm before it | alarm after it | delay: mean, median | CPU s |")
    print("|---|---|---|---|---|---|")
    for after in (0.2, 0.3, 0.25, 0.13):
        streams = [answers(seed, after) for seed in range(repetitions)]
        for name, (rows, seconds) in first_alarms(streams, peer).items():
            early = sum(any(row < (HORIZON if after == 0.2 else CHANGE) for row in one) for one in rows)
            later = [next(row for row in one if row >= CHANGE) for one in rows if any(row >= CHANGE for row in one)]
            delays = np.array(later) - CHANGE + 1
            words = "none" if after == 0.2 else f".2 to {after}"
            late = (
                f"{len(later) / repetitions:.3f} | {np.mean(delays):.0f}, {np.median(delays):.0f}" if later else "0 | "
            )
            tail = "| | |" if after == 0.2 else f"| {late} |"
            print(f"| {name} | {words} | {shown(early, repetitions)} {tail} {seconds:.1f} |", flush=True)


def real(data: Path, peer: str | None) -> None:
    """Print the alarms on Elec2."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    table = np.genfromtxt(data / "elec.csv", delimiter=",", skip_header=1)
    X, y = table[:, :-1], table[:, -1]
    n = 10_000
    model = HistGradientBoostingClassifier(random_state=0).fit(X[:n], y[:n])
    wrong = model.predict(X[n:]) != y[n:]
    year = 48 * 365
    print(f"Elec2: {wrong.size:,} answers, {wrong.mean():.3f} wrong; by quarters of it", end=" ")
    print(", ".join(f"{part.mean():.3f}" for part in np.array_split(wrong, 4)))
    # The same errors in random order: no change of the rate over time, and no dependence between neighbours.
    shuffled = np.random.default_rng(0).permutation(wrong)
    # One half-hour of each day: neighbours are a day apart.
    daily = wrong[24::48]
    print("| stream | detector | alarms | rows of the first five |\n|---|---|---|---|")
    for name, stream in {"in order": wrong, "shuffled": shuffled, "noon of each day": daily}.items():
        horizon = 365 if name == "noon of each day" else year
        begin = {"holdfast": [alarm.row for alarm in ErrorStream(horizon=horizon).update(stream)]}
        if peer:
            others = first_alarms([stream], peer)
            others.pop("holdfast")
            begin |= {who: rows[0] for who, (rows, _) in others.items()}
        begin |= {"always": list(range(stream.size)), "never": []}
        for who, rows in begin.items():
            print(f"| {name} | {who} | {len(rows):,} | {', '.join(map(str, rows[:5]))} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", default="all", choices=["null", "columns", "errors", "real", "all"])
    parser.add_argument("--years", type=int, default=1000)
    parser.add_argument("--peer")
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    if given.part in ("errors", "all"):
        errors(given.years, given.peer)
    if given.part in ("real", "all") and given.data:
        real(given.data, given.peer)
    if given.part in ("null", "all"):
        null_years(given.years)
    if given.part in ("columns", "all"):
        columns(given.years)


if __name__ == "__main__":
    main()
