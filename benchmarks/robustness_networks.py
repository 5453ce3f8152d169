"""Attacks on networks against AutoAttack, Foolbox, torchattacks and ART: the same points, one thread, CPU seconds.

python benchmarks/robustness_networks.py --autoattack FOLDER [--data DIR] [--points 100] [--skip 0] [--cases digits,...]
[--seeds 0] [--peers exhaustive,autoattack,foolbox,torchattacks] [--cache FOLDER] [--outcomes FOLDER]; or, one process
each, ``--scaling ours`` and ``--scaling autoattack``. Needs torch; each peer only where it is named. FOLDER is a
checkout of github.com/fra31/auto-attack at a39220048b3c. Networks are trained here, once, and kept in the cache.
Forwards are counted by a wrapper around the network, rows sent; forwards with and without a slope alike.

Cases: ``digits`` in Linf, L2 and L1, ``robust`` (the same network, trained longer and further), ``mnist``;
``quantised`` (inputs rounded to 8 steps before the network, so that slopes are zero), ``saturated`` (probabilities of
logits times 30), ``steep`` (logits times 10,000). These three are read as an audit reads a module, before the clock
runs; AutoAttack sees the module.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from holdfast.adapters.models.torch_export import read_module
from holdfast.core.network import RawNetwork
from holdfast.kernels.stats.paired import paired_proportion_difference
from holdfast.kernels.torch_networks.logits import as_logits
from holdfast.kernels.torch_robustness.attack import attack

torch.set_num_threads(1)


class Case(NamedTuple):
    """One row of the race."""

    data: str
    norm: str
    eps: float
    mask: str = ""


class Recipe(NamedTuple):
    """How a network is trained against PGD with seven steps."""

    epochs: int
    radius: float
    ramp: int
    """Epochs over which the radius grows to its full length."""


# Clean and robust accuracy (Linf 0.15): digits 0.950 and 0.22, robust 0.902 and 0.50.
RECIPES = {"digits": Recipe(10, 0.1, 10), "robust": Recipe(30, 0.2, 10), "mnist": Recipe(3, 0.2, 2)}
CASES = {
    "digits": Case("digits", "linf", 0.15),
    "robust": Case("robust", "linf", 0.15),
    "robust_far": Case("robust", "linf", 0.2),
    "robust_l2": Case("robust", "l2", 1.5),
    "digits_l2": Case("digits", "l2", 1.5),
    "digits_l1": Case("digits", "l1", 12.0),
    "mnist": Case("mnist", "linf", 0.25),
    "mnist_l2": Case("mnist", "l2", 2.5),
    "quantised": Case("robust", "linf", 0.2, "quantised"),
    "saturated": Case("robust", "linf", 0.2, "saturated"),
    "steep": Case("digits", "linf", 0.15, "steep"),
}


class Masked(nn.Module):
    """Hides the slopes of a network."""

    def __init__(self, network: nn.Module, mask: str) -> None:
        super().__init__()
        self.network, self.mask = network, mask

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.mask == "quantised":
            x = (x * 8).round() / 8
        logits = self.network(x)
        if self.mask == "saturated":
            return F.softmax(30 * logits, dim=1)
        return logits * 1e4 if self.mask == "steep" else logits


class Counted(nn.Module):
    """Counts the rows sent through a network."""

    def __init__(self, network: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.network, self.rows = network, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.rows += len(x)
        return self.network(x)


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


def data_of(name: str, folder: Path | None) -> tuple[torch.Tensor, ...]:
    if name != "mnist":
        return digits()
    if folder is None:
        raise SystemExit("expected --data FOLDER with mnist10k.npz for the cases on MNIST")
    return mnist(folder)


def trained(data: str, parts: tuple[torch.Tensor, ...], cache: Path) -> nn.Module:
    """Train by its recipe, with Adam, batches of 64 and random starts."""
    torch.manual_seed(0)
    network, recipe = cnn(), RECIPES[data]
    path = cache / f"{data}_{recipe.epochs}_{recipe.radius}.pt"
    if path.is_file():
        network.load_state_dict(torch.load(path, weights_only=True))
        return network.eval()
    X, _, y, _ = parts
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for epoch in range(recipe.epochs):
        eps = recipe.radius * min(1.0, (epoch + 1) / recipe.ramp)
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


@lru_cache
def as_data(module: nn.Module, row: tuple[int, ...], mask: str) -> RawNetwork:
    """Read a module, as an audit does once, when it opens the model."""
    return read_module(module.eval(), row=row, link="probabilities" if mask == "saturated" else "logits")


def ours(model: Counted, X: torch.Tensor, y: torch.Tensor, case: Case, seed: int, *, exhaustive: bool) -> torch.Tensor:
    forward = model
    if case.mask:  # as an audit does: the module is read, and its steps are known
        read = as_logits(as_data(model.network, tuple(X.shape[1:]), case.mask))
        forward = Counted(read)
    found = attack(
        forward, X.numpy(), y.numpy(), norm=case.norm, eps=case.eps, low=0, high=1, seed=seed, exhaustive=exhaustive
    )
    model.rows = forward.rows
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
    of = fb.attacks
    linf = {"PGD-40": of.LinfPGD, "FMN-100": of.LInfFMNAttack, "DeepFool-50": of.LinfDeepFoolAttack}
    l2 = {"PGD-40": of.L2PGD, "FMN-100": of.L2FMNAttack, "DeepFool-50": of.L2DeepFoolAttack}
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
    if "foolbox" in names and case.norm != "l1":
        for name in ("PGD-40", "FMN-100", "DeepFool-50"):
            yield f"Foolbox {name}", partial(foolbox, name=name)


def measured(
    name: str, run: Callable[..., torch.Tensor], network: nn.Module, X: Any, y: Any, case: Case, seed: int
) -> Outcome:
    """Run an attack, and see for ourselves which of its inputs lie in the ball and flip."""
    model = Counted(network).eval()
    begin = time.process_time()
    moved = run(model, X, y, case, seed).detach()
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
    options = _options()
    if options.autoattack:
        sys.path.insert(0, str(options.autoattack))
    if options.scaling:
        scaling(options)
        return
    for name in options.cases.split(","):
        case = CASES[name]
        parts = data_of(case.data, options.data)
        network = Masked(trained(case.data, parts, options.cache), case.mask).eval()
        chosen = slice(options.skip, options.skip + options.points)
        X, y = parts[1][chosen].contiguous(), parts[3][chosen].long()
        with torch.no_grad():
            clean = (network(X).argmax(1) == y).double().mean()
        if case.mask:
            as_data(network, tuple(X.shape[1:]), case.mask)
        print(f"{name}: {case.norm} {case.eps}, clean accuracy {clean:.3f} on {len(y)} points", flush=True)
        for seed in map(int, options.seeds.split(",")):
            mine: list[Outcome] = []
            for title, run in runners(options.peers.split(","), case):
                outcome = kept(
                    options.outcomes and options.outcomes / f"{name}-{options.skip}-{len(y)}-{seed}-{title}.npz",
                    partial(measured, title, run, network, X, y, case, seed),
                )
                line = f"| {name} | {seed} | {title} | {len(y)} | {outcome.is_robust.mean():.3f} "
                line += f"| {outcome.seconds:.1f} | {outcome.forwards:.0f} |"
                if title.startswith("ours"):
                    mine.append(outcome)
                else:
                    line += " ".join(against(outcome, other) for other in mine)
                print(line, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--autoattack", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--skip", type=int, default=0, help="test points left out before the first")
    parser.add_argument("--cases", default="digits,digits_l2,quantised,saturated,steep")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--peers", default="exhaustive,autoattack")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "holdfast_networks"))
    parser.add_argument("--outcomes", type=Path, help="keeps outcomes of peers, which are not redone")
    parser.add_argument("--scaling", choices=["ours", "autoattack"], help="points and classes, one attack a process")
    return parser.parse_known_args()[0]


def kept(path: Path | None, measure: Callable[[], Outcome]) -> Outcome:
    """Measure, unless the outcome of a peer lies at the path already; ours is always measured anew."""
    if path is None or path.name.split("-")[-1].startswith("ours"):
        return measure()
    if path.is_file():
        with np.load(path) as stored:
            return Outcome(path.stem, stored["is_robust"], float(stored["seconds"]), float(stored["forwards"]))
    outcome = measure()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, is_robust=outcome.is_robust, seconds=outcome.seconds, forwards=outcome.forwards)
    return outcome


def scaling(options: argparse.Namespace) -> None:
    """CPU and memory by number of points and of classes; what the network answers counts as right."""
    run = autoattack if options.scaling == "autoattack" else partial(ours, exhaustive=False)
    parts = data_of("digits", None)
    network, case = trained("digits", parts, options.cache), CASES["digits"]
    some = 20 if options.scaling == "autoattack" else 100
    runs = [(10, n) for n in (10, 50, 200, 500)] + [(k, some) for k in (2, 100)]
    for n_classes, n_points in runs:
        if n_points > max(options.points, some):
            continue
        asked = network if n_classes == 10 else with_classes(network, parts, n_classes)
        X = parts[1][:n_points].contiguous()
        with torch.no_grad():
            y = asked(X).argmax(1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        try:
            found = measured(options.scaling, run, asked, X, y, case, 0)
        except (IndexError, ValueError, RuntimeError) as error:
            print(f"| {options.scaling} | {n_classes} | {n_points} | fails: {error} |", flush=True)
            continue
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {options.scaling} | {n_classes} | {n_points} | {found.is_robust.mean():.3f} "
            f"| {found.seconds / n_points * 1e3:.0f} ms | {found.forwards:.0f} | {before:.0f} to {peak:.0f} MiB |",
            flush=True,
        )


def with_classes(network: nn.Module, parts: tuple[torch.Tensor, ...], n_classes: int) -> nn.Module:
    """The same network with another last layer: odd or even, or clusters within each digit."""
    from sklearn.cluster import KMeans

    X, y = parts[0], parts[2].long()
    layers = list(network.children())
    body = nn.Sequential(*layers[:-1])
    with torch.no_grad():
        features = body(X)
    label = y % 2
    if n_classes > 2:
        each = n_classes // 10
        for digit in range(10):
            rows = (y == digit).nonzero()[:, 0]
            label[rows] = torch.as_tensor(KMeans(each, random_state=0).fit_predict(X[rows].flatten(1).numpy())).long()
            label[rows] += each * digit
    torch.manual_seed(0)
    head = nn.Linear(features.shape[1], n_classes)
    optimiser = torch.optim.Adam(head.parameters(), 1e-2)
    for _ in range(300):
        optimiser.zero_grad()
        F.cross_entropy(head(features), label).backward()
        optimiser.step()
    return nn.Sequential(body, head).eval()


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
