"""One model, two tables and one finished audit that most tests only look at."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.e2e.workplace import CONFIG, POLICY, FinishedAudit, Workplace, table


@pytest.fixture(scope="session")
def prototype(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the input files; copied, never changed."""
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folder = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(7)
    train, test = table(500, rng), table(400, rng)
    inputs = ["age", "hours", "debt", "sex"]
    X = train.select(inputs).to_numpy()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, train["approved"].to_numpy().astype(str))
    onnx = to_onnx(
        pipeline, X[:1].astype(np.float32), target_opset={"": 17, "ai.onnx.ml": 3}, options={"zipmap": False}
    )
    (folder / "model.onnx").write_bytes(onnx.SerializeToString())
    train.write_csv(folder / "train.csv")
    test.write_csv(folder / "test.csv")
    scores = pipeline.predict_proba(test.select(inputs).to_numpy())[:, 1]
    test.with_columns(p=pl.Series(scores)).write_csv(folder / "predictions.csv")
    (folder / "holdfast.yaml").write_text(CONFIG)
    (folder / "policy.yaml").write_text(POLICY)
    return folder


@pytest.fixture
def place(prototype: Path, tmp_path: Path) -> Workplace:
    """A fresh copy of the inputs."""
    return Workplace(Path(shutil.copytree(prototype, tmp_path / "work")))


@pytest.fixture(scope="session")
def finished(prototype: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedAudit:
    """The audit that most tests look at, made once with two processes."""
    place = Workplace(Path(shutil.copytree(prototype, tmp_path_factory.mktemp("audit") / "work")))
    output = place.run("audit", "--config", "holdfast.yaml", "--out", "audit", "--jobs", "2")
    return FinishedAudit(place, place.folder / "audit", output)
