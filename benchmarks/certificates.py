"""Proofs about networks beside attacks on the same points, and beside exact answers where there are some.

python benchmarks/certificates.py [--data DIR] [--points 100] [--cases digits,mlp,...] [--device cpu]
[--cache FOLDER]. Needs torch; one thread. Networks are trained here, once, and kept in the cache: the convolutional one
called ``robust`` in ``robustness_networks.py`` (adversarially trained), and a plain 784-256-128-10 network on MNIST. On
100 % of the points a proof and a flip must exclude each other; the attack is our own of the evasion check. ``exact``
compares the bounds of small networks with their exact least margins by mixed-integer programming.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.robustness_networks import digits, mnist, trained
from holdfast.core.network import RawNetwork, Step
from holdfast.kernels.stats.proportions import clopper_pearson
from holdfast.kernels.torch_certificates.certify import Work, certify
from holdfast.kernels.torch_certificates.regions import Region
from holdfast.kernels.torch_networks.forward import as_function
from holdfast.kernels.torch_robustness.attack import attack
from tests.kernels.torch_certificates.small_networks import exact_least, mlp

torch.set_num_threads(1)


class Case(NamedTuple):
    """One row."""

    network: str
    norm: str
    eps: float


CASES = {
    "digits": [Case("digits", "linf", eps) for eps in (0.01, 0.03, 0.05, 0.15)] + [Case("digits", "l2", 0.1)],
    "mlp": [Case("mlp", "linf", eps) for eps in (0.005, 0.01, 0.02, 0.03)] + [Case("mlp", "l2", 0.2)],
}
DEPTHS = {
    "lines": Work(slope_steps=0),
    "and slopes": Work(slope_steps=20),
    "and branches": Work(slope_steps=20, branches=60),
}


def as_raw(network: nn.Sequential, input_shape: tuple[int, ...]) -> RawNetwork:
    """Write a plain torch network as data."""
    constants: dict[str, Any] = {}
    steps, name = [], "input"
    for i, layer in enumerate(network):
        weights = (f"w{i}", f"b{i}")
        if isinstance(layer, nn.Conv2d | nn.Linear):
            is_dense = isinstance(layer, nn.Linear)
            constants[weights[0]] = (layer.weight.T if is_dense else layer.weight).detach().numpy().copy()
            constants[weights[1]] = layer.bias.detach().numpy().copy()
            pads = {} if is_dense else {"pads": (*layer.padding, *layer.padding)}
            step = Step(op="Gemm" if is_dense else "Conv", inputs=(name, *weights), output=f"s{i}", attributes=pads)
        elif isinstance(layer, nn.MaxPool2d):
            size = {"kernel_shape": (layer.kernel_size,) * 2, "strides": (layer.stride,) * 2}
            step = Step(op="MaxPool", inputs=(name,), output=f"s{i}", attributes=size)
        else:
            step = Step(op={nn.ReLU: "Relu", nn.Flatten: "Flatten"}[type(layer)], inputs=(name,), output=f"s{i}")
        steps.append(step)
        name = f"s{i}"
    return RawNetwork(steps=tuple(steps), constants=constants, input_shape=input_shape, output=name, link="logits")


def plain_mlp(parts: tuple[torch.Tensor, ...], cache: Path) -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    path = cache / "mlp.pt"
    if path.is_file():
        network.load_state_dict(torch.load(path, weights_only=True))
        return network.eval()
    X, _, y, _ = parts
    optimiser = torch.optim.Adam(network.parameters(), 1e-3, weight_decay=1e-4)
    for _ in range(8):
        for at in torch.randperm(len(X)).split(64):
            optimiser.zero_grad()
            F.cross_entropy(network(X[at]), y[at]).backward()
            optimiser.step()
    torch.save(network.state_dict(), path)
    return network.eval()


def race(case: Case, network: RawNetwork, X: torch.Tensor, y: torch.Tensor, depths: list[str], device: str) -> None:
    """Prove and attack the same rightly answered points."""
    forward = as_function(network)
    began = time.process_time()
    found = attack(forward, X.numpy(), y.numpy(), norm=case.norm, eps=case.eps, low=0, high=1, seed=0)
    attacked, seconds = found.success, time.process_time() - began
    x, labels = X.double().to(device), y.to(device)
    reach = case.eps
    region = Region(
        (x - reach).clamp(0, 1),
        (x + reach).clamp(0, 1),
        x,
        torch.ones_like(x),
        case.eps,
        case.norm,  # type: ignore[arg-type]
    )
    n = len(y)
    print(
        f"{case.network} {case.norm} {case.eps}: {n} points, flipped {attacked.mean():.3f} in "
        f"{1000 * seconds / n:.0f} ms each"
    )
    for depth in depths:
        began, wall = time.process_time(), time.perf_counter()
        proof = certify(network, region, labels, work=DEPTHS[depth])
        seconds, wall = time.process_time() - began, time.perf_counter() - wall
        proved = proof.proved.cpu().numpy()
        share = clopper_pearson(int(proved.sum()), n)
        both = int((proved & attacked).sum())
        open_ = float((~proved & ~attacked & ~proof.flipped.cpu().numpy()).mean())
        stages = np.bincount(proof.stage.cpu().numpy(), minlength=5)[1:].tolist()
        print(
            f"  {depth:13s} certified {share.value:.3f} ({share.low:.3f} to {share.high:.3f}) <= unflipped "
            f"{1 - attacked.mean():.3f}; open {open_:.3f}; by stage {stages}; proved and flipped {both}; "
            f"{1000 * seconds / n:.0f} CPU ms, {1000 * wall / n:.0f} ms each",
            flush=True,
        )
        assert both == 0


def exact(n_points: int = 40) -> None:
    """Small networks: bounds against exact least margins, and what branching decides."""
    for sizes, radius in (((4, 16, 16, 2), 0.3), ((10, 16, 16, 2), 0.15), ((20, 20, 20, 2), 0.1)):
        network = mlp(sizes, 0)
        x = torch.tensor(np.random.default_rng(1).normal(size=(n_points, sizes[0])))
        y = as_function(network, dtype=torch.float64)(x).argmax(dim=1)
        region = Region(x - radius, x + radius, x, torch.ones_like(x), radius)
        began = time.process_time()
        least = np.array(
            [
                exact_least(network, np.where(np.arange(2) == int(y[i]), 1.0, -1.0), low, high)
                for i, (low, high) in enumerate(zip(region.low.numpy(), region.high.numpy(), strict=True))
            ]
        )
        milp_s = time.process_time() - began
        robust, ms = (least > 0).mean(), 1000 * milp_s / n_points
        print(f"exact {sizes}, radius {radius}: MILP {ms:.0f} ms each, robust {robust:.3f}")
        works = {"intervals": None, **DEPTHS, "all branches": Work(branches=5000)}
        for name, work in works.items():
            began = time.process_time()
            proof = certify(network, region, y, work=work or Work(most_cells=0, slope_steps=0))
            seconds, margin = time.process_time() - began, proof.margin.numpy()
            assert (margin <= least + 1e-6).all()
            label = "lines, intervals inside" if name == "intervals" else name
            print(
                f"  {label:24s} certified {proof.proved.double().mean():.3f}, exact {robust:.3f}; slack of the margin, "
                f" median {np.median(least - margin):.3f}; above exact on 0 of {n_points}; "
                f"{1000 * seconds / n_points:.0f} ms each",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--cases", default="exact,digits,mlp")
    parser.add_argument("--depths", default=",".join(DEPTHS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "holdfast-networks")
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    cases = given.cases.split(",")
    if "exact" in cases:
        exact()
    for name in ("digits", "mlp"):
        if name not in cases or (name == "mlp" and given.data is None):
            continue
        parts = digits() if name == "digits" else mnist(given.data)
        network = trained("robust", parts, given.cache) if name == "digits" else plain_mlp(parts, given.cache)
        raw = as_raw(network, (1, 28, 28))
        X, y = parts[1][: given.points], parts[3][: given.points]
        with torch.no_grad():
            right = network(X).argmax(dim=1) == y
        for case in CASES[name]:
            race(case, raw, X[right], y[right], given.depths.split(","), given.device)


if __name__ == "__main__":
    main()
