"""Membership inference on Adult (P1): our attacks against published formulas on the same banks of shadow models.

python benchmarks/privacy.py --data DIR [--seeds 5] [--records 20000] [--kinds A,B] [--banks FOLDER] [--peer PYTHON]

Adult's train and test rows together, categories as integer codes; for each seed a permutation, half of the records in
the target. Banks are kept in FOLDER, so that a second run only scores. PYTHON is an interpreter with sacroml 2.0.1;
without it the formulas of its modes are not compared with its own scores. One thread; CPU seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl
from membership_formulas import published

from holdfast.kernels.privacy.attack_choice import chosen_on_shadows
from holdfast.kernels.privacy.membership_curve import shares_named
from holdfast.kernels.privacy.shadow_attacks import attack_model
from holdfast.kernels.privacy.shadow_design import balanced_design

SHADOWS = 64
SIZES = (4, 16, 64)
RATE = 0.001

Bank = tuple[np.ndarray, np.ndarray]


def learners() -> dict[str, Callable[[int], Any]]:
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "random forest": lambda seed: RandomForestClassifier(100, random_state=seed),
        "LightGBM": lambda seed: LGBMClassifier(
            n_estimators=200, num_leaves=31, random_state=seed, n_jobs=1, verbose=-1
        ),
        "MLP": lambda seed: make_pipeline(StandardScaler(), MLPClassifier((64,), max_iter=60, random_state=seed)),
    }


def adult(data: Path) -> tuple[np.ndarray, np.ndarray]:
    frame = pl.concat([pl.read_csv(data / f"adult_{name}.csv") for name in ("train", "test")])
    parts = [
        column.to_numpy()
        if column.dtype.is_numeric()
        else column.fill_null("?").cast(pl.Categorical).to_physical().to_numpy()
        for column in frame.drop("income").iter_columns()
    ]
    return np.column_stack(parts).astype(float), (frame["income"] == ">50K").to_numpy().astype(int)


def bank(kind: str, seed: int, X: np.ndarray, y: np.ndarray, records: int, folder: Path) -> Bank:
    """Confidence in the truth of the target (column 0) and the shadow models, and who trained which."""
    path = folder / f"{kind.replace(' ', '_')}_{seed}_{records}.npz"
    if path.exists():
        with np.load(path) as kept:
            return kept["confidence"], kept["is_in"]
    rows = np.random.default_rng(seed).permutation(len(y))[:records]
    X, y = X[rows], y[rows]
    shadows = balanced_design(records, SHADOWS, rng=np.random.default_rng(1000 + seed))
    is_in = np.column_stack([np.arange(records) < records // 2, shadows])
    confidence = np.empty(is_in.shape)
    for column in range(is_in.shape[1]):
        model = learners()[kind](column).fit(X[is_in[:, column]], y[is_in[:, column]])
        confidence[:, column] = model.predict_proba(X)[np.arange(records), y]
    np.savez(path, confidence=confidence, is_in=is_in)
    return confidence, is_in


class Sacro:
    """SACRO-ML in an interpreter of its own; our formulas for its modes are compared with what it computes itself."""

    MODES: ClassVar = {
        "online-carlini": "LiRA online",
        "offline": "LiRA offline",
        "offline-carlini": "LiRA offline, density",
    }

    def __init__(self, interpreter: str, folder: Path) -> None:
        script = Path(__file__).with_name("membership_peers.py")
        self._folder, self.seconds = folder, float("nan")
        self._process = subprocess.Popen(
            [interpreter, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def differs(self, bank: tuple[np.ndarray, np.ndarray, np.ndarray], theirs: dict[str, np.ndarray]) -> str:
        path = self._folder / "bank.npz"
        np.savez(path, target=bank[0], shadows=bank[1], is_in=bank[2])
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        self.seconds = float(self._process.stdout.readline())
        with np.load(path.with_suffix(".scores.npz")) as found:
            apart = [
                np.max(np.abs(found[mode] - theirs[name]) / (1.0 + np.abs(found[mode])))
                for mode, name in self.MODES.items()
            ]
        return f"; largest relative difference from its scores {max(apart):.1e}"


def disjoint(size: int, most: int) -> Iterator[slice]:
    """Banks of one size that share no shadow model, at most four."""
    for start in range(1, min(most // size, 4) * size + 1, size):
        yield slice(start, start + size)


def race(kind: str, size: int, banks: list[Bank], sacro: Sacro | None) -> None:
    """Attack the target of each seed with up to four banks of one size that share no model."""
    named, seconds, chosen, agrees = defaultdict(list), defaultdict(list), Counter[str](), ""
    for confidence, is_in in banks:
        for columns in disjoint(size, is_in.shape[1] - 1):
            bank = confidence[:, 0], confidence[:, columns], is_in[:, columns]
            begin = time.process_time()
            scores = attack_model(*bank)
            seconds["ours"].append(time.process_time() - begin)
            formulas = published(*bank)
            if sacro is not None and not agrees:  # minutes for each bank: the first only
                agrees = sacro.differs(bank, formulas)
                seconds["SACRO-ML, one of its formulas"].append(sacro.seconds)
            strongest = chosen_on_shadows(*bank[1:], rates=(RATE,)).strongest
            chosen[strongest] += 1
            found = {f"ours: {name}": each for name, each in scores.items()} | formulas
            for name, each in (found | {"ours, as chosen on shadow models": scores[strongest]}).items():
                ordered = np.nan_to_num(each, nan=-1e300, posinf=1e300, neginf=-1e300)
                named[name].append(shares_named(ordered, is_in[:, 0], rates=(RATE,))[0])
    means = {name: float(np.mean(each)) for name, each in named.items()}
    spent = ", ".join(f"{name} {np.median(each):.2f}" for name, each in seconds.items())
    ours, theirs = (
        max(names, key=means.__getitem__)
        for names in ([n for n in means if n.startswith("ours: ")], [n for n in means if not n.startswith("ours")])
    )
    behind = np.array(named[ours]) - np.array(named[theirs])
    print(f"\n{kind}, {size} shadow models, {len(behind)} banks of {len(banks)} seeds; scoring, CPU s: {spent}{agrees}")
    print(f"  {ours} less {theirs}: {behind.mean():+.4f}; chosen: {dict(chosen)}")
    for name, each in sorted(named.items(), key=lambda item: -np.mean(item[1])):
        print(f"  {np.mean(each):.4f} (sd {np.std(each):.4f})  {name}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--kinds", default=",".join(learners()))
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--banks", type=Path)
    parser.add_argument("--peer", default="")
    given, _ = parser.parse_known_args()
    warnings.filterwarnings("ignore")
    X, y = adult(given.data)
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.banks or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        sacro = Sacro(given.peer, Path(scratch)) if given.peer else None
        for kind in given.kinds.split(","):
            banks = [bank(kind, seed, X, y, given.records, folder) for seed in range(given.seeds)]
            for size in SIZES:
                race(kind, size, banks, sacro)


if __name__ == "__main__":
    main()
