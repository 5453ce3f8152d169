"""The attack along slopes on the network of a table or of images, in units of the threat model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from holdfast.kernels.robustness.network_problem import Box, NetworkProblem, Search, Swapping
from holdfast.kernels.robustness.network_swaps import Lead
from holdfast.kernels.torch_networks.logits import as_logits
from holdfast.kernels.torch_robustness.asking import Aim, Asked
from holdfast.kernels.torch_robustness.attack import EXHAUSTIVE, STAGES, Stage, attack
from holdfast.kernels.torch_robustness.closest import closest
from holdfast.kernels.torch_robustness.masking import diagnose

if TYPE_CHECKING:
    from holdfast.core.network import RawNetwork
    from holdfast.kernels.robustness.limits import Rules

Tensor = Any
Cells = Mapping[str, NDArray[Any]]
# Few columns cost little in double precision, and their units differ more than those of pixels.
FEW_COLUMNS = 256
IN_VAIN, IN_VAIN_MANY = 48, 0
# Steps in search of a closer flip of each row that was flipped.
CLOSER = 20
LOOKED_AT_ONCE = 512
# From rows with other categories, of which there are many.
ALONG_SLOPES = tuple(stage for stage in STAGES if stage.search == "ascent" and not stage.if_masked)
ROUNDING = frozenset({"Ceil", "Floor", "QuantizeLinear", "Round", "Sign"})
ROUNDED = (
    "The network rounds on the way (it is quantised, or cuts numbers to steps), and a step has no slope: the attack "
    "follows those of the network without it. That is a guess and may miss flips; those that are found are the model's "
    "own."
)


def network_problem(
    network: RawNetwork, rows: Cells, y: NDArray[np.int64], rules: Rules, *, seed: int, exhaustive: bool = False,
    temperature: float = 1.0,
) -> NetworkProblem:  # fmt: skip
    """Write a network and a threat as a problem that the attack on tables can work on.

    Parameters
    ----------
    network
        A classifier, its outputs in the order of the subject's classes.
    rows, y
        Some rows that it answers rightly, by column in the order of its inputs, and their classes: on them its slopes
        are looked at for signs that they lead nowhere.
    rules
        What may change and how far.
    seed
        Of random starts.
    exhaustive
        Whether every stage of AutoAttack is run, too, on what the others leave.
    temperature
        Divides the logits, which changes no label but every slope.
    """
    is_small = len(rows) <= FEW_COLUMNS
    dtype = torch.float64 if is_small else torch.float32
    logits = as_logits(network, dtype=dtype)
    reach = _Reach(lambda cells: logits(cells) / temperature, network.input_shape, rules, dtype)
    problem = NetworkProblem(
        names=tuple(rows),
        rules=rules,
        attack=partial(_attacked, reach, seed=seed, stages=EXHAUSTIVE if exhaustive else STAGES),
        swapping=Swapping(partial(_attacked, reach, seed=seed, stages=ALONG_SLOPES), partial(_lead, reach)),
        most_in_vain=IN_VAIN if is_small else IN_VAIN_MANY,
    )
    exact = np.stack([values.astype(np.float64) for values in rows.values()], axis=1)
    is_whole = np.isfinite(exact).all(axis=1)
    found = _doubts(reach, problem.box(exact[is_whole]), y[is_whole], seed=seed)
    return replace(problem, doubts=(*([ROUNDED] if ROUNDING & network.operators else []), *found))


class _Reach(NamedTuple):
    """A network and how far its inputs may move, for an attack in units."""

    logits: Any
    shape: tuple[int, ...]
    rules: Rules
    dtype: Any

    def forward(self, box: Box) -> Any:
        """Rows in units to logits; whole numbers are asked about as such, and slopes pass through."""
        scale, is_whole = torch.as_tensor(box.scale, dtype=self.dtype), torch.as_tensor(box.is_whole)

        def forward(units: Tensor) -> Tensor:
            cells = units * scale
            steps = (cells.round() - cells).detach()
            return self.logits((cells + torch.where(is_whole, steps, torch.zeros_like(steps))).view(-1, *self.shape))

        return forward

    def eps(self, box: Box) -> Any:
        """How far each row may move: no further than its range is wide."""
        span = box.high - box.low
        furthest = span.max(axis=1, initial=0.0) if self.rules.budget.norm == "linf" else span.sum(axis=1)
        return np.minimum(self.rules.budget.distance, furthest)


def _doubts(reach: _Reach, box: Box, y: NDArray[np.int64], *, seed: int) -> tuple[str, ...]:
    eps = float(reach.eps(box).max(initial=0.0))
    if not eps:
        return ()
    found = diagnose(
        reach.forward(box), box.points, y, norm=reach.rules.budget.norm, eps=eps, low=box.low, high=box.high, seed=seed,
        dtype=reach.dtype,
    )  # fmt: skip
    return found.said


def _lead(reach: _Reach, box: Box, y: NDArray[np.int64]) -> Lead:
    """How far the own class leads, and about what is left of it when numbers move along the slope."""
    norm, rows = reach.rules.budget.norm, torch.arange(len(y))
    asked = Asked(reach.forward(box), n_points=len(y), dtype=reach.dtype, chunk=LOOKED_AT_ONCE)
    found = asked.slope(torch.as_tensor(box.points, dtype=reach.dtype), rows, Aim("margin", torch.as_tensor(y)))
    slope, gap = (part.double().numpy() for part in (found.gradient, found.value))
    room = np.where(slope > 0, box.high - box.points, box.points - box.low)
    eps = reach.eps(box)[:, None]
    steep = np.abs(slope) * (room > 0)
    gain = (np.abs(slope) * np.minimum(room, eps)).sum(axis=1)
    if norm == "l2":
        gain = np.minimum(gain, np.linalg.norm(steep, axis=1) * eps[:, 0])
    elif norm == "l1":
        gain = np.minimum(gain, steep.max(axis=1, initial=0.0) * eps[:, 0])
    return Lead(-gap, -gap - gain)


def _attacked(
    reach: _Reach, box: Box, y: NDArray[np.int64], ids: NDArray[np.int64], *, seed: int, stages: tuple[Stage, ...]
) -> Search:
    forward, norm, dtype = reach.forward(box), reach.rules.budget.norm, reach.dtype
    found = attack(
        forward, box.points, y, norm=norm, eps=reach.eps(box), low=box.low, high=box.high, seed=seed, ids=ids,
        stages=stages, dtype=dtype,
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
