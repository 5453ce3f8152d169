"""Find people, organisations, places, addresses, occupations, nationalities and special categories by lexicons.

Recognisers for ``Detector``: no model, no download, one compiled pass that looks every word of a batch up, and passes over
the words that read names from what the lexicons and the words around say (``persons_numba.py``, ``places_numba.py``,
``addresses_numba.py``, ``categories_numba.py``).

What this reaches is bounded: a name that no lexicon holds and that stands in no telling place is not found, and lower-case
names only as given name with surname or after a cue. A model of the language finds those; it can be put beside this one
(``adapters/text``). The scores are ranks, not probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.personal_data.folding import Folded, fold
from holdfast.kernels.personal_data.lexicon import END, SPECIAL, START, Words, words_of
from holdfast.kernels.personal_data.overlap import resolve_overlaps
from holdfast.kernels.personal_data.rule import THRESHOLD, Span

LABELS = ("PERSON", "TITLE", "LOCATION", "ADDRESS", "ORGANIZATION", "NRP", *(name.upper() for name in SPECIAL))
TITLE, ORGANIZATION = LABELS.index("TITLE"), LABELS.index("ORGANIZATION")
MOST_SPANS_OF_A_WORD = 6
LONGEST_ABBREVIATION = 4  # letters; the dot after it belongs to the span

Pass = Callable[[Words, NDArray[np.int64], int], int]


def find_names(texts: Sequence[str], *, threshold: float = THRESHOLD) -> list[list[Span]]:
    """Find names and what belongs to people in each text.

    Returns
    -------
    One list for each text: spans without overlaps, in order of their start, offsets in code points of that text. Labels:
    ``PERSON``, ``TITLE`` (form of address, occupation), ``LOCATION``, ``ADDRESS``, ``ORGANIZATION``, ``NRP``
    (nationality), and the special categories of the GDPR where they are said of a person: ``HEALTH``, ``RELIGION``,
    ``ETHNIC_ORIGIN``, ``POLITICAL_OPINION``, ``UNION_MEMBERSHIP``, ``SEXUAL_ORIENTATION``, ``GENETIC``, ``BIOMETRIC``
    (Art. 9) and ``CRIMINAL_RECORD`` (Art. 10).

    Examples
    --------
    >>> find_names(["Dr. Anna Kowalska moved to Lisbon."])[0]
    [Span(start=0, end=3, label='TITLE', score=0.7), Span(start=4, end=17, label='PERSON', score=0.8), \
Span(start=27, end=33, label='LOCATION', score=0.75)]
    """
    folded = fold(texts)
    return read_names(folded, words_of(folded), len(texts), threshold)


def read_names(folded: Folded, words: Words, n_texts: int, threshold: float) -> list[list[Span]]:
    """Read names from the words of a batch, which ``words_of`` or ``words_of_plainly`` found."""
    found = np.empty((MOST_SPANS_OF_A_WORD * (len(words) + 1), 4), np.int64)
    n = 0
    for find in passes():
        n = find(words, found, n)
    first, after, label, score = found[:n][found[:n, 3] >= round(100 * threshold)].T
    start, end = words[first, START], _ends(folded, words, first, after, label)
    record = np.searchsorted(folded.starts, start, side="right") - 1
    offset = folded.starts[record]
    if folded.positions is not None:
        offset = folded.positions[offset]
        start, end = folded.positions[start], folded.positions[end - 1] + 1
    spans: list[list[Span]] = [[] for _ in range(n_texts)]
    columns = (record, start - offset, end - offset, label, score)
    for text, begin, stop, kind, likely in zip(*(column.tolist() for column in columns), strict=True):
        spans[text].append(Span(begin, stop, LABELS[kind], likely / 100))
    return [resolve_overlaps(each) if len(each) > 1 else each for each in spans]


def passes() -> tuple[Pass, ...]:
    """The compiled passes over the words, in order."""
    from holdfast.kernels.personal_data.addresses_numba import find_addresses
    from holdfast.kernels.personal_data.categories_numba import find_categories
    from holdfast.kernels.personal_data.persons_numba import find_jobs, find_persons
    from holdfast.kernels.personal_data.places_numba import find_organisations, find_places

    return find_persons, find_jobs, find_places, find_organisations, find_addresses, find_categories


def _ends(
    folded: Folded, words: Words, first: NDArray[np.int64], after: NDArray[np.int64], label: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Where spans end; the dot after "Dr" and "Inc" belongs to them."""
    end = words[after - 1, END]
    short = end - words[after - 1, START] <= LONGEST_ABBREVIATION
    dotted = np.isin(label, (TITLE, ORGANIZATION)) & short & (end < folded.codes.size)
    dotted[dotted] = folded.codes[end[dotted]] == ord(".")
    return end + dotted
