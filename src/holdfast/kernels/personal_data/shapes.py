"""Show what a value looks like without showing it."""

from __future__ import annotations

LONGEST_SHOWN = 40


def shape_of(value: str) -> str:
    """Return the shape of a value: letters become "a" or "A", digits "9", the rest stays; at most 40 characters.

    The shape is enough to judge whether a finding is a false alarm, and no value can be read from it.

    Examples
    --------
    >>> shape_of("Jane.Roe@example.org")
    'Aaaa.Aaa@aaaaaaa.aaa'
    """
    shown = "".join(map(_shape, value[:LONGEST_SHOWN]))
    return shown if len(value) <= LONGEST_SHOWN else f"{shown}…"


def _shape(character: str) -> str:
    if character.isdecimal() or character.isnumeric():
        return "9"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return character if character.isascii() and character.isprintable() else "·"
