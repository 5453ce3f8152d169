"""Attacks that only ask the model: HopSkipJump of ART at equal queries (R3), a genetic search under constraints (R4).

python benchmarks/robustness_queries.py --data DIR [--points 100]. R3 needs adversarial-robustness-toolbox 1.20.1 (no
torch); without it, only our own figures are printed. Everything in one process and one thread; CPU seconds.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl

from holdfast.kernels.robustness.cells import CellCoding, coding_of
from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits, unmet, violations
from holdfast.kernels.robustness.evasion import (
    Flips,
    Space,
    Threat,
    constrained_space,
    search_flips,
    unit_of_distance,
)
from holdfast.kernels.robustness.relations import learn, parse_relation

Predict = Callable[[np.ndarray], np.ndarray]
QUERIES = 2408
ON_A_THRESHOLD = 1e-4

RELATIONS = (
    "education_num follows education",
    "capital_gain * capital_loss == 0",
    "age >= education_num + 3",
    "relationship = 'Husband' -> sex = 'Male'",
    "relationship = 'Wife' -> sex = 'Female'",
    "relationship in {'Husband', 'Wife'} -> marital_status in {'Married-civ-spouse', 'Married-AF-spouse'}",
)
IMMUTABLE = ("age", "race", "sex")
DISTANCE, SWAPS = 0.3, 2
POPULATION, GENERATIONS = 100, 100


@dataclass
class Counted:
    """A model that counts its calls and the rows it was asked about."""

    predict: Predict
    calls: int = 0
    rows: int = 0

    def __call__(self, Z: np.ndarray) -> np.ndarray:
        self.calls += 1
        self.rows += len(Z)
        return self.predict(Z)


def boosted(X: np.ndarray, y: np.ndarray) -> Any:
    from xgboost import XGBClassifier

    settings = {"n_estimators": 100, "max_depth": 6, "learning_rate": 0.2, "base_score": 0.5}
    return XGBClassifier(**settings, n_jobs=1, random_state=0).fit(X, y)


def breast_cancer() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.35, random_state=0, stratify=y)
    return X_train, y_train, X_test, y_test


def codes(frame: pl.DataFrame, levels: dict[str, list[str]]) -> np.ndarray:
    """Numbers as they are, categories as positions of their levels, -1 for missing and unknown ones."""
    columns = []
    for column in frame.iter_columns():
        if column.name in levels:
            position = {level: k for k, level in enumerate(levels[column.name])}
            columns.append(np.array([position.get(value, -1) for value in column.to_list()], dtype=float))
        else:
            columns.append(column.cast(pl.Float64).to_numpy())
    return np.column_stack(columns)


def adult_tables(data: Path) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, list[str]]]:
    train, test = (pl.read_csv(data / f"adult_{name}.csv") for name in ("train", "test"))
    levels = {c.name: sorted(c.drop_nulls().unique().to_list()) for c in train.iter_columns() if c.dtype == pl.String}
    return train, test, levels


def adult(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    train, test, levels = adult_tables(data)
    X_train, X_test = (codes(frame.drop("income"), levels) for frame in (train, test))
    low, high = X_train.min(axis=0), X_train.max(axis=0)
    y_train, y_test = ((frame["income"] == ">50K").to_numpy().astype(int) for frame in (train, test))
    return (X_train - low) / (high - low), y_train, np.clip((X_test - low) / (high - low), 0, 1), y_test


def unconstrained(
    model: Any, points: np.ndarray, donors: np.ndarray, *, scored: bool, queries: int
) -> tuple[Flips, Counted, float, float]:
    """Our attack from labels or scores; CPU and wall seconds."""
    d = points.shape[1]
    space = Space(np.ones(d), np.zeros(d), np.ones(d), np.zeros(d, dtype=bool), np.zeros(d, dtype=np.int64))
    asked = Counted(model.predict_proba if scored else lambda Z: model.predict_proba(Z).argmax(axis=1))
    labels = model.predict(points), model.predict(donors)
    cpu, wall = time.process_time(), time.perf_counter()
    flips = search_flips(
        points, labels[0], donors, labels[1], predict=asked, space=space, threat=Threat(np.inf, 0, queries),
        rng=np.random.default_rng(0), share=True,
    )  # fmt: skip
    return flips, asked, time.process_time() - cpu, time.perf_counter() - wall


def hop_skip_jump(model: Any, points: np.ndarray) -> tuple[np.ndarray, Counted, float, float]:
    """ART's HopSkipJump in the maximum norm, with the settings of the table; distances, CPU and wall seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from art.attacks.evasion import HopSkipJump
        from art.estimators.classification import BlackBoxClassifier

        asked = Counted(model.predict_proba)
        classifier = BlackBoxClassifier(asked, input_shape=points.shape[1:], nb_classes=2, clip_values=(0.0, 1.0))
        attack = HopSkipJump(classifier, norm=np.inf, max_iter=10, max_eval=1000, init_eval=100, verbose=False)
        np.random.seed(0)  # noqa: NPY002
        cpu, wall = time.process_time(), time.perf_counter()
        found = attack.generate(points.astype(np.float32))
    times = time.process_time() - cpu, time.perf_counter() - wall
    moved = model.predict_proba(found).argmax(axis=1) != model.predict_proba(points).argmax(axis=1)
    return np.where(moved, np.abs(found - points).max(axis=1), np.inf), asked, *times


