"""Proofs about rows of a table that a network is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import NumericLimits
from holdfast.kernels.robustness.limits import Rules
from holdfast.kernels.robustness.network_boxes import OUTWARDS, Boxes, boxes_about, matrix_of
from holdfast.kernels.robustness.tree_problem import Changed
from holdfast.kernels.torch_certificates.certify import Proof, Work, certify
from holdfast.kernels.torch_certificates.regions import Region

if TYPE_CHECKING:
    from holdfast.core.network import RawNetwork

Cells = Mapping[str, NDArray[Any]]
# Rows between two looks at the clock; halvings of the distance at which a row without a full proof is looked at.
ROWS_AT_ONCE = 64
HALVINGS = 3
# A whole step that rounding has made a little shorter is one.
ALMOST = 1e-6


class Rows(NamedTuple):
    """What is asked."""

    network: RawNetwork
    names: Sequence[str]
    """Columns of the network, in order."""
    rules: Rules


def prove_rows(
    asked: Rows,
    cells: Cells,
    y: NDArray[np.int64],
    *,
    is_flipped: NDArray[np.bool_],
    work: Work,
    should_stop: Callable[[], bool] = lambda: False,
    device: str = "cpu",
) -> Changed:
    """Prove that no allowed change of a row is answered otherwise than with its label; or within which distance.

    Parameters
    ----------
    cells
        By column, each ``(n,)``.
    y
        The right classes.
    is_flipped
        Rows that are known to flip: only the distance within which they do not is looked for.
    should_stop
        Asked between parts of the rows; those after it are not done.

    Returns
    -------
    Changed
        ``lower`` is inf for a proof of the whole threat, otherwise a distance within which no row is answered otherwise
        whatever its categories, 0 for none, NaN for a row that the proofs do not cover. ``cells`` are those of an input
        that the network answers otherwise, where one was met; whole numbers are rounded towards the row.
    """
    n, width = y.size, len(asked.names)
    lower, is_done = np.full(n, np.nan), np.zeros(n, dtype=np.bool_)
    flips = np.full((n, width), np.nan)
    for start in range(0, n, ROWS_AT_ONCE):
        if should_stop():
            break
        at = np.arange(start, min(start + ROWS_AT_ONCE, n))
        part = {name: values[at] for name, values in cells.items()}
        lower[at], flips[at] = _prove(asked, part, y[at], is_flipped[at], work, device)
        is_done[at] = True
    return _as_changed(asked, cells, lower, flips, is_done)


def _prove(
    asked: Rows, cells: Cells, y: NDArray[np.int64], is_flipped: NDArray[np.bool_], work: Work, device: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    boxes = boxes_about(cells, asked.names, asked.rules)
    proved, flips = _certified(asked, boxes, y, boxes.covered & ~is_flipped, work, device)
    lower = np.where(proved, np.inf, np.where(boxes.covered, 0.0, np.nan))
    distance = asked.rules.budget.distance
    if not np.isfinite(distance):
        return lower, flips
    # with the distance in halves, then quarters: what lines prove at once
    quick, reached = work._replace(slope_steps=0, branches=0), np.zeros(y.size)
    is_open = boxes.covered & ~proved
    for halving in range(1, HALVINGS + 1):
        tried = reached + 0.5**halving
        for share in np.unique(tried[is_open]):
            now = is_open & (tried == share)
            budget = asked.rules.budget._replace(distance=distance * share)
            smaller = boxes_about(cells, asked.names, asked.rules._replace(budget=budget))
            holds, _ = _certified(asked, smaller, y, now, quick, device)
            reached = np.where(now & holds, share, reached)
    return np.where(is_open, reached * distance, lower), flips


def _certified(
    asked: Rows, boxes: Boxes, y: NDArray[np.int64], wanted: NDArray[np.bool_], work: Work, device: str
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Tell which of the wanted points all boxes of are proved, and where one is answered otherwise."""
    n, shape = y.size, asked.network.input_shape
    chosen = np.flatnonzero(wanted[boxes.owner])
    proved, flips = np.zeros(n, dtype=np.bool_), np.full((n, boxes.low.shape[1]), np.nan)
    if not chosen.size:
        return proved, flips

    def tensor(x: NDArray[np.float64]) -> Any:
        return torch.tensor(x.reshape(-1, *shape), dtype=torch.float64, device=device)

    budget, owner = asked.rules.budget, boxes.owner[chosen]
    scale = np.broadcast_to(boxes.scale, boxes.low.shape)
    low, high, point, units = (tensor(x[chosen]) for x in (boxes.low, boxes.high, boxes.point, scale))
    region = Region(low, high, point, units, budget.distance, budget.norm)
    proof: Proof = certify(asked.network, region, torch.tensor(y[owner], device=device), work=work)
    is_proved, is_flip = proof.proved.cpu().numpy(), proof.flipped.cpu().numpy()
    proved[owner] = True
    proved[owner[~is_proved]] = False
    flips[owner[is_flip]] = proof.flip.flatten(1).cpu().numpy()[is_flip]
    return proved, flips


def _as_changed(
    asked: Rows, cells: Cells, lower: NDArray[np.float64], flips: NDArray[np.float64], is_done: NDArray[np.bool_]
) -> Changed:
    exact = matrix_of(cells, asked.names)
    met = np.asarray(~np.isnan(flips).any(axis=1))
    rules = [asked.rules.limits.get(name) for name in asked.names]
    counted = [rule if isinstance(rule, NumericLimits) and not rule.is_derived else None for rule in rules]
    unit = np.array([rule.scale / rule.cost if rule and rule.cost > 0 else np.inf for rule in counted])
    moves = np.where(met[:, None], flips - exact, 0.0)
    budget = asked.rules.budget
    # the boxes reach a little beyond the distance, changed rows do not
    share = np.minimum(1.0, budget.distance * (1 - OUTWARDS) / np.maximum(_length(moves / unit, budget.norm), 1e-300))
    moves = np.where(np.isfinite(unit), moves * share[:, None], moves)
    is_whole = np.array([isinstance(rule, NumericLimits) and rule.is_whole for rule in rules])
    moves = np.where(is_whole, np.sign(moves) * np.floor(np.abs(moves) + ALMOST), moves)
    changed = dict(cells)
    for j, name in enumerate(asked.names):
        if cells[name].dtype.kind == "f":
            changed[name] = np.where(moves[:, j] != 0, exact[:, j] + moves[:, j], cells[name])
        else:
            changed[name] = np.where(moves[:, j] != 0, (exact[:, j] + moves[:, j] > 0.5).astype(object), cells[name])
    none = np.zeros(len(exact), dtype=np.int64)
    return Changed(changed, np.where(met, _length(moves / unit, budget.norm), np.inf), lower, none, is_done)


def _length(moves: NDArray[np.float64], norm: str) -> NDArray[np.float64]:
    if norm == "linf":
        return np.asarray(np.abs(moves).max(axis=1, initial=0.0))
    return np.asarray(np.abs(moves).sum(axis=1) if norm == "l1" else np.sqrt((moves**2).sum(axis=1)))
