"""Tell whether the slopes of a network can be trusted, before its robustness under them is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from holdfast.kernels.robustness.streams import PointStreams
from holdfast.kernels.torch_robustness.ascent import ascend
from holdfast.kernels.torch_robustness.asking import Aim, Asked, Forward, leaves
from holdfast.kernels.torch_robustness.balls import Ball, Norm, balls
from holdfast.kernels.torch_robustness.found import Found
from holdfast.kernels.torch_robustness.squares import wander

Tensor = Any
STEPS = (1 / 16, 1 / 4)
DIRECTIONS = 3
CLIMB, SQUARES = 20, 100


class Masking(NamedTuple):
    """Signs of useless slopes, each a share of the points looked at; all fields of shape ``(n,)`` are by point."""

    points: NDArray[np.int64]
    """Points looked at, by position: those answered rightly, at most as many as asked for."""
    without_slope: NDArray[np.bool_]
    """The slope at the point is zero or not a number in all cells."""
    does_not_rise: NDArray[np.bool_]
    """Along the slope the loss rises no more than along the best of a few random directions, at two lengths."""
    black_box_better: NDArray[np.bool_]
    """100 random squares came further than 20 steps along the slope."""
    transfers: NDArray[np.bool_] | None
    """An input made on the other network flips this one, while the steps along its own slope do not."""
    answers_vary: bool
    """Whether the same inputs asked twice got other scores."""
    labels_vary: float
    """Share of points whose class was not the same in all of the repeats."""
    depends_on_neighbours: bool
    """Whether a row asked in another batch got other scores beyond rounding (a network in training mode)."""
    samples: int
    """Calls to average for one answer; 1 unless answers vary."""
    said: tuple[str, ...]
    """What was found, in plain words; empty when nothing was."""

    @property
    def is_suspected(self) -> bool:
        """Whether an attack by slopes alone would mislead."""
        return bool(self.said)


def diagnose(
    forward: Forward,
    X: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    *,
    norm: Norm,
    eps: float,
    low: float | NDArray[np.floating[Any]],
    high: float | NDArray[np.floating[Any]],
    seed: int,
    other: Forward | None = None,
    n_points: int = 32,
    tolerated: float = 0.1,
    device: str | Any = "cpu",
    dtype: Any = torch.float32,
    chunk: int = 64,
) -> Masking:
    """Look for signs that slopes lead nowhere: zero, flat or shattered slopes, randomness, or a batch that leaks.

    Parameters
    ----------
    forward, X, y, norm, eps, low, high, seed, device, dtype, chunk
        As for :func:`attack`.
    other : callable or None
        Another network for the same task, on which inputs are made that are tried on this one.
    n_points : int
        The first rightly answered points that are looked at; about 150 rows are asked for each.
    tolerated : float
        Share of points with a sign above which it is said.

    References
    ----------
    Athalye, A., Carlini, N. and Wagner, D. (2018). Obfuscated gradients give a false sense of security. ICML, section
    3.1. Carlini, N. et al. (2019). On evaluating adversarial robustness, section 4.
    """
    X, y = np.asarray(X), np.asarray(y, dtype=np.int64)
    asked = Asked(forward, n_points=len(X), device=device, dtype=dtype, chunk=chunk)
    everything = balls(X, norm=norm, eps=eps, low=low, high=high, device=asked.device, dtype=dtype)
    labels, numbers = torch.as_tensor(y).to(asked.device), torch.arange(len(X), device=asked.device)
    clean = asked.begin(everything.centre, numbers) if len(X) else everything.centre.new_zeros(0, 2)
    points = numbers[~leaves(clean, labels)][:n_points]
    if not len(points):
        none = np.zeros(0, dtype=np.bool_)
        return Masking(np.zeros(0, np.int64), none, none, none, None, False, 0.0, False, 1, ())
    spread, labels_vary, samples = _repeated(asked, everything, points, clean)
    neighbours = samples == 1 and _leaks(asked, everything, points, clean)
    asked.samples = samples
    found = Found(asked, everything, labels)
    streams = PointStreams(seed, np.arange(len(X)))
    aim, ball = Aim("margin", labels[points]), everything.at(points)
    slope = asked.slope(ball.centre, points, aim)
    without = (slope.gradient == 0).flatten(1).all(1)
    flat = _does_not_rise(asked, ball, points, aim, slope.gradient, streams) & ~without
    climbed = ascend(found, points, aim, ball.centre, iterations=CLIMB).value
    is_flipped = ~found.is_open(points)
    still = points[~is_flipped]
    better = torch.zeros_like(without)
    if len(still):
        better[~is_flipped] = wander(found, still, streams, queries=SQUARES) > climbed[~is_flipped]
    transfers = None if other is None else _transferred(asked, other, ball, points, aim, is_flipped)
    signs = [part.cpu().numpy() for part in (without, flat, better)]
    moved = None if transfers is None else transfers.cpu().numpy()
    said = _in_words(*signs, moved, spread, labels_vary, neighbours, samples, tolerated)
    return Masking(points.cpu().numpy(), *signs, moved, spread > 0, labels_vary, neighbours, samples, said)


def _repeated(asked: Asked, ball: Ball, points: Tensor, clean: Tensor) -> tuple[float, float, int]:
    """Ask the same again: spread of the scores over the typical margin, share of labels that vary, samples to take."""
    at = ball.centre[points]
    answers = torch.stack([asked.logits(at, points), asked.logits(at, points)])
    if bool((answers[0] == answers[1]).all()):
        return 0.0, 0.0, 1
    answers = torch.cat([answers, torch.stack([asked.logits(at, points) for _ in range(6)])])
    deviation = float(answers.std(0).mean())
    margin = float(Aim("margin", clean[points].argmax(1)).value(answers.mean(0)).abs().median())
    varies = float((answers.argmax(2) != answers[0].argmax(1)).any(0).double().mean())
    spread = deviation / max(margin, 1e-12)
    # Enough calls that the error of their mean is a tenth of the margin.
    return spread, varies, int(np.clip(np.ceil((10 * spread) ** 2), 4, 64))


def _leaks(asked: Asked, ball: Ball, points: Tensor, clean: Tensor) -> bool:
    turned = points.flip(0)
    again = asked.logits(ball.centre[turned], turned)
    scale = clean[turned].abs().max().clamp(min=1e-12)
    return bool((again - clean[turned]).abs().max() > 1e-3 * scale)


def _does_not_rise(
    asked: Asked, ball: Ball, points: Tensor, aim: Aim, gradient: Tensor, streams: PointStreams
) -> Tensor:
    """Compare short moves along the slope with random ones of the same length."""
    n_cells = torch.full_like(ball.eps, max(1.0, 0.2 * gradient[0].numel()))

    def gained(direction: Tensor) -> Tensor:
        rise = ball.rise(ball.centre, direction, n_cells)
        ends = [ball.project(ball.centre + (step * ball.eps).view(-1, *[1] * (rise.ndim - 1)) * rise) for step in STEPS]
        return torch.stack([aim.value(asked.logits(end, points)) for end in ends])

    here = aim.value(asked.logits(ball.centre, points))
    along = gained(gradient) - here
    drawn = streams.uniform(points.cpu().numpy(), DIRECTIONS, *gradient.shape[1:])
    at_random = [gained(torch.as_tensor(drawn[:, j] - 0.5).to(gradient)) - here for j in range(DIRECTIONS)]
    best = torch.stack(at_random).max(0).values
    return ((along <= best) | (along <= 0)).all(0)


def _transferred(asked: Asked, other: Forward, ball: Ball, points: Tensor, aim: Aim, is_flipped: Tensor) -> Tensor:
    """Make inputs on the other network, and see which flip this one where its own slopes did not."""
    stand_in = Asked(other, n_points=len(points), device=asked.device, dtype=asked.dtype, chunk=asked.chunk)
    rows = torch.arange(len(points), device=asked.device)
    made = ascend(Found(stand_in, ball, aim.y, seeks_closest=True), rows, aim, ball.centre, iterations=CLIMB)
    return leaves(asked.logits(made.x, points), aim.y) & ~is_flipped


def _in_words(
    without: NDArray[np.bool_], flat: NDArray[np.bool_], better: NDArray[np.bool_], moved: NDArray[np.bool_] | None,
    spread: float, labels_vary: float, neighbours: bool, samples: int, tolerated: float,
) -> tuple[str, ...]:  # fmt: skip
    said = []
    if without.mean() > tolerated:
        said.append(
            f"At {without.mean():.0%} of the points the slope is zero or no number: something in the network cannot be "
            "differentiated (rounding, thresholds), or its scores are saturated."
        )
    if flat.mean() > tolerated:
        said.append(
            f"At {flat.mean():.0%} of the points the loss rises no more along the slope than in random directions: the "
            "slope does not describe the network (noise, or a surface broken into pieces)."
        )
    if better.any():
        said.append(
            f"At {better.mean():.0%} of the points random changes came further than steps along the slope, which knows "
            "more: the slopes hide weaknesses, and attacks that only ask the network must be run."
        )
    if moved is not None and moved.any():
        said.append(
            f"At {moved.mean():.0%} of the points an input made on another network flips this one, where its own slope "
            "found nothing."
        )
    if spread > 0:
        said.append(
            f"The network answers at random: scores vary by {spread:.2g} of a typical margin, and the class varies at "
            f"{labels_vary:.0%} of the points. Average {samples} answers, in the attack too."
        )
    if neighbours:
        said.append(
            "The answer to an input depends on the inputs beside it: the network is in training mode, or mixes rows."
        )
    return tuple(said)
