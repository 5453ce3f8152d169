"""Texts that an expression matches, made up by a seed; what looks around is left out, so some do not match."""

from __future__ import annotations

import random
import re._constants as sre  # the parser of the standard library, which has no public door
import re._parser as parser
from typing import Any

PRINTABLE = frozenset(range(32, 127))
CATEGORIES = {
    "DIGIT": frozenset(b"0123456789"),
    "SPACE": frozenset(b" \t\r\n"),
    "WORD": frozenset(code for code in PRINTABLE if chr(code).isalnum() or code == 0x5F),
}


def made_up(pattern: str, rng: random.Random) -> str:
    """Make up one text."""
    return _sequence(parser.parse(pattern), rng, {})


def _sequence(parts: Any, rng: random.Random, groups: dict[int, str]) -> str:
    return "".join(_part(kind, value, rng, groups) for kind, value in parts)


def _part(kind: Any, value: Any, rng: random.Random, groups: dict[int, str]) -> str:
    if kind in (sre.ASSERT, sre.ASSERT_NOT, sre.AT):
        return ""
    if kind is sre.LITERAL:
        return chr(value)
    if kind is sre.NOT_LITERAL:
        return rng.choice([character for character in "aZ0 ." if ord(character) != value])
    if kind is sre.ANY:
        return chr(rng.randrange(33, 127))
    if kind is sre.IN:
        return chr(rng.choice(sorted(_codes(value))))
    if kind is sre.BRANCH:
        return _sequence(rng.choice(value[1]), rng, groups)
    if kind is sre.GROUPREF:
        return groups.get(value, "")
    if kind is sre.GROUPREF_EXISTS:
        group, there, absent = value
        return _sequence(there if group in groups else absent or [], rng, groups)
    if kind is sre.SUBPATTERN:
        made = _sequence(value[3], rng, groups)
        if value[0] is not None:
            groups[value[0]] = made
        return made
    low, high, inner = value  # a repetition
    most = min(int(high), low + rng.choice((0, 1, 3, 30)))
    return "".join(_sequence(inner, rng, groups) for _ in range(rng.choice((low, most, rng.randint(low, most)))))


def _codes(items: Any) -> frozenset[int]:
    codes: set[int] = set()
    for kind, value in items:
        if kind is sre.LITERAL:
            codes.add(value)
        elif kind is sre.RANGE:
            codes.update(range(value[0], value[1] + 1))
        elif kind is sre.CATEGORY:
            named = next(known for name, known in CATEGORIES.items() if name in str(value))
            codes |= PRINTABLE - named if "NOT" in str(value) else named
    return PRINTABLE - codes if items[0][0] is sre.NEGATE else frozenset(codes)
