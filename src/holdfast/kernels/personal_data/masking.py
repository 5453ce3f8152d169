"""Cover a value with a character, keeping its shape."""

from __future__ import annotations


def mask(value: str, *, keep_first: int = 0, keep_last: int = 0, character: str = "*") -> str:
    """Cover the letters and digits of a value; blanks and punctuation stay.

    Parameters
    ----------
    keep_first, keep_last
        Letters or digits that stay readable. At most half of them stay: of a value too short for it, none.

    Examples
    --------
    >>> mask("4111 1111 1111 1234", keep_last=4)
    '**** **** **** 1234'
    >>> mask("Ann", keep_last=4)
    '***'
    """
    places = [at for at, letter in enumerate(value) if letter.isalnum()]
    if 2 * (keep_first + keep_last) > len(places):
        keep_first = keep_last = 0
    kept = {*places[:keep_first], *places[len(places) - keep_last :]}
    covered = [
        at not in kept and not letter.isspace() and not _is_punctuation(letter) for at, letter in enumerate(value)
    ]
    return "".join(character if cover else letter for letter, cover in zip(value, covered, strict=True))


def _is_punctuation(letter: str) -> bool:
    """Whether it is ASCII and neither letter nor digit; marks and signs of other scripts may tell a name."""
    return letter.isascii() and not letter.isalnum()
