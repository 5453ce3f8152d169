"""Read a Python literal without compiling it: dictionaries, lists, tuples, strings, numbers, booleans and ``None``.

The header of a ``.npy`` file is such a literal. ``ast.literal_eval`` would compile text that an attacker chose; this
reader knows no names, no operators and no escapes in strings, and its depth is bounded.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Literal: TypeAlias = "dict[Literal, Literal] | list[Literal] | tuple[Literal, ...] | str | int | bool | None"
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^'\\\n]*'|\"[^\"\\\n]*\")|(?P<number>\d{1,19})L?|(?P<word>\w+)|(?P<sign>[{}\[\](),:]))"
)
_WORDS: dict[str, Literal] = {"True": True, "False": False, "None": None}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
DEEPEST = 30


class LiteralError(ValueError):
    """The text is no literal of the kind read here."""


def read_literal(source: str) -> Literal:
    """Read one literal that fills the whole text, white space aside.

    Raises
    ------
    LiteralError
        For anything else: names, operators, escapes in strings, more than 30 levels.

    Examples
    --------
    >>> read_literal("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }")
    {'descr': '<f8', 'fortran_order': False, 'shape': (3,)}
    """
    tokens = _tokens(source)
    value, position = _value(tokens, 0, 0)
    if position != len(tokens):
        raise LiteralError("something follows the literal")
    return value


def _tokens(source: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    end = len(source.rstrip())
    while position < end:
        match = _TOKEN.match(source, position)
        if match is None or match.lastgroup is None:
            raise LiteralError(f"character {position} begins no part of a literal")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


def _value(tokens: list[tuple[str, str]], position: int, depth: int) -> tuple[Literal, int]:
    if position >= len(tokens) or depth > DEEPEST:
        raise LiteralError("the literal ends too early" if depth <= DEEPEST else f"more than {DEEPEST} levels")
    group, token = tokens[position]
    if group == "text":
        return token[1:-1], position + 1
    if group == "number":
        return int(token), position + 1
    if group == "word" and token in _WORDS:
        return _WORDS[token], position + 1
    if token not in _CLOSING:
        raise LiteralError(f"{token!r:.40} stands where a value should")
    return _collection(token, tokens, position + 1, depth + 1)


def _collection(opening: str, tokens: list[tuple[str, str]], position: int, depth: int) -> tuple[Literal, int]:
    items: list[Literal] = []
    entries: dict[Literal, Literal] = {}
    comma = False
    while position < len(tokens) and tokens[position] != ("sign", _CLOSING[opening]):
        value, position = _value(tokens, position, depth)
        if opening == "{":
            if position >= len(tokens) or tokens[position][1] != ":" or not isinstance(value, str) or value in entries:
                raise LiteralError("a dictionary needs texts as keys, each once, and a colon behind each")
            entries[value], position = _value(tokens, position + 1, depth)
        items.append(value)
        comma = position < len(tokens) and tokens[position] == ("sign", ",")
        if not comma:
            break
        position += 1
    if position >= len(tokens) or tokens[position] != ("sign", _CLOSING[opening]):
        raise LiteralError(f"{opening} is not closed")
    if opening == "{":
        return entries, position + 1
    if opening == "(" and (comma or len(items) != 1):
        return tuple(items), position + 1
    return (items if opening == "[" else items[0]), position + 1