def label_only(name: str, tables: tuple[np.ndarray, ...], n_points: int) -> None:
    X_train, y_train, X_test, y_test = tables
    model = boosted(X_train, y_train)
    points = X_test[np.flatnonzero(model.predict(X_test) == y_test)[:n_points]]
    donors = X_train[np.random.default_rng(0).permutation(len(X_train))[:2000]]
    try:
        peer, asked, cpu, wall = hop_skip_jump(model, points)
    except ImportError:
        peer = None
    else:
        each = asked.rows / len(points)
        line(name, "ART HopSkipJump", peer, asked, len(points), cpu, wall)
    for scored, budget in ((False, QUERIES), (True, QUERIES), (False, 500)):
        queries = budget if peer is None or budget < QUERIES else int(each)
        flips, own, own_cpu, own_wall = unconstrained(model, points, donors, scored=scored, queries=queries)
        what = f"ours, {'scores' if scored else 'labels'}, <= {queries} queries"
        line(name, what, flips.distance, own, len(points), own_cpu, own_wall)
        again = unconstrained(model, points, donors, scored=scored, queries=queries)[0]
        assert np.array_equal(again.points, flips.points)
        if peer is not None:
            off = (peer > ON_A_THRESHOLD) & (flips.distance > ON_A_THRESHOLD)
            closer = (flips.distance <= peer)[off].mean()
            print(
                f"      at least as close on {closer:.0%} of {off.sum()} points off a threshold; calls "
                f"{asked.calls / own.calls:,.0f}x fewer, wall {own_wall / wall:.4f}x, CPU {own_cpu / cpu:.4f}x"
            )


def line(data: str, what: str, distance: np.ndarray, asked: Counted, n: int, cpu: float, wall: float) -> None:
    found = distance[np.isfinite(distance)]
    print(
        f"{data:<6}{what:<34} median {np.median(distance):.4f}  mean {found.mean():.4f}  found {found.size}/{n}  "
        f"queries/point {asked.rows / n:6.0f}  calls {asked.calls:6d}  CPU {cpu:7.2f} s  wall {wall:7.2f} s",
        flush=True,
    )


