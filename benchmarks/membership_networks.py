"""Membership inference on networks: our attacks against published formulas on the same banks of shadow networks.

python benchmarks/membership_networks.py --data DIR [--nets mlp cnn] [--records 10000] [--banks FOLDER]

``mnist10k.npz`` in DIR; the networks and recipes of ``shadow_networks.py``, 18 of them trained side by side in 9 pairs,
each on half of the records. Every network is attacked in turn by 8 and by 16 of those outside its pair. One thread.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from membership_formulas import published
from shadow_networks import EPOCHS, network

from holdfast.kernels.privacy.attack_choice import chosen_on_shadows
from holdfast.kernels.privacy.membership_curve import shares_named
from holdfast.kernels.privacy.shadow_attacks import attack_model
from holdfast.kernels.privacy.shadow_design import balanced_design
from holdfast.kernels.stats.delong import auc_delong
from holdfast.kernels.torch_networks.forward import as_function
from holdfast.kernels.torch_privacy.shadow_training import Recipe, train_side_by_side

SHADOWS, SIZES, RATES, BATCH = 18, (8, 16), (0.001, 0.01), 50


def bank(kind: str, X: np.ndarray, y: np.ndarray, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each network in the truth, and which rows it was trained on, both (n, 18)."""
    path = folder / f"{kind}_{len(y)}.npz"
    if path.exists():
        with np.load(path) as kept:
            return kept["confidence"], kept["is_in"]
    is_in = balanced_design(len(y), SHADOWS, rng=np.random.default_rng(0))
    rows = X if kind == "mlp" else X.reshape(-1, 1, 28, 28)
    recipe = Recipe(epochs=EPOCHS[kind], learning_rate=0.05, batch_size=BATCH, momentum=0.9)
    trained = list(train_side_by_side(network(kind), rows, y, is_in, seeds=range(SHADOWS), recipe=recipe))
    with torch.no_grad():
        scores = [as_function(each)(torch.as_tensor(rows)).double().softmax(1).numpy() for each in trained]
    confidence = np.stack([each[np.arange(len(y)), y] for each in scores], axis=1)
    right = np.stack([each.argmax(1) == y for each in scores], axis=1)
    print(f"{kind}: accuracy in {right[is_in].mean():.4f}, out {right[~is_in].mean():.4f}", flush=True)
    np.savez(path, confidence=confidence, is_in=is_in)
    return confidence, is_in


def race(kind: str, size: int, confidence: np.ndarray, is_in: np.ndarray) -> None:
    """Attack every network with banks of one size."""
    found, chosen = defaultdict(list), Counter[str]()
    for target in range(SHADOWS):
        outside = [column for column in range(SHADOWS) if column // 2 != target // 2][:size]
        given = confidence[:, target], confidence[:, outside], is_in[:, outside]
        ours = attack_model(*given)
        scores = {f"ours: {name}": each for name, each in ours.items()} | published(*given)
        if target % 6 == 0:  # seconds for each: a few
            chosen[chosen_on_shadows(*given[1:], rates=RATES).strongest] += 1
        for name, each in scores.items():
            ordered = np.nan_to_num(each, nan=-1e300, posinf=1e300, neginf=-1e300)
            area = auc_delong(is_in[:, target], ordered, level=0.95).value
            found[name].append((*shares_named(ordered, is_in[:, target], rates=RATES), area))
    print(f"\n{kind}, {size} shadow networks, {SHADOWS} targets: share named at {RATES}, area; chosen: {dict(chosen)}")
    for name, each in sorted(found.items(), key=lambda item: -np.mean(item[1], axis=0)[0]):
        means, spread = np.mean(each, axis=0), np.std(each, axis=0, ddof=1) / np.sqrt(SHADOWS)
        print("  " + ", ".join(f"{m:.4f} ({s:.4f})" for m, s in zip(means, spread, strict=True)), name, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--nets", nargs="*", default=["mlp", "cnn"])
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--banks", type=Path)
    given, _ = parser.parse_known_args()
    torch.set_num_threads(1)
    with np.load(given.data / "mnist10k.npz") as mnist:
        X = mnist["images"][: given.records].reshape(-1, 784).astype(np.float32) / 255.0
        y = mnist["labels"][: given.records].astype(np.int64)
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.banks or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for kind in given.nets:
            begin = time.process_time()
            made = bank(kind, X, y, folder)
            print(f"{kind}: {time.process_time() - begin:.0f} CPU s for {SHADOWS} networks", flush=True)
            for size in SIZES:
                race(kind, size, *made)


if __name__ == "__main__":
    main()
