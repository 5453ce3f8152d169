"""Texts as one byte for each code point, so that one table of rules reads all scripts, widths and dashes.

Latin letters lose their accents, Greek and Cyrillic letters become the Latin letter that they look like (or, where they
look like none, one of like sound), digits of every script become ASCII digits, full-width forms become narrow, every
dash is "-" and every blank is " ". What a reader cannot see (zero-width characters, soft hyphens, marks of direction)
and combining accents are left out, and the way back to the original offsets is kept. So a look-alike letter in an
address or a blank of no width inside a card number hides nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BETWEEN = 0  # between two records; no rule matches across it
CONTROL = 1  # NUL of the text itself
UNSEEN = 2  # left out
SYMBOL = 0x80
UPPER = 0xFE  # letters of other scripts
LOWER = 0xFF
LETTERS = r"A-Za-z\xfe\xff"

_LOOKALIKES = {
    pair[0]: pair[1]
    for pair in (
        "аa бb вb гr дd еe ёe жx зz иu йu кk лl мm нh оo пn рp сc тt уy фf хx цu чh шw щw ъb ыi ьb эe юu яr "
        "іi їi єe ґr јj љl њm ћh ђh џu ѓr ќk ўy ѕs ѐe ѝu "
        "αa βb γy δd εe ζz ηn θo ιi κk λl μm νv ξe οo πn ρp σs ςs τt υu φf χx ψy ωw"
    ).split()
}
_SINGLE = {pair[0]: pair[1] for pair in "ßs øo łl đd æa œo þt ðd ıi ħh ŋn".split()}
_QUOTES = dict.fromkeys("‘’‚‛′ʼ`´", "'") | dict.fromkeys("“”„‟″«»", '"')

_TABLE = np.zeros(0x110000, np.uint8)  # filled as code points are met; 0: not met yet
_TABLE[1:128] = np.arange(1, 128)
_TABLE[0] = CONTROL


class Folded(NamedTuple):
    """Records as one array of bytes.

    codes: uint8 array; records are separated by ``BETWEEN``. starts: where each record begins in ``codes``, one more
    for the end. positions: offsets into the joined text (records joined by one character) of each byte; None where
    nothing was left out, so that offsets agree.
    """

    codes: NDArray[np.uint8]
    starts: NDArray[np.int64]
    positions: NDArray[np.int64] | None


def fold(texts: Sequence[str]) -> Folded:
    """Fold records into one array of bytes."""
    joined = "\0".join(texts)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    starts = np.concatenate([[0], np.cumsum(lengths + 1)])
    if joined.isascii():
        codes = np.frombuffer(bytearray(joined, "ascii"), np.uint8)
        if "\0" in joined:
            codes[codes == 0] = CONTROL
    else:
        codes = _folded(np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4"))
    codes[starts[1:-1] - 1] = BETWEEN
    if not (codes == UNSEEN).any():
        return Folded(codes, starts, None)
    kept = np.flatnonzero(codes != UNSEEN)
    return Folded(codes[kept], np.searchsorted(kept, starts), np.append(kept, len(codes)))


def fold_text(text: str) -> str:
    """Fold one text, for words of rules and lexicons."""
    return bytes(fold([text]).codes).decode("latin-1")


def _folded(points: NDArray[np.uint32]) -> NDArray[np.uint8]:
    codes: NDArray[np.uint8] = _TABLE[points]
    unknown = codes == 0
    if unknown.any():
        for point in np.unique(points[unknown]).tolist():
            _TABLE[point] = _fold_character(chr(point))
        codes = _TABLE[points]
    return codes


def _fold_character(character: str) -> int:
    category = unicodedata.category(character)
    if category == "Nd":
        return ord("0") + unicodedata.decimal(character)
    if category in ("Cf", "Mn", "Me"):
        return UNSEEN
    if category == "Pd" or character == "−":
        return ord("-")
    if category == "Zs":
        return ord(" ")
    if character in "。｡":  # dots of host names too (RFC 3490, section 3.1)
        return ord(".")
    if category in ("Zl", "Zp") or character == "\x85":
        return ord("\n")
    if character in _QUOTES:
        return ord(_QUOTES[character])
    plain = _plain_letter(character)
    if plain:
        return ord(plain)
    if category[0] == "L":
        return UPPER if category in ("Lu", "Lt") else LOWER
    return SYMBOL


def _plain_letter(character: str) -> str:
    lower = character.lower()
    plain = _SINGLE.get(lower) or _LOOKALIKES.get(lower)
    if plain is None:
        decomposed = unicodedata.normalize("NFKD", character)
        plain = decomposed[0] if decomposed[0].isascii() and (len(decomposed) == 1 or decomposed[0].isalpha()) else ""
        if not plain and decomposed[0] != character and len(decomposed[0]) == 1:
            plain = _LOOKALIKES.get(decomposed[0].lower(), "")
            return plain.upper() if character != lower else plain
        return plain
    return plain.upper() if character != lower else plain
