"""Terms of the special categories of personal data (GDPR, Art. 9 and 10) that are said of a person.

A term of the lexicons counts only where the sentence is about someone: a pronoun, a form of address, a word for a
relative or a patient, or a given name stands within ten words of it. A term that says much by itself ("HIV-positive",
"Muslim", "vorbestraft") then scores 0.55, and 0.7 with a word that ties it to the person ("diagnosed", "suffers from",
"Mitglied"). A term that says little ("cancer", "party", "union") needs both, and the tie close before it.
"""

from __future__ import annotations

from holdfast.kernels.compiled_numba import compiled, entrance
from holdfast.kernels.personal_data.lexicon import (
    ALONE,
    BITS,
    COLON,
    DOT,
    FLAGS,
    GAP,
    INITIAL,
    LENGTH,
    NEWLINE,
    RECORD,
    SHAPE,
    SPECIAL,
    STRANGE,
    WEAK,
    Words,
)
from holdfast.kernels.personal_data.persons_numba import (
    GIVEN,
    HONORIFIC,
    ORDINARY,
    PRONOUN,
    Found,
    emit,
    is_capital,
)

RELATION = BITS["relations"]
FIRST_LABEL = 6
N_CATEGORIES = len(SPECIAL)
FIRST_BIT = BITS[SPECIAL[0]].bit_length() - 1
ANY_CATEGORY = sum(BITS[name] for name in SPECIAL)
REACH_OF_PERSON, REACH_OF_RELATION = 10, 6


@compiled
def sentence_ends(words: Words, at: int) -> bool:
    """Whether another sentence, line or text begins with a word."""
    gap = words[at, GAP]
    if gap & (RECORD | NEWLINE):
        return True
    return bool(gap & DOT != 0 and words[at - 1, SHAPE] != INITIAL and not words[at - 1, ALONE] & HONORIFIC)


@compiled
def means_person(words: Words, at: int) -> bool:
    """Whether a word is a pronoun, a form of address, a relative, or a given name."""
    if words[at, FLAGS] & (PRONOUN | HONORIFIC):
        return True
    return bool(words[at, ALONE] & GIVEN != 0 and not words[at, ALONE] & ORDINARY and is_capital(words, at))


@compiled
def is_about_someone(words: Words, first: int, end: int) -> bool:
    """Whether a person is meant within ten words of a term, in the same sentence."""
    for back in range(1, REACH_OF_PERSON + 1):
        here = first - back
        if here < 0 or sentence_ends(words, here + 1):
            break
        if means_person(words, here):
            return True
    for here in range(end, min(end + REACH_OF_PERSON, len(words))):
        if sentence_ends(words, here):
            break
        if means_person(words, here):
            return True
    return False


@compiled
def is_tied(words: Words, first: int) -> bool:
    """Whether a word such as "diagnosed" or "member of" stands within six words before a term."""
    for back in range(1, REACH_OF_RELATION + 1):
        here = first - back
        if here < 0 or sentence_ends(words, here + 1):
            return False
        if words[here, FLAGS] & RELATION:
            return True
    return False


@compiled
def begins_note(words: Words, at: int) -> bool:
    """Whether a sentence or a note, such as one behind ":" or ";", begins with a word."""
    return bool(at == 0 or sentence_ends(words, at) or words[at, GAP] & (COLON | STRANGE) != 0)


@compiled
def is_noted(words: Words, first: int) -> bool:
    """Whether a note begins with "diagnosed with", "member of" before a term: of whom it is goes without saying."""
    for here in range(first - 1, max(first - REACH_OF_RELATION, 0) - 1, -1):
        if begins_note(words, here + 1):
            return False
        if words[here, FLAGS] & RELATION and words[here, LENGTH] > 1:
            return begins_note(words, here)
    return False


@entrance
def find_categories(words: Words, found: Found, n: int) -> int:
    """Write terms of the special categories that are said of a person."""
    at = 0
    while at < len(words):
        bits = words[at, FLAGS] & ANY_CATEGORY
        if bits == 0:
            at += 1
            continue
        end = at + words[at, LENGTH]
        weak = words[at, FLAGS] & WEAK != 0
        noted = is_noted(words, at)
        if noted or is_about_someone(words, at, end):
            tied = noted or is_tied(words, at)
            score = 55 if not (tied or weak) else (70 if tied and not weak else (60 if tied else 0))
            if score > 0:
                for category in range(N_CATEGORIES):
                    if bits & (1 << (FIRST_BIT + category)):
                        n = emit(found, n, at, end, FIRST_LABEL + category, score)
                        break
        at = end
    return n
