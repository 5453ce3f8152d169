"""The closest flips of tree models: Veritas and LT-Attack (R2), scaling, compilation, and stopping early (R6).

python benchmarks/robustness_tables.py --data DIR [--veritas PYTHON] [--lt-attack PROGRAM] [--points 100]. PYTHON is an
interpreter with dtai-veritas 0.3.1 and the libraries of the models; PROGRAM is LT-Attack, commit 45bd0723b459. Without
them only our own figures are printed. Both sides take turns on the same points, in one thread each; CPU seconds of each
side's own process, medians of the repetitions.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")
if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import polars as pl

from benchmarks import tree_peers
from benchmarks.robustness_queries import ON_A_THRESHOLD, adult, boosted, breast_cancer
from holdfast.adapters.models.limits import Limits as ProcessLimits
from holdfast.adapters.models.opening import open_model, wrap_model
from holdfast.core.deployment import Deployment
from holdfast.core.subject import Model
from holdfast.kernels.robustness.constraints import Budget, NumericLimits, violations
from holdfast.kernels.robustness.limits import Rules, rules_of
from holdfast.kernels.robustness.sequential import flip_share, is_settled
from holdfast.kernels.robustness.tree_problem import TIE, Changed, TreeProblem, search_trees, tree_problem
from holdfast.kernels.robustness.trees import attack_trees
from holdfast.kernels.robustness.user_columns import encoded

REPEATS = 5
# Veritas takes half a second and more for a point of a forest.
FOREST_POINTS = 20
MAX_PARTS = 2000
CLOSE = 1.01
# The columns lie between 0 and 1; the threat may leave that range, as Veritas does.
FREE = NumericLimits(1.0, -1.0, 2.0, False)
ANY_DISTANCE = Budget(1.0, 0)
LEVEL, LIMIT, MARGIN = 0.95, 0.3, 0.05

Answers = Callable[[pl.DataFrame], np.ndarray]
Cells = Mapping[str, np.ndarray]


@dataclass
class Task:
    """Points to flip, as columns by name; the model as it was trained; its problem and what it took to write it."""

    points: dict[str, np.ndarray]
    y: np.ndarray
    answers: Answers
    problem: TreeProblem
    setup_s: float

    def attack(self) -> tuple[Changed, float]:
        """Search all points in one call; CPU seconds."""
        begin = time.process_time()
        found = search_trees(self.problem, self.points, self.y, max_parts=MAX_PARTS)
        return found, time.process_time() - begin

    def flipped(self, found: Changed) -> np.ndarray:
        """Ask the model itself about the changed rows."""
        return np.asarray(self.answers(pl.DataFrame(dict(found.cells))) != self.y)


def by_name(X: np.ndarray) -> dict[str, np.ndarray]:
    return {f"x{j}": np.ascontiguousarray(column) for j, column in enumerate(X.T)}


def numeric_task(held: Model, X: np.ndarray, y: np.ndarray, answers: Answers) -> Task:
    """Write a model of numbers between 0 and 1 as a problem without constraints."""
    points = by_name(X)
    begin = time.process_time()
    problem = tree_problem(
        held.trees(),
        lambda cells: held.features(pl.DataFrame(dict(cells))),
        points=points,
        labels=y,
        rules=Rules(dict.fromkeys(points, FREE), ANY_DISTANCE),
        rng=np.random.default_rng(0),
    )
    return Task(points, y, answers, problem, time.process_time() - begin)


def single(*arrays: np.ndarray) -> list[np.ndarray]:
    """Round to single precision, which Veritas and XGBoost read, so that all see the same numbers."""
    return [array.astype(np.float32).astype(np.float64) for array in arrays]


def right_points(model: Any, X: np.ndarray, y: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    right = np.flatnonzero(model.predict(X) == y)[:n]
    return X[right], y[right].astype(np.int64)


def models(X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Train every kind of model on the same table."""
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    lgbm = LGBMClassifier(n_estimators=100, num_leaves=63, max_depth=6, n_jobs=1, random_state=0, verbose=-1)
    return {
        "XGBoost": boosted(X, y),
        "LightGBM": lgbm.fit(X, y),
        "random forest, depth 6": RandomForestClassifier(100, max_depth=6, n_jobs=1, random_state=0).fit(X, y),
        "random forest, unlimited": RandomForestClassifier(100, n_jobs=1, random_state=0).fit(X, y),
        "sklearn boosting": GradientBoostingClassifier(n_estimators=100, max_depth=6, random_state=0).fit(X, y),
    }


