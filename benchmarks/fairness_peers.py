"""Fairlearn, AIF360 and calibration libraries on given arrays, in an interpreter of their own.

``python fairness_peers.py BANK.npz`` needs fairlearn, aif360, mapie, uncertainty-calibration, venn-abers and netcal.
Reads ``y``, ``answer``, ``score``, ``sex`` and ``race`` (and ``known_*`` rows for what is fitted), prints one JSON line
with values and CPU seconds.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd

REPLICATES = 2


def timed(call):
    begin = time.process_time()
    found = call()
    return found, time.process_time() - begin


def fairlearn_frame(y, answer, people, n_boot):
    from fairlearn.metrics import (
        MetricFrame,
        false_negative_rate,
        false_positive_rate,
        selection_rate,
        true_negative_rate,
        true_positive_rate,
    )
    from sklearn.metrics import accuracy_score, precision_score

    metrics = {
        "selection_rate": selection_rate, "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate, "true_negative_rate": true_negative_rate,
        "false_negative_rate": false_negative_rate, "precision": precision_score, "accuracy": accuracy_score,
    }  # fmt: skip
    options = {"n_boot": n_boot, "ci_quantiles": [0.025, 0.975], "random_state": 0} if n_boot else {}
    return MetricFrame(metrics=metrics, y_true=y, y_pred=answer, sensitive_features=people, **options)


def fairlearn_auc(y, score, people, n_boot):
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import roc_auc_score

    options = {"n_boot": n_boot, "ci_quantiles": [0.025, 0.975], "random_state": 0} if n_boot else {}
    return MetricFrame(metrics=roc_auc_score, y_true=y, y_pred=score, sensitive_features=people, **options)


def aif360_values(y, answer, sex):
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import ClassificationMetric

    def table(labels):
        frame = pd.DataFrame({"sex": sex.astype(float), "label": labels.astype(float)})
        return BinaryLabelDataset(df=frame, label_names=["label"], protected_attribute_names=["sex"])

    given = ClassificationMetric(
        table(y), table(answer), unprivileged_groups=[{"sex": 0.0}], privileged_groups=[{"sex": 1.0}]
    )
    return {
        "statistical_parity": given.statistical_parity_difference(),
        "disparate_impact": given.disparate_impact(),
        "average_odds": given.average_odds_difference(),
        "equal_opportunity": given.equal_opportunity_difference(),
        "predictive_parity": given.positive_predictive_value(privileged=False)
        - given.positive_predictive_value(privileged=True),
        "theil": given.theil_index(),
        "entropy": given.generalized_entropy_index(),
        "between": given.between_group_generalized_entropy_index(),
    }


def calibration_values(bank):
    import calibration
    from netcal.metrics import ECE
    from netcal.scaling import TemperatureScaling
    from venn_abers import VennAbers

    p, y = bank["score"], bank["y"].astype(int)
    two = np.column_stack([1 - bank["known_score"], bank["known_score"]])
    found, seconds = {}, {}
    found["ece_debiased_l2"], seconds["ece_debiased_l2"] = timed(
        lambda: float(calibration.lower_bound_scaling_ce(p, y, p=2, debias=True, num_bins=15, mode="marginal"))
    )
    found["ece_netcal"], seconds["ece_netcal"] = timed(lambda: float(ECE(15).measure(p, y)))
    new = np.column_stack([1 - p, p])[:2000]

    def venn_abers():
        fitted = VennAbers()
        fitted.fit(two, bank["known_y"].astype(int))
        return fitted.predict_proba(new)[0]

    merged, seconds["venn_abers"] = timed(venn_abers)
    found["venn_abers"] = merged[:, 1].tolist()

    def temperature():
        fitted = TemperatureScaling()
        fitted.fit(bank["known_score"], bank["known_y"].astype(int))
        return np.asarray(fitted.transform(p[:2000])).ravel()

    scaled, seconds["temperature"] = timed(temperature)
    found["temperature"] = scaled.tolist()
    return found, seconds


def mapie_width(bank):
    from mapie.regression import SplitConformalRegressor
    from sklearn.base import BaseEstimator, RegressorMixin

    class Given(BaseEstimator, RegressorMixin):
        """Predicts the first input."""

        def fit(self, X, y):
            self.is_fitted_ = True
            return self

        def predict(self, X):
            return np.asarray(X)[:, 0]

    fitted = SplitConformalRegressor(Given().fit(None, None), confidence_level=0.9, prefit=True)
    fitted.conformalize(bank["reg_known"][:, None], bank["reg_known_y"])
    _, ends = fitted.predict_interval(bank["reg_new"][:, None])
    return float(ends[0, 1, 0] - ends[0, 0, 0])


def main() -> None:
    warnings.filterwarnings("ignore")
    with np.load(sys.argv[1]) as held:
        bank = {name: held[name] for name in held.files}
    y, answer, score = bank["y"].astype(int), bank["answer"].astype(int), bank["score"]
    people = pd.DataFrame({"sex": bank["sex"], "race": bank["race"]})
    seconds, values = {}, {}
    frame, seconds["counts"] = timed(lambda: fairlearn_frame(y, answer, people, 0))
    values["by_group"] = {name: frame.by_group[name].tolist() for name in frame.by_group.columns}
    values["difference"] = {name: float(value) for name, value in frame.difference().items()}
    values["ratio"] = {name: float(value) for name, value in frame.ratio().items()}
    _, with_boot = timed(lambda: fairlearn_frame(y, answer, people, REPLICATES))
    seconds["counts_per_replicate"] = (with_boot - seconds["counts"]) / REPLICATES
    area, seconds["auc"] = timed(lambda: fairlearn_auc(y, score, people, 0))
    values["auc"] = area.by_group.tolist()
    _, with_boot = timed(lambda: fairlearn_auc(y, score, people, REPLICATES))
    seconds["auc_per_replicate"] = (with_boot - seconds["auc"]) / REPLICATES
    values["aif360"], seconds["aif360"] = timed(lambda: aif360_values(y, answer, bank["sex"]))
    values["calibration"], more = calibration_values(bank)
    values["mapie"], seconds["mapie"] = timed(lambda: mapie_width(bank))
    print(json.dumps({"values": values, "seconds": {**seconds, **more}}))


if __name__ == "__main__":
    main()
