"""Words of a batch of texts, and what is known about each: the lexicons of names, places, streets, titles and terms.

The lexicons (``lexicons/*.txt``, one word or phrase a line, written for this package from general knowledge) are facts
about words, not about people: given names and surnames of some 25 languages, countries, large cities, nationalities,
words of streets and flats, forms of companies, forms of address, occupations, words that stand before and after names,
terms of the special categories of the GDPR, and the ordinary words that are also names ("May", "Will", "Hunter").

A word is looked up by a 64-bit hash of its folded, lower-case bytes (Fowler, Noll and Vo: FNV-1a) in one table with open
addressing. Hashes of a phrase go on from those of its first word, so that a phrase takes one step for each word. The
compiled pass (``lexicon_numba.py``) does that for a whole batch; ``words_of_plainly`` does the same with a regular
expression and a dictionary, and is what the compiled pass is tested against.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.personal_data.folding import LETTERS, Folded, fold_text

# One bit for each lexicon; a word may have several.
CLASSES = (
    "given_names",
    "surnames",
    "ordinary_words",
    "countries",
    "cities",
    "nationalities",
    "streets_before",
    "streets_after",
    "units",
    "boxes",
    "org_suffix",
    "org_head",
    "honorifics",
    "jobs",
    "articles",
    "work_before",
    "particles",
    "person_before",
    "person_after",
    "org_before",
    "place_before",
    "address_before",
    "pronouns",
    "language_words",
    "org_joins",
    "conjunctions",
    "relations",
    "health",
    "religion",
    "ethnic_origin",
    "political_opinion",
    "union_membership",
    "sexual_orientation",
    "genetic",
    "biometric",
    "criminal_record",
)
BITS = {name: 1 << bit for bit, name in enumerate(CLASSES)}
# Marks beside the lexicons: a term that says little alone ("?" in the file), a word with the ending of a surname or of
# a street, and a word that begins longer phrases.
WEAK, SURNAME_ENDING, STREET_ENDING, BEGINS_PHRASE = 1 << 40, 1 << 41, 1 << 42, 1 << 43
ENDINGS = {"surname_endings": SURNAME_ENDING, "street_endings": STREET_ENDING}
SPECIAL = CLASSES[CLASSES.index("health") :]

# Shapes of a word.
CAPITALISED, UPPER, LOWER, INITIAL, NUMBER, OTHER_SHAPE = 1, 2, 3, 4, 5, 6

# What stands between a word and the one before it: one bit for each kind of character that occurs.
SPACE, NEWLINE, HYPHEN, APOSTROPHE, DOT, COMMA, AMPERSAND, COLON, SLASH, QUOTE, STRANGE, RECORD = (
    1 << bit for bit in range(12)
)
GAPS = {" ": SPACE, "\t": SPACE, "\n": NEWLINE, "\r": NEWLINE, "-": HYPHEN, "'": APOSTROPHE, ".": DOT, ",": COMMA,
        "&": AMPERSAND, ":": COLON, "/": SLASH, '"': QUOTE, "\0": RECORD}  # fmt: skip
LONGEST_PHRASE = 6  # words
LONGEST_GAP = 3  # characters between two words of a phrase
SEED, PRIME, ENDING_SEED = 0xCBF29CE484222325, 0x100000001B3, 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
SHORTEST_WITH_ENDING, ENDING_LENGTHS = 6, range(2, 10)


# The words of a batch, in order: runs of letters and digits; an int64 array with one row for each word. Its columns:
# where the word begins and ends in the folded codes; the lexicons that hold it or, where a phrase of several words
# begins with it, the longest such phrase; the lexicons that hold the word by itself; how many words the entry in
# ``FLAGS`` has (0: none); its shape; and what stands between it and the word before (``RECORD``: nothing of the same text).
Words = NDArray[np.int64]
START, END, FLAGS, ALONE, LENGTH, SHAPE, GAP = range(7)


class Table(NamedTuple):
    """Hashes (uint64, 0: free) and what is known about their words (int64), for a power of two of places."""

    keys: NDArray[np.uint64]
    values: NDArray[np.int64]


def hash_words(words: bytes, seed: int = SEED) -> int:
    """Hash folded, lower-case bytes (FNV-1a, 64 bits)."""
    value = seed
    for byte in words:
        value = ((value ^ byte) * PRIME) & MASK
    return value or 1


def read_lexicon(name: str) -> list[str]:
    """Read one lexicon: words and phrases, folded, in lower case; the words of a phrase are joined by blanks."""
    text = resources.files("holdfast.kernels.personal_data").joinpath("lexicons", f"{name}.txt").read_text("utf-8")
    return [fold_text(line).lower() for line in text.splitlines()]


@cache
def entries() -> dict[bytes, int]:
    """Every word and phrase, and its bits; beginnings of phrases are entries too."""
    known: dict[bytes, int] = {}
    for name in CLASSES:
        for line in read_lexicon(name):
            words = _split(line.removesuffix("?"))
            bits = BITS[name] | (WEAK if line.endswith("?") else 0)
            known[b" ".join(words)] = known.get(b" ".join(words), 0) | bits
            for end in range(1, len(words)):
                beginning = b" ".join(words[:end])
                known[beginning] = known.get(beginning, 0) | BEGINS_PHRASE
    return known


@cache
def endings() -> dict[bytes, int]:
    """Endings of surnames and of streets."""
    return {line.encode("latin-1"): bit for name, bit in ENDINGS.items() for line in read_lexicon(name)}


@cache
def table() -> Table:
    """The table that the compiled pass probes: at most one place in four is taken."""
    hashes = {hash_words(words): bits for words, bits in entries().items()}
    hashes |= {hash_words(word[::-1], ENDING_SEED): bit for word, bit in endings().items()}
    size = 1 << (4 * len(hashes)).bit_length()
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    for key, bits in hashes.items():
        at = key & (size - 1)
        while keys[at]:
            at = (at + 1) & (size - 1)
        keys[at], values[at] = key, bits
    return Table(keys, values)


def words_of(folded: Folded) -> Words:
    """Find the words of a batch and look each up, compiled."""
    from holdfast.kernels.personal_data.lexicon_numba import count_words, look_up

    codes, known = folded.codes, table()
    words = np.empty((count_words(codes), 7), np.int64)
    look_up(codes, known.keys, known.values, words)
    return words


def words_of_plainly(folded: Folded) -> Words:
    """Find the same without compiled code."""
    data = folded.codes.tobytes()
    spans = [found.span() for found in re.finditer(f"[{LETTERS}0-9]+".encode("latin-1"), data)]
    texts = [data[start:end] for start, end in spans]
    gaps = [RECORD, *(_gap(data[left[1] : right[0]]) for left, right in zip(spans, spans[1:], strict=False))]
    shapes = [_shape(text) for text in texts]
    rows = []
    for at, (start, end) in enumerate(spans):
        alone = entries().get(texts[at].lower(), 0)
        flags, length = alone, int(alone & ~BEGINS_PHRASE != 0)
        phrase, step = texts[at].lower(), at + 1
        while entries().get(phrase, 0) & BEGINS_PHRASE and step < min(len(spans), at + LONGEST_PHRASE):
            if spans[step][0] - spans[step - 1][1] > LONGEST_GAP or not _joins(gaps[step]):
                break
            phrase, step = phrase + b" " + texts[step].lower(), step + 1
            bits = entries().get(phrase, 0)
            if bits & ~BEGINS_PHRASE:
                flags, length = bits, step - at
        if not alone and shapes[at] in (CAPITALISED, UPPER) and end - start >= SHORTEST_WITH_ENDING:
            for size in ENDING_LENGTHS:
                alone |= endings().get(texts[at].lower()[-size:], 0) if size < end - start else 0
            flags |= alone
        rows.append((start, end, flags, alone, length, shapes[at], gaps[at]))
    return np.array(rows, np.int64).reshape(-1, 7)


def _split(line: str) -> list[bytes]:
    return re.findall(f"[{LETTERS}0-9]+".encode("latin-1"), line.encode("latin-1"))


def _joins(gap: int) -> bool:
    return gap & ~(SPACE | HYPHEN | APOSTROPHE | DOT | SLASH | NEWLINE) == 0 and gap != DOT | NEWLINE


def _gap(between: bytes) -> int:
    found = 0
    for byte in between:
        found |= GAPS.get(chr(byte), STRANGE)
    return found


def _shape(word: bytes) -> int:
    text = word.decode("latin-1").replace("\xfe", "A").replace("\xff", "a")
    if text[0].isdigit():
        return NUMBER if (text[:-1].isdigit() and text[-1] not in "sS") or text.isdigit() else OTHER_SHAPE
    if not text.isalpha():
        return OTHER_SHAPE
    if text.islower():
        return LOWER
    if text.isupper():
        return INITIAL if len(text) == 1 else UPPER
    if text[0].isupper() and text[1:].islower():
        return CAPITALISED
    inner = [at for at in range(1, len(text)) if text[at].isupper()]
    joined = len(inner) == 1 and inner[0] in (2, 3) and len(text) - inner[0] >= 3 and text[:2] in ("Mc", "Ma", "De", "Di", "La", "Le", "Fi")  # fmt: skip
    return CAPITALISED if text[0].isupper() and joined else OTHER_SHAPE