def exported(model: Any, width: int) -> bytes:
    """Write a model of numbers as ONNX."""
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType as BoostedTensor
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    kind = type(model).__name__
    if kind == "XGBClassifier":
        found = convert_xgboost(model, initial_types=[("X", BoostedTensor([None, width]))], target_opset=15)
    elif kind == "LGBMClassifier":
        found = convert_lightgbm(model, initial_types=[("X", BoostedTensor([None, width]))], zipmap=False)
    else:
        options = {id(model): {"zipmap": False}}
        opset = {"": 17, "ai.onnx.ml": 3}
        types = [("X", FloatTensorType([None, width]))]
        found = convert_sklearn(model, initial_types=types, target_opset=opset, options=options)
    data: bytes = found.SerializeToString()
    return data


def race(name: str, split: tuple[np.ndarray, ...], options: argparse.Namespace) -> None:
    """Attack the same points with every kind of model, beside the peers that read it."""
    X_train, y_train, X_test, y_test = split
    X_train, X_test = single(X_train, X_test)
    for kind, model in models(X_train, y_train).items():
        is_forest = kind.startswith("random")
        n_points, repeats = (min(options.points, FOREST_POINTS), 1) if is_forest else (options.points, options.repeats)
        X, y = right_points(model, X_test, y_test, n_points)

        def answers(frame: pl.DataFrame, model: Any = model) -> np.ndarray:
            return np.asarray(model.predict(frame.to_numpy()))

        task = numeric_task(wrap_model(model), X, y, answers)
        if options.veritas:
            compete(f"{name} | {kind}", task, X, model, options.veritas, repeats)
        else:
            alone(f"{name} | {kind}", task, repeats)
        opened = open_model(exported(model, X.shape[1]), name="model.onnx", digest="", limits=ProcessLimits(threads=1))
        alone(f"{name} | {kind}, ONNX", numeric_task(opened, X, y, answers_of(opened)), repeats)
        opened.close()
        if kind == "XGBoost" and options.lt_attack:
            against_lt_attack(name, task, X, model, options.lt_attack)


def answers_of(model: Model) -> Answers:
    def answers(frame: pl.DataFrame) -> np.ndarray:
        given = model.predict(frame)
        return np.asarray(given.scores.argmax(axis=1) if given.scores is not None else given.labels)

    return answers


def alone(what: str, task: Task, repeats: int) -> None:
    found, _ = task.attack()
    print_ours(what, task, found, [task.attack()[1] for _ in range(repeats)])


def compete(what: str, task: Task, X: np.ndarray, model: Any, interpreter: str, repeats: int) -> None:
    """Take turns with Veritas, which is told a distance to start from that is no more than it needs."""
    found, _ = task.attack()
    start = float(np.ceil(10.5 * found.distance.max()) / 10)
    own: list[float] = []
    times: dict[bool, list[float]] = {False: [], True: []}
    brackets: dict[bool, tree_peers.Bracket] = {}
    with tree_peers.veritas(interpreter, model) as peer:
        differ = int(((peer.scores(X) > 0) != (task.y == 1)).sum())
        for _ in range(repeats):
            own.append(task.attack()[1])
            for exact in times:
                brackets[exact] = peer.search(X, task.y, start=start, exact=exact)
                times[exact].append(float(brackets[exact].seconds.sum()))
            own.append(task.attack()[1])
    print_ours(what, task, found, own)
    off = found.distance > ON_A_THRESHOLD
    for exact, bracket in brackets.items():
        ms = 1e3 * float(np.median(times[exact])) / len(task.y)
        gap = (bracket.upper - bracket.lower)[off] / bracket.upper[off]
        further = int((found.distance[off] > bracket.upper[off] + 1e-6).sum())
        below = int((found.distance[off] < bracket.lower[off] - 1e-6).sum())
        print(
            f"| {what} | Veritas, {'to 1e-5' if exact else '10 steps'} from {start:.1f} | {off.sum()} "
            f"| {bracket.upper[off].mean():.5f} | {bracket.lower[off].mean():.5f} | {(gap <= 2e-5).mean():.0%} "
            f"| {(gap <= CLOSE - 1).mean():.0%} | | {ms:.3f} | {ms / (1e3 * np.median(own) / len(task.y)):.1f}x |",
            flush=True,
        )
        if further or below or differ:
            print(f"      ours above its upper bound {further}, below its lower {below}; answers differ {differ}")


