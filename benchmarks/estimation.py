"""Performance without outcomes: error, coverage, refutation and CPU time, beside NannyML's CBPE.

``python benchmarks/estimation.py [--seeds 20] [--peer PYTHON]``, where PYTHON is an interpreter with nannyml 0.13.1.

Ten inputs N(0, 1); log odds ``1.2 x0 - 0.8 x1 + 0.6 x0 x2 + 0.5 sin(2 x3) + 0.4 x4 - 0.3``; LightGBM (200 trees of 31
leaves, rate 0.05) on 50,000 rows, a reference of 100,000, ten periods of 50,000. *covariates*: in period k x0 has the
standard deviation 1 + 0.08 k and the mean 0.15 k, x1 the mean 0.075 k. *concept*: the coefficient of x4 goes from 0.4
to -0.8, and no input shifts. Labels: 500 of each period, drawn at random. Realised is the AUC on all 50,000.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from holdfast.kernels.estimation.calibration_map import calibrated, logits
from holdfast.kernels.estimation.confidence_based import Scored, fit_meaning, scored_cases
from holdfast.kernels.estimation.over_time import Period, Reference, estimate_over_time
from holdfast.kernels.estimation.prediction_powered import refutation
from holdfast.kernels.stats.multiplicity import holm

PERIODS, ROWS, LABELS = 10, 50_000, 500
Arrays = tuple[np.ndarray, np.ndarray]


def draw(seed: int, n: int, *, k: int = 0, kind: str = "covariates") -> Arrays:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 10))
    last = 0.4
    if kind == "covariates":
        X[:, 0] = X[:, 0] * (1 + 0.08 * k) + 0.15 * k
        X[:, 1] += 0.075 * k
    elif kind == "concept":
        last -= 1.2 * k / (PERIODS - 1)
    z = 1.2 * X[:, 0] - 0.8 * X[:, 1] + 0.6 * X[:, 0] * X[:, 2] + 0.5 * np.sin(2 * X[:, 3]) + last * X[:, 4] - 0.3
    return X, (rng.random(n) < expit(z)).astype(np.int64)


def scored(p: np.ndarray) -> Scored:
    return scored_cases(np.column_stack([1 - p, p]), (p >= 0.5).astype(np.int64))


def ours(past: Any, now: list[Any], *, weighted: bool, labels: list[Any] | None) -> dict[str, Any]:
    """Estimate AUC, range and interval of each period from scores and inputs as they come."""
    begin = time.process_time()
    X, y, p = past
    reference = Reference(scored(p), y, X if weighted else None)
    periods = []
    for at, (inputs, outcome, score) in enumerate(now):
        some = () if labels is None else (labels[at], outcome[labels[at]])
        periods.append(Period(scored(score), inputs if weighted else None, *some))
    found = estimate_over_time(reference, periods, rng=np.random.default_rng(0), metrics=("auc",))
    seconds = time.process_time() - begin
    figures = [period.figures[0] for period in found.periods]
    return {
        "seconds": seconds,
        "rows": [(one.estimate, one.low, one.high, one.standing == "worse") for one in figures],
        "restated": [(one.restated, one.restated_low, one.restated_high) for one in figures],
        "refuted": [one.is_refuted for one in figures],
    }


def asked(peer: subprocess.Popen[str], past: Any, now: list[Any], folder: Path) -> dict[str, Any]:
    path = folder / "scores.npz"
    current = np.concatenate([score for _, _, score in now])
    np.savez(path, score=past[2], outcome=past[1], current=current, chunk=np.array(ROWS))
    assert peer.stdin is not None
    assert peer.stdout is not None
    peer.stdin.write(f"{path}\n")
    peer.stdin.flush()
    answer: dict[str, Any] = json.loads(peer.stdout.readline())
    return answer


def refuted(past: Any, cases: Any, *, kind: str, seeds: int) -> tuple[float, np.ndarray]:
    """Share of seeds in which 500 labels of each period refute scores-only estimates, and by period."""
    meaning = fit_meaning(scored(past[2]), past[1]).maps[0]
    found = []
    for seed in range(seeds):
        p_values = []
        for k in range(PERIODS):
            _, outcome, score = cases(50_000 + k + 1000 * seed, LABELS, k=k, kind=kind)
            z = logits(score)
            p_values.append(refutation(meaning, z, calibrated(meaning, z), outcome).p_value)
        found.append(holm(p_values) <= 0.05)
    return float(np.any(found, axis=1).mean()), np.mean(found, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--peer")
    given = parser.parse_args()
    X, y = draw(7, ROWS)
    model = lgb.LGBMClassifier(
        n_estimators=200, num_leaves=31, learning_rate=0.05, random_state=0, n_jobs=1, verbose=-1
    )
    model.fit(X, y)

    def cases(*arguments: Any, **settings: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inputs, outcome = draw(*arguments, **settings)
        return inputs, outcome, model.booster_.predict(inputs, num_threads=1)

    past = cases(8, 2 * ROWS)
    peer = None
    if given.peer:
        script = str(Path(__file__).parent / "estimation_peers.py")
        peer = subprocess.Popen([given.peer, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for kind in ("none", "covariates", "concept"):
        share, by_period = refuted(past, cases, kind=kind, seeds=10 * given.seeds)
        print(
            f"shift of {kind}: {LABELS} labels a period refute scores only in {share:.3f} of {10 * given.seeds} seeds"
        )
        print(f"  by period {by_period.round(2)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("covariates", "concept"):
            results: dict[str, list[dict[str, Any]]] = {}
            realised = []
            for seed in range(given.seeds):
                now = [cases(100 + k + 1000 * seed, ROWS, k=k, kind=kind) for k in range(PERIODS)]
                realised.append([roc_auc_score(outcome, score) for _, outcome, score in now])
                rng = np.random.default_rng(seed)
                labels = [np.sort(rng.choice(ROWS, LABELS, replace=False)) for _ in now]
                for weighted in (False, True):
                    name = "weighted to the inputs" if weighted else "scores only"
                    for key, some in ((name, None), (f"{name}, {LABELS} labels", labels)):
                        results.setdefault(key, []).append(ours(past, now, weighted=weighted, labels=some))
                if peer is not None:
                    results.setdefault("NannyML CBPE", []).append(asked(peer, past, now, Path(folder)))
            report(kind, results, np.array(realised), roc_auc_score(past[1], past[2]))
    if peer is not None and peer.stdin is not None:
        peer.stdin.close()
        peer.wait()


def report(kind: str, results: dict[str, list[dict[str, Any]]], realised: np.ndarray, before: float) -> None:
    print(f"{kind}: {len(realised)} seeds; 'no change' misses by {np.abs(before - realised).mean():.4f}")
    for name, found in results.items():
        value, low, high, alert = np.moveaxis(np.array([one["rows"] for one in found]), 2, 0)
        covered = ((low <= realised) & (realised <= high)).mean()
        line = f"  {name:36} CPU s {np.median([one['seconds'] for one in found]):.3f}  "
        line += f"MAE {np.abs(value - realised).mean():.4f}  coverage {covered:.3f}  "
        line += (
            f"half width {((high - low) / 2).mean():.4f}  outside the range {alert.sum(axis=1).mean():.1f} of {PERIODS}"
        )
        if "labels" in name:
            again, bottom, top = np.moveaxis(np.array([one["restated"] for one in found]), 2, 0)
            refuted = np.array([one["refuted"] for one in found])
            by_period = refuted.mean(axis=0).round(2)
            line += f"\n{'':38} refuted {refuted.any(axis=1).mean():.0%} of seeds, by period {by_period}"
            line += f"\n{'':38} restated: MAE {np.abs(again - realised).mean():.4f}, "
            line += f"coverage {((bottom <= realised) & (realised <= top)).mean():.3f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
