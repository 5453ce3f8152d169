"""Find personal data in a batch of texts: rules where they may begin, validators, context, overlaps.

The records are folded and joined (``folding.py``), every rule is tried where its anchor says that it may begin, what
its validator accepts gets a score by the words around it, and of spans that overlap the likeliest stays. Two ways to the
same spans: ``compiled=True`` finds all places where anything may begin in one compiled pass (``anchors_numba.py``);
``compiled=False`` lets each rule search by itself and is what the compiled pass is tested against.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from holdfast.kernels.personal_data.folding import LETTERS, Folded, fold
from holdfast.kernels.personal_data.overlap import resolve_overlaps
from holdfast.kernels.personal_data.rule import THRESHOLD, Rule, Span

AGAINST_REACH = 24
WORD = re.compile(f"[{LETTERS}]+".encode("latin-1"))


class Match(NamedTuple):
    """A match of a rule: offsets into the folded codes."""

    start: int
    end: int
    rule: Rule


class ContextWords(NamedTuple):
    """Where words stand that some rule wants near its matches: their starts, in order, and the words."""

    starts: list[int]
    words: list[bytes]


def find_spans(
    texts: Sequence[str], rules: Sequence[Rule], *, threshold: float = THRESHOLD, compiled: bool = True
) -> list[list[Span]]:
    """Find what the rules describe, for each text.

    Returns
    -------
    One list for each text, in order of the spans' start, without overlaps; offsets are code points of that text; scores
    are at least ``threshold``.
    """
    folded = fold(texts)
    found: list[list[Span]] = [[] for _ in texts]
    data = folded.codes.tobytes()
    matches = _matches(data, rules)
    words = _context_words(data, rules)
    for match in matches:
        score = _score(match, words, data)
        if score >= threshold:
            record, start, end = _place(folded, match)
            found[record].append(Span(start, end, match.rule.label, score))
    return [resolve_overlaps(spans) for spans in found]


def _matches(data: bytes, rules: Sequence[Rule]) -> Iterator[Match]:
    """Every match of every rule that its validator accepts."""
    for rule in rules:
        group = "value" if "value" in rule.compiled.groupindex else 0
        for found in rule.compiled.finditer(data):
            if rule.validate is None or rule.validate(found.group(group).decode("latin-1")):
                yield Match(*found.span(group), rule)


def _context_words(data: bytes, rules: Sequence[Rule]) -> ContextWords:
    wanted = {word.encode("latin-1") for rule in rules for word in rule.context + rule.against}
    found = [(hit.start(), hit.group().lower()) for hit in WORD.finditer(data)]
    kept = [(start, word) for start, word in found if word in wanted]
    return ContextWords([start for start, _ in kept], [word for _, word in kept])


def _score(match: Match, words: ContextWords, data: bytes) -> float:
    """The score of a match, by the words around it in the same record."""
    rule = match.rule
    if not rule.context and not rule.against:
        return rule.score
    score = rule.score
    first = bisect_left(words.starts, match.start - rule.reach)
    last = bisect_left(words.starts, match.end + rule.reach // 3)
    for at in range(first, last):
        word, start = words.words[at].decode("latin-1"), words.starts[at]
        if match.start <= start < match.end or not _same(data, start, match):
            continue
        if word in rule.context:
            return rule.context_score
        if word in rule.against and match.start - AGAINST_REACH <= start < match.start:
            score = 0.0
    return score


def _same(data: bytes, start: int, match: Match) -> bool:
    """Whether a word and a match stand in one record."""
    return data.find(b"\0", min(start, match.start), max(start, match.start)) < 0


def _place(folded: Folded, match: Match) -> tuple[int, int, int]:
    """Record, and offsets within it in code points of the text as it came."""
    record = int(np.searchsorted(folded.starts, match.start, side="right")) - 1
    if folded.positions is None:
        offset = int(folded.starts[record])
        return record, match.start - offset, match.end - offset
    offset = int(folded.positions[folded.starts[record]])
    return record, int(folded.positions[match.start]) - offset, int(folded.positions[match.end - 1]) + 1 - offset
