"""The default audit of a gradient-boosting pipeline exported to ONNX, on the Adult data: time, memory, second run, x10.

Usage: python benchmarks/audit_adult.py --data DIR [--rows-x10]
DIR holds adult_train.csv and adult_test.csv. Needs skl2onnx and pandas beside holdfast.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import measure
import numpy as np
import pandas as pd

CONTINUOUS = ("age", "fnlwgt", "capital_gain", "capital_loss", "hours_per_week")


def export_model(train: pd.DataFrame, path: Path) -> None:
    """Fit a one-hot and gradient-boosting pipeline (150 trees of depth 4) and write it as ONNX."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    X, y = train.drop(columns="income"), train["income"]
    texts = [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]
    numbers = [name for name in X if name not in texts]
    encode = ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), texts), ("n", "passthrough", numbers)])
    forest = GradientBoostingClassifier(n_estimators=150, max_depth=4, random_state=0)
    pipeline = Pipeline([("encode", encode), ("model", forest)]).fit(X, y)
    types = [(n, StringTensorType([None, 1]) if n in texts else FloatTensorType([None, 1])) for n in X]
    onnx = convert_sklearn(pipeline, initial_types=types, target_opset={"": 17, "ai.onnx.ml": 3})
    path.write_bytes(onnx.SerializeToString())


def times_ten(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw ten times the rows afresh, with the continuous columns perturbed by up to 2 % of their spread."""
    drawn = table.sample(10 * len(table), replace=True, random_state=int(rng.integers(2**31)))
    for name in CONTINUOUS:
        noise = rng.normal(0, 0.02 * table[name].std(), len(drawn))
        drawn[name] = np.maximum(0, np.round(drawn[name] + noise)).astype(int)
    return drawn


def audit(folder: Path, train: Path, test: Path, out: str, *, jobs: int = 0) -> measure.Measured:
    command = [sys.executable, "-m", "holdfast.interfaces.cli.main", "audit", "--model", str(folder / "model.onnx")]
    command += ["--train", str(train), "--test", str(test), "--target", "income", "--out", str(folder / out)]
    result = measure.run([*command, "--jobs", str(jobs), "--cache", str(folder / f"cache-{out}")], cwd=folder)
    if result.exit_code not in (0, 1, 3):
        raise SystemExit(result.output)
    return result


def report(what: str, result: measure.Measured, folder: Path) -> None:
    print(f"{what:<34} wall {result.wall_s:6.1f} s  cpu {result.cpu_s:6.1f} s  peak {result.peak_mb:6.0f} MB")
    run = json.loads((folder / "run.json").read_text())
    for attempt in sorted(run["attempts"], key=lambda attempt: -attempt["seconds"]):
        if not attempt["reused"]:
            print(f"    {attempt['check']:<28} {attempt['seconds']:6.2f} s  {attempt['outcome']}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows-x10", action="store_true")
    arguments = parser.parse_args()
    sources = [pd.read_csv(arguments.data / f"adult_{name}.csv", keep_default_na=False) for name in ("train", "test")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_model(sources[0], folder / "model.onnx")
        paths = [arguments.data.resolve() / f"adult_{name}.csv" for name in ("train", "test")]
        first = audit(folder, *paths, "audit")
        report("first run", first, folder / "audit")
        report("second run", audit(folder, *paths, "audit"), folder / "audit")
        report("first run, one job", audit(folder, *paths, "single", jobs=1), folder / "single")
        if arguments.rows_x10:
            rng = np.random.default_rng(0)
            for table, stem in zip(sources, ("train10", "test10"), strict=True):
                times_ten(table, rng).to_csv(folder / f"{stem}.csv", index=False)
            tenfold = audit(folder, folder / "train10.csv", folder / "test10.csv", "tenfold")
            report("ten times the rows", tenfold, folder / "tenfold")
            print(f"ratio of wall times: {tenfold.wall_s / first.wall_s:.1f}")


if __name__ == "__main__":
    main()
