"""Find people, organisations, places, addresses, occupations and nationalities by lexicons and the words around.

A recogniser for ``Detector``: no model, no download, one compiled pass over the words of a batch. What it reaches is in
the documentation of the detector; it is far below what a trained model reaches on names that no lexicon holds and that
stand in no telling place, and such a model can be put beside it (``adapters/text``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holdfast.kernels.personal_data.folding import Folded, fold
from holdfast.kernels.personal_data.lexicon import CLASSES, SPECIAL, Words, words_of
from holdfast.kernels.personal_data.overlap import resolve_overlaps
from holdfast.kernels.personal_data.rule import THRESHOLD, Span

LABELS = ("PERSON", "TITLE", "LOCATION", "ADDRESS", "ORGANIZATION", "NRP", *(name.upper() for name in SPECIAL))
MOST_SPANS_OF_A_WORD = 6


def find_names(texts: Sequence[str], *, threshold: float = THRESHOLD) -> list[list[Span]]:
    """Find names and what belongs to people in each text.

    Returns
    -------
    One list for each text: spans without overlaps, in order of their start, offsets in code points of that text. Labels:
    ``PERSON``, ``TITLE`` (form of address, occupation), ``LOCATION``, ``ADDRESS``, ``ORGANIZATION``, ``NRP``
    (nationality).
    """
    from holdfast.kernels.personal_data.addresses_numba import find_addresses
    from holdfast.kernels.personal_data.persons_numba import find_jobs, find_persons
    from holdfast.kernels.personal_data.places_numba import find_organisations, find_places

    folded = fold(texts)
    words = words_of(folded)
    size = MOST_SPANS_OF_A_WORD * (words.start.size + 1)
    found = (np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, np.int8), np.zeros(size))
    n = 0
    for find in (find_persons, find_jobs, find_places, find_organisations, find_addresses):
        n = find(words, found, n)
    return [resolve_overlaps(spans) for spans in _spans(folded, words, found, n, len(texts), threshold)]


def _spans(folded, words, found, n, n_texts, threshold):
    first, after, label, score = (column[:n] for column in found)
    kept = score >= threshold
    first, after, label, score = first[kept], after[kept], label[kept], score[kept]
    start, end = words.start[first], words.end[after - 1]
    dotted = (label == 1) & (end < folded.codes.size)
    dotted[dotted] = folded.codes[end[dotted]] == ord(".")
    dotted &= words.end[first] - words.start[first] <= 4
    end = end + dotted
    record = np.searchsorted(folded.starts, start, side="right") - 1
    offset = folded.starts[record]
    if folded.positions is not None:
        offset = folded.positions[offset]
        start, end = folded.positions[start], folded.positions[end - 1] + 1
    spans: list[list[Span]] = [[] for _ in range(n_texts)]
    columns = (record, start - offset, end - offset, label, score)
    for r, s, e, l, p in zip(*(column.tolist() for column in columns), strict=True):
        spans[r].append(Span(s, e, LABELS[l], p))
    return spans
