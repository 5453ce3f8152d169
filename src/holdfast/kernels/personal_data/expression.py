"""A regular expression as a small automaton that accepts at least what the expression matches.

The automaton (Glushkov 1961; bit-parallel as in Navarro and Raffinot 2002, chapter 5) has one position for each place
of the expression where a character is read, at most 63; what would need more is accepted unseen. Looking ahead is left
out, a reference to a group counts as the group's expression again. So it can only accept too much, and the expression
itself decides in the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

POSITIONS = 63
BEYOND = 1 << POSITIONS  # reached: no more positions, anything may follow
MANY = 8  # alternatives from which on only their first characters are told apart
ALL = (1 << 256) - 1

_CLASSES = {
    "d": sum(1 << code for code in range(0x30, 0x3A)),
    "s": sum(1 << code for code in (9, 10, 11, 12, 13, 32)),
    "w": sum(1 << code for code in (*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B), 0x5F)),
}
_CAPITALS = sum(1 << code for code in range(0x41, 0x5B))
_CONTROLS = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "0": 0}


class Automaton(NamedTuple):
    """Positions as bits.

    first: those that a match may begin with. follow: those that may come after each. last: those after which it
    accepts. reads: for each position the characters that it reads, as 256 bits. not_after: characters, as 256 bits,
    that may not stand before the match.
    """

    first: int
    follow: tuple[int, ...]
    last: int
    reads: tuple[int, ...]
    not_after: int


class _Part(NamedTuple):
    """A part of an expression: whether it can be empty, what it can begin and end with."""

    is_optional: bool
    first: int
    last: int


Build = Callable[["_Builder"], _Part]


class _Builder:
    """Hands out positions, and keeps what may follow each."""

    def __init__(self) -> None:
        self.reads: list[int] = []
        self.follow: list[int] = []

    def read(self, characters: int) -> _Part:
        if len(self.reads) == POSITIONS:
            return _Part(False, BEYOND, 0)
        self.reads.append(characters)
        self.follow.append(0)
        bit = 1 << (len(self.reads) - 1)
        return _Part(False, bit, bit)

    def join(self, last: int, first: int) -> None:
        while last:
            lowest = last & -last
            self.follow[lowest.bit_length() - 1] |= first
            last ^= lowest


_EMPTY = _Part(True, 0, 0)


def automaton(pattern: str) -> Automaton | None:
    """Build the automaton of an expression, or give None where the expression uses what is not known here."""
    try:
        build, not_after = _Parser(pattern).parse()
    except (_Unknown, IndexError, KeyError, ValueError):
        return None
    builder = _Builder()
    part = build(builder)
    if part.is_optional or part.first & BEYOND:
        return None
    last = part.last
    for position, follow in enumerate(builder.follow):
        if follow & BEYOND:
            last |= 1 << position
    return Automaton(
        part.first, tuple(follow & ~BEYOND for follow in builder.follow), last, tuple(builder.reads), not_after
    )


def _sequence(parts: list[Build]) -> Build:
    def build(builder: _Builder) -> _Part:
        whole = _EMPTY
        for part in parts:
            after = part(builder)
            builder.join(whole.last, after.first)
            whole = _Part(
                whole.is_optional and after.is_optional,
                whole.first | (after.first if whole.is_optional else 0),
                after.last | (whole.last if after.is_optional else 0),
            )
        return whole

    return build


def _alternatives(parts: list[Build]) -> Build:
    if len(parts) == 1:
        return parts[0]

    def build(builder: _Builder) -> _Part:
        if len(parts) > MANY:
            return _first_characters(parts, builder)
        built = [part(builder) for part in parts]
        first = last = 0
        for part in built:
            first |= part.first
            last |= part.last
        return _Part(any(part.is_optional for part in built), first, last)

    return build


def _first_characters(parts: list[Build], builder: _Builder) -> _Part:
    """One position for what any of many alternatives begins with; anything may follow it."""
    characters = 0
    is_optional = False
    for part in parts:
        apart = _Builder()
        built = part(apart)
        is_optional |= built.is_optional
        for position, reads in enumerate(apart.reads):
            if built.first >> position & 1:
                characters |= reads
    read = builder.read(characters)
    builder.join(read.last, BEYOND)
    return _Part(is_optional, read.first, 0)


def _repeated(part: Build, fewest: int, most: int | None) -> Build:
    def once_or_more(builder: _Builder) -> _Part:
        built = part(builder)
        builder.join(built.last, built.first)
        return built

    def optional(builder: _Builder) -> _Part:
        return part(builder)._replace(is_optional=True)

    def any_number(builder: _Builder) -> _Part:
        return once_or_more(builder)._replace(is_optional=True)

    copies: list[Build] = [part] * min(fewest, POSITIONS)
    if most is None or most - fewest > MANY:
        return _sequence([*copies, any_number])
    return _sequence([*copies, *([optional] * (most - fewest))])


def _reading(characters: int) -> Build:
    return lambda builder: builder.read(characters)


class _Unknown(Exception):
    """The expression uses what is not known here."""


class _Parser:
    """Reads the syntax of ``re`` as far as rules use it."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.ignores_case = False
        self.groups: list[Build] = []
        self.named: dict[str, Build] = {}
        self.not_after = 0
        self.is_start = True

    def parse(self) -> tuple[Build, int]:
        build = self._alternation()
        if self.at < len(self.pattern):
            raise _Unknown
        return build, self.not_after

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _takes(self, text: str) -> bool:
        if self.pattern.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _alternation(self) -> Build:
        parts = [self._concatenation()]
        while self._takes("|"):
            self.is_start = False
            parts.append(self._concatenation())
        return _alternatives(parts)

    def _concatenation(self) -> Build:
        parts: list[Build] = []
        while self._peek() not in ("", "|", ")"):
            part = self._atom()
            if part is not None:
                parts.append(self._quantified(part))
                self.is_start = False
        return _sequence(parts)

    def _quantified(self, part: Build) -> Build:
        found = re.compile(r"([*+?]|\{(\d*)(,?)(\d*)\})[?+]?").match(self.pattern, self.at)
        if not found:
            return part
        self.at = found.end()
        sign = found[1]
        if sign in "*+?":
            return _repeated(part, int(sign == "+"), 1 if sign == "?" else None)
        fewest = int(found[2] or 0)
        return _repeated(part, fewest, fewest if not found[3] else (int(found[4]) if found[4] else None))

    def _atom(self) -> Build | None:
        character = self.pattern[self.at]
        if character == "(":
            return self._group()
        self.at += 1
        if character == "[":
            return _reading(self._cased(self._class()))
        if character == ".":
            return _reading(ALL & ~(1 << 10))
        if character in "^$":
            return None
        if character == "\\":
            return self._escape()
        return _reading(self._cased(1 << ord(character)))

    def _escape(self) -> Build | None:
        character = self.pattern[self.at]
        if character in "bBAZ":
            self.at += 1
            return None
        if character in "123456789":
            self.at += 1
            return self.groups[int(character) - 1]
        return _reading(self._cased(self._escaped()))

    def _escaped(self) -> int:
        """The characters that an escape stands for; the backslash is read already."""
        character = self.pattern[self.at]
        self.at += 1
        if character == "x":
            self.at += 2
            return 1 << int(self.pattern[self.at - 2 : self.at], 16)
        if character.lower() in _CLASSES:
            characters: int = _CLASSES[character.lower()]
            return characters if character.islower() else ALL & ~characters
        if character in _CONTROLS:
            return 1 << _CONTROLS[character]
        if character.isalnum():
            raise _Unknown
        return 1 << ord(character)

    def _class(self) -> int:
        is_negated = self._takes("^")
        characters = 0
        is_first = True
        while is_first or self._peek() != "]":
            is_first = False
            low = self._class_character()
            if self._peek() == "-" and self.pattern[self.at + 1] != "]":
                self.at += 1
                high = self._class_character()
                low = sum(1 << code for code in range(low.bit_length() - 1, high.bit_length()))
            characters |= low
        self.at += 1
        return ALL & ~characters if is_negated else characters

    def _class_character(self) -> int:
        character = self.pattern[self.at]
        self.at += 1
        return self._escaped() if character == "\\" else 1 << ord(character)

    def _cased(self, characters: int) -> int:
        if not self.ignores_case:
            return characters
        return characters | (characters & _CAPITALS) << 32 | (characters & _CAPITALS << 32) >> 32

    def _group(self) -> Build | None:
        self.at += 1
        if not self._takes("?"):
            return self._captured()
        if self._takes("P<"):
            return self._captured(self._until(">"))
        if self._takes("P="):
            return self.named[self._until(")")]
        if self._takes("<!"):
            self._look_back()
            return None
        if self._takes("=") or self._takes("!") or self._takes("<="):
            is_start, self.is_start = self.is_start, False
            self._closed()
            self.is_start = is_start
            return None
        if self._takes("("):
            self._until(")")
            return self._closed()
        if self._takes(":") or self._takes(">"):
            return self._closed()
        if self._takes("i:"):
            before, self.ignores_case = self.ignores_case, True
            build = self._closed()
            self.ignores_case = before
            return build
        raise _Unknown

    def _captured(self, name: str = "") -> Build:
        number = len(self.groups)
        self.groups.append(_sequence([]))
        self.groups[number] = self.named[name] = self._closed()
        return self.groups[number]

    def _until(self, end: str) -> str:
        begin, self.at = self.at, self.pattern.index(end, self.at) + 1
        return self.pattern[begin : self.at - 1]

    def _closed(self) -> Build:
        build = self._alternation()
        if not self._takes(")"):
            raise _Unknown
        return build

    def _look_back(self) -> None:
        """What may not stand before: kept where it is one character before the whole expression."""
        is_start, self.is_start = self.is_start, False
        begin = self.at
        builder = _Builder()
        part = self._closed()(builder)
        is_one = len(builder.reads) == 1 and not part.is_optional and "^" not in self.pattern[begin : begin + 1]
        if is_start and is_one:
            self.not_after |= builder.reads[0]
        self.is_start = is_start