def print_ours(what: str, task: Task, found: Changed, seconds: list[float]) -> None:
    off = found.distance > ON_A_THRESHOLD
    distance, lower = found.distance[off], found.lower[off]
    exact = np.isclose(lower, distance, rtol=1e-9)
    ms = 1e3 * np.array(seconds) / len(task.y)
    print(
        f"| {what} | ours | {off.sum()} of {off.size} | {distance.mean():.5f} | {lower.mean():.5f} "
        f"| {exact.mean():.0%} "
        f"| {(lower * CLOSE >= distance).mean():.0%} | {task.flipped(found).sum()} of {off.size}, "
        f"{beyond_ties(task, found)} beyond ties | {np.median(ms):.3f} "
        f"({ms.min():.3f} to {ms.max():.3f}) | setup {task.setup_s:.2f} s |",
        flush=True,
    )


def against_lt_attack(name: str, task: Task, X: np.ndarray, model: Any, program: str) -> None:
    found, own_s = task.attack()
    distance, seconds = tree_peers.lt_attack(program, model.get_booster(), X, task.y)
    both = (found.distance > ON_A_THRESHOLD) & np.isfinite(distance)
    # It prints six decimals.
    closer = int((distance[both] < found.distance[both] - 1e-6).sum())
    print(
        f"| {name} | XGBoost | LT-Attack | {both.sum()} | {distance[both].mean():.5f} "
        f"(ours {found.distance[both].mean():.5f}) | | | | | {1e3 * seconds / len(task.y):.2f} "
        f"| {seconds / own_s:.0f}x | gave none for {np.isnan(distance).sum()}, closer than ours {closer} |",
        flush=True,
    )


def beyond_ties(task: Task, found: Changed) -> str:
    """Search again, further than a tie, what the model does not answer differently; say how far all flips are."""
    rejected = np.flatnonzero(~task.flipped(found))
    if not rejected.size:
        return "none needed"
    X = encoded(task.problem.columns, task.points)[rejected]
    again = attack_trees(
        task.problem.forest, X, task.y[rejected], reach=task.problem.reach, slack=TIE, max_parts=MAX_PARTS
    )
    distance = found.distance.copy()
    distance[rejected] = again.distance
    flipped = int((task.answers(pl.DataFrame(by_name(again.points))) != task.y[rejected]).sum())
    return f"{flipped} of {rejected.size} by a second search (mean {distance[distance > ON_A_THRESHOLD].mean():.5f})"


def in_user_columns(data: Path, options: argparse.Namespace) -> None:
    """Adult as it stands in its file, behind a pipeline, under the threat that the check has by default."""
    from lightgbm import LGBMClassifier
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from xgboost import XGBClassifier

    train, test = (pl.read_csv(data / f"adult_{name}.csv") for name in ("train", "test"))
    y_train, y_test = ((frame["income"] == ">50K").to_numpy().astype(np.int64) for frame in (train, test))
    train, test = train.drop("income"), test.drop("income")
    texts = [column.name for column in train.iter_columns() if column.dtype == pl.String]
    numbers = [name for name in train.columns if name not in texts]
    whole = frozenset(name for name in numbers if train.schema[name].is_integer())
    rules = rules_of(Deployment(), arrays(train), Budget(0.2, 1), whole=whole)
    kinds = {
        "XGBoost": XGBClassifier(n_estimators=100, max_depth=6, learning_rate=0.2, n_jobs=1, random_state=0),
        "LightGBM": LGBMClassifier(n_estimators=100, num_leaves=63, max_depth=6, n_jobs=1, random_state=0, verbose=-1),
        "random forest, depth 6": RandomForestClassifier(100, max_depth=6, n_jobs=1, random_state=0),
        "random forest, unlimited": RandomForestClassifier(100, n_jobs=1, random_state=0),
        "sklearn boosting": GradientBoostingClassifier(n_estimators=100, max_depth=6, random_state=0),
    }
    for kind, estimator in kinds.items():
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        scaler = make_pipeline(SimpleImputer(), StandardScaler())
        columns = ColumnTransformer([("texts", encoder, texts), ("numbers", scaler, numbers)])
        columns.set_output(transform="pandas")
        model = make_pipeline(columns, estimator).fit(train.to_pandas(), y_train)
        n = min(options.user_points, FOREST_POINTS) if kind.endswith("unlimited") else options.user_points
        print_user_row(kind, wrap_model(model), test, y_test, rules, n)


