"""Search for the fewest words of a text that, slightly changed, change a model's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.text.perturbations import KINDS, Kind, word_variants
from holdfast.kernels.text.word_importance import Answer, margins, split_words, word_importance

SHARE_FOR_IMPORTANCE = 0.4
CHANGES = 12
PROPOSALS = 8
PATIENCE = 12


class TextThreat(NamedTuple):
    """What one attack on a text may use."""

    words: int
    """Largest number of words that change."""
    queries: int
    """Largest number of texts asked for each point."""


class TextFlips(NamedTuple):
    """The text with the fewest changed words found for each point."""

    texts: list[str]
    """Changed texts; the text itself where none was found."""
    words: NDArray[np.int64]
    """Number of changed words, shape ``(n_texts,)``; -1 where no flip was found."""
    queries: NDArray[np.int64]
    """Texts asked for each point."""
    is_complete: bool
    """Whether every point was settled or had its full number of queries."""


def search_text_flips(
    texts: Sequence[str],
    y: NDArray[np.int64],
    *,
    predict: Answer,
    threat: TextThreat,
    rng: np.random.Generator,
    synonyms: Mapping[str, Sequence[str]] | None = None,
    kinds: Sequence[Kind] = KINDS,
    ids: NDArray[np.int64] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> TextFlips:
    """Search, for all texts at once, a few changed words that flip the model's answer.

    What is found bounds the number of words that suffice from above; finding nothing proves nothing.

    Parameters
    ----------
    texts : sequence of str
    y : ndarray of int64, shape (n_texts,)
        The labels the model gives them.
    predict : callable
        Answers about texts with labels or scores; called with one batch for all points. Scores are made use of.
    threat : TextThreat
    rng : numpy.random.Generator
        Gives the seed.
    synonyms : mapping of str to sequence of str, optional
        Words that may stand for a word, which is written in lower case; capitals are kept.
    kinds : sequence of kinds, optional
        Kinds of single-letter changes that may be made, one in each word.
    ids : ndarray of int64, shape (n_texts,), optional
        What identifies a point; with the same seed it is searched in the same way whatever other points there are.
    should_stop : callable, optional
        Asked before each batch; True ends the search with what was found.

    Returns
    -------
    TextFlips

    Notes
    -----
    Words are left out one at a time to see which carry the answer. With scores they are then changed greedily in that
    order, each to the best of its synonyms and of a sample of its misspellings; with labels, random changes of several
    words at once are tried, those that matter first. Words of a flip that are not needed are put back. A round is one
    batch over all texts that are not settled.

    References
    ----------
    Jin, D., Jin, Z., Zhou, J. T. and Szolovits, P. (2020). Is BERT really robust? AAAI, algorithm 1. Li, J., Ji, S.,
    Du, T., Li, B. and Wang, T. (2019). TextBugger: generating adversarial text against real-world applications. NDSS.

    Examples
    --------
    >>> flips = search_text_flips(
    ...     ["a good day"], np.array([1]),
    ...     predict=lambda texts, _: np.array([int("good" in text) for text in texts]),
    ...     threat=TextThreat(1, 50), rng=np.random.default_rng(0), kinds=(), synonyms={"good": ["fine"]},
    ... )
    >>> flips.texts, flips.words.tolist()
    (['a fine day'], [1])
    """
    seed = int(rng.integers(2**63))
    names = np.arange(len(texts)) if ids is None else ids
    streams = [np.random.default_rng([seed, int(name) % 2**63]) for name in names]
    search = _Search(list(texts), y, predict, threat, synonyms or {}, tuple(kinds), streams, should_stop)
    search.rank()
    if search.is_scored:
        search.descend()
    else:
        search.guess()
    search.put_back()
    return search.result()


@dataclass
class _Search:
    """State of one search: the words of each text as they stand, and which texts are flipped."""

    texts: list[str]
    y: NDArray[np.int64]
    predict: Answer
    threat: TextThreat
    synonyms: Mapping[str, Sequence[str]]
    kinds: tuple[Kind, ...]
    streams: list[np.random.Generator]
    should_stop: Callable[[], bool]
    stopped: bool = False
    is_scored: bool = False
    order: list[list[int]] = field(init=False)
    weight: list[NDArray[np.float64]] = field(init=False)
    changes: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.texts)
        self.original = [split_words(text) for text in self.texts]
        self.parts = [list(parts) for parts in self.original]
        self.used, self.flipped = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
        self.margin = np.full(n, np.inf)
        self.order, self.weight = [[] for _ in range(n)], [np.zeros(0) for _ in range(n)]

    def ask(self, points: list[int], asked: list[str]) -> NDArray[np.float64]:
        """Ask about texts, each of a point; infinite where the point has no queries left."""
        lead, taken = np.full(len(asked), np.inf), []
        for k, point in enumerate(points):
            if self.used[point] < self.threat.queries:
                self.used[point] += 1
                taken.append(k)
        if not self.stopped and taken:
            self.stopped = self.should_stop()
        if taken and not self.stopped:
            at = np.array([points[k] for k in taken])
            answer = self.predict([asked[k] for k in taken], at)
            self.is_scored = self.is_scored or answer.ndim > 1
            lead[taken] = margins(answer, self.y[at])
        return lead

    def rank(self) -> None:
        """Order the words that can change by what they carry."""
        most = max(int(SHARE_FOR_IMPORTANCE * self.threat.queries) - 1, 0)
        words = []
        for i, parts in enumerate(self.parts):
            able = [at for at in range(1, len(parts), 2) if parts[at].isalpha() and self._changes(i, at)]
            chosen = self.streams[i].permutation(len(able))[:most]
            words.append(np.array(able, dtype=np.int64)[chosen])
        if not any(len(positions) for positions in words):
            return
        asked = word_importance(self.texts, self.y, predict=self._counted, words=words)
        for i, (positions, fall) in enumerate(zip(words, asked, strict=True)):
            best = np.argsort(-fall, kind="stable")
            self.order[i] = positions[best].tolist()
            self.weight[i] = np.maximum(fall[best], 0.0)

    def _counted(self, asked: list[str], points: NDArray[np.int64]) -> NDArray[np.int64] | NDArray[np.float64]:
        np.add.at(self.used, points, 1)
        answer = self.predict(asked, points)
        self.is_scored = answer.ndim > 1
        self.margin = margins(answer[: len(self.texts)], self.y)
        return answer

    def _changes(self, point: int, at: int) -> list[str]:
        """Everything a word may become: synonyms first, then single-letter changes; looked up once for each word."""
        word = self.original[point][at]
        if word not in self.changes:
            others = [_in_case_of(word, other) for other in self.synonyms.get(word.lower(), ())]
            misspelt = [variant for kind in self.kinds for variant in word_variants(word, kind)]
            self.changes[word] = [*others, *misspelt]
        return self.changes[word]

    def _sample(self, point: int, at: int, size: int) -> list[str]:
        """Synonyms of a word, and some of its misspellings."""
        changes = self._changes(point, at)
        kept = min(len(self.synonyms.get(self.original[point][at].lower(), ())), size)
        rest = self.streams[point].permutation(len(changes) - kept)[: size - kept] + kept
        return changes[:kept] + [changes[k] for k in rest.tolist()]

    def _draw(self, point: int, at: int) -> str:
        """One change of a word: a synonym in half of the cases where there are any."""
        changes, rng = self._changes(point, at), self.streams[point]
        kept = len(self.synonyms.get(self.original[point][at].lower(), ()))
        if kept and rng.random() < 0.5:
            return changes[int(rng.random() * kept)]
        return changes[int(rng.random() * len(changes))]

    def descend(self) -> None:
        """Change the words in their order, each to what lowers the margin most, until the answer flips."""
        for rank in range(max(map(len, self.order), default=0)):
            points, places, changes = self._open_changes(rank)
            if not points:
                return
            asked = [self._with(i, {at: new}) for i, at, new in zip(points, places, changes, strict=True)]
            lead = self.ask(points, asked)
            for k in np.argsort(lead, kind="stable").tolist():
                i = points[k]
                if lead[k] < self.margin[i] and self.parts[i][places[k]] == self.original[i][places[k]]:
                    self.parts[i][places[k]] = changes[k]
                    self.margin[i] = lead[k]
                    self.flipped[i] = lead[k] < 0

    def _open_changes(self, rank: int) -> tuple[list[int], list[int], list[str]]:
        points, places, changes = [], [], []
        for i, order in enumerate(self.order):
            spent = self._changed(i) >= self.threat.words or self.used[i] >= self.threat.queries
            if self.flipped[i] or self.stopped or spent or rank >= len(order):
                continue
            for new in self._sample(i, order[rank], CHANGES):
                points.append(i)
                places.append(order[rank])
                changes.append(new)
        return points, places, changes

    def guess(self) -> None:
        """Change several words at once at random, those that matter more often, until the answer flips."""
        for _ in range(PATIENCE * PROPOSALS):
            points, proposals = [], []
            for i, order in enumerate(self.order):
                if order and self.threat.words and not self.flipped[i] and self.used[i] < self.threat.queries:
                    points += [i] * PROPOSALS
                    proposals += [self._proposal(i) for _ in range(PROPOSALS)]
            if not points or self.stopped:
                return
            asked = [self._with(i, proposal) for i, proposal in zip(points, proposals, strict=True)]
            for i, proposal, lead in zip(points, proposals, self.ask(points, asked).tolist(), strict=True):
                if lead < 0 and not self.flipped[i]:
                    self.flipped[i] = True
                    for at, new in proposal.items():
                        self.parts[i][at] = new

    def _proposal(self, point: int) -> dict[int, str]:
        order, rng = self.order[point], self.streams[point]
        weight = self.weight[point] + 1.0 / len(order)
        size = min(self.threat.words, len(order))
        # The largest keys of exponential races are a weighted sample without replacement (Efraimidis, Spirakis 2006).
        places = np.argsort(rng.standard_exponential(len(order)) / weight)[:size]
        return {order[k]: self._draw(point, order[k]) for k in places.tolist()}

    def put_back(self) -> None:
        """Put words of flipped texts back one at a time while the answer stays flipped."""
        waiting = {i: self._places(i) for i in np.flatnonzero(self.flipped).tolist()}
        while any(waiting.values()) and not self.stopped:
            points = [i for i, places in waiting.items() if places and self.used[i] < self.threat.queries]
            if not points:
                return
            places = [waiting[i].pop() for i in points]
            texts = [self._with(i, {at: self.original[i][at]}) for i, at in zip(points, places, strict=True)]
            for i, at, lead in zip(points, places, self.ask(points, texts).tolist(), strict=True):
                if lead < 0 and self._changed(i) > 1:
                    self.parts[i][at] = self.original[i][at]

    def _with(self, point: int, changes: Mapping[int, str]) -> str:
        return "".join(changes.get(at, part) for at, part in enumerate(self.parts[point]))

    def _places(self, point: int) -> list[int]:
        pairs = zip(self.parts[point], self.original[point], strict=True)
        return [at for at, (now, before) in enumerate(pairs) if now != before]

    def _changed(self, point: int) -> int:
        return len(self._places(point))

    def result(self) -> TextFlips:
        texts = ["".join(self.parts[i]) if self.flipped[i] else text for i, text in enumerate(self.texts)]
        words = [self._changed(i) if self.flipped[i] else -1 for i in range(len(texts))]
        return TextFlips(texts, np.array(words, dtype=np.int64), self.used, not self.stopped)


def _in_case_of(word: str, other: str) -> str:
    """Write another word with the capitals of a word."""
    if word.isupper():
        return other.upper()
    return other[:1].upper() + other[1:] if word[:1].isupper() else other
