"""Judge how a text was changed, word by word; shares no code with the attacks it judges."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

TOKEN = re.compile(r"[^\W\d_]+|\s|.", re.DOTALL)


def changed_words(before: str, after: str, *, synonyms: Mapping[str, Sequence[str]] | None = None) -> int | None:
    """Count the words that differ.

    Parameters
    ----------
    before, after : str
    synonyms : mapping of str to sequence of str, optional
        Words that may stand for a word in lower case.

    Returns
    -------
    int or None
        ``None`` where the change is of another kind: anything but letters, words added, left out or moved, or a word
        that differs by more than one letter (one exchanged, left out or added, or two neighbours swapped) and is no
        synonym.

    Examples
    --------
    >>> changed_words("a fair price!", "a fare price!"), changed_words("a fair price!", "a fiar pirce!")
    (None, 2)
    """
    first, second = TOKEN.findall(before), TOKEN.findall(after)
    if len(first) != len(second):
        return None
    pairs = [(x, z) for x, z in zip(first, second, strict=True) if x != z]
    others = synonyms or {}
    known = all(x.isalpha() and z.isalpha() and (_is_close(x, z) or _is_synonym(x, z, others)) for x, z in pairs)
    return len(pairs) if known else None


def _is_close(x: str, z: str) -> bool:
    """Whether one exchange, insertion, deletion or swap of neighbours leads from one word to the other."""
    start = 0
    while start < min(len(x), len(z)) and x[start] == z[start]:
        start += 1
    end = 0
    while end < min(len(x), len(z)) - start and x[len(x) - 1 - end] == z[len(z) - 1 - end]:
        end += 1
    left, right = x[start : len(x) - end], z[start : len(z) - end]
    return max(len(left), len(right)) <= 1 or (len(left) == 2 and left == right[::-1])


def _is_synonym(x: str, z: str, synonyms: Mapping[str, Sequence[str]]) -> bool:
    return z.lower() in {other.lower() for other in synonyms.get(x.lower(), ())}
