"""A folder with a model, two tables and a configuration, and the command line in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import holdfast

COMMAND = (sys.executable, "-m", "holdfast")
CONFIG = """
model: model.onnx
train: train.csv
test: test.csv
target: approved
effort: quick
policy: policy.yaml
deployment: {sensitive: [sex], immutable: [sex, age]}
"""
POLICY = """
name: small
rules:
  - {measurement: performance.predictive.accuracy, min: 0.6}
  - {measurement: data.duplicates.train_test_overlap, max: 0.1}
  - {measurement: fairness.group_gaps.demographic_parity.*, max: 0.5, required: false}
"""


@dataclass(frozen=True)
class Workplace:
    """A folder with a model, tables and a configuration, and the command line in it."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment of every command: our source, no keys, nothing of the user's home."""
        ours = {
            "PYTHONPATH": str(Path(holdfast.__file__).parents[1]),
            "HOME": str(self.folder / "home"),
            "HOLDFAST_KEYS": str(self.folder / "keys"),
            "COLUMNS": "200",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
        return {**kept, **ours}

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run ``holdfast`` with arguments and wait."""
        command = [*COMMAND, *map(str, arguments)]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=300)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start ``holdfast`` in a process group of its own, as a terminal does."""
        command = [*COMMAND, *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=self.env, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def read(self, name: str) -> Any:
        """Read a JSON file."""
        return json.loads((self.folder / name).read_bytes())


@dataclass(frozen=True)
class FinishedAudit:
    """A workplace with a finished audit, and what the command printed."""

    place: Workplace
    folder: Path
    output: subprocess.CompletedProcess[str]


def table(rows: int, rng: np.random.Generator) -> pl.DataFrame:
    age = rng.integers(18, 80, rows)
    hours = rng.normal(40, 8, rows).round(1)
    debt = rng.exponential(1, rows).round(3)
    signal = 0.04 * (hours - 40) - 1.5 * (debt - 0.8) + 0.01 * (age - 45)
    return pl.DataFrame(
        {
            "age": age.astype(np.float64),
            "hours": hours,
            "debt": debt,
            "sex": rng.integers(0, 2, rows).astype(np.float64),
            "approved": np.where(signal + 0.5 * rng.logistic(size=rows) > 0, "yes", "no"),
        }
    )
