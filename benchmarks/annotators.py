"""Labels of several annotators: how well they are settled, against cleanlab's CROWDLAB.

``python benchmarks/annotators.py [--seeds 10] [--peer PYTHON]``, where PYTHON is an interpreter that has cleanlab
2.9.0. 5,000 rows of 4 classes; five annotators who are right in 90, 80, 70, 60 and 50 % of cases label 60 % of the rows
each; a model's calibrated probabilities are given to both sides. Medians over seeds; CPU seconds, one thread each.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PEER = """
import sys, time, warnings
import numpy as np
warnings.filterwarnings("ignore")
from cleanlab.multiannotator import get_label_quality_multiannotator
held = np.load(sys.argv[1])
labels = np.where(held["labels"] >= 0, held["labels"].astype(float), np.nan)
start = time.process_time()
found = get_label_quality_multiannotator(labels, held["p"], verbose=False)
rows, people = found["label_quality"], found["annotator_stats"].sort_index()
np.savez(sys.argv[2], best=rows["consensus_label"], sure=rows["consensus_quality_score"],
         accuracy=people["annotator_quality"], seconds=time.process_time() - start)
"""
RIGHT, CLASSES, ROWS = (0.9, 0.8, 0.7, 0.6, 0.5), 4, 5_000
Answer = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], float]


def drawn(seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return true classes, labels and probabilities; rows without a label are left out."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(CLASSES, size=ROWS)
    other = (truth[:, None] + rng.integers(1, CLASSES, size=(ROWS, len(RIGHT)))) % CLASSES
    labels = np.where(rng.random(other.shape) < RIGHT, truth[:, None], other)
    labels = np.where(rng.random(labels.shape) < 0.6, labels, -1)
    p = np.exp(1.5 * (1.5 * np.eye(CLASSES)[truth] + rng.normal(size=(ROWS, CLASSES))))
    kept = (labels >= 0).any(axis=1)
    return truth[kept], labels[kept], (p / p.sum(axis=1, keepdims=True))[kept]


def ours(labels: NDArray[np.int64], p: NDArray[np.float64]) -> Answer:
    from holdfast.kernels.data.annotators import judge_annotators

    start = time.process_time()
    found = judge_annotators(labels, CLASSES, rng=np.random.default_rng(0), prior=p)
    accuracy = np.array([one.value for one in found.accuracy])
    return found.posterior.argmax(axis=1), found.posterior.max(axis=1), accuracy, time.process_time() - start


def theirs(peer: str, labels: NDArray[np.int64], p: NDArray[np.float64]) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "given.npz", Path(folder) / "answer.npz"
        np.savez(given, labels=labels, p=p)
        subprocess.run([peer, "-W", "ignore", "-c", PEER, str(given), str(answer)], check=True)
        held = np.load(answer)
        return held["best"].astype(np.int64), held["sure"], held["accuracy"], float(held["seconds"])


def scored(truth: NDArray[np.int64], answer: Answer) -> tuple[float, float, float, float]:
    """Return the share settled right, how well sureness ranks it, the mean error about annotators, and seconds."""
    best, sure, accuracy, seconds = answer
    right = best == truth
    rank = np.argsort(np.argsort(sure))
    auc = (rank[right].mean() - (right.sum() - 1) / 2) / max((~right).sum(), 1)
    return float(right.mean()), float(auc), float(np.abs(accuracy - RIGHT).mean()), seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--peer")
    arguments = parser.parse_args()
    lines: dict[str, list[tuple[float, float, float, float]]] = {"ours": [], "cleanlab": []}
    for seed in range(arguments.seeds):
        truth, labels, p = drawn(seed)
        lines["ours"].append(scored(truth, ours(labels, p)))
        if arguments.peer:
            lines["cleanlab"].append(scored(truth, theirs(arguments.peer, labels, p)))
    for side, runs in lines.items():
        if runs:
            right, auc, error, seconds = np.median(runs, axis=0)
            print(f"{side}: settled right {right:.3f}, sureness ranks {auc:.3f}, annotators off by {error:.3f}, "
                  f"{seconds:.2f} CPU s")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
