"""Prove that a network keeps its answer for all inputs around given points, with as little work as each point needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from holdfast.kernels.torch_certificates.bounds import (
    CELLS_AT_ONCE,
    Bounds,
    carried_back,
    interval_bounds,
    linear_bounds,
    widest,
)
from holdfast.kernels.torch_certificates.branching import branched
from holdfast.kernels.torch_certificates.graph import Graph, graph_of
from holdfast.kernels.torch_certificates.regions import Region, lowest
from holdfast.kernels.torch_certificates.slopes import optimised
from holdfast.kernels.torch_networks.forward import as_function

if TYPE_CHECKING:
    from holdfast.core.network import NetworkLink, RawNetwork

# Scores nearer than this may become equal probabilities in single precision.
TIE = 2.0**-17


class Work(NamedTuple):
    """How much may be done for one point."""

    most_cells: int = 1 << 27
    """Numbers that lines of one layer's open cells may take; a layer that needs more is bounded by intervals."""
    slope_steps: int = 20
    """Gradient steps on the slopes of lower lines; 0 for none."""
    branches: int = 0
    """Parts that a region may be cut into for each other class; 0 for none."""


class Proof(NamedTuple):
    """What came of each of n points."""

    margin: Tensor
    """Lower bound, over the region, of the score of the right class minus the largest other one; ``(n,)``."""
    proved: Tensor
    """Whether that is above what rounding may hide; ``(n,)``."""
    flip: Tensor
    """An input of the region that the network answers wrongly, ``(n, *input_shape)``; NaN where none was met."""
    stage: Tensor
    """What decided it: 0 nothing, 1 intervals, 2 lines, 3 optimised slopes, 4 branches; ``(n,)``."""

    @property
    def flipped(self) -> Tensor:
        """Whether such an input was met; ``(n,)``."""
        return ~self.flip.flatten(1).isnan().any(dim=1)


class Question(NamedTuple):
    """For each point, combinations of the scores that are all positive where the answer is right."""

    a: Tensor
    """``(n, m, n_outputs)``."""
    shift: Tensor
    """``(n, m)``, added to it."""


def margins(labels: Tensor, n_outputs: int, link: NetworkLink) -> Question:
    """Ask for the score of the right class minus each other one, or the side of a single score.

    Parameters
    ----------
    labels
        ``(n,)`` int64, the right classes.

    Examples
    --------
    >>> margins(torch.tensor([1]), 3, "logits").a.tolist()
    [[[-1.0, 1.0, 0.0], [0.0, 1.0, -1.0]]]
    >>> margins(torch.tensor([0, 1]), 1, "probability")
    Question(a=tensor([[[-1.]],
    <BLANKLINE>
            [[ 1.]]], dtype=torch.float64), shift=tensor([[ 0.5000],
            [-0.5000]], dtype=torch.float64))
    """
    n, device = labels.shape[0], labels.device
    if link in ("sigmoid", "probability"):
        sign = (2.0 * labels.to(torch.float64) - 1.0)[:, None]
        return Question(sign[:, :, None], sign * (-0.5 if link == "probability" else 0.0))
    one = torch.eye(n_outputs, dtype=torch.float64, device=device)
    others = torch.arange(n_outputs, device=device).expand(n, n_outputs)
    others = others[others != labels[:, None]].reshape(n, n_outputs - 1)
    return Question(one[labels][:, None] - one[others], torch.zeros(others.shape, dtype=torch.float64, device=device))


