"""Running text and log lines as passages, from chunks: any size and any length of line in the same memory.

What is longer than a piece is read in pieces that overlap, so that nothing is missed at a border: a span belongs to the
piece in whose own part it begins, and a piece reaches ``OVERLAP`` characters beyond its own part on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.kernels.personal_data.passages import Passage, Place

PIECE = 1 << 20
OVERLAP = 1 << 12
WRAP_REACH = 200


def text_passages(chunks: Iterable[str], place: Place, *, context: str = "") -> Iterator[Passage]:
    """Cut running text into pieces; offsets count from the start of the text.

    Pieces end behind a line where there is one in their second half.
    """
    held, offset, begin = "", 0, 0
    for part in _bounded(chunks):
        held += part
        while len(held) > PIECE:
            cut = held.rfind("\n", PIECE // 2, PIECE - OVERLAP) + 1 or PIECE - OVERLAP
            yield Passage(held[:PIECE], place, context, offset, (begin, cut))
            kept = cut - OVERLAP
            if place.line is not None:
                place = place._replace(line=place.line + held.count("\n", 0, kept))
            held, offset, begin = held[kept:], offset + kept, OVERLAP
    if len(held) > begin:
        yield Passage(held, place, context, offset, (begin, len(held)))


def line_passages(chunks: Iterable[str], *, is_wrapped: bool = False) -> Iterator[Passage]:
    """Take a text apart by lines: each is a record of its own, numbered from 1, with offsets of its own.

    Parameters
    ----------
    is_wrapped
        Look also at what begins at the end of one line and ends at the start of the next, for logs that break long
        messages; its offsets go on beyond the end of the first line. Two lines that have nothing to do with each other
        may then make a span that is none.
    """
    number, held, offset, begin, before = 1, "", 0, 0, ""
    for chunk in _bounded(chunks):
        *lines, held = (held + chunk).split("\n")
        for line in lines:
            if is_wrapped and not offset:
                yield from _across(before, line, number)
            if line:
                yield _line(line, number, offset, begin)
            before = line
            number, offset, begin = number + 1, 0, 0
        while len(held) > PIECE:
            cut = PIECE - OVERLAP
            yield Passage(held[:PIECE], Place(number, number), "", offset, (begin, cut))
            held, offset, begin = held[cut - OVERLAP :], offset + cut - OVERLAP, OVERLAP
    if is_wrapped and not offset:
        yield from _across(before, held, number)
    if held:
        yield _line(held, number, offset, begin)


def _bounded(chunks: Iterable[str]) -> Iterator[str]:
    """Chunks of at most a piece: cutting the front off a longer one again and again would copy it as often."""
    for chunk in chunks:
        yield from (chunk[at : at + PIECE] for at in range(0, len(chunk), PIECE))


def _line(line: str, number: int, offset: int, begin: int) -> Passage:
    line = line.rstrip("\r")
    return Passage(line, Place(number, number), "", offset, (begin, len(line)) if offset else None)


def _across(before: str, line: str, number: int) -> Iterator[Passage]:
    """What runs over the end of a line; the blanks that a wrapped line is indented by are left out."""
    before = before.rstrip("\r")
    tail, head = before[-WRAP_REACH:], line.lstrip()[:WRAP_REACH]
    if tail.strip() and head:
        place = Place(number - 1, number - 1, "goes on in the next line")
        yield Passage(tail + head, place, "", len(before) - len(tail), (0, len(tail)), len(tail))
