"""Attacks on trees by others: Veritas in an interpreter of its own, LT-Attack as a program.

``python tree_peers.py MODEL`` is what the other interpreter runs: it needs dtai-veritas, and the library of the model.
It reads requests from stdin, one JSON object a line, and answers each with one.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__)
STEPS, EXACT_STEPS, EXACT = 10, 40, 1e-5
LIMIT_S = 10.0


@dataclass(frozen=True)
class Bracket:
    """Bounds of the distance of each point, and CPU seconds for each."""

    lower: np.ndarray
    upper: np.ndarray
    seconds: np.ndarray


class Veritas:
    """A process that holds one model as Veritas reads it."""

    def __init__(self, interpreter: str, model: Path) -> None:
        command = [interpreter, str(HERE), str(model)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def search(self, X: np.ndarray, y: np.ndarray, *, start: float, exact: bool) -> Bracket:
        """Bisect the distance of every point, from ``start`` down: in 10 steps, or until 1e-5 of it is left open."""
        answer = self._ask({"X": X.tolist(), "y": y.tolist(), "start": start, "exact": exact})
        return Bracket(*(np.array(answer[name]) for name in ("lower", "upper", "seconds")))

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the score of every row as Veritas adds it up."""
        return np.array(self._ask({"X": X.tolist()})["scores"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def veritas(interpreter: str, model: Any) -> Iterator[Veritas]:
    """Start the process for a model."""
    import joblib

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.joblib")
        joblib.dump(model, path)
        peer = Veritas(interpreter, path)
        try:
            yield peer
        finally:
            peer.close()


def _serve(model: Path) -> None:
    import joblib
    import veritas as library

    trees = library.get_addtree(joblib.load(model), silent=True)
    for line in sys.stdin:
        request = json.loads(line)
        X = np.array(request["X"], dtype=np.float32)
        if "y" in request:
            found = [_bisect(trees, x, label, request) for x, label in zip(X, request["y"], strict=True)]
            answer = dict(zip(("lower", "upper", "seconds"), zip(*found, strict=True), strict=True))
        else:
            answer = {"scores": trees.eval(X)[:, 0].tolist()}
        print(json.dumps(answer), flush=True)


def _bisect(trees: Any, x: np.ndarray, label: int, request: dict[str, Any]) -> tuple[float, float, float]:
    from veritas.robustness import VeritasRobustnessSearch

    begin = time.process_time()
    source, target = (trees, None) if label else (None, trees)
    options: dict[str, Any] = {"num_steps": EXACT_STEPS if request["exact"] else STEPS}
    if request["exact"]:
        options["stop_condition"] = lambda low, high: high - low <= EXACT * high
    search = VeritasRobustnessSearch(x, request["start"], source, target, silent=True, max_time=LIMIT_S, **options)
    try:
        _, lower, upper = search.search()
    except ValueError:
        # The box has shrunk to a point that lies on a split.
        lower = upper = 0.0
    return float(lower), float(upper), time.process_time() - begin


def lt_attack(program: str, booster: Any, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Run LT-Attack on a booster with 20 starts in one thread; distances (NaN where it gives none) and CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        model, points = Path(folder, "model.json"), Path(folder, "points.txt")
        booster.dump_model(str(model), dump_format="json")
        rows = (f"{label} " + " ".join(f"{j}:{v:.10f}" for j, v in enumerate(x)) for x, label in zip(X, y, strict=True))
        points.write_text("\n".join(rows) + "\n")
        # The cost of loading is that of a run on no point at all.
        _, loading = _run_lt(program, Path(folder), model, points, X.shape[1], 0)
        output, seconds = _run_lt(program, Path(folder), model, points, X.shape[1], len(y))
    distance = np.full(len(y), np.nan)
    for part in output.split("Running testing example at line ")[1:]:
        norm = re.search(r"All Best Norms: Norm\(-1\)=([0-9.e-]+)", part)
        if norm:
            distance[int(part.split(maxsplit=1)[0]) - 1] = float(norm[1])
    return distance, seconds - loading


def _run_lt(program: str, folder: Path, model: Path, points: Path, width: int, n: int) -> tuple[str, float]:
    settings = {
        "num_threads": 1, "enable_early_return": True, "inputs": str(points), "model": str(model), "num_classes": 2,
        "num_features": width, "feature_start": 0, "num_point": n, "num_attack_per_point": 20, "norm_type": -1,
        "search_mode": "lt-attack",
    }  # fmt: skip
    config = folder / "config.json"
    config.write_text(json.dumps(settings))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([program, str(config)], capture_output=True, text=True, check=False, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
