"""Cover a value with a character, keeping its shape."""

from __future__ import annotations

import re

# letters and digits; beyond ASCII everything but blanks, because marks and signs of other scripts may tell a name
_COVERED = re.compile(r"[A-Za-z0-9]|[^\x00-\x7f\s]")


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
    start, end = 0, len(value)
    if keep_first or keep_last:
        places = [at for at, letter in enumerate(value) if letter.isalnum()]
        if 2 * (keep_first + keep_last) <= len(places):
            start = places[keep_first - 1] + 1 if keep_first else 0
            end = places[-keep_last] if keep_last else len(value)
    return value[:start] + _COVERED.sub(lambda _: character, value[start:end]) + value[end:]
