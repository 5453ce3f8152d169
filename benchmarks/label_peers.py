"""cleanlab on given probabilities, in an interpreter of its own: ``python label_peers.py``. It needs cleanlab 2.9.0.

Reads a path on each line of stdin: an .npz with ``given`` (n,) and either ``probabilities`` (n, k) or ``inputs``
(n, d), of which CleanLearning makes its own. Writes one mask for each way to filter beside it, and answers with the
CPU seconds of each.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

FILTERS = (
    "prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given",
    "low_normalized_margin", "low_self_confidence",
)  # fmt: skip


def filtered(given: np.ndarray, probabilities: np.ndarray, filter_by: str) -> np.ndarray:
    from cleanlab.filter import find_label_issues

    return np.asarray(find_label_issues(given, probabilities, filter_by=filter_by, n_jobs=1))


def learned(given: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    from cleanlab.classification import CleanLearning
    from sklearn.linear_model import LogisticRegression

    learner = LogisticRegression(max_iter=200 if inputs.max() <= 1 else 5000)  # as they are, it takes thousands
    found = CleanLearning(learner, seed=0).find_label_issues(inputs, given)
    return np.asarray(found["is_label_issue"])


def main() -> None:
    warnings.filterwarnings("ignore")
    for line in sys.stdin:
        path = Path(line.strip())
        with np.load(path) as bank:
            held = {name: bank[name] for name in bank.files}
        masks, seconds = {}, {}
        ways = FILTERS if "probabilities" in held else ("CleanLearning",)
        for way in ways:
            begin = time.process_time()
            masks[way] = (
                learned(held["given"], held["inputs"])
                if way == "CleanLearning"
                else filtered(held["given"], held["probabilities"], way)
            )
            seconds[way] = time.process_time() - begin
        np.savez(path.with_suffix(".masks.npz"), **masks)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
