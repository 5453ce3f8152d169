"""From raw tables to a decision: register the data, record the training, audit, and draw the whole way as one picture.

``python examples/trace_a_model.py FOLDER`` takes ``adult_train.csv`` and ``adult_test.csv`` (column ``income``) from a
folder; without one it makes two tables of tumours. Everything is written to ``traced/`` in the working folder.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import polars as pl
from sklearn.datasets import load_breast_cancer

import holdfast as hf
from holdfast.core.provenance import DataStatement
from holdfast.records.data_sets import register
from holdfast.records.known import gather
from holdfast.records.lineage import trace
from holdfast.records.training import record_run
from holdfast.reports.lineage_text import render_html, render_text

TRAINING = """
import sys

import joblib
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

table = pd.read_csv(sys.argv[1])
outcome = table.pop(sys.argv[2])
codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
texts = make_column_selector(dtype_exclude="number")
encode = make_column_transformer((codes, texts), remainder="passthrough")
boosting = HistGradientBoostingClassifier(max_iter=60, random_state=0)
joblib.dump(make_pipeline(encode, boosting).fit(table, outcome), sys.argv[3])
"""

source = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
place = Path("traced")
shutil.rmtree(place, ignore_errors=True)
place.mkdir()
os.chdir(place)
Path("train.py").write_text(TRAINING)
if source is not None:
    names, target = ["adult_train.csv", "adult_test.csv"], "income"
    for name in names:
        shutil.copy(source / name, name)
    said = DataStatement(
        origin="https://archive.ics.uci.edu/dataset/2/adult",
        licence="CC-BY-4.0",
        collection="extracted from the 1994 census of the United States",
        lawful_basis="not personal",
    )
else:
    names, target = ["train.csv", "test.csv"], "malignant"
    data = load_breast_cancer()
    table = pl.DataFrame(data.data, schema=[name.replace(" ", "_") for name in data.feature_names])
    table = table.with_columns(pl.Series(target, data.target)).sample(fraction=1, shuffle=True, seed=0)
    table.head(300).write_csv(names[0])
    table.tail(269).write_csv(names[1])
    said = DataStatement(origin="scikit-learn, breast cancer of Wisconsin", licence="CC-BY-4.0")

for name in names:
    register(Path(name), said)
run = record_run(
    [sys.executable, "train.py", names[0], target, "model.joblib"],
    inputs=[Path(names[0])],
    outputs=[Path("model.joblib")],
    seeds=[0],
)
checks = ["performance.predictive", "supply_chain.artefact_scan", "supply_chain.provenance"]
checks += ["supply_chain.reproducibility"]
result = hf.audit(
    "model.joblib", train=names[0], test=names[1], target=target, check=checks, allow_code=True, out="audit"
)
found = trace("model.joblib", gather())
Path("lineage.html").write_text(render_html(found), encoding="utf-8")
print(render_text(found))
again = result["supply_chain.reproducibility"]
print(f"trained again: {'the same' if again['same_digest'].value else 'other'} bytes")
print(f"the picture: {place / 'lineage.html'}, exit code of the training {run.exit_code}")
