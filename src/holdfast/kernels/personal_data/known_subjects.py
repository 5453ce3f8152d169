"""Find people who are known: a dictionary of names, identifiers and addresses that the user gives.

The dictionary becomes a trie over words (each name or identifier is a path of folded, lower-case words), and so does
its swapped form ("Kowalska, Anna") and its initials ("A. Kowalska"). A text is read word by word; from every word the
trie is followed as far as it goes, and the longest entry that ends at a word is reported. No entry has more than
``MOST_WORDS`` words, so the time is linear in the text, whatever the dictionary holds; word boundaries hold by
construction.

Misspelt words: a word of five letters or more may differ by one edit (insertion, deletion, replacement of a letter),
one of nine or more by two. Which words of the dictionary are that near is looked up, once for each distinct word of
the text, by the words that remain when letters are left out on both sides (the deletion neighbourhood), and verified
by the edit distance; no pair of words is compared that shares no such rest. Only names are read so: an identifier, or
a word with a digit, must agree exactly, and an entry of a single word is not read with edits.

References
----------
Bocek, T., Hunt, E. and Stiller, B. (2007). Fast Similarity Search in Large Dictionaries.
University of Zurich, IFI-2007.02 (deletion neighbourhoods). Aho, A. and Corasick, M. (1975). Efficient string
matching. CACM 18 (the trie; that no entry is longer than a few words makes its failure links unnecessary).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from holdfast.kernels.personal_data.folding import LETTERS, fold, fold_text
from holdfast.kernels.personal_data.overlap import resolve_overlaps
from holdfast.kernels.personal_data.rule import Span

WORD = re.compile(f"[{LETTERS}0-9]+".encode("latin-1"))
BETWEEN = re.compile(rb"[ \t\r\n,.'/-]{1,4}")  # what may stand between two words of one entry
MOST_WORDS = 12
ONE_EDIT, TWO_EDITS = 5, 9  # letters of a word from which one and two edits are allowed
EXACT, SWAPPED, INITIALS, PER_EDIT = 0.99, 0.95, 0.7, 0.05
END = b""  # key of a node under which the entries that end there stand


class Known(NamedTuple):
    """One value of a known person: which person, what it is reported as, and the value."""

    subject: str
    label: str
    value: str


class Sighting(NamedTuple):
    """Where a text names a known person: ``subjects`` are all whom the words fit; ``edits`` is 0 for an exact match."""

    span: Span
    subjects: tuple[str, ...]
    edits: int


class _Entry(NamedTuple):
    subject: str
    label: str
    score: float


@dataclass(frozen=True)
class KnownSubjects:
    """A dictionary of known people, ready to read texts; call it as a recogniser of ``Detector``.

    ``fuzzy``: read misspelt names too.
    """

    trie: dict[bytes, object] = field(repr=False)
    rests: dict[bytes, tuple[bytes, ...]] = field(repr=False)
    words: frozenset[bytes] = field(repr=False)
    fuzzy: bool = True

    def __call__(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find known people in each text: spans without overlaps, in order of their start."""
        return [resolve_overlaps([sighting.span for sighting in found]) for found in self.sightings(texts)]

    def sightings(self, texts: Sequence[str]) -> list[list[Sighting]]:
        """Find known people in each text, and say who; sightings of one text may overlap."""
        folded = fold(texts)
        data = folded.codes.tobytes()
        found: list[list[Sighting]] = []
        near: dict[bytes, tuple[tuple[bytes, int], ...]] = {}
        for record in range(len(texts)):
            start, stop = int(folded.starts[record]), int(folded.starts[record + 1]) - 1
            here = [
                (int(hit.start()), int(hit.end()), hit.group().lower())
                for hit in WORD.finditer(data, start, stop if record + 1 < len(texts) else len(data))
            ]
            sightings: list[Sighting] = []
            for first in range(len(here)):
                best = self._longest(data, here, first, near)
                if best is not None:
                    last, entries, edits = best
                    begin, end = here[first][0], here[last][1]
                    if folded.positions is None:
                        begin, end = begin - start, end - start
                    else:
                        offset = int(folded.positions[start - 1]) + 1 if record else 0
                        begin, end = int(folded.positions[begin]) - offset, int(folded.positions[end - 1]) + 1 - offset
                    top = max(entry.score for entry in entries)
                    span = Span(begin, end, entries[0].label, round(top - PER_EDIT * edits, 2))
                    sightings.append(Sighting(span, tuple(dict.fromkeys(entry.subject for entry in entries)), edits))
            found.append(sightings)
        return found

    def _longest(
        self,
        data: bytes,
        here: list[tuple[int, int, bytes]],
        first: int,
        near: dict[bytes, tuple[tuple[bytes, int], ...]],
    ) -> tuple[int, tuple[_Entry, ...], int] | None:
        """The longest entry from a word on, and of those the one with the fewest edits."""
        best: tuple[int, tuple[_Entry, ...], int] | None = None
        at, states = first, [(self.trie, 0)]
        while at < len(here) and at - first < MOST_WORDS:
            if at > first and not BETWEEN.fullmatch(data, here[at - 1][1], here[at][0]):
                break
            following: list[tuple[dict[bytes, object], int]] = []
            for node, edits in states:
                for word, more in self._readings(here[at][2], near):
                    child = node.get(word)
                    if isinstance(child, dict):
                        following.append((child, edits + more))
            if not following:
                break
            for node, edits in sorted(following, key=lambda state: state[1]):
                entries = node.get(END)
                longer = best is None or at > best[0]
                if isinstance(entries, tuple) and longer and (edits == 0 or at > first):
                    best = at, entries, edits
            at, states = at + 1, following
        return best

    def _readings(self, word: bytes, near: dict[bytes, tuple[tuple[bytes, int], ...]]) -> tuple[tuple[bytes, int], ...]:
        """Words of the dictionary that a word of the text may mean, with the edits between."""
        if word not in near:
            found = [(word, 0)] if word in self.words else []
            if self.fuzzy and len(word) >= ONE_EDIT - 1 and word.isalpha():
                close = {other for rest in deletions(word) for other in self.rests.get(rest, ())}
                for other in sorted(close - {word}):
                    edits = edit_distance(word, other, most=edits_allowed(other))
                    if edits <= edits_allowed(other):
                        found.append((other, edits))
            near[word] = tuple(found)
        return near[word]


