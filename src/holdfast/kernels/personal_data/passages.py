"""Texts with a place: what every surface (files of text, JSON, tables, metadata, models) hands to the detector.

A surface yields passages one by one; they are searched in batches, so that a file of any size takes the same memory,
and what was found goes out with its place. A text that occurs twice in a batch is searched once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from holdfast.kernels.personal_data.detector import Detector
from holdfast.kernels.personal_data.overlap import resolve_overlaps
from holdfast.kernels.personal_data.rule import Span

BATCH_CHARACTERS = 1 << 18
BATCH_PASSAGES = 1 << 14
LONGEST_CONTEXT = 80
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+")


class Place(NamedTuple):
    """Where a text stands in its file.

    record: the id of a record, or its number, counted from 1. line: counted from 1. part: the column, the path in JSON,
    the tag of an image, the object of a document, the attribute of a model.
    """

    record: str | int | None = None
    line: int | None = None
    part: str = ""


NOWHERE = Place()


class Passage(NamedTuple):
    """A text to search.

    context: what the text is the value of, such as "date of birth: "; it is searched along and never reported.
    offset: of the text in its field, in code points. own: for a piece of running text, where spans must begin to be
    this piece's and not the next one's; lines are counted then. past: spans must end behind this offset. known: the
    label that the whole text has by where it stands (an author's name in a document's metadata); empty: none.
    """

    text: str
    place: Place
    context: str = ""
    offset: int = 0
    own: tuple[int, int] | None = None
    past: int = 0
    known: str = ""


class Found(NamedTuple):
    """Personal data and its place: offsets in code points of the field, ``end`` exclusive, and the value as text."""

    place: Place
    start: int
    end: int
    label: str
    score: float
    text: str


def context_of(*names: object) -> str:
    """Spell names of columns or keys as words in front of a value.

    Examples
    --------
    >>> context_of("customer", "dateOfBirth")
    'customer date Of Birth: '
    """
    return _spelt(*(str(name)[:LONGEST_CONTEXT] for name in names))


@lru_cache(4096)
def _spelt(*names: str) -> str:
    words = " ".join(CAMEL.sub(" ", name).strip() for name in names if name).strip()
    return f"{words}: " if words else ""


def without_point(text: str) -> str:
    """Take the point from a whole number: columns with gaps are often written as 24428557.0.

    Examples
    --------
    >>> without_point("24428557.0"), without_point("v1.0")
    ('24428557', 'v1.0')
    """
    return text[:-2] if text.endswith(".0") and text[:-2].isdecimal() else text


def behind(context: str, spans: Sequence[Span]) -> list[Span]:
    """Spans of a text that was searched behind its context, in offsets of the text; none that ends in the context."""
    if not context:
        return list(spans)
    n = len(context)
    return [span._replace(start=max(0, span.start - n), end=span.end - n) for span in spans if span.end > n]


def find_in(passages: Iterable[Passage], detector: Detector) -> Iterator[Found]:
    """Search passages in batches; what is found comes in the order of the passages."""
    waiting: list[Passage] = []
    size = 0
    for passage in passages:
        waiting.append(passage)
        size += len(passage.text)
        if size >= BATCH_CHARACTERS or len(waiting) >= BATCH_PASSAGES:
            yield from _found(waiting, detector)
            waiting, size = [], 0
    if waiting:
        yield from _found(waiting, detector)


def _found(passages: list[Passage], detector: Detector) -> Iterator[Found]:
    distinct: dict[str, int] = {}
    for passage in passages:
        distinct.setdefault(passage.context + passage.text, len(distinct))
    spans = detector.find(list(distinct))
    for passage in passages:
        found = spans[distinct[passage.context + passage.text]]
        if found or passage.known:
            yield from _placed(passage, found, detector)


def _placed(passage: Passage, spans: list[Span], detector: Detector) -> Iterator[Found]:
    text, place = passage.text, passage.place
    inside = behind(passage.context, spans)
    if passage.known and text.strip() and (detector.labels is None or passage.known in detector.labels):
        inside = resolve_overlaps([*inside, Span(0, len(text), passage.known, 1.0)])
    line, counted = place.line or 0, 0  # lines are counted on from span to span: a piece may hold very many
    for start, end, label, score in inside:
        if end <= passage.past:
            continue
        where = place
        if passage.own is not None:
            if not passage.own[0] <= start < passage.own[1]:
                continue
            if place.line is not None:
                line += text.count("\n", counted, start)
                counted = start
                where = place._replace(line=line)
        yield Found(where, start + passage.offset, end + passage.offset, label, score, text[start:end])
