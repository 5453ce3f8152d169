"""Search changed inputs that a network answers with another class, in stages; settled points leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from holdfast.kernels.robustness.streams import PointStreams
from holdfast.kernels.torch_robustness.ascent import ascend
from holdfast.kernels.torch_robustness.asking import Aim, Asked, Forward, Loss
from holdfast.kernels.torch_robustness.balls import Norm, balls
from holdfast.kernels.torch_robustness.boundary import walk
from holdfast.kernels.torch_robustness.found import Found
from holdfast.kernels.torch_robustness.squares import wander

Tensor = Any
Order = Literal["any", "by_logits", "by_progress"]


class Stage(NamedTuple):
    """One way of searching, run on the points that are still open."""

    name: str
    """What is written beside its finds."""
    iterations: int
    """Steps, or rows asked where no slope is taken."""
    search: Literal["ascent", "boundary", "squares"] = "ascent"
    """Climb a loss, walk along the boundary, or change squares at random (no slopes; Linf and L2)."""
    loss: Loss = "margin"
    targets: int = 0
    """Classes aimed at, side by side, at most; 0 to aim away from the own class."""
    order: Order = "by_logits"
    """The closest classes by the scores of the point itself, or by how far earlier stages came."""
    is_random: bool = False
    """Whether it starts at random in the ball; else at the point."""
    if_masked: bool = False
    """Whether only points are searched whose slopes look useless."""


STAGES: tuple[Stage, ...] = (
    Stage("margin", 25),
    Stage("targeted", 20, targets=5),
    Stage("targeted dlr", 50, loss="dlr", targets=2, is_random=True),
    Stage("closest class", 100, targets=1, order="by_progress", is_random=True),
    Stage("targeted dlr again", 50, loss="dlr", targets=2, is_random=True),
    Stage("closest class again", 100, targets=1, order="by_progress", is_random=True),
    # So few squares come further than slopes only where these lead nowhere.
    Stage("probe", 50, search="squares"),
    Stage("squares, masked", 5000, search="squares", if_masked=True),
    Stage("boundary, masked", 100, search="boundary", targets=9, if_masked=True),
)


# Radii of the ball, as multiples, and the share of the steps taken in each. In L1 a climb that begins in a wider ball
# comes further (Croce and Hein 2021, section 3.4).
DIRECT, NARROWING = ((1.0, 1.0),), ((3.0, 0.3), (2.0, 0.3), (1.0, 0.4))
# Cells of all rows that are searched at once, at most.
BLOCK_CELLS = 2**22
# And the stages of AutoAttack's standard version, and more, for what these leave.
EXHAUSTIVE: tuple[Stage, ...] = (
    *STAGES,
    Stage("targeted, longer", 100, targets=9, is_random=True),
    Stage("cross-entropy", 100, loss="ce", is_random=True),
    Stage("targeted dlr, longer", 100, loss="dlr", targets=9, is_random=True),
    Stage("boundary", 100, search="boundary", targets=9),
    Stage("squares", 5000, search="squares"),
    # Points that one climb in several flips: AutoAttack finds some of them, and others with another seed.
    *[Stage("closest class, many starts", 100, targets=1, order="by_progress", is_random=True)] * 12,
)


class StageCount(NamedTuple):
    """What one stage did."""

    name: str
    tried: int
    """Points that were open when it began."""
    flipped: int
    forwards: int
    """Rows sent forward through the network."""
    backwards: int
    """Rows of which the slope was taken."""


class Attacked(NamedTuple):
    """What came out for each of n points."""

    success: NDArray[np.bool_]
    """Whether the network answers another class within the distance, shape ``(n,)``."""
    adversarial: NDArray[np.floating[Any]]
    """Changed inputs, shape ``(n, *shape)``; the input itself where none was found."""
    distance: NDArray[np.float64]
    """How far they moved, shape ``(n,)``; 0 where the input itself is wrong, inf where none was found."""
    stage: NDArray[np.str_]
    """What found them, shape ``(n,)``; empty where nothing did."""
    forwards: NDArray[np.int64]
    """Rows sent forward for each point."""
    backwards: NDArray[np.int64]
    not_finite: NDArray[np.bool_]
    """Points for which the network answered NaN to some valid input; NaN counts as no flip."""
    without_slope: NDArray[np.float64]
    """Share of a point's slopes that were zero or not a number in all cells; 0 where none was taken."""
    masked: NDArray[np.bool_]
    """Points whose slopes look useless: most of them zero, or squares at random came further than they."""
    stages: tuple[StageCount, ...]


