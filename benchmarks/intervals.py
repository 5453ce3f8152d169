"""Bootstrap intervals of group metrics: Fairlearn's MetricFrame against the multinomial bootstrap of the counts.

The same quantities on the same 100,000 rows and 2 sensitive columns: selection rate, true-positive rate, false-positive
rate, precision and accuracy, overall and in each of the 10 cells, with 100 replicates. Needs fairlearn.
"""

from __future__ import annotations

import time
import warnings

import numpy as np

from holdfast.kernels.stats.bootstrap import multinomial_bootstrap

ROWS, REPLICATES, QUANTILES = 100_000, 100, (0.025, 0.975)


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return truth, prediction and two sensitive columns with 2 and 5 levels."""
    sex, region = rng.integers(0, 2, ROWS), rng.integers(0, 5, ROWS)
    truth = (rng.random(ROWS) < 0.25 + 0.1 * sex).astype(int)
    predicted = np.where(rng.random(ROWS) < 0.85 - 0.02 * region, truth, 1 - truth)
    return truth, predicted, sex, region


def ours(truth: np.ndarray, predicted: np.ndarray, sex: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return quantiles, shape (2, 5 metrics, 10 cells and overall)."""
    counts = np.zeros((2, 5, 2, 2), dtype=np.int64)
    np.add.at(counts, (sex, region, truth, predicted), 1)
    tables = multinomial_bootstrap(counts, n_resamples=REPLICATES, rng=np.random.default_rng(0)).reshape(
        REPLICATES, 10, 2, 2
    )
    tables = np.concatenate([tables, tables.sum(axis=1, keepdims=True)], axis=1)
    tn, fp, fn, tp = (tables[..., t, p] for t in (0, 1) for p in (0, 1))
    total = tn + fp + fn + tp
    metrics = np.stack([(tp + fp) / total, tp / (tp + fn), fp / (fp + tn), tp / (tp + fp), (tp + tn) / total], axis=1)
    return np.quantile(metrics, QUANTILES, axis=0)


def fairlearns(truth: np.ndarray, predicted: np.ndarray, sex: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The same from MetricFrame, in the same order."""
    from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score, precision_score

    metrics = {
        "selection": selection_rate, "tpr": true_positive_rate, "fpr": false_positive_rate,
        "precision": precision_score, "accuracy": accuracy_score,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = MetricFrame(
            metrics=metrics, y_true=truth, y_pred=predicted, n_boot=REPLICATES, ci_quantiles=list(QUANTILES),
            sensitive_features={"sex": sex, "region": region}, random_state=0,
        )  # fmt: skip
    cells = np.stack([table.to_numpy().T for table in frame.by_group_ci])
    overall = np.stack([row.to_numpy() for row in frame.overall_ci])[..., None]
    return np.concatenate([cells, overall], axis=2)


def main() -> None:
    data = draw(np.random.default_rng(0))
    times = []
    for _ in range(7):
        begin = time.process_time()
        own = ours(*data)
        times.append(time.process_time() - begin)
    begin = time.process_time()
    peer = fairlearns(*data)
    peer_s = time.process_time() - begin
    own_s = float(np.median(times))
    width = np.median(peer[1] - peer[0])
    print(f"fairlearn {peer_s:8.2f} CPU s   ours {own_s:8.4f} CPU s   ratio {peer_s / own_s:,.0f}")
    print(f"largest difference of an end: {np.abs(own - peer).max():.4f} (median width of an interval: {width:.4f})")


if __name__ == "__main__":
    main()
