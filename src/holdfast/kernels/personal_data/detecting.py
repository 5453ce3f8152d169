"""Find personal data in a batch of texts: rules where they may begin, validators, context, overlaps.

The records are folded and joined (``folding.py``), every rule is tried where its anchor says that it may begin, what
its validator accepts gets a score by the words around it, and of spans that overlap the likeliest stays. There are two
ways to the same spans: compiled, one pass finds all places where anything may begin (``anchors_numba.py``); otherwise
each rule searches by itself, which is what the compiled pass is tested against.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.personal_data.anchors_numba import keep_likely, scan
from holdfast.kernels.personal_data.folding import LETTERS, Folded, fold
from holdfast.kernels.personal_data.overlap import resolve_overlaps
from holdfast.kernels.personal_data.plan import Compiled, compile_rules
from holdfast.kernels.personal_data.rule import THRESHOLD, Rule, Span

AGAINST_REACH = 24
BATCH = 1 << 20  # code points that are looked at in one go
SHARED = 1 << 13  # code points that pieces of a longer record have in common
# letters between two digits, as in hexadecimal numbers, are no word
WORD = re.compile(f"(?<![0-9{LETTERS}])[{LETTERS}]+|(?<=[0-9])[{LETTERS}]+(?![0-9{LETTERS}])".encode("latin-1"))


class Matcher(NamedTuple):
    """What trying a rule needs, at hand: ``group`` is the part of a match that is the span."""

    expression: re.Pattern[bytes]
    group: str | int
    validate: Callable[[str], bool] | None
    beginnings: Callable[[str], Iterable[str]] | None
    label: str
    score: float
    context: frozenset[str]
    against: frozenset[str]
    context_score: float
    reach: int


Match = tuple[int, int, Matcher]  # offsets into the folded codes


class ContextWords(NamedTuple):
    """Where words stand that some rule wants near its matches: their starts, in order, and the words."""

    starts: list[int]
    words: list[str]


class Finder:
    """Rules made ready to search with.

    Parameters
    ----------
    rules:
        What to look for.
    threshold:
        Lowest score that is reported.
    compiled:
        Find the places where rules may begin in one compiled pass; else let each rule search by itself. The spans are
        the same.
    """

    def __init__(self, rules: Sequence[Rule], *, threshold: float = THRESHOLD, compiled: bool = True) -> None:
        self.rules = tuple(rules)
        self.threshold = threshold
        self._compiled: Compiled | None = compile_rules(self.rules, threshold) if compiled else None
        self._matchers = [_matcher(rule) for rule in self.rules]
        self._wanted = {word for rule in rules for word in (*rule.context, *rule.against)}

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find what the rules describe, for each text.

        Returns
        -------
        One list for each text, in order of the spans' start, without overlaps; offsets are code points of that text;
        scores are at least the threshold.
        """
        return in_batches(self._find, texts)

    def _find(self, texts: Sequence[str]) -> list[list[Span]]:
        folded = fold(texts)
        data = folded.codes.tobytes()
        if self._compiled is None:
            matches = _search(data, self._matchers)
            words = _context_words(data, self._wanted)
        else:
            tries, words = _scan(folded.codes, self._compiled)
            matches = _try(data, self._matchers, tries)
        found: list[list[Span]] = [[] for _ in texts]
        starts = folded.starts.tolist()
        for match in matches:
            record = bisect_right(starts, match[0]) - 1
            score = _score(match, words, starts[record], starts[record + 1])
            if score >= self.threshold:
                found[record].append(_span(folded, match, starts[record], score))
        return [resolve_overlaps(spans) if len(spans) > 1 else spans for spans in found]


def in_batches(find: Callable[[Sequence[str]], list[list[Span]]], texts: Sequence[str]) -> list[list[Span]]:
    """Let something find spans in batches of bounded size; a longer record is cut into pieces that share their ends."""
    found: list[list[Span]] = []
    for batch in _batches(texts):
        if len(batch) == 1 and len(batch[0]) > BATCH:
            found.append(_in_pieces(find, batch[0]))
        else:
            found.extend(find(batch))
    return found


