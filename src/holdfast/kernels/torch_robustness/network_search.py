"""The attack along slopes on the network of a table or of images, in units of the threat model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from holdfast.kernels.robustness.network_problem import Attack, Box, NetworkProblem, Search
from holdfast.kernels.torch_networks.logits import as_logits
from holdfast.kernels.torch_robustness.attack import attack
from holdfast.kernels.torch_robustness.closest import closest

if TYPE_CHECKING:
    from holdfast.core.network import RawNetwork
    from holdfast.kernels.robustness.limits import Rules

Tensor = Any
# Few columns cost little in double precision, and their units differ more than those of pixels.
FEW_COLUMNS = 256
IN_VAIN, IN_VAIN_MANY = 48, 0
# Steps in search of a closer flip of each row that was flipped.
CLOSER = 20


def network_problem(
    network: RawNetwork,
    names: tuple[str, ...],
    rules: Rules,
    *,
    seed: int,
    exhaustive: bool = False,
    temperature: float = 1.0,
) -> NetworkProblem:
    """Write a network and a threat as a problem that the attack on tables can work on.

    Parameters
    ----------
    network
        A classifier, its outputs in the order of the subject's classes.
    names
        The table's columns in the order of its inputs.
    rules
        What may change and how far.
    seed
        Of random starts.
    exhaustive
        Whether every stage of AutoAttack is run, too, on what the others leave.
    temperature
        Divides the logits, which changes no label but every slope.
    """
    is_small = len(names) <= FEW_COLUMNS
    dtype = torch.float64 if is_small else torch.float32
    logits = as_logits(network, dtype=dtype)
    search = _attack(
        lambda rows: logits(rows) / temperature,
        network.input_shape,
        rules,
        seed=seed,
        exhaustive=exhaustive,
        dtype=dtype,
    )
    return NetworkProblem(
        names=names,
        rules=rules,
        attack=search,
        most_in_vain=IN_VAIN if is_small else IN_VAIN_MANY,
    )


def _attack(logits: Any, shape: tuple[int, ...], rules: Rules, *, seed: int, exhaustive: bool, dtype: Any) -> Attack:
    norm, most = rules.budget.norm, rules.budget.distance

    def attack_box(box: Box, y: NDArray[np.int64], ids: NDArray[np.int64]) -> Search:
        scale, is_whole = torch.as_tensor(box.scale, dtype=dtype), torch.as_tensor(box.is_whole)

        def forward(units: Tensor) -> Tensor:
            cells = units * scale
            steps = (cells.round() - cells).detach()  # whole numbers are asked about, slopes pass through
            return logits((cells + torch.where(is_whole, steps, torch.zeros_like(steps))).view(-1, *shape))

        span = box.high - box.low
        furthest = span.max(axis=1, initial=0.0) if norm == "linf" else span.sum(axis=1)
        found = attack(
            forward, box.points, y, norm=norm, eps=np.minimum(most, furthest), low=box.low, high=box.high, seed=seed,
            ids=ids, exhaustive=exhaustive, dtype=dtype,
        )  # fmt: skip
        points, forwards = found.adversarial.astype(np.float64), found.forwards.copy()
        flipped = np.flatnonzero(found.success & (found.distance > 0))
        near = closest(
            forward, box.points[flipped], y[flipped], norm=norm, low=box.low[flipped], high=box.high[flipped],
            iterations=CLOSER, targets=0, walks=CLOSER, dtype=dtype,
        )  # fmt: skip
        is_nearer = near.distance < found.distance[flipped]
        points[flipped[is_nearer]] = near.adversarial[is_nearer]
        forwards[flipped] += near.forwards
        return Search(points, found.success, forwards, int(found.masked.sum()))

    return attack_box
