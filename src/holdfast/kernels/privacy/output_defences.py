"""Changes of a model's answers that are meant to hide who was in training, and what an attacker makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TEMPERATURE = 4.0
CLIP = 0.05
NOISE = 0.05
REPEATS = 16

Scores = NDArray[np.float64]


class OutputDefence(NamedTuple):
    """One way to answer less.

    Attributes
    ----------
    what
        What it does, in words.
    answer
        Turns scores, shape (n_samples, n_classes), into what a caller gets; the generator serves noise.
    views
        What an attacker computes from the answers to get at the scores: each takes the model's scores and a generator,
        asks as often as it likes, and returns scores of the same shape. Shadow models are asked in the same way.
    """

    what: str
    answer: Callable[[Scores, np.random.Generator], Scores]
    views: tuple[Callable[[Scores, np.random.Generator], Scores], ...]


def rounded(scores: Scores, decimals: int) -> Scores:
    """Return scores rounded to a number of decimals; they need not add up to 1."""
    return np.round(scores, decimals)


def only_the_best(scores: Scores) -> Scores:
    """Return the score of the best class, and equal parts of the rest for all others."""
    best = scores.argmax(axis=1)
    top = scores[np.arange(len(scores)), best]
    rest = (1.0 - top) / max(scores.shape[1] - 1, 1)
    answer = np.repeat(rest[:, None], scores.shape[1], axis=1)
    answer[np.arange(len(scores)), best] = top
    return answer


def only_the_label(scores: Scores) -> Scores:
    """Return 1 for the best class and 0 for all others."""
    answer = np.zeros_like(scores)
    answer[np.arange(len(scores)), scores.argmax(axis=1)] = 1.0
    return answer


def tempered(scores: Scores, temperature: float) -> Scores:
    """Return scores to the power of one over the temperature, scaled to add up to 1.

    With ``1 / temperature`` it takes itself back: where no score is 0, nothing is hidden.
    """
    logs = np.log(np.maximum(scores, 1e-300)) / temperature
    powers = np.where(scores > 0, np.exp(logs - logs.max(axis=1, keepdims=True)), 0.0)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def clipped(scores: Scores, clip: float) -> Scores:
    """Return scores kept ``clip`` away from 0 and 1."""
    return np.clip(scores, clip, 1.0 - clip)


def noisy(scores: Scores, spread: float, rng: np.random.Generator) -> Scores:
    """Return scores with Gaussian noise, kept in [0, 1]."""
    return np.clip(scores + rng.normal(0.0, spread, scores.shape), 0.0, 1.0)


def averaged(scores: Scores, rng: np.random.Generator) -> Scores:
    """Return the mean of repeated noisy answers to the same question."""
    return np.asarray(np.mean([noisy(scores, NOISE, rng) for _ in range(REPEATS)], axis=0))


def _same(function: Callable[[Scores], Scores], what: str) -> OutputDefence:
    def answer(scores: Scores, rng: np.random.Generator) -> Scores:
        return function(scores)

    return OutputDefence(what, answer, (answer,))


OUTPUT_DEFENCES: Mapping[str, OutputDefence] = {
    "round to 2 decimals": _same(lambda scores: rounded(scores, 2), "scores with 2 decimals"),
    "round to 1 decimal": _same(lambda scores: rounded(scores, 1), "scores with 1 decimal"),
    "best class only": _same(only_the_best, "the best class and its score"),
    "label only": _same(only_the_label, "the best class without a score"),
    "clip": _same(lambda scores: clipped(scores, CLIP), f"scores between {CLIP:g} and {1 - CLIP:g}"),
    "temperature": OutputDefence(
        f"scores to the power of 1/{TEMPERATURE:g}, scaled; the attacker takes the power back",
        lambda scores, rng: tempered(scores, TEMPERATURE),
        (
            lambda scores, rng: tempered(scores, TEMPERATURE),
            lambda scores, rng: tempered(tempered(scores, TEMPERATURE), 1.0 / TEMPERATURE),
        ),
    ),
    "noise": OutputDefence(
        f"scores with Gaussian noise of {NOISE:g}; the attacker asks {REPEATS} times and takes the mean",
        lambda scores, rng: noisy(scores, NOISE, rng),
        (averaged,),
    ),
}
