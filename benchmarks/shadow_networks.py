"""Shadow networks trained one after the other by torch, by torch.func's vmap, and side by side by us.

``python benchmarks/shadow_networks.py --data DIR [--shadows 16] [--threads 1] [--repeats 3] [--device cpu]
[--epochs N]`` with ``mnist10k.npz`` in DIR: 4,000 records, 2,000 of them members of each shadow, batches of 50, SGD of
0.05 with momentum 0.9; an MLP 784-128-10 for 25 epochs and a CNN of 8 and 16 channels for 12. Rivals alternate; medians
are printed.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.func import functional_call, grad, stack_module_state, vmap

from holdfast.core.network import RawNetwork, Step
from holdfast.kernels.torch_networks.forward import as_function
from holdfast.kernels.torch_privacy.batched_network import parameters_of
from holdfast.kernels.torch_privacy.shadow_training import Recipe, train_side_by_side

N, MEMBERS, BATCH = 4000, 2000, 50
EPOCHS = {"mlp": 25, "cnn": 12}
STRIDED = {"strides": (2, 2), "pads": (1, 1, 1, 1)}


def module(kind: str) -> torch.nn.Module:
    """Return the architecture as torch's users write it."""
    if kind == "mlp":
        return torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, stride=2, padding=1), torch.nn.ReLU(),
        torch.nn.Conv2d(8, 16, 3, stride=2, padding=1), torch.nn.ReLU(),
        torch.nn.Flatten(), torch.nn.Linear(784, 10),
    )  # fmt: skip


def network(kind: str) -> RawNetwork:
    """Return the same architecture as plain data."""
    if kind == "mlp":
        steps: tuple[Step, ...] = (
            Step(op="Gemm", inputs=("input", "W1", "b1"), output="h"),
            Step(op="Relu", inputs=("h",), output="r"),
            Step(op="Gemm", inputs=("r", "W2", "b2"), output="z"),
        )
        shapes: dict[str, tuple[int, ...]] = {"W1": (784, 128), "b1": (128,), "W2": (128, 10), "b2": (10,)}
    else:
        steps = (
            Step(op="Conv", inputs=("input", "K1", "c1"), output="a", attributes=STRIDED),
            Step(op="Relu", inputs=("a",), output="b"),
            Step(op="Conv", inputs=("b", "K2", "c2"), output="d", attributes=STRIDED),
            Step(op="Relu", inputs=("d",), output="e"),
            Step(op="Flatten", inputs=("e",), output="f"),
            Step(op="Gemm", inputs=("f", "W", "w"), output="z"),
        )
        shapes = {"K1": (8, 1, 3, 3), "c1": (8,), "K2": (16, 8, 3, 3), "c2": (16,), "W": (784, 10), "w": (10,)}
    constants = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return RawNetwork(
        steps=steps,
        constants=constants,
        input_shape=(784,) if kind == "mlp" else (1, 28, 28),
        output="z",
        link="logits",
    )


def one_by_one(kind: str, X: torch.Tensor, y: torch.Tensor, is_in: np.ndarray) -> list[Callable]:
    """Train with torch alone: tensors in memory, batches by index, torch's SGD."""
    trained = []
    for column in range(is_in.shape[1]):
        torch.manual_seed(column)
        net = module(kind).to(X.device)
        optimiser = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
        members = torch.as_tensor(np.flatnonzero(is_in[:, column]), device=X.device)
        rows, outcomes = X[members], y[members]
        for _ in range(EPOCHS[kind]):
            for batch in torch.randperm(MEMBERS, device=X.device).split(BATCH):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(net(rows[batch]), outcomes[batch]).backward()
                optimiser.step()
        trained.append(net)
    return trained


