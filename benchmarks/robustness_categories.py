"""Categories and numbers of a table moved together on a network, against every category tried in turn, and questions.

python benchmarks/robustness_categories.py --data DIR [--points 150] [--categories 1,2]. Adult with its categories as
one-hot columns, an MLP of 64 and 32 units (scikit-learn); numbers move by at most .2 interquartile ranges, and so many
groups change. One thread, CPU seconds. Needs torch. *Every change* follows the slopes from each row that differs in one
group, or in two; *questions* is the search that only asks for scores, 500 times at most for each row.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import combinations, product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl
import torch
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from holdfast.core.network import RawNetwork, Step
from holdfast.kernels.robustness.asking import ask_model
from holdfast.kernels.robustness.constraints import Budget, NumericLimits
from holdfast.kernels.robustness.limits import Rules, is_allowed
from holdfast.kernels.robustness.network_problem import NetworkProblem
from holdfast.kernels.torch_robustness.network_search import network_problem

torch.set_num_threads(1)
DISTANCE, QUERIES = 0.2, 500


def one_hot_adult(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str], list[tuple[str, ...]]]:
    """Return inputs and outcomes for training, inputs to be changed, names of the columns and the one-hot groups."""
    train, test = (pl.read_csv(folder / f"adult_{part}.csv") for part in ("train", "test"))
    inputs = train.drop("income")
    categories = [name for name in inputs.columns if inputs[name].dtype == pl.String]
    levels = {name: sorted(set(train[name].drop_nulls())) for name in categories}
    groups = [tuple(f"{name}={level}" for level in levels[name]) for name in categories]
    numbers = [name for name in inputs.columns if name not in categories]

    def encode(table: pl.DataFrame) -> np.ndarray:
        hot = [(table[name] == level).fill_null(value=False) for name in categories for level in levels[name]]
        return np.column_stack([table.select(numbers).to_numpy(), *(column.to_numpy() for column in hot)]).astype("f8")

    train, test = train.sample(8000, seed=0), test.sample(1500, seed=0)
    outcome = train["income"].str.contains(">").to_numpy().astype("i8")
    return encode(train), outcome, encode(test), [*numbers, *(name for group in groups for name in group)], groups


def network_of(X: np.ndarray, y: np.ndarray) -> RawNetwork:
    """Train an MLP and write it down, with the scaling of its inputs, as logits of two classes."""
    scaler = StandardScaler().fit(X)
    fitted = MLPClassifier((64, 32), max_iter=30, random_state=0).fit(scaler.transform(X), y)
    constants = {"mean": scaler.mean_.astype("f4"), "scale": scaler.scale_.astype("f4")}
    steps = [
        Step(op="Sub", inputs=("input", "mean"), output="centred"),
        Step(op="Div", inputs=("centred", "scale"), output="h0"),
    ]
    for at, (weights, bias) in enumerate(zip(fitted.coefs_, fitted.intercepts_, strict=True)):
        constants |= {f"w{at}": weights.astype("f4"), f"b{at}": bias.astype("f4")}
        steps.append(Step(op="Gemm", inputs=(f"h{at}", f"w{at}", f"b{at}"), output=f"z{at}"))
        steps.append(Step(op="Relu", inputs=(f"z{at}",), output=f"h{at + 1}"))
    last = steps[-2].output
    return RawNetwork(
        steps=tuple(steps[:-1]), constants=constants, input_shape=(X.shape[1],), output=last, link="sigmoid"
    )


def limits_of(X: np.ndarray, names: list[str], groups: list[tuple[str, ...]]) -> dict[str, NumericLimits]:
    hot = {name for group in groups for name in group}
    limits = {}
    for at, name in enumerate(names):
        low, high = np.quantile(X[:, at], [0.25, 0.75])
        scale = high - low or X[:, at].std()
        if name not in hot:
            limits[name] = NumericLimits(float(scale), float(X[:, at].min()), float(X[:, at].max()), is_whole=True)
    return limits


def every_change(
    problem: NetworkProblem, X: np.ndarray, y: np.ndarray, places: list[list[int]], most: int
) -> np.ndarray:
    """Follow the slopes from every row that differs in at most so many groups."""
    is_flipped = np.zeros(len(y), dtype=bool)
    for k in range(most + 1):
        for chosen in combinations(places, k):
            for levels in product(*chosen):
                changed = X.copy()
                for group, level in zip(chosen, levels, strict=True):
                    changed[:, group] = 0.0
                    changed[:, level] = 1.0
                left = np.flatnonzero(~is_flipped)
                found = problem.attack(problem.box(changed[left]), y[left], left)
                is_flipped[left[found.success]] = True
    return is_flipped


def _print(most: int, name: str, flips: np.ndarray, seconds: float, ours: np.ndarray) -> None:
    alone = (flips & ~ours).sum()
    print(f"| {most} | {name} | {len(flips)} | {flips.mean():.3f} | {seconds:.1f} | {alone} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--points", type=int, default=150)
    parser.add_argument("--categories", default="1")
    options, _ = parser.parse_known_args()
    train, outcome, X, names, groups = one_hot_adult(options.data)
    network, limits = network_of(train, outcome), limits_of(train, names, groups)
    X = X[(X.sum(axis=1) > 0)][: options.points]
    place = {name: at for at, name in enumerate(names)}
    whole = [all(X[row, [place[name] for name in group]].sum() == 1 for group in groups) for row in range(len(X))]
    X = X[np.array(whole)]
    from holdfast.kernels.torch_networks.logits import as_logits

    logits = as_logits(network, dtype=torch.float64)

    def score(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            one = logits(torch.as_tensor(rows)).numpy().reshape(-1)
        return np.column_stack([1 / (1 + np.exp(one)), 1 / (1 + np.exp(-one))])

    y = score(X).argmax(axis=1)
    cells, donors = ({name: table[:, at] for name, at in place.items()} for table in (X, train[:500]))
    for most in map(int, options.categories.split(",")):
        rules = Rules(limits, Budget(DISTANCE, most), (), tuple(groups))
        problem = network_problem(network, cells, y, rules, seed=0)
        begin = time.process_time()
        found = problem.search(cells, y, np.arange(len(y)))
        ours, took = np.isfinite(found.distance), time.process_time() - begin
        after = np.column_stack([found.cells[name] for name in names])
        assert (score(after).argmax(axis=1) != y)[ours].all()
        assert is_allowed(cells, found.cells, rules).all()
        _print(most, "slopes and categories", ours, took, ours)
        begin = time.process_time()
        asked = ask_model(
            cells, y, donors, score(train[:500]).argmax(axis=1),
            answer=lambda rows, _: score(np.column_stack([rows[name] for name in names])),
            rules=rules, queries=QUERIES, seed=0, ids=np.arange(len(y)), should_stop=lambda: False,
        )  # fmt: skip
        by_asking, took = np.isfinite(asked.distance), time.process_time() - begin
        _print(most, "questions", by_asking, took, ours)
        if most == 1:
            begin = time.process_time()
            all_of = every_change(problem, X, y, [[place[name] for name in group] for group in groups], most)
            took = time.process_time() - begin
            _print(most, "every change", all_of, took, ours)


if __name__ == "__main__":
    main()