def print_user_row(kind: str, held: Model, test: pl.DataFrame, y_test: np.ndarray, rules: Any, n: int) -> None:
    asked = answers_of(held)
    right = np.flatnonzero(asked(test) == y_test)[:n]
    points = arrays(test[right])
    begin = time.process_time()
    problem = tree_problem(
        held.trees(),
        lambda cells: held.features(frame_of(cells, test.schema)),
        points=points,
        labels=y_test[right],
        rules=rules,
        rng=np.random.default_rng(0),
    )
    setup_s = time.process_time() - begin
    task = Task(points, y_test[right], asked, problem, setup_s)
    runs = [task.attack() for _ in range(1 if kind.endswith("unlimited") else 3)]
    found = runs[0][0]
    flipped = asked(frame_of(found.cells, test.schema)) != task.y
    broken = violations(points, found.cells, limits=rules.limits, budget=rules.budget)
    is_valid = ~np.any([*broken.values()], axis=0)
    claimed = np.isfinite(found.distance)
    settled = (found.lower == found.distance) | np.isposinf(found.lower)
    ms = 1e3 * np.median([seconds for _, seconds in runs]) / n
    print(
        f"| {kind} | {n} | {(claimed & flipped & is_valid).mean():.1%} | {settled.mean():.1%} "
        f"| {(flipped & is_valid)[claimed].sum()} of {claimed.sum()} | {ms:.2f} | {setup_s:.1f} |",
        flush=True,
    )


def arrays(frame: pl.DataFrame) -> dict[str, np.ndarray]:
    """Numbers as float64 with NaN for missing, all else as objects with None."""
    return {
        column.name: column.cast(pl.Float64).to_numpy()
        if column.dtype.is_numeric()
        else column.to_numpy().astype(object)
        for column in frame.iter_columns()
    }