def by_vmap(kind: str, X: torch.Tensor, y: torch.Tensor, is_in: np.ndarray) -> list[Callable]:
    """Train all at once with torch.func, as its guide on ensembles does."""
    torch.manual_seed(0)
    nets = [module(kind).to(X.device) for _ in range(is_in.shape[1])]
    weights, _ = stack_module_state(nets)
    weights = {name: value.detach() for name, value in weights.items()}
    moving = {name: torch.zeros_like(value) for name, value in weights.items()}
    members = torch.as_tensor(np.stack([np.flatnonzero(column) for column in is_in.T]), device=X.device)

    def loss(own: dict, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(functional_call(nets[0], own, (x,)), t)

    gradients = vmap(grad(loss))
    for _ in range(EPOCHS[kind]):
        order = torch.stack([each[torch.randperm(MEMBERS, device=X.device)] for each in members])
        for batch in order.split(BATCH, dim=1):
            for name, gradient in gradients(weights, X[batch], y[batch]).items():
                moving[name].mul_(0.9).add_(gradient)
                weights[name].sub_(moving[name], alpha=0.05)
    return [
        lambda x, i=i: functional_call(nets[0], {name: value[i] for name, value in weights.items()}, (x,))
        for i in range(len(nets))
    ]


def ours(kind: str, X: torch.Tensor, y: torch.Tensor, is_in: np.ndarray) -> list[Callable]:
    """Train side by side."""
    recipe = Recipe(epochs=EPOCHS[kind], learning_rate=0.05, batch_size=BATCH, momentum=0.9)
    raw = network(kind)
    rows, outcomes = X.cpu().numpy(), y.cpu().numpy()
    trained = train_side_by_side(
        raw, rows, outcomes, is_in, seeds=range(is_in.shape[1]), recipe=recipe, device=str(X.device)
    )
    return [as_function(each, device=str(X.device)) for each in trained]


def timed(train: Callable, *given: object) -> tuple[float, float, list[Callable]]:
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    trained = train(*given)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, trained


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--shadows", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--epochs", type=int, help="of both, for a shorter race")
    parser.add_argument("--nets", nargs="*", default=["mlp", "cnn"])
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.epochs:
        EPOCHS.update(dict.fromkeys(EPOCHS, chosen.epochs))
    mnist = np.load(chosen.data / "mnist10k.npz")
    X = torch.as_tensor(mnist["images"][:N].reshape(N, 784).astype(np.float32) / 255.0, device=chosen.device)
    y = torch.as_tensor(mnist["labels"][:N].astype(np.int64), device=chosen.device)
    rng = np.random.default_rng(0)
    is_in = np.zeros((N, chosen.shadows), dtype=bool)
    for column in is_in.T:
        column[rng.permutation(N)[:MEMBERS]] = True
    for kind in chosen.nets:
        rows = X if kind == "mlp" else X.view(N, 1, 28, 28)
        runs: dict[str, list[tuple[float, float]]] = {}
        # what torch loads when it first looks at shapes is no part of training: some 2 CPU s, once
        parameters_of(network(kind))
        for _ in range(chosen.repeats):
            for train in (one_by_one, by_vmap, ours):
                wall, cpu, trained = timed(train, kind, rows, y, is_in)
                runs.setdefault(train.__name__, []).append((wall, cpu))
        wall, cpu = (statistics.median(each) for each in zip(*runs["one_by_one"], strict=True))
        for name, each in runs.items():
            own_wall, own_cpu = (statistics.median(values) for values in zip(*each, strict=True))
            print(
                f"{kind} {chosen.shadows} shadows, {name}: {own_wall:.1f} s of wall, {own_cpu:.1f} CPU s; "
                f"{wall / own_wall:.1f} x and {cpu / own_cpu:.1f} x faster than one by one",
                flush=True,
            )
        with torch.no_grad():
            guess = torch.stack([net(rows).argmax(1) == y for net in trained], dim=1).cpu().numpy()
        print(f"{kind} ours: accuracy in {guess[is_in].mean():.4f}, out {guess[~is_in].mean():.4f}", flush=True)


if __name__ == "__main__":
    main()