@dataclass
class Problem:
    """Adult under constraints: the points, what may change, and a model of the coded table."""

    coding: CellCoding
    limits: dict[str, NumericLimits | CategoryLimits]
    relations: tuple[Any, ...]
    donors: np.ndarray
    donor_labels: np.ndarray
    points: dict[str, np.ndarray]
    names: list[str]
    levels: dict[str, list[str]]
    model: Any

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Scores of coded rows; a level is a position in both codings, so only the order of the columns differs."""
        matrix = np.empty((len(rows), len(self.names)))
        position = {name: j for j, name in enumerate(self.coding.names, start=1)}
        for j, name in enumerate(self.names):
            if name in position:
                matrix[:, j] = rows[:, position[name]]
                if name in self.levels:
                    matrix[matrix[:, j] >= len(self.levels[name]), j] = -1
            else:
                matrix[:, j] = self.fixed[name][rows[:, 0].astype(int)]
        return np.asarray(self.model.predict_proba(matrix), dtype=np.float64)

    @property
    def fixed(self) -> dict[str, np.ndarray]:
        if not hasattr(self, "_fixed"):
            frame = pl.DataFrame({name: self.points[name] for name in self.names}, strict=False)
            self._fixed = dict(zip(self.names, codes(frame, self.levels).T, strict=True))
        return self._fixed


def columns_of(frame: pl.DataFrame) -> dict[str, np.ndarray]:
    return {
        c.name: c.to_numpy().astype(object) if c.dtype == pl.String else c.cast(pl.Float64).to_numpy()
        for c in frame.iter_columns()
    }


def problem(data: Path, n_points: int) -> tuple[Problem, np.ndarray]:
    train, test, levels = adult_tables(data)
    keep = [name for name in train.columns if name not in ("income", "native_country")]
    levels = {name: known for name, known in levels.items() if name in keep}
    y_train, y_test = ((frame["income"] == ">50K").to_numpy().astype(int) for frame in (train, test))
    model = boosted(codes(train.select(keep), levels), y_train)
    relations = learn([parse_relation(text) for text in RELATIONS], columns_of(train.select(keep)))
    valid = np.ones(test.height, dtype=bool)
    for text, rows in unmet(columns_of(test.select(keep)), limits={}, relations=relations).items():
        print(f"      left out, the data itself breaks {text!r}: rows {rows.tolist()}")
        valid[rows] = False
    right = np.flatnonzero(valid & (model.predict(codes(test.select(keep), levels)) == y_test))[:n_points]
    limits: dict[str, NumericLimits | CategoryLimits] = {}
    for name in keep:
        if name in IMMUTABLE:
            continue
        if name in levels:
            limits[name] = CategoryLimits(frozenset(levels[name]))
        else:
            seen = train[name].cast(pl.Float64).to_numpy()
            unit = unit_of_distance(seen)
            limits[name] = NumericLimits(unit, seen.min(), seen.max(), True, is_derived=name == "education_num")
    points = columns_of(test.select(keep)[right])
    coding = coding_of(points, limits, relations=relations)
    known = train.select(keep)[:2000]
    donors, donor_labels = coding.encode(columns_of(known)), model.predict(codes(known, levels))
    return Problem(coding, limits, relations, donors, donor_labels, points, keep, levels, model), y_test[right]


def judged(task: Problem, y: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows flip, and which are valid by the checker that shares no code with either search."""
    after = task.coding.decode(rows)
    before = {name: task.points[name][rows[:, 0].astype(int)] for name in after}
    budget = Budget(DISTANCE, SWAPS)
    broken = violations(before, after, limits=task.limits, budget=budget, relations=task.relations)
    flipped = task.scores(rows).argmax(axis=1) != y[rows[:, 0].astype(int)]
    return flipped, ~np.any(list(broken.values()), axis=0)


def constrained(data: Path, n_points: int) -> None:
    task, y = problem(data, n_points)
    origin = task.coding.encode(task.points)
    results = {}
    for what, queries, scored in (
        ("ours, scores", 1000, True),
        ("ours, labels", 1000, False),
        ("ours, labels", 5000, False),
    ):
        what = f"{what}, <= {queries}"
        asked = Counted(task.scores if scored else lambda rows: task.scores(rows).argmax(axis=1))
        begin = time.process_time()
        flips = search_flips(
            origin, y, task.donors, task.donor_labels, predict=asked,
            space=constrained_space(task.coding, task.limits, relations=task.relations),
            threat=Threat(DISTANCE, SWAPS, queries), rng=np.random.default_rng(0), share=True,
        )  # fmt: skip
        cpu = time.process_time() - begin
        found = np.isfinite(flips.distance)
        flipped, valid = judged(task, y, flips.points[found])
        success = np.zeros(len(y), dtype=bool)
        success[np.flatnonzero(found)[flipped & valid]] = True
        results[what] = cpu, success
        report(what, flipped, valid, asked.rows / len(y), len(y), cpu)
    begin, asked = time.process_time(), Counted(task.scores)
    successes = [genetic(task, asked, origin[i : i + 1], int(y[i]), np.random.default_rng(i)) for i in range(len(y))]
    cpu = time.process_time() - begin
    found_rows = np.array([row for row in successes if row is not None])
    flipped, valid = judged(task, y, found_rows)
    report("genetic search", flipped, valid, asked.rows / len(y), len(y), cpu)
    peer = np.zeros(len(y), dtype=bool)
    peer[found_rows[flipped & valid, 0].astype(int)] = True
    for what, (own_cpu, own) in results.items():
        alone, missed = (own & ~peer).sum(), (peer & ~own).sum()
        print(f"      {what}: {own_cpu / cpu:.4f} of the CPU; flipped by it alone {alone}, by the genetic one {missed}")


