"""Attacks on networks against AutoAttack, Foolbox, torchattacks and ART: the same points, one thread, CPU seconds.

python benchmarks/robustness_networks.py --autoattack FOLDER [--data DIR] [--points 100] [--cases digits,...]
[--seeds 0] [--peers autoattack,foolbox,torchattacks,art] [--cache FOLDER]. Needs torch; each peer only where it is
named. FOLDER is a checkout of github.com/fra31/auto-attack at a39220048b3c. Networks are trained here, once, and kept
in the cache. Forwards are counted by a wrapper around the network, rows sent; forwards with and without a slope alike.

Cases: ``digits`` and ``mnist`` in Linf and L2; ``quantised`` (inputs rounded to 8 steps before the network, so that
slopes are zero), ``saturated`` (probabilities of logits times 30), ``steep`` (logits times 10,000).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from holdfast.kernels.stats.paired import paired_proportion_difference
from holdfast.kernels.torch_robustness.attack import attack

torch.set_num_threads(1)


class Case(NamedTuple):
    """One row of the race."""

    data: str
    norm: str
    eps: float
    mask: str = ""


CASES = {
    "digits": Case("digits", "linf", 0.15),
    "digits_far": Case("digits", "linf", 0.2),
    "digits_l2": Case("digits", "l2", 1.5),
    "digits_l1": Case("digits", "l1", 12.0),
    "mnist": Case("mnist", "linf", 0.2),
    "mnist_l2": Case("mnist", "l2", 2.0),
    "quantised": Case("digits", "linf", 0.2, "quantised"),
    "saturated": Case("digits", "linf", 0.2, "saturated"),
    "steep": Case("digits", "linf", 0.2, "steep"),
}


class Counted(nn.Module):
    """Counts the rows sent through a network."""

    def __init__(self, network: nn.Module, mask: str = "") -> None:
        super().__init__()
        self.network, self.mask, self.rows = network, mask, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.rows += len(x)
        if self.mask == "quantised":
            x = (x * 8).round() / 8
        logits = self.network(x)
        if self.mask == "saturated":
            return F.softmax(30 * logits, dim=1)
        return logits * 1e4 if self.mask == "steep" else logits


@dataclass(frozen=True)
class Outcome:
    """What an attack did to the points."""

    name: str
    is_robust: np.ndarray
    seconds: float
    forwards: float


def cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1568, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def digits() -> tuple[torch.Tensor, ...]:
    """scikit-learn's digits, bilinear to 28 x 28: training inputs, test inputs, and their classes."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    X = torch.tensor(data.images / 16, dtype=torch.float32)[:, None]
    X = F.interpolate(X, size=(28, 28), mode="bilinear", align_corners=False).clamp(0, 1)
    parts = train_test_split(X.numpy(), data.target, test_size=500, random_state=0, stratify=data.target)
    return tuple(torch.as_tensor(part) for part in parts)


def mnist(folder: Path) -> tuple[torch.Tensor, ...]:
    """Ten thousand MNIST images, 8,000 of them for training."""
    with np.load(folder / "mnist10k.npz") as stored:
        images, y = stored["images"], stored["labels"].astype(np.int64)
    X = torch.as_tensor(images[:, None].astype(np.float32) / 255)
    order = np.random.default_rng(0).permutation(len(y))
    train, test = order[:8000], order[8000:8500]
    return X[train], X[test], torch.as_tensor(y[train]), torch.as_tensor(y[test])


def trained(data: str, parts: tuple[torch.Tensor, ...], cache: Path) -> nn.Module:
    """Train against PGD with seven steps; the radius grows to 0.2 over the first third of the epochs."""
    torch.manual_seed(0)
    network, path = cnn(), cache / f"{data}.pt"
    if path.is_file():
        network.load_state_dict(torch.load(path, weights_only=True))
        return network.eval()
    X, _, y, _ = parts
    epochs = 30 if data == "digits" else 6
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for epoch in range(epochs):
        eps = 0.2 * min(1.0, 3 * (epoch + 1) / epochs)
        order = torch.randperm(len(X))
        for at in order.split(64):
            moved = _pgd(network, X[at], y[at], eps)
            optimiser.zero_grad()
            F.cross_entropy(network(moved), y[at]).backward()
            optimiser.step()
    cache.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)
    return network.eval()


def _pgd(network: nn.Module, x: torch.Tensor, y: torch.Tensor, eps: float) -> torch.Tensor:
    moved = (x + torch.empty_like(x).uniform_(-eps, eps)).clamp(0, 1)
    for _ in range(7):
        moved.requires_grad_()
        (slope,) = torch.autograd.grad(F.cross_entropy(network(moved), y), moved)
        moved = moved.detach() + eps / 3 * slope.sign()
        moved = torch.min(torch.max(moved, x - eps), x + eps).clamp(0, 1)
    return moved.detach()


def ours(model: Counted, X: torch.Tensor, y: torch.Tensor, case: Case, seed: int, *, exhaustive: bool) -> torch.Tensor:
    found = attack(
        model, X.numpy(), y.numpy(), norm=case.norm, eps=case.eps, low=0, high=1, seed=seed, exhaustive=exhaustive
    )
    if found.masked.any():
        print(f"  slopes look useless at {found.masked.sum()} of {len(y)} points", flush=True)
    return torch.as_tensor(found.adversarial)


