"""Wrong labels: how well and how fast they are found, against cleanlab.

``python benchmarks/data_trust.py [--seeds 10] [--peer PYTHON]``, where PYTHON is an interpreter that has cleanlab 2.9.0
and scikit-learn. 50,000 rows of 10 classes: Gaussian clouds in 20 dimensions with exact posteriors, and labels that are
moved uniformly, from class to class, or uniformly with probabilities that are too sure or not sure enough; then the
digits of scikit-learn with 5 % of their labels moved: once both sides train the same logistic regression on inputs
between 0 and 1, and once each does as it does by itself: ``holdfast labels`` against CleanLearning with a logistic
regression that is let converge on the inputs as they are. Medians over seeds; the peer's best filter on each variant
is its line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROWS, CLASSES, WIDTH, RATE = 50_000, 10, 20, 0.0496
VARIANTS = {"uniform": 1.0, "class to class": 1.0, "uniform, too sure": 3.0, "uniform, not sure enough": 0.4}
BY_ITSELF = "digits, each by itself"
Arrays = dict[str, NDArray[np.generic]]


def clouds(variant: str, seed: int) -> tuple[Arrays, NDArray[np.bool_]]:
    """Return given labels and probabilities, and which labels are wrong."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(CLASSES, WIDTH))
    means *= 3.3 / np.linalg.norm(means, axis=1, keepdims=True)
    truth = rng.integers(0, CLASSES, ROWS)
    x = means[truth] + rng.normal(size=(ROWS, WIDTH))
    logs = VARIANTS[variant] * (x @ means.T - 0.5 * (means**2).sum(axis=1))
    p = np.exp(logs - logs.max(axis=1, keepdims=True))
    if variant == "class to class":
        transition = np.eye(CLASSES)
        for k in range(CLASSES):
            share, others = rng.uniform(0, 0.12), rng.permutation(np.delete(np.arange(CLASSES), k))[:2]
            transition[k, k] -= share
            transition[k, others] += share * rng.dirichlet([1, 1])
        given = (transition[truth].cumsum(axis=1) < rng.random((ROWS, 1))).sum(axis=1)
    else:
        moved = rng.random(ROWS) < RATE
        given = np.where(moved, (truth + rng.integers(1, CLASSES, ROWS)) % CLASSES, truth)
    return {"given": given, "probabilities": p / p.sum(axis=1, keepdims=True)}, given != truth


def digits(seed: int, *, scaled: bool = True) -> tuple[Arrays, NDArray[np.bool_]]:
    """Return inputs and given labels, and which labels are wrong."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    moved = rng.random(y.size) < 0.05
    given = np.where(moved, (y + rng.integers(1, 10, y.size)) % 10, y)
    return {"given": given, "inputs": X / 16 if scaled else X}, given != y


def ours(held: Arrays) -> NDArray[np.bool_]:
    """Return the suspects."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_predict

    from holdfast.kernels.data.label_noise import label_noise, suspect_cutoff

    p = held.get("probabilities")
    if p is None:  # rows are dealt out to parts at random, as data.labels does: digits stand in the order of writers
        parts = KFold(5, shuffle=True, random_state=0)
        learner = LogisticRegression(max_iter=200)
        p = cross_val_predict(learner, held["inputs"], held["given"], cv=parts, method="predict_proba")
    found = label_noise(p, held["given"], rng=np.random.default_rng(0))
    return np.asarray(found.wrong >= suspect_cutoff(found.wrong))


def by_itself(held: Arrays) -> NDArray[np.bool_]:
    """Return the suspects of ``holdfast labels`` on the table."""
    import polars as pl

    from holdfast.auditing.labelling import judge_labels

    inputs = pl.DataFrame(held["inputs"], schema=[f"pixel_{at}" for at in range(held["inputs"].shape[1])])
    judged = judge_labels(inputs.with_columns(digit=pl.Series(held["given"])), "digit").rows.sort("row")
    return judged["suspect"].to_numpy()


def scores(suspect: NDArray[np.bool_], is_wrong: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return precision, recall and F1."""
    hits = int((suspect & is_wrong).sum())
    precision, recall = hits / max(int(suspect.sum()), 1), hits / max(int(is_wrong.sum()), 1)
    return precision, recall, 2 * hits / max(int(suspect.sum()) + int(is_wrong.sum()), 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--peer")
    parser.add_argument("--data", help="not needed")
    given = parser.parse_args()
    script = str(Path(__file__).parent / "label_peers.py")
    peer = None
    if given.peer:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        peer = subprocess.Popen([given.peer, script], **pipes)
    print("| labels | who | precision | recall | F1 | CPU s |\n|---|---|---|---|---|---|")
    by_itself(digits(99)[0])  # imports and compiled code
    for name in [*VARIANTS, "digits", BY_ITSELF]:
        table: dict[str, list[tuple[float, ...]]] = {}
        for seed in range(given.seeds):
            held, is_wrong = clouds(name, seed) if name in VARIANTS else digits(seed, scaled=name != BY_ITSELF)
            begin = time.process_time()
            suspect = by_itself(held) if name == BY_ITSELF else ours(held)
            spent = time.process_time() - begin
            table.setdefault("holdfast", []).append((*scores(suspect, is_wrong), spent))
            for way, mask, seconds in _asked(peer, held):
                table.setdefault(f"cleanlab, {way}", []).append((*scores(mask, is_wrong), seconds))
        medians = {who: np.median(rows, axis=0) for who, rows in table.items()}
        others = [who for who in medians if who != "holdfast"]
        best = max(others, key=lambda who: float(medians[who][2]), default=None)
        for who in ["holdfast", *([best] if best else [])]:
            precision, recall, f1, seconds = medians[who]
            print(f"| {name} | {who} | {precision:.3f} | {recall:.3f} | {f1:.3f} | {seconds:.2f} |", flush=True)
        if best:
            ahead = sum(a[2] >= b[2] for a, b in zip(table["holdfast"], table[best], strict=True))
            print(f"| | ahead on {ahead} of {given.seeds} seeds | | | | |", flush=True)
    if peer is not None and peer.stdin is not None:
        peer.stdin.close()
        peer.wait()


def _asked(peer: subprocess.Popen[str] | None, held: Arrays) -> list[tuple[str, NDArray[np.bool_], float]]:
    if peer is None or peer.stdin is None or peer.stdout is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bank.npz"
        np.savez(path, **held)
        peer.stdin.write(f"{path}\n")
        peer.stdin.flush()
        seconds = json.loads(peer.stdout.readline())
        with np.load(path.with_suffix(".masks.npz")) as masks:
            return [(way, masks[way].astype(bool), spent) for way, spent in seconds.items()]


if __name__ == "__main__":
    main()