def known_subjects(known: Iterable[Known], *, fuzzy: bool = True) -> KnownSubjects:
    """Build the dictionary.

    Parameters
    ----------
    known:
        The values; those with the label ``PERSON`` are also found swapped, by initials and, with ``fuzzy``, misspelt.
    fuzzy:
        Read misspelt names.

    Raises
    ------
    ValueError
        A value holds no letter or digit, or more than ``MOST_WORDS`` words.

    Examples
    --------
    >>> find = known_subjects([Known("c-17", "PERSON", "Anna Kowalska"), Known("c-17", "CUSTOMER_ID", "HF-2207")])
    >>> [[span[:3] for span in spans] for spans in find(["Kowalska, Anna (hf-2207)", "Anna Kowalsky rang"])]
    [[(0, 14, 'PERSON'), (16, 23, 'CUSTOMER_ID')], [(0, 13, 'PERSON')]]
    """
    trie: dict[bytes, object] = {}
    words: set[bytes] = set()
    names: set[bytes] = set()
    for row in known:
        split = tuple(word.group().lower() for word in WORD.finditer(fold_text(row.value).encode("latin-1")))
        if not split or len(split) > MOST_WORDS:
            raise ValueError(
                f"expected a value of 1 to {MOST_WORDS} words, got {row.value!r} of subject {row.subject!r}; "
                "leave it out or give its parts as values of their own"
            )
        for path, score in _forms(split, row.label == "PERSON"):
            _add(trie, path, _Entry(row.subject, row.label, score))
            words.update(path)
            if row.label == "PERSON":
                names.update(path)
    rests: dict[bytes, list[bytes]] = {}
    if fuzzy:
        for word in sorted(names):
            if edits_allowed(word) and word.isalpha():
                for rest in deletions(word):
                    rests.setdefault(rest, []).append(word)
    return KnownSubjects(trie, {rest: tuple(near) for rest, near in rests.items()}, frozenset(words), fuzzy)


def edits_allowed(word: bytes) -> int:
    """How many edits may lie between a word of the dictionary and one of a text."""
    return 0 if len(word) < ONE_EDIT else 1 if len(word) < TWO_EDITS else 2


def deletions(word: bytes) -> set[bytes]:
    """What remains of a word when up to as many letters as it may have edits are left out."""
    rests = {word}
    most = edits_allowed(word + b"x" if len(word) < TWO_EDITS else word)
    for n in range(1, most + 1):
        for gone in combinations(range(len(word)), n):
            rests.add(bytes(byte for at, byte in enumerate(word) if at not in gone))
    return rests


def edit_distance(left: bytes, right: bytes, *, most: int) -> int:
    """The Levenshtein distance of two words; more than ``most`` is given as ``most + 1``."""
    if abs(len(left) - len(right)) > most:
        return most + 1
    row = list(range(len(right) + 1))
    for i, byte in enumerate(left, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(right, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (byte != other))
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _forms(words: tuple[bytes, ...], is_name: bool) -> Iterator[tuple[tuple[bytes, ...], float]]:
    """The ways in which a value may be written."""
    yield words, EXACT
    if is_name and len(words) > 1:
        first, last = words[:-1], words[-1:]
        yield last + first, SWAPPED
        if len(words[-1]) > 2:
            initials = tuple(word[:1] for word in first)
            yield initials + last, INITIALS
            yield last + initials, INITIALS
            if len(first) > 1:
                yield first[:1] + last, SWAPPED


def _add(trie: dict[bytes, object], path: tuple[bytes, ...], entry: _Entry) -> None:
    node = trie
    for word in path:
        child = node.setdefault(word, {})
        assert isinstance(child, dict)
        node = child
    entries = node.get(END, ())
    assert isinstance(entries, tuple)
    node[END] = (*entries, entry)