def _in_pieces(find: Callable[[Sequence[str]], list[list[Span]]], text: str) -> list[Span]:
    """Spans of a record that is too long to be looked at in one go: what starts in the shared part counts once."""
    spans: set[Span] = set()
    for start in range(0, len(text), BATCH - SHARED):
        low, high = start + (SHARED // 2 if start else 0), start + BATCH - SHARED // 2
        for span in find([text[start : start + BATCH]])[0]:
            if low <= start + span.start < high:
                spans.add(span._replace(start=start + span.start, end=start + span.end))
    return resolve_overlaps(list(spans))


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Records in batches of bounded size; one that is longer makes a batch by itself."""
    first = size = 0
    for at, text in enumerate(texts):
        if at > first and size + len(text) > BATCH:
            yield texts[first:at]
            first, size = at, 0
        size += len(text) + 1
    if first < len(texts):
        yield texts[first:]


def _matcher(rule: Rule) -> Matcher:
    group = "value" if "value" in rule.compiled.groupindex else 0
    context, against = frozenset(rule.context), frozenset(rule.against)
    return Matcher(
        rule.compiled, group, rule.validate, rule.beginnings, rule.label, rule.score, context, against,
        rule.context_score, rule.reach,
    )  # fmt: skip


def _accepted(matcher: Matcher, found: re.Match[bytes]) -> tuple[int, int] | None:
    """Where the span of a match lies, or None where its validator rejects it."""
    start, end = found.span(matcher.group)
    if matcher.validate is None:
        return start, end
    text = found.group(matcher.group).decode("latin-1")
    if matcher.validate(text):
        return start, end
    for part in matcher.beginnings(text) if matcher.beginnings is not None else ():
        if matcher.validate(part):
            return start, start + len(part)
    return None


def _search(data: bytes, matchers: Iterable[Matcher]) -> Iterator[Match]:
    """Every match of every rule that its validator accepts."""
    for matcher in matchers:
        for found in matcher.expression.finditer(data):
            if (span := _accepted(matcher, found)) is not None:
                yield *span, matcher


def _try(data: bytes, matchers: Sequence[Matcher], tries: NDArray[np.int64]) -> Iterator[Match]:
    """The same matches, from the places where they may begin: for each rule in order of the text."""
    before, end = -1, 0
    for packed in tries.tolist():
        number, place = packed >> 32, packed & 0xFFFFFFFF
        if number != before:
            before, end = number, 0
            matcher = matchers[number]
            match = matcher.expression.match
        if place < end:
            continue
        found = match(data, place)
        if found is None:
            continue
        end = found.end()
        if (span := _accepted(matcher, found)) is not None:
            yield *span, matcher


def _scan(codes: NDArray[np.uint8], compiled: Compiled) -> tuple[NDArray[np.int64], ContextWords]:
    """Rules and places worth trying, packed and in order, and the words of contexts."""
    counts = np.zeros(2, np.int64)
    capacity = 256 + len(codes) // 8
    while True:
        tries = np.empty((capacity, 2), np.int32)
        seen = np.empty((capacity, 2), np.int32)
        scan(codes, compiled.plan, tries, seen, counts)
        if counts.max() <= capacity:
            break
        capacity = int(counts.max())
    tries, seen = tries[: counts[0]], seen[: counts[1]]
    kept = np.empty(len(tries), np.uint8)
    keep_likely(tries, seen, compiled.is_weak, compiled.wants, compiled.reach, kept)
    likely = tries[kept.view(bool)].astype(np.int64)
    words = [compiled.words[word] for word in seen[:, 0].tolist()]
    packed = np.sort(likely[:, 0] << 32 | likely[:, 1])
    return packed[np.concatenate([[True], packed[1:] != packed[:-1]])[: len(packed)]], ContextWords(
        seen[:, 1].tolist(), words
    )


def _context_words(data: bytes, wanted: set[str]) -> ContextWords:
    found = [(hit.start(), hit.group().lower().decode("latin-1")) for hit in WORD.finditer(data)]
    kept = [(start, word) for start, word in found if word in wanted]
    return ContextWords([start for start, _ in kept], [word for _, word in kept])


def _score(match: Match, words: ContextWords, low: int, high: int) -> float:
    """The score of a match, by the words around it between the bounds of its record."""
    begin, end, (_, _, _, _, _, score, context, against, context_score, reach) = match
    if not context and not against:
        return score
    starts = words.starts
    first = bisect_left(starts, max(low, begin - reach))
    last = bisect_left(starts, min(high, end + reach // 3), first)
    for at in range(first, last):
        start = starts[at]
        if begin <= start < end:
            continue
        word = words.words[at]
        if word in context:
            return context_score
        if start < begin <= start + AGAINST_REACH and word in against:
            score = 0.0
    return score


def _span(folded: Folded, match: Match, offset: int, score: float) -> Span:
    """A match in code points of the text as it came."""
    start, end, matcher = match
    if folded.positions is not None:
        # the record begins after the border before it, whatever of its beginning was left out
        offset = int(folded.positions[offset - 1]) + 1 if offset else 0
        start, end = int(folded.positions[start]), int(folded.positions[end - 1]) + 1
    return Span(start - offset, end - offset, matcher.label, score)