def certify(
    network: RawNetwork,
    region: Region,
    labels: Tensor,
    *,
    work: Work,
    should_stop: Callable[[], bool] = lambda: False,
) -> Proof:
    """Prove that every input of a region is answered with its label, or meet one that is not.

    Parameters
    ----------
    network
        A classifier.
    region
        Around n points, float64.
    labels
        ``(n,)`` int64, the classes to prove.
    work
        Intervals come first, then lines, then the optimised slopes and the branches; each sees only the points that
        are left.
    should_stop
        Asked between parts; points that are not reached have the margin -inf.

    Notes
    -----
    The proof holds for the model in single precision as it is deployed, sums in any order; not for arithmetic of fewer
    digits (TF32, half precision), nor for convolutions by fast transforms (Winograd, FFT), which err more.

    Raises
    ------
    UnsupportedOperator
        When a step cannot be bounded.
    """
    device = str(region.low.device)
    graph = graph_of(network, device=device)
    forward = as_function(network, device=device)
    asked = margins(labels, graph.shapes[graph.output][-1], network.link)
    n = labels.shape[0]
    proof = Proof(
        torch.full((n,), -torch.inf, dtype=torch.float64, device=device),
        torch.zeros(n, dtype=torch.bool, device=device),
        torch.full_like(region.low, torch.nan),
        torch.zeros(n, dtype=torch.int64, device=device),
    )
    step = max(1, CELLS_AT_ONCE // (asked.a.shape[1] * widest(graph)))
    for start in range(0, n, step):
        if should_stop():
            break
        rows = torch.arange(start, min(start + step, n), device=device)
        _prove(graph, forward, region, asked, rows, proof, work)
    return proof


def _prove(
    graph: Graph,
    forward: Callable[[Tensor], Tensor],
    region: Region,
    asked: Question,
    rows: Tensor,
    proof: Proof,
    work: Work,
) -> None:
    """Decide some of the points, and write it into ``proof``."""
    for stage, bounding in ((1, interval_bounds), (2, _lines(work))):
        part = region.first(rows)
        bounds = bounding(graph, part)
        found = carried_back(graph, graph.output, asked.a[rows], bounds, part)
        value = found.value + asked.shift[rows]
        _note(proof, rows, value.amin(dim=1), stage)
        worst = value.argmin(dim=1)
        tried = lowest(found.slopes[torch.arange(rows.numel(), device=rows.device), worst], part)
        _try(proof, rows, tried, forward, asked)
        left = ~(proof.proved | proof.flipped)[rows]
        rows, value = rows[left], value[left]
        if not rows.numel():
            return
        bounds = bounds.first(left)
    if work.slope_steps or work.branches:
        _deepen(graph, forward, region, asked, rows, value, bounds, proof, work)


def _lines(work: Work) -> Callable[[Graph, Region], Bounds]:
    return lambda graph, region: linear_bounds(graph, region, most_cells=work.most_cells)


def _deepen(
    graph: Graph,
    forward: Callable[[Tensor], Tensor],
    region: Region,
    asked: Question,
    rows: Tensor,
    value: Tensor,
    bounds: Bounds,
    proof: Proof,
    work: Work,
) -> None:
    """Look at each class that is left of each point as a question of its own."""
    for i, row in enumerate(rows.tolist()):
        open_ = torch.nonzero(value[i] <= TIE)[:, 0]
        here = torch.full_like(open_, i)
        cut, part = bounds.first(here), region.first(torch.full_like(open_, row))
        a, shift = asked.a[row, open_][:, None], asked.shift[row, open_][:, None]
        best = optimised(graph, a, cut, part, steps=work.slope_steps, enough=TIE - shift)
        lower = value[i].clone()
        lower[open_] = torch.maximum(lower[open_], (best.value + shift)[:, 0])
        one = torch.tensor([row], device=rows.device)
        _note(proof, one, lower.amin()[None], 3)
        _try(proof, one, lowest(best.at_input[:, 0], part), forward, asked)
        if not work.branches:
            continue
        for k in torch.argsort(lower[open_], descending=True).tolist():
            if bool(proof.flipped[row]) or bool(lower[open_[k]] > TIE):
                continue
            done = branched(
                graph, a[k], shift[k, 0], cut.first(slice(k, k + 1)), part.first(slice(k, k + 1)), most=work.branches,
                tie=TIE, steps=work.slope_steps,
            )  # fmt: skip
            lower[open_[k]] = torch.maximum(lower[open_[k]], done.value)
            _try(proof, one, done.tried, forward, asked)
            if not bool(done.value > TIE):
                break
        _note(proof, one, lower.amin()[None], 4)


def _note(proof: Proof, rows: Tensor, lower: Tensor, stage: int) -> None:
    proof.margin[rows] = torch.maximum(proof.margin[rows], lower)
    is_new = (proof.margin[rows] > TIE) & ~proof.proved[rows]
    proof.proved[rows[is_new]], proof.stage[rows[is_new]] = True, stage


def _try(proof: Proof, rows: Tensor, tried: Tensor, forward: Callable[[Tensor], Tensor], asked: Question) -> None:
    """Ask the network about inputs of the region, one for each row or all for a single row; keep one that flips."""
    if not tried.shape[0]:
        return
    with torch.no_grad():
        score = forward(tried.to(torch.float32)).to(torch.float64)
    value = (asked.a[rows] * score[:, None]).sum(dim=2) + asked.shift[rows]
    flips = (value.amin(dim=1) < 0) & ~proof.proved[rows if rows.numel() > 1 else rows.expand(tried.shape[0])]
    at = torch.nonzero(flips)[:, 0]
    if rows.numel() == 1:
        at = at[:1]
        proof.flip[rows[: at.numel()]] = tried[at]
    else:
        proof.flip[rows[at]] = tried[at]
