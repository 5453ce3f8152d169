"""Copies of models from their answers on Adult (P3), against KnockoffNets of ART at equal queries.

python benchmarks/extraction.py --data DIR [--seeds 3]. The peer needs adversarial-robustness-toolbox 1.20.1; without
it, only our own figures are printed. Categories are ordinal codes, as the peer needs numbers. Everything in one
process and one thread; CPU seconds. Agreement is measured on test rows that nobody asked.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl
from robustness_queries import codes

from holdfast.kernels.privacy.extraction_linear import recover_linear
from holdfast.kernels.privacy.input_space import space_of

QUERIES = 1000
TARGETS = {"MLP(32)": 0.977, "tree, depth 8": 0.977, "tree, depth 12": "none", "LightGBM-200": 0.937}


def adult(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs and labels of the training table, inputs of the test table."""
    train, test = (pl.read_csv(data / f"adult_{name}.csv") for name in ("train", "test"))
    levels = {c.name: sorted(c.drop_nulls().unique().to_list()) for c in train.iter_columns() if c.dtype == pl.String}
    X, X_test = (codes(frame.drop("income"), levels) for frame in (train, test))
    return X, (train["income"] == ">50K").to_numpy().astype(int), X_test


def victims(X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    from lightgbm import LGBMClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    return {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(X, y),
        "MLP(32)": make_pipeline(StandardScaler(), MLPClassifier((32,), random_state=0, max_iter=30)).fit(X, y),
        "tree, depth 8": DecisionTreeClassifier(max_depth=8, random_state=0).fit(X, y),
        "tree, depth 12": DecisionTreeClassifier(max_depth=12, random_state=0).fit(X, y),
        "LightGBM-200": LGBMClassifier(n_estimators=200, num_leaves=31, random_state=0, n_jobs=1, verbose=-1).fit(X, y),
    }


def solved(model: Any, X_test: np.ndarray, *, decimals: int | None, queries: int, seed: int) -> tuple[int, float]:
    """Questions and agreement of a copy by equations."""
    space = space_of({str(j): X_test[:, j] for j in range(X_test.shape[1])}, whole=frozenset(map(str, range(14))))

    def ask(X: np.ndarray) -> np.ndarray:
        p = model.predict_proba(X)
        return p if decimals is None else p.round(decimals)

    copy = recover_linear(ask, space, queries=queries, rng=np.random.default_rng(seed))
    return copy.queries, float((copy.scores(X_test).argmax(axis=1) == model.predict(X_test)).mean())


def checked(
    model: Any, X_test: np.ndarray, seed: int, returns: str = "probabilities"
) -> tuple[float, float, float, str, pl.DataFrame]:
    """Fidelity, agreement of the most frequent answer, CPU seconds, best attack and all attacks of the check."""
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from holdfast.core.deployment import Deployment
    from tests.harness import run_check

    names = [str(j) for j in range(X_test.shape[1])]
    # Codes are whole numbers; an attacker keeps to them.
    frame = pl.DataFrame({name: X_test[:, j].astype(np.int64) for j, name in enumerate(names)})
    frame = frame.with_columns(y=pl.Series(model.predict(X_test)))
    begin = time.process_time()
    outcome = run_check(
        "privacy.extraction",
        model=lambda rows: model.predict_proba(rows.select(names).to_numpy().astype(float)),
        test=frame,
        target="y",
        seed=seed,
        deployment=Deployment(returns=returns),
    )
    found = {item.id: item.value for item in outcome.measurements}
    note = next(text for text in outcome.assumptions if text.startswith("The best copy"))
    return (
        found["fidelity"],
        found["majority_agreement"],
        time.process_time() - begin,
        note.split(": ")[1],
        outcome.tables["attacks"],
    )


def curve(attacks: pl.DataFrame) -> str:
    """Agreement by number of questions: trees where they disagree, and the best that was trained on answers."""
    is_ours = pl.col("attack").str.starts_with("disagreeing")
    best = attacks.group_by("queries", is_ours.alias("ours")).agg(pl.col("agreement").max()).sort("queries")
    lines = [
        f"{label}: " + ", ".join(f"{row['agreement']:.4f} at {row['queries']}" for row in part.iter_rows(named=True))
        for label, part in (("disagreeing", best.filter("ours")), ("trained", best.filter(~pl.col("ours"))))
    ]
    return "; ".join(lines)


def knockoff(model: Any, X_test: np.ndarray, seed: int) -> dict[str, tuple[float, float]]:
    """Agreement and CPU seconds of KnockoffNets with three thieves, fitted on probabilities turned to labels."""
    from art.attacks.extraction import KnockoffNets
    from art.estimators.classification import BlackBoxClassifierNeuralNetwork
    from art.estimators.classification.scikitlearn import ScikitlearnClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.tree import DecisionTreeClassifier

    class Thief(ScikitlearnClassifier):
        """Fit as scikit-learn does: the peer hands on a batch size that no estimator takes."""

        def fit(self, x: np.ndarray, y: np.ndarray, **_: Any) -> None:
            super().fit(x, y)

    np.random.seed(seed)  # noqa: NPY002  the peer draws from the global state
    rows = np.random.default_rng(seed).permutation(len(X_test))
    pool, unseen = X_test[rows[: rows.size // 2]], X_test[rows[rows.size // 2 :]]
    centre, unit = pool.mean(axis=0), pool.std(axis=0)

    def victim(Z: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict_proba(Z * unit + centre))

    scaled, judged = (pool - centre) / unit, (unseen - centre) / unit
    wrapped = BlackBoxClassifierNeuralNetwork(victim, input_shape=scaled.shape[1:], nb_classes=2)
    found = {}
    for name, thief in {
        "MLP": MLPClassifier((64,), max_iter=300, random_state=0),
        "boosting": HistGradientBoostingClassifier(random_state=0),
        "tree": DecisionTreeClassifier(random_state=0),
    }.items():
        thief.fit(judged[:2], [0, 1])
        begin = time.process_time()
        attack = KnockoffNets(wrapped, batch_size_fit=QUERIES, batch_size_query=QUERIES, nb_stolen=QUERIES, nb_epochs=1,
                              use_probability=False, verbose=False)  # fmt: skip
        stolen = attack.extract(scaled, thieved_classifier=Thief(thief))
        same = stolen.predict(judged).argmax(axis=1) == model.predict(unseen)
        found[name] = float(same.mean()), time.process_time() - begin
    return found


def with_peer(race: Callable[[], dict[str, tuple[float, float]]]) -> str:
    try:
        found = race()
    except ImportError as error:
        return f"not measured ({error.name} is not installed)"
    return ", ".join(f"{name} {share:.4f} ({cpu:.1f} s)" for name, (share, cpu) in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y, X_test = adult(arguments.data)
    models = victims(X, y)
    logistic = models.pop("logistic")
    for seed in range(arguments.seeds):
        for decimals, queries in ((None, 100), (2, 50)):
            asked, share = solved(logistic, X_test, decimals=decimals, queries=queries, seed=seed)
            print(f"logistic, seed {seed}, decimals {decimals}: {asked} queries, agreement {share:.4f}", flush=True)
    for name, model in models.items():
        for seed in range(arguments.seeds):
            fidelity, majority, cpu, attack, attacks = checked(model, X_test, seed)
            *_, by_labels = checked(model, X_test, seed, "label")
            print(
                f"{name}, seed {seed}: fidelity {fidelity:.4f} at {QUERIES} queries (target {TARGETS[name]}), "
                f"by {attack} trivial {majority:.4f}, {cpu:.1f} CPU s\n"
                f"  by probabilities: {curve(attacks)}\n  by labels: {curve(by_labels)}",
                flush=True,
            )
        print(f"{name}, KnockoffNets: {with_peer(lambda: knockoff(model, X_test, 0))}", flush=True)  # noqa: B023


if __name__ == "__main__":
    main()
