"""Words in which tables of identifiers are written: groups of digits, strengths of evidence, dates inside numbers.

A row of a table becomes a ``Rule``: its groups give the regular expression and the anchor, its strength the scores with
and without context. An identifier stands alone: no letter or digit touches it, and it is no part of a longer number
with dashes, slashes or a decimal point, so that a serial number such as "SER-04478963899" gives no match.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple

from holdfast.kernels.personal_data.folding import LETTERS, fold_text
from holdfast.kernels.personal_data.rule import Anchor, Rule

Check = Callable[[str], bool]

CHARACTER = f"0-9{LETTERS}"  # what may not touch an identifier
END = f"(?![{CHARACTER}_]|[-./][0-9])"
GAP = r"[^\n\x00]{0,24}?[^0-9A-Za-z\xfe\xff\n\x00]"  # between a word and the value that it introduces
_SEPARATORS = str.maketrans("", "", " -./():,\r\n\t")


class Strength(NamedTuple):
    """Scores of a match: ``alone``, and with a word of its context near it."""

    alone: float
    context: float


UNCHECKED = Strength(0.05, 0.6)  # nothing but the shape
WEAK = Strength(0.1, 0.85)  # one number in ten of this length passes
DATED = Strength(0.3, 0.9)  # a date and a check digit, or two check digits: about one number in a hundred
FORMATTED = Strength(0.6, 0.93)  # and written in a form that little else has
FIRM = Strength(0.85, 0.97)  # letters, dates and check characters at once


def alone(first: str, rest: str) -> str:
    """Write the expression of an identifier that nothing touches; ``first`` is the class of its first character.

    The class comes before the conditions on what stands to its left, so that a search skips to the characters in it.
    """
    left = f"(?<![{CHARACTER}]{first})(?<![{CHARACTER}][-/_]{first})(?<![0-9][.]{first})"
    return f"{first}{left}{rest}{END}"


def word_of(words: Sequence[str]) -> str:
    """Write the expression of one of some words, small or capital; a search skips to their first letters."""
    firsts = "".join(sorted({letter for word in words for letter in (word[0].lower(), word[0].upper())}))
    rests = "|".join(f"(?<=[{word[0].lower()}{word[0].upper()}])(?i:{word[1:]})" for word in words)
    return f"[{firsts}](?<![{LETTERS}][{firsts}])(?:{rests})(?![{LETTERS}])"


def number(
    label: str,
    country: str,
    groups: str,
    check: Check | None,
    strength: Strength,
    context: str,
    source: str,
    *examples: str,
    between: str = "[-. ]?",
    name: str = "",
    reach: int = 48,
) -> Rule:
    """Make the rule of an identifier made of digits.

    Parameters
    ----------
    label:
        What a match is reported as.
    country:
        ISO 3166 code.
    groups:
        Numbers of digits in the groups that separators may part ("3 3 3 2"); alternatives are parted by "|".
    check:
        Takes the digits without separators. None: the shape is all there is.
    strength, context, source, examples:
        As in ``Rule``; the words of the context are parted by blanks and stand in their own script.
    between:
        Expression of what parts two groups.
    name:
        Tells rules of one label apart.
    """
    counts = [[int(count) for count in group.split()] for group in groups.split("|")]
    shapes = [between.join(f"[0-9]{{{count - (place == 0)}}}" for place, count in enumerate(group)) for group in counts]
    totals = [sum(group) for group in counts]
    firsts = [group[0] for group in counts]
    anchor = Anchor("digit", (min(firsts), max(totals if between.endswith("?") else firsts)), min(totals))
    pattern = alone("[0-9]", shapes[0] if len(shapes) == 1 else f"(?:{'|'.join(shapes)})")
    return written(label, country, pattern, anchor, check, strength, context, source, *examples, name=name, reach=reach)


def token(
    label: str,
    country: str,
    first: str,
    rest: str,
    lengths: tuple[int, int],
    check: Check | None,
    strength: Strength,
    context: str,
    source: str,
    *examples: str,
    name: str = "",
    reach: int = 48,
) -> Rule:
    """Make the rule of an identifier made of letters and digits.

    Parameters
    ----------
    first, rest:
        Class of the first character; expression of what follows.
    lengths:
        Shortest and longest run of letters and digits that it begins with; the run must hold both.
    others:
        As for ``number``; the check gets capital letters.
    """
    anchor = Anchor("token", lengths, lengths[0])
    pattern = alone(first, rest)
    return written(label, country, pattern, anchor, check, strength, context, source, *examples, name=name, reach=reach)


def introduced(
    label: str,
    country: str,
    words: str,
    gap: str,
    value: str,
    check: Check | None,
    score: float,
    source: str,
    *examples: str,
    name: str = "",
) -> Rule:
    """Make the rule of a value that is known by the word before it only.

    Parameters
    ----------
    words:
        The words, parted by blanks, that may introduce it.
    gap:
        Expression of what may stand between the word and the value.
    value:
        Expression of the value.
    others:
        As for ``number``; ``score`` is that of every match.
    """
    folded = _folded_words(words)
    pattern = f"{word_of(folded)}{gap}(?P<value>{value}){END}"
    return written(
        label,
        country,
        pattern,
        Anchor("word", words=folded),
        check,
        Strength(score, score),
        "",
        source,
        *examples,
        name=name,
    )


def written(
    label: str,
    country: str,
    pattern: str,
    anchor: Anchor,
    check: Check | None,
    strength: Strength,
    context: str,
    source: str,
    *examples: str,
    name: str = "",
    reach: int = 48,
) -> Rule:
    """Make the rule of an identifier from its expression and its anchor."""
    return Rule(
        label,
        "_".join(part for part in (label.lower(), name) if part),
        pattern,
        anchor,
        strength.alone,
        source,
        context=_folded_words(context),
        context_score=strength.context if context else 0.0,
        reach=reach,
        validate=None if check is None else partial(_passes, check),
        countries=(country,) if country else (),
        examples=examples,
    )


def compact(text: str) -> str:
    """Leave out separators and write letters as capitals."""
    return text.translate(_SEPARATORS).upper()


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day, in the years that numbers in use carry."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return 1850 <= year <= 2099


def is_short_date(year: str, month: str, day: str) -> bool:
    """Whether two digits of a year, a month and a day name a day of some century."""
    return is_date(2000 + int(year), int(month), int(day))


def _passes(check: Check, text: str) -> bool:
    return check(compact(text))


def _folded_words(words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fold_text(word).lower() for word in words.split()))
