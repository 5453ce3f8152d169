"""LiRA as SACRO-ML computes it, in an interpreter of its own: ``python membership_peers.py``.

It needs sacroml 2.0.1. Reads a path on each line of stdin: an .npz with ``target`` (n,), ``shadows`` (n, m) and
``is_in`` (n, m); writes scores of all modes beside it and answers with the CPU seconds of one mode.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np


def scores(target: np.ndarray, shadows: np.ndarray, is_in: np.ndarray, mode: str) -> np.ndarray:
    from sacroml.attacks import utils
    from sacroml.attacks.likelihood_attack import LIRAAttack

    attack = LIRAAttack(n_shadow_models=shadows.shape[1], mode=mode)
    attack.result = {}
    signals = [[utils.logit(p) for p in row] for row in shadows]
    out_conf = {i: [s for s, known in zip(row, is_in[i], strict=True) if not known] for i, row in enumerate(signals)}
    in_conf = {i: [s for s, known in zip(row, is_in[i], strict=True) if known] for i, row in enumerate(signals)}
    predictions = np.column_stack([target, 1 - target])
    found, _ = attack._compute_scores(np.zeros(target.size, dtype=int), predictions, out_conf, in_conf)
    return np.array(found)[:, 1]


def main() -> None:
    for line in sys.stdin:
        path = Path(line.strip())
        with np.load(path) as bank:
            given = {name: bank[name] for name in ("target", "shadows", "is_in")}
        begin = time.process_time()
        found = {mode: scores(**given, mode=mode) for mode in ("online-carlini", "offline", "offline-carlini")}
        spent = time.process_time() - begin
        np.savez(path.with_suffix(".scores.npz"), **found)
        print(spent / len(found), flush=True)


if __name__ == "__main__":
    main()
