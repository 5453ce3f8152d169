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
from holdfast.kernels.torch_robustness.found import Found

Tensor = Any
Order = Literal["any", "by_logits", "by_progress"]


class Stage(NamedTuple):
    """One way of searching, run on the points that are still open."""

    name: str
    """What is written beside its finds."""
    iterations: int
    loss: Loss = "margin"
    targets: int = 0
    """Classes aimed at one after the other, at most; 0 to aim away from the own class."""
    order: Order = "by_logits"
    """The closest classes by the scores of the point itself, or by how far earlier stages came."""
    is_random: bool = False
    """Whether it starts at random in the ball; else at the point."""


STAGES: tuple[Stage, ...] = (
    Stage("margin", 25),
    Stage("targeted", 20, targets=9),
    Stage("targeted again", 60, targets=3, order="by_progress", is_random=True),
    Stage("margin again", 60, is_random=True),
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
    """Highest margin towards each class so far, shape ``(n, k)``."""

    def targets(self, points: Tensor, stage: Stage) -> Tensor:
        """Classes to aim at, most promising first, shape ``(n_points, n_targets)``."""
        score = (self.reached if stage.order == "by_progress" else torch.nan_to_num(self.clean))[points]
        score = score.scatter(1, self.y[points][:, None], -torch.inf)
        return score.sort(dim=1, descending=True, stable=True).indices[:, : min(stage.targets, score.shape[1] - 1)]

    def starts(self, points: Tensor, stage: Stage) -> Tensor:
        ball = self.found.ball.at(points)
        if not stage.is_random:
            return ball.centre
        return ball.start(self.streams.uniform(points.cpu().numpy(), *ball.centre.shape[1:]))

    def climb(self, stage: Stage) -> None:
        """Aim away from the own class, or at one class after the other."""
        at_begin = self.found.open()
        targets = self.targets(at_begin, stage)
        for j in range(targets.shape[1] if stage.targets else 1):
            still = torch.isin(at_begin, self.found.open())
            points = at_begin[still]
            if not len(points):
                return
            target = targets[still, j] if stage.targets else None
            aim = Aim(stage.loss, self.y[points], target)
            summit = ascend(self.found, points, aim, self.starts(points, stage), iterations=stage.iterations)
            if target is not None and stage.loss == "margin":
                self.reached[points, target] = torch.maximum(self.reached[points, target], summit.value)


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
        positive where it is the answer. It treats each row by itself (eval mode).
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
    clean = asked.logits(ball.centre, points) if len(X) else ball.centre.new_zeros(0, 2)
    if len(X) and not 0 <= int(labels.min()) <= int(labels.max()) < clean.shape[1]:
        raise ValueError(f"expected classes 0 to {clean.shape[1] - 1}, the network's own, got {np.unique(y).tolist()}")
    found.name = "no change"
    found.keep(points, ball.centre, clean)
    streams = PointStreams(seed, np.arange(len(X)) if ids is None else np.asarray(ids))
    state = Attack(found, streams, labels, clean, torch.full_like(clean, -torch.inf))
    counts = [_counted(state, stage) for stage in stages]
    return Attacked(
        success=np.isfinite(found.distance),
        adversarial=found.best.cpu().numpy(),
        distance=found.distance,
        stage=found.stage.astype(np.str_),
        forwards=asked.forwards,
        backwards=asked.backwards,
        not_finite=asked.not_finite,
        without_slope=asked.without_slope / np.maximum(asked.backwards, 1),
        stages=tuple(counts),
    )


def _counted(state: Attack, stage: Stage) -> StageCount:
    asked, found = state.found.asked, state.found
    tried, forwards, backwards = len(found.open()), int(asked.forwards.sum()), int(asked.backwards.sum())
    found.name = stage.name
    state.climb(stage)
    return StageCount(
        stage.name, tried, tried - len(found.open()),
        int(asked.forwards.sum()) - forwards, int(asked.backwards.sum()) - backwards,
    )  # fmt: skip
