"""Change single characters of words as typing, look-alikes and careless copying do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np

Kind = Literal["swap", "delete", "double", "keyboard", "homoglyph"]
KINDS: tuple[Kind, ...] = get_args(Kind)

WORD = re.compile(r"[^\W\d_]{2,}")
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
LOOK_ALIKES = {
    "a": "а", "c": "с", "e": "е", "i": "і", "j": "ј", "o": "о", "p": "р", "s": "ѕ", "x": "х", "y": "у",
    "A": "А", "B": "В", "C": "С", "E": "Е", "H": "Н", "I": "І", "K": "К", "M": "М", "O": "О", "P": "Р", "S": "Ѕ",
    "T": "Т", "X": "Х", "Y": "Ү",
}  # fmt: skip
"""Latin letters and the Cyrillic ones that most fonts draw the same (Unicode Technical Standard 39, confusables)."""


def _neighbours() -> dict[str, str]:
    """Letters beside each letter on a QWERTY keyboard; a row is shifted by half a key against the one above."""
    found: dict[str, str] = {}
    for r, row in enumerate(ROWS):
        for k, letter in enumerate(row):
            beside = [(r, k - 1), (r, k + 1), (r - 1, k), (r - 1, k + 1), (r + 1, k - 1), (r + 1, k)]
            found[letter] = "".join(ROWS[i][j] for i, j in beside if 0 <= i < len(ROWS) and 0 <= j < len(ROWS[i]))
    return found | {letter.upper(): near.upper() for letter, near in found.items()}


NEIGHBOURS = _neighbours()


def word_variants(word: str, kind: Kind) -> list[str]:
    """List all words that one change of a kind makes of a word.

    Parameters
    ----------
    word : str
    kind : {"swap", "delete", "double", "keyboard", "homoglyph"}
        Swap two neighbouring letters, leave one out, type one twice, hit a key beside it, or replace one by a letter
        that looks the same. The first letter stays where it is, except for look-alikes: people read on by it.

    Returns
    -------
    list of str
        Without repetition and without the word itself, in order of the place; empty where nothing can be changed.

    Examples
    --------
    >>> word_variants("fee", "delete"), word_variants("fee", "swap"), word_variants("at", "keyboard")
    (['fe'], [], ['ar', 'ay', 'af', 'ag'])
    """
    return [variant for variant in dict.fromkeys(_variants(word, kind)) if variant != word]


def _variants(word: str, kind: Kind) -> Iterator[str]:
    for at in range(0 if kind == "homoglyph" else 1, len(word)):
        before, letter, after = word[:at], word[at], word[at + 1 :]
        match kind:
            case "swap" if after:
                yield before + after[0] + letter + after[1:]
            case "delete" if len(word) > 2:
                yield before + after
            case "double":
                yield before + letter + letter + after
            case "keyboard":
                yield from (before + key + after for key in NEIGHBOURS.get(letter, ""))
            case "homoglyph" if letter in LOOK_ALIKES:
                yield before + LOOK_ALIKES[letter] + after


def perturb(
    texts: Sequence[str], *, share: float, rng: np.random.Generator, kinds: Sequence[Kind] = KINDS
) -> list[str]:
    """Make one random change in a share of the words of each text.

    Parameters
    ----------
    texts : sequence of str
    share : float
        Probability in [0, 1] that a word of at least two letters is changed. With the same generator state, the words
        changed at a smaller share are changed in the same way at a larger one.
    rng : numpy.random.Generator
        Consumed by three draws per word, whatever the share.
    kinds : sequence of kinds, optional
        Drawn with equal probability; a word that the kind drawn cannot change stays.

    Returns
    -------
    list of str

    Examples
    --------
    >>> perturb(["a fair price for the house"], share=0.5, rng=np.random.default_rng(1))
    ['a fair price for tne hoise']
    """
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share between 0 and 1, got {share}")

    def change(match: re.Match[str]) -> str:
        luck, kind, at = rng.random(3)
        variants = word_variants(match.group(), kinds[int(kind * len(kinds))])
        return variants[int(at * len(variants))] if luck < share and variants else match.group()

    return [WORD.sub(change, text) for text in texts]