def report(what: str, flipped: np.ndarray, valid: np.ndarray, each: float, n: int, cpu: float) -> None:
    print(
        f"adult {what:<24} success {(flipped & valid).sum() / n:.3f}  valid {valid.mean():.1%} of {valid.size}  "
        f"queries/point {each:6.0f}  CPU {cpu:6.2f} s",
        flush=True,
    )


def genetic(task: Problem, predict: Predict, x: np.ndarray, y: int, rng: np.random.Generator) -> np.ndarray | None:
    """NSGA-II after MOEVA: probability of the class, distance and violations, all to be made small.

    Simonetto, Dyrmishi, Ghamizi, Cordy, Le Traon (2022), A unified framework for adversarial attack and defense in
    constrained feature space, IJCAI, section 4.2; equality of the derived column is repaired, as there.
    """
    game = _Genes(task, x[0])
    population = np.repeat(x, POPULATION, axis=0)
    population[1:] = game.mutate(population[1:], rng, rate=0.3)
    scored, found = game.objectives(population, predict, y)
    for _ in range(GENERATIONS):
        parents = tournament(scored, rng)
        children = game.mutate(game.cross(population[parents], rng), rng, rate=1.5 / x.shape[1])
        new, better = game.objectives(children, predict, y)
        found = better if better is not None and (found is None or better[0] < found[0]) else found
        both, values = np.concatenate([population, children]), np.concatenate([scored, new])
        kept = survivors(values)
        population, scored = both[kept], values[kept]
    return None if found is None else found[1]


