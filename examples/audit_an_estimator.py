"""Audit a fitted scikit-learn estimator in eight lines, and read one number with its interval."""

from __future__ import annotations

import polars as pl
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import holdfast as hf

data = load_breast_cancer()
table = pl.DataFrame(data.data, schema=[name.replace(" ", "_") for name in data.feature_names])
table = table.with_columns(pl.Series("diagnosis", data.target)).sample(fraction=1, shuffle=True, seed=0)
train, test = table.head(300), table.tail(269)
model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(train.drop("diagnosis").to_numpy(), train["diagnosis"].to_numpy())

result = hf.audit(model, train=train, test=test, target="diagnosis", skip=["cost.latency"])
ece = result["performance.calibration"]["ece"]
print(f"{result.decision.outcome}: {result.decision.summary}")
print(f"calibration error {ece.value:.3f}, 95 % interval {ece.low:.3f} to {ece.high:.3f}")
