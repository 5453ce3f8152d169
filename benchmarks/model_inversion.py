"""Model inversion: our reconstructions against ART's MIFace on the same networks, at equal gradient steps.

python benchmarks/model_inversion.py [--seeds 5] [--steps 100]

The networks of the self-test (30 people, two training pictures of each, known by heart), in an environment with
adversarial-robustness-toolbox 1.20.1; without it only ours run. Printed for each: the area between training rows and
others (``member_auc``), the share of training rows nearer to the reconstruction than to the class average, and the
median ratio of these distances over all training rows, and over the nearest row of each class.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
import torch

from holdfast.auditing.planted_networks import PEOPLE, SIDE, TARGET, pictures_by_heart, pictures_twin
from holdfast.kernels.privacy.inversion import best_likenesses, class_means, nearness, ranks_within
from holdfast.kernels.stats.delong import auc_delong
from holdfast.kernels.torch_privacy.inversion import invert_classes

RATES = (0.0003, 0.001, 0.003, 0.01, 0.1, 1.0)
SHAPE = (1, SIDE, SIDE)


def miface(network: torch.nn.Module, starts: np.ndarray, steps: int, rate: float) -> np.ndarray:
    from art.attacks.inference.model_inversion import MIFace
    from art.estimators.classification import PyTorchClassifier

    model = PyTorchClassifier(
        network, loss=torch.nn.CrossEntropyLoss(), input_shape=SHAPE, nb_classes=PEOPLE, clip_values=(0, 1),
        device_type="cpu",
    )  # fmt: skip
    attack = MIFace(
        model, max_iter=steps, window_length=steps, threshold=1.0, learning_rate=rate, batch_size=PEOPLE, verbose=False
    )
    found = attack.infer(starts.reshape(-1, *SHAPE).astype(np.float32), y=np.arange(PEOPLE))
    return np.clip(found, 0, 1).reshape(PEOPLE, -1)


def ours(network: torch.nn.Module, starts: np.ndarray, known: np.ndarray, unit: np.ndarray, steps: int) -> np.ndarray:
    low, high = known.min(axis=0).reshape(SHAPE), known.max(axis=0).reshape(SHAPE)
    found = invert_classes(
        network, "logits", starts.reshape(-1, *SHAPE), unit=unit.reshape(SHAPE), low=low, high=high, n_steps=steps
    )
    return found.reshape(PEOPLE, -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100)
    given, _ = parser.parse_known_args()
    torch.set_num_threads(1)
    found = defaultdict(list)
    for seed in range(given.seeds):
        twin = pictures_twin(seed)
        network = pictures_by_heart(twin).model
        (own, y_own), (test, y_test) = (
            (table.drop(TARGET).to_numpy(), table[TARGET].to_numpy()) for table in (twin.train, twin.test)
        )
        known, y_known = test[::2], y_test[::2]
        means = class_means(known, y_known, n_classes=PEOPLE)
        unit = np.full(SIDE * SIDE, np.sqrt(known.var(axis=0).mean()))
        rows, y = np.concatenate([own, test[1::2]]), np.concatenate([y_own, y_test[1::2]])
        is_member = np.arange(y.size) < y_own.size
        tried = {"ours": ours(network, means, known, unit, given.steps)}
        try:
            for rate in RATES:
                for name, starts in (("zeros", 0 * means), ("mean", 0 * means + known.mean(0)), ("averages", means)):
                    tried[f"MIFace, rate {rate:g}, from {name}"] = miface(network, starts, given.steps, rate)
        except ModuleNotFoundError as error:
            print(f"without MIFace: {error}")
        for name, points in tried.items():
            gains = nearness(rows, y, points, means, unit=unit)
            area = auc_delong(is_member, ranks_within(gains, y), level=0.95).value
            far = [np.linalg.norm(own - each[y_own], axis=1) for each in (points, means)]
            nearest = best_likenesses(own, y_own, points, means, unit=unit)[1]
            found[name].append((area, (gains[is_member] > 0).mean(), np.median(far[0] / far[1]), np.median(nearest)))
    for name, each in sorted(found.items(), key=lambda item: -np.mean(item[1], axis=0)[0]):
        print(*np.mean(each, axis=0).round(3), name, flush=True)


if __name__ == "__main__":
    main()