def autoattack(model: Counted, X: torch.Tensor, y: torch.Tensor, case: Case, seed: int) -> torch.Tensor:
    from autoattack import AutoAttack

    norm = {"linf": "Linf", "l2": "L2", "l1": "L1"}[case.norm]
    peer = AutoAttack(model, norm=norm, eps=case.eps, version="standard", seed=seed, device="cpu", verbose=False)
    return peer.run_standard_evaluation(X, y, bs=100)


def foolbox(model: Counted, X: torch.Tensor, y: torch.Tensor, case: Case, seed: int, *, name: str) -> torch.Tensor:
    import foolbox as fb

    torch.manual_seed(seed)
    linf = {"PGD-40": fb.attacks.LinfPGD, "FMN-100": fb.attacks.LInfFMNAttack}
    l2 = {"PGD-40": fb.attacks.L2PGD, "FMN-100": fb.attacks.L2FMNAttack}
    peer = (linf if case.norm == "linf" else l2)[name](steps=int(name.split("-")[1]))
    _, clipped, _ = peer(fb.PyTorchModel(model, bounds=(0, 1), device="cpu"), X, y, epsilons=case.eps)
    return clipped


def torchattacks_(model: Counted, X: torch.Tensor, y: torch.Tensor, case: Case, seed: int) -> torch.Tensor:
    import torchattacks

    norm = {"linf": "Linf", "l2": "L2"}[case.norm]
    return torchattacks.AutoAttack(model, norm=norm, eps=case.eps, version="standard", n_classes=10, seed=seed)(X, y)


def runners(names: list[str], case: Case) -> Iterator[tuple[str, Callable[..., torch.Tensor]]]:
    yield "ours", lambda *a: ours(*a, exhaustive=False)
    if "exhaustive" in names:
        yield "ours, exhaustive", lambda *a: ours(*a, exhaustive=True)
    if "autoattack" in names:
        yield "AutoAttack", autoattack
    if "torchattacks" in names and case.norm != "l1":
        yield "torchattacks AutoAttack", torchattacks_
    if "foolbox" in names:
        yield "Foolbox PGD-40", lambda *a: foolbox(*a, name="PGD-40")
        yield "Foolbox FMN-100", lambda *a: foolbox(*a, name="FMN-100")


def measured(
    name: str, run: Callable[..., torch.Tensor], network: nn.Module, X: Any, y: Any, case: Case, seed: int
) -> Outcome:
    """Run an attack, and see for ourselves which of its inputs lie in the ball and flip."""
    model = Counted(network, case.mask).eval()
    begin = time.process_time()
    moved = run(model, X, y, case, seed)
    seconds, rows = time.process_time() - begin, model.rows
    order = {"linf": np.inf, "l2": 2, "l1": 1}[case.norm]
    length = np.linalg.norm((moved.double() - X.double()).flatten(1).numpy(), ord=order, axis=1)
    with torch.no_grad():
        right = (model(moved).argmax(1) == y).numpy()
        clean = (model(X).argmax(1) == y).numpy()
    # Peers work in single precision: a move may be longer by its rounding.
    flips = ~right & (length <= case.eps * (1 + 1e-5)) & (moved.min() >= 0).item() & (moved.max() <= 1).item()
    return Outcome(name, clean & ~flips, seconds, rows / len(y))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--autoattack", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--cases", default="digits,digits_l2,quantised,saturated,steep")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--peers", default="exhaustive,autoattack")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "holdfast_networks"))
    options, _ = parser.parse_known_args()
    if options.autoattack:
        sys.path.insert(0, str(options.autoattack))
    for name in options.cases.split(","):
        case = CASES[name]
        parts = digits() if case.data == "digits" else mnist(options.data)
        network = trained(case.data, parts, options.cache)
        X, y = parts[1][: options.points].contiguous(), parts[3][: options.points].long()
        for seed in map(int, options.seeds.split(",")):
            mine: list[Outcome] = []
            for title, run in runners(options.peers.split(","), case):
                outcome = measured(title, run, network, X, y, case, seed)
                line = f"| {name} | {seed} | {title} | {len(y)} | {outcome.is_robust.mean():.3f} "
                line += f"| {outcome.seconds:.1f} | {outcome.forwards:.0f} |"
                if title.startswith("ours"):
                    mine.append(outcome)
                else:
                    line += " ".join(against(outcome, other) for other in mine)
                print(line, flush=True)


def against(peer: Outcome, own: Outcome) -> str:
    """Compare point by point: what the peer alone breaks, what ours alone breaks, and the difference."""
    missed, more = (peer.is_robust < own.is_robust).sum(), (own.is_robust < peer.is_robust).sum()
    found = paired_proportion_difference(int(more), int(missed), len(own.is_robust))
    return (
        f" {own.name}: peer alone {missed}, ours alone {more}, robust accuracy ours minus peer {found.value:+.3f} "
        f"({found.low:+.3f} to {found.high:+.3f}); CPU / {peer.seconds / own.seconds:.1f}, "
        f"forwards / {peer.forwards / own.forwards:.1f} |"
    )


if __name__ == "__main__":
    main()