class _Genes:
    """Genes of one point: which columns move, where to, and what a row costs."""

    def __init__(self, task: Problem, x: np.ndarray) -> None:
        self.task, self.x = task, x
        rules = [None, *(task.limits.get(name) for name in task.coding.names)]
        is_free = [isinstance(rule, NumericLimits) and not rule.is_derived for rule in rules]
        self.numbers = np.flatnonzero(is_free)
        self.swaps = np.array([j for j, rule in enumerate(rules) if isinstance(rule, CategoryLimits) and x[j] >= 0])
        self.sizes = np.array([len(rules[j].levels) for j in self.swaps])  # type: ignore[union-attr]
        numeric = [rules[j] for j in self.numbers]
        self.unit = np.array([rule.scale for rule in numeric])  # type: ignore[union-attr]
        own = x[self.numbers]
        self.low = np.maximum(
            own - np.floor(DISTANCE * self.unit), [min(r.low, v) for r, v in zip(numeric, own, strict=True)]
        )  # type: ignore[union-attr]
        self.high = np.minimum(
            own + np.floor(DISTANCE * self.unit), [max(r.high, v) for r, v in zip(numeric, own, strict=True)]
        )  # type: ignore[union-attr]
        position = {name: j for j, name in enumerate(task.coding.names, start=1)}
        self.degree, self.years = position["education"], position["education_num"]
        self.table = dict(task.relations[0].tree.table)
        levels = task.coding.levels["education"].tolist()
        self.by_code = np.array([self.table.get(level, x[self.years]) for level in levels])

    def mutate(self, rows: np.ndarray, rng: np.random.Generator, *, rate: float) -> np.ndarray:
        """Polynomial mutation of whole numbers, eta 20; another level for a category."""
        rows = rows.copy()
        u = rng.random((len(rows), self.numbers.size))
        step = np.where(u < 0.5, (2 * u) ** (1 / 21) - 1, 1 - (2 - 2 * u) ** (1 / 21))
        hit = rng.random(u.shape) < rate
        moved = rows[:, self.numbers] + hit * step * (self.high - self.low)
        rows[:, self.numbers] = np.rint(np.clip(moved, self.low, self.high))
        hit = rng.random((len(rows), self.swaps.size)) < rate
        other = np.floor(rng.random(hit.shape) * self.sizes)
        rows[:, self.swaps] = np.where(hit, other, rows[:, self.swaps])
        return self.repaired(rows)

    def cross(self, parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Two-point crossover of pairs."""
        pairs = parents.reshape(-1, 2, parents.shape[1])
        cut = np.sort(rng.integers(1, parents.shape[1], (len(pairs), 2)), axis=1)
        at = np.arange(parents.shape[1])
        inside = (at >= cut[:, :1]) & (at < cut[:, 1:])
        first = np.where(inside, pairs[:, 1], pairs[:, 0])
        second = np.where(inside, pairs[:, 0], pairs[:, 1])
        return np.concatenate([first, second])

    def repaired(self, rows: np.ndarray) -> np.ndarray:
        changed = rows[:, self.degree] != self.x[self.degree]
        rows[:, self.years] = np.where(changed, self.by_code[rows[:, self.degree].astype(int)], self.x[self.years])
        return rows

    def objectives(
        self, rows: np.ndarray, predict: Predict, y: int
    ) -> tuple[np.ndarray, tuple[float, np.ndarray] | None]:
        """Three objectives of each row, and the closest row that is a valid flip."""
        scores = predict(rows)
        distance = (np.abs(rows[:, self.numbers] - self.x[self.numbers]) / self.unit).max(axis=1)
        swaps = (rows[:, self.swaps] != self.x[self.swaps]).sum(axis=1)
        broken = np.maximum(swaps - SWAPS, 0) + self.relations_broken(rows)
        good = (broken == 0) & (scores.argmax(axis=1) != y) & (distance <= DISTANCE)
        found = None
        if good.any():
            best = np.where(good, distance, np.inf).argmin()
            found = (float(distance[best]), rows[best])
        return np.column_stack([scores[:, y], distance + 0.1 * swaps, broken]), found

    def relations_broken(self, rows: np.ndarray) -> np.ndarray:
        after = self.task.coding.decode(rows)
        husband, wife = after["relationship"] == "Husband", after["relationship"] == "Wife"
        married = np.isin(after["marital_status"].astype(str), ["Married-civ-spouse", "Married-AF-spouse"])
        return (
            (after["capital_gain"] * after["capital_loss"] != 0).astype(float)
            + (after["age"] < after["education_num"] + 3)
            + (husband & (after["sex"] != "Male"))
            + (wife & (after["sex"] != "Female"))
            + ((husband | wife) & ~married)
        )


def fronts(values: np.ndarray) -> Iterator[np.ndarray]:
    """Indices of the non-dominated rows, then of those behind them, and so on."""
    no_worse = (values[:, None] <= values[None]).all(axis=2)
    dominates = no_worse & (values[:, None] < values[None]).any(axis=2)
    left, count = np.ones(len(values), dtype=bool), dominates.sum(axis=0)
    while left.any():
        front = np.flatnonzero(left & (count == 0))
        yield front
        left[front] = False
        count = count - dominates[front].sum(axis=0)


def crowding(values: np.ndarray) -> np.ndarray:
    room = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]] or 1.0
        room[order[[0, -1]]] = np.inf
        room[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return room


def survivors(values: np.ndarray) -> np.ndarray:
    kept: list[int] = []
    for front in fronts(values):
        missing = POPULATION - len(kept)
        if front.size > missing:
            front = front[np.argsort(-crowding(values[front]), kind="stable")[:missing]]
        kept += front.tolist()
        if len(kept) >= POPULATION:
            break
    return np.array(kept)


def tournament(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rank = np.zeros(len(values))
    for depth, front in enumerate(fronts(values)):
        rank[front] = depth
    pairs = rng.integers(0, len(values), (POPULATION, 2))
    return np.where(rank[pairs[:, 0]] <= rank[pairs[:, 1]], pairs[:, 0], pairs[:, 1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--only", choices=["R3", "R4"])
    arguments, _ = parser.parse_known_args()
    if arguments.only != "R4":
        label_only("bc", breast_cancer(), arguments.points)
        label_only("adult", adult(arguments.data), arguments.points)
    if arguments.only != "R3":
        constrained(arguments.data, arguments.points)


if __name__ == "__main__":
    main()