def frame_of(cells: Cells, schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(
        [
            pl.Series(name, values, nan_to_null=True).cast(schema[name])
            if values.dtype.kind == "f"
            else pl.Series(name, values.tolist(), dtype=schema[name])
            for name, values in cells.items()
        ]
    )


def grown(n_points: int, n_features: int, n_trees: int, depth: int) -> tuple[Task, np.ndarray, Any]:
    """Train XGBoost on a made classification problem scaled to [0, 1], and take points it answers rightly."""
    from sklearn.datasets import make_classification
    from xgboost import XGBClassifier

    X, y = make_classification(
        n_samples=8000, n_features=n_features, n_informative=max(4, n_features // 5), n_redundant=0,
        flip_y=0.02, random_state=0,
    )  # fmt: skip
    low, high = X.min(axis=0), X.max(axis=0)
    (X,) = single((X - low) / (high - low))
    model = XGBClassifier(n_estimators=n_trees, max_depth=depth, learning_rate=0.2, n_jobs=1, random_state=0)
    model.fit(X[:4000], y[:4000])
    points, labels = right_points(model, X[4000:], y[4000:], n_points)
    return numeric_task(wrap_model(model), points, labels, lambda f: model.predict(f.to_numpy())), points, model


def scaling() -> None:
    """Change one of points, features, trees and depth at a time; fit the exponent of the CPU seconds."""
    usual = {"n_points": 50, "n_features": 30, "n_trees": 100, "depth": 6}
    sizes = {
        "n_points": (100, 500, 2000),
        "n_trees": (50, 100, 200, 400, 800),
        "n_features": (10, 40, 100, 400),
        "depth": (2, 4, 6, 8),
    }
    grown(**{**usual, "n_points": 1})[0].attack()
    for what, values in sizes.items():
        seconds = []
        for value in values:
            task, _, _ = grown(**{**usual, what: value})
            found, cpu = task.attack()
            seconds.append(cpu)
            exact = np.isclose(found.lower, found.distance, rtol=1e-9).mean()
            near = (found.lower * CLOSE >= found.distance).mean()
            print(f"      {what} {value}: {cpu:.3f} s, exact {exact:.0%}, within 1 % {near:.0%}", flush=True)
        print(f"| {what} | {np.polyfit(np.log(values), np.log(seconds), 1)[0]:.2f} |", flush=True)


def compilation(data: Path, options: argparse.Namespace) -> None:
    """Attack 1,000 points in new processes, without and with compiled code on disk; then the same by Veritas."""
    splits = {"bc": breast_cancer(), "adult": adult(data)}
    for name, split in splits.items():
        X_train, y_train, X_test, y_test = split
        X_train, X_test = single(X_train, X_test)
        model = boosted(X_train, y_train)
        rng = np.random.default_rng(0)
        if len(X_test) < 2000:
            # Too few rows for 1,000 points: rows drawn again, each number moved a little.
            chosen = rng.integers(len(X_test), size=2000)
            (X_test,) = single(np.clip(X_test[chosen] + rng.normal(0, 0.02, (2000, X_test.shape[1])), 0, 1))
            y_test = y_test[chosen]
        X, y = right_points(model, X_test, y_test, 1000)
        with tempfile.TemporaryDirectory() as folder:
            file, cache = Path(folder, "points.npz"), Path(folder, "cache")
            np.savez(file, X=X, y=y)
            model.save_model(Path(folder, "model.ubj"))
            cold, warm, again = (in_new_process(file, cache) for _ in range(3))
        line = f"| {name} | {cold:.2f} | {warm:.2f}, {again:.2f} "
        if options.veritas:
            start = 0.4 if name == "bc" else 0.2
            with tree_peers.veritas(options.veritas, model) as peer:
                both = [float(peer.search(X, y, start=start, exact=exact).seconds.sum()) for exact in (False, True)]
            line += f"| {both[0]:.2f}, {both[1]:.2f} "
        print(line + "|", flush=True)


def in_new_process(points: Path, cache: Path) -> float:
    command = [sys.executable, str(Path(__file__)), "--one", str(points)]
    done = subprocess.run(
        command, env={**os.environ, "NUMBA_CACHE_DIR": str(cache)}, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def one(points: Path) -> None:
    """What a new process does: attack, and print the CPU seconds of it with all that was loaded and compiled."""
    kept = np.load(points)
    held = open_model(
        points.with_name("model.ubj").read_bytes(), name="model.ubj", digest="", limits=ProcessLimits(threads=1)
    )
    begin = time.process_time()
    task = numeric_task(held, kept["X"], kept["y"], lambda frame: np.zeros(0))
    task.attack()
    print(time.process_time() - begin)
    held.close()


def stopping_early(replicates: int) -> None:
    """Simulate stopping: how many of the points it takes, and how often the reported interval holds the truth."""
    for n, looks in ((1000, 5), (1000, 10), (5000, 10)):
        for p in (LIMIT + 0.1, LIMIT + MARGIN, LIMIT, LIMIT - MARGIN):
            rng = np.random.default_rng(0)
            runs = np.array([one_run(rng, p, n, looks) for _ in range(replicates)])
            covered, used, early = runs.mean(axis=0)
            print(
                f"| {n} | {looks} | {p - LIMIT:+.2f} | {early:.1%} | {used:.0%} | {covered:.1%} |",
                flush=True,
            )


def one_run(rng: np.random.Generator, p: float, n: int, looks: int) -> tuple[bool, float, bool]:
    """Return whether the interval holds p, the share of the points that were attacked, whether it stopped early."""
    flipped = rng.random(n) < p
    for seen in np.linspace(0, n, looks + 1).astype(int)[1:-1]:
        if is_settled(flipped[:seen], limit=LIMIT, level=LEVEL, looks=looks):
            share = flip_share(flipped[:seen], level=LEVEL, looks=looks)
            return share.low <= p <= share.high, seen / n, True
    share = flip_share(flipped, level=LEVEL, looks=looks)
    return share.low <= p <= share.high, 1.0, False


PARTS = ("race", "user", "scaling", "compilation", "sequential")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--veritas", help="interpreter that has dtai-veritas")
    parser.add_argument("--lt-attack", help="the program")
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--user-points", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument("--only", choices=PARTS)
    options, _ = parser.parse_known_args()
    for part in (options.only,) if options.only else PARTS:
        print(f"-- {part}", flush=True)
        if part == "race":
            race("bc", breast_cancer(), options)
            race("adult", adult(options.data), options)
        elif part == "user":
            in_user_columns(options.data, options)
        elif part == "scaling":
            scaling()
        elif part == "compilation":
            compilation(options.data, options)
        else:
            stopping_early(options.replicates)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(Path(sys.argv[2]))
    else:
        main()