@dataclass
class Attack:
    """An attack at work."""

    found: Found
    streams: PointStreams
    y: Tensor
    clean: Tensor
    """Scores of the points themselves, shape ``(n, k)``."""
    reached: Tensor
    """Highest margin towards each class by slopes so far, shape ``(n, k)``; any class counts at the own one."""
    is_beaten: Tensor
    """Whether squares at random came further than slopes, shape ``(n,)``."""

    def masked(self) -> Tensor:
        """Tell where slopes look useless: most of them zero or no numbers, or squares at random came further."""
        asked = self.found.asked
        without = asked.without_slope * 2 * asked.samples >= np.maximum(asked.backwards, 1)
        return self.is_beaten | torch.as_tensor(without, device=self.y.device)

    def targets(self, points: Tensor, stage: Stage) -> Tensor:
        """Classes to aim at, most promising first, shape ``(n_points, n_targets)``."""
        score = (self.reached if stage.order == "by_progress" else torch.nan_to_num(self.clean))[points]
        score = score.scatter(1, self.y[points][:, None], -torch.inf)
        return score.sort(dim=1, descending=True, stable=True).indices[:, : min(stage.targets, score.shape[1] - 1)]

    def run(self, stage: Stage) -> None:
        """Search the points still open, in blocks that fit into memory."""
        self.found.name = stage.name
        points = self.found.open()
        if stage.if_masked:
            points = points[self.masked()[points]]
        if not len(points):
            return
        targets = self.targets(points, stage) if stage.targets else self.y[points][:, None]
        cells = self.found.ball.centre[0].numel() * targets.shape[1]
        for block in torch.arange(len(points), device=points.device).split(max(1, BLOCK_CELLS // cells)):
            self._search(stage, points[block], targets[block])

    def _search(self, stage: Stage, points: Tensor, targets: Tensor) -> None:
        """Search some points, with all their targets side by side."""
        if stage.search == "squares":
            value = wander(self.found, points, self.streams, queries=stage.iterations)
            self.is_beaten[points] |= value > self.reached[points].max(1).values
            return
        rows, target = points.repeat_interleave(targets.shape[1]), targets.flatten()
        ball = self.found.ball.at(rows)
        start = ball.centre
        if stage.is_random:
            drawn = self.streams.uniform(points.cpu().numpy(), targets.shape[1], *start.shape[1:])
            start = ball.start(drawn.reshape(start.shape))
        aim = Aim(stage.loss, self.y[rows], target if stage.targets else None)
        if stage.search == "boundary":
            walk(self.found, rows, aim, start, iterations=stage.iterations)
            return
        for widened, share in NARROWING if ball.norm == "l1" and (stage.targets or stage.is_random) else DIRECT:
            steps = round(share * stage.iterations)
            summit = ascend(self.found, rows, aim, start, iterations=steps, widened=widened)
            start = summit.x
        if stage.loss == "margin":
            self.reached[rows, target] = torch.maximum(self.reached[rows, target], summit.value)


def attack(
    forward: Forward,
    X: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    *,
    norm: Norm,
    eps: float | NDArray[np.float64],
    low: float | NDArray[np.floating[Any]],
    high: float | NDArray[np.floating[Any]],
    seed: int,
    ids: NDArray[np.int64] | None = None,
    stages: Sequence[Stage] = STAGES,
    exhaustive: bool = False,
    samples: int = 1,
    slopes_from: Forward | None = None,
    device: str | Any = "cpu",
    dtype: Any = torch.float32,
    chunk: int = 64,
) -> Attacked:
    """Search a changed input for each point that the network answers with another class.

    Parameters
    ----------
    forward : callable
        Rows ``(n, *shape)`` as tensors to logits ``(n, k)``; one column is the score of the second of two classes,
        positive where it is the answer. Where all rows are probabilities, their logarithms are attacked. It treats
        each row by itself (eval mode).
    X : ndarray, shape (n, *shape)
    y : ndarray of int, shape (n,)
        The class that the network should answer, 0 to k - 1.
    norm, eps
        How far an input may move; `eps` may differ from point to point, shape ``(n,)``.
    low, high
        Ends of the valid values of a cell; they broadcast to `X`.
    seed : int
        Of the random starts.
    ids : ndarray of int64, shape (n,)
        What identifies a point: with the same seed it is attacked in the same way whatever other points there are.
        Their positions if left out.
    stages
        What is tried, in order; points leave when they are flipped.
    exhaustive : bool
        Whether `EXHAUSTIVE` is tried in place of `stages`: every stage of AutoAttack's standard version too.
    samples, slopes_from, chunk
        As for :class:`Asked`.

    Returns
    -------
    Attacked
        Each flip was confirmed by asking a second time, and lies in the range and within `eps` without tolerance.

    Raises
    ------
    ValueError
        For inputs outside the range, classes the network does not have, or scores of a wrong shape.
    """
    X = np.asarray(X)
    asked = Asked(
        forward, n_points=len(X), device=device, dtype=dtype, chunk=chunk, samples=samples, slopes_from=slopes_from
    )
    ball = balls(X, norm=norm, eps=eps, low=low, high=high, device=asked.device, dtype=dtype)
    labels = torch.as_tensor(np.asarray(y, dtype=np.int64)).to(asked.device)
    found = Found(asked, ball, labels)
    points = found.open()
    clean = asked.begin(ball.centre, points) if len(X) else ball.centre.new_zeros(0, 2)
    if len(X) and not 0 <= int(labels.min()) <= int(labels.max()) < clean.shape[1]:
        raise ValueError(f"expected classes 0 to {clean.shape[1] - 1}, the network's own, got {np.unique(y).tolist()}")
    found.name = "no change"
    found.keep(points, ball.centre, clean)
    streams = PointStreams(seed, np.arange(len(X)) if ids is None else np.asarray(ids))
    state = Attack(
        found, streams, labels, clean, torch.full_like(clean, -torch.inf), torch.zeros_like(labels, dtype=torch.bool)
    )
    counts = [_counted(state, stage) for stage in (EXHAUSTIVE if exhaustive else stages)]
    return Attacked(
        success=np.isfinite(found.distance),
        adversarial=found.best.cpu().numpy(),
        distance=found.distance,
        stage=found.stage.astype(np.str_),
        forwards=asked.forwards,
        backwards=asked.backwards,
        not_finite=asked.not_finite,
        without_slope=asked.without_slope * samples / np.maximum(asked.backwards, 1),
        masked=state.masked().cpu().numpy() & (asked.backwards > 0),
        stages=tuple(counts),
    )


def _counted(state: Attack, stage: Stage) -> StageCount:
    asked, found = state.found.asked, state.found
    tried, forwards, backwards = len(found.open()), int(asked.forwards.sum()), int(asked.backwards.sum())
    state.run(stage)
    return StageCount(
        stage.name, tried, tried - len(found.open()),
        int(asked.forwards.sum()) - forwards, int(asked.backwards.sum()) - backwards,
    )  # fmt: skip
