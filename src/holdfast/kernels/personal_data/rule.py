"""What a rule for one kind of personal data is made of, and what it finds.

A rule is data: the label that a match gets, a regular expression over the folded text (``folding.py``: one byte for
each code point, Latin letters without accents, ASCII digits, dashes and blanks), where a match may begin, a check of
the match, and the words around it that make it likelier. Rules stand in tables, one module for each family of types
(``rules_*.py``, ``national_*.py``); a new type is a new line in such a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

NOT_AFTER_WORD = r"(?<![A-Za-z0-9_\xfe\xff])"
NOT_BEFORE_WORD = r"(?![A-Za-z0-9_\xfe\xff])"
THRESHOLD = 0.5  # spans below it are not reported unless the caller asks


class Span(NamedTuple):
    """A stretch of a text that holds personal data; offsets count code points, ``end`` is exclusive."""

    start: int
    end: int
    label: str
    score: float


class Anchor(NamedTuple):
    """Where a match of a rule may begin, so that the compiled pass can skip the rest of the text.

    kind: ``digit`` (a digit, or "+" or "(" before one, with no letter or digit before it), ``token`` (a letter or a
    digit with none before it, in a run of letters and digits that holds both), ``at`` (the first character of what
    may be the local part before "@"), ``dot`` (the first character of what may be a host name or an address with a
    scheme), ``colon`` (the first character of a run of hexadecimal digits and ":" that holds two or more ":"),
    ``word`` (a word of ``words``), ``hex`` (two hexadecimal digits before "-"), ``line`` (the first character of a
    line of at least 20 characters: documents' readable zones, blocks of keys), ``long`` (the first letter of a run of
    at least 20 letters).
    first: shortest and longest run of digits (``digit``) or of letters and digits (``token``) that the match begins
    with. total: fewest digits in the whole run of digits and single separators (blank, "-", ".", "/", "(", ")",
    ":") for ``digit``; fewest characters of letters and digits, separators left out, for ``token``.
    words: the words, folded and in lower case, for ``word``.
    """

    kind: str
    first: tuple[int, int] = (1, 64)
    total: int = 1
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One way of finding one kind of personal data.

    label: what a match is reported as. name: what distinguishes it from other rules of the same label ("us_ssn",
    "card_spaced"). pattern: regular expression over the folded text; where it has a group ``value``, that group is
    the span. It must take time linear in the text (no nested repetition without a bound). anchor: where it may begin.
    score: of a match that passes ``validate``, without context, from 0 to 1. context: folded, lower-case whole words;
    one of them within ``reach`` code points before the match or a third of it after raises the score to
    ``context_score``; without one, a word of ``against`` within 24 code points before it takes the score to 0.
    validate: takes the matched text (folded), says whether it can be real (check digits, ranges, embedded dates).
    beginnings: the parts of a match, each from its start, that are checked in turn where the whole is not valid.
    source: the standard, law or publication that the rule comes from. examples: invented values that it must find,
    with what must stand around them.
    """

    label: str
    name: str
    pattern: str
    anchor: Anchor
    score: float
    source: str
    context: tuple[str, ...] = ()
    context_score: float = 0.0
    reach: int = 48
    against: tuple[str, ...] = ()
    validate: Callable[[str], bool] | None = None
    beginnings: Callable[[str], Iterable[str]] | None = None
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    examples: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def compiled(self) -> re.Pattern[bytes]:
        """The expression over the folded bytes."""
        return re.compile(self.pattern.encode("latin-1"))
