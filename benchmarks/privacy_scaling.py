"""How scoring a bank of shadow models grows with models, rows and classes, and what memory it takes.

python benchmarks/privacy_scaling.py

Random answers; CPU seconds, one thread, best of three. The exponent is the slope of log time over log size, from the
third size on. Memory is the most that numpy held beyond the bank itself, which lies in memory or in a file.
"""

from __future__ import annotations

import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from holdfast.kernels.privacy.shadow_attacks import attack_model
from holdfast.kernels.privacy.shadow_design import balanced_design
from holdfast.kernels.privacy.signals import true_class_confidence


def bank(rows: int, models: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    is_in = balanced_design(rows, models, rng=rng)
    answers = np.clip(rng.beta(4, 2, (rows, 1)) + 0.1 * is_in + rng.normal(0, 0.05, is_in.shape), 0, 1)
    return answers[:, 0].copy(), answers, is_in


def seconds(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(3):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return min(spent)


def grown(name: str, sizes: tuple[int, ...], work: Callable[[int], Callable[[], object]]) -> None:
    spent = [seconds(work(size)) for size in sizes]
    slope = np.polyfit(np.log(sizes[2:]), np.log(spent[2:]), 1)[0]
    line = ", ".join(f"{size:,}: {each:.3f}" for size, each in zip(sizes, spent, strict=True))
    print(f"{name}: {line}; exponent {slope:.2f}", flush=True)


def held(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def classes(count: int) -> Callable[[], object]:
    scores, y = np.full((5_000, count), 1.0 / count), np.random.default_rng(0).integers(0, count, 5_000)
    return lambda: true_class_confidence(scores, y)


def scored(rows: int, models: int) -> Callable[[], object]:
    given = bank(rows, models)
    return lambda: attack_model(*given)


def main() -> None:
    grown("models, 20,000 rows", (4, 8, 16, 32, 64, 128), lambda models: scored(20_000, models))
    grown("rows, 16 models", (5_000, 10_000, 20_000, 40_000, 80_000, 160_000), lambda rows: scored(rows, 16))
    grown("classes, 5,000 rows, one model", (2, 10, 100, 1_000), classes)
    for rows, models in ((100_000, 64), (100_000, 256)):
        target, answers, is_in = bank(rows, models)
        with tempfile.TemporaryDirectory() as folder:
            for name, each in (("answers", answers), ("is_in", is_in)):
                np.save(Path(folder) / f"{name}.npy", each)
            size = (answers.nbytes + is_in.nbytes) / 1e6
            in_memory = held(lambda t=target, a=answers, i=is_in: attack_model(t, a, i))
            del answers, is_in, each
            parts = [np.load(Path(folder) / f"{name}.npy", mmap_mode="r") for name in ("answers", "is_in")]
            streamed = held(lambda t=target, p=parts: attack_model(t, *p))
        print(
            f"{rows:,} rows x {models} models, {size:.0f} MB: beyond it {in_memory:.0f} MB; streamed {streamed:.0f} MB"
        )


if __name__ == "__main__":
    main()
