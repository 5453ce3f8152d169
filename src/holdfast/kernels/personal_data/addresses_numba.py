"""Which runs of words and numbers are postal addresses: see ``places_numba.py`` for how the parts are known."""

from __future__ import annotations

from holdfast.kernels.compiled_numba import compiled, entrance
from holdfast.kernels.personal_data.lexicon import (
    ALONE,
    APOSTROPHE,
    COLON,
    COMMA,
    DOT,
    END,
    FLAGS,
    GAP,
    HYPHEN,
    INITIAL,
    LENGTH,
    LOWER,
    NEWLINE,
    NUMBER,
    SHAPE,
    SLASH,
    SPACE,
    START,
    STREET_ENDING,
    Words,
)
from holdfast.kernels.personal_data.persons_numba import (
    COUNTRY,
    ORDINARY,
    ORG_SUFFIX,
    PARTICLE,
    Found,
    before,
    emit,
    is_capital,
)
from holdfast.kernels.personal_data.places_numba import (
    ADDRESS,
    ADDRESS_BEFORE,
    BOX,
    PLACE,
    STREET_AFTER,
    STREET_BEFORE,
    UNIT,
)

PARTS = STREET_AFTER | STREET_BEFORE | UNIT | BOX
MOST_WORDS_OF_STREET, MOST_WORDS = 6, 24
LONGEST_HOUSE_NUMBER = 6
WITHIN_STREET = SPACE | DOT | HYPHEN | APOSTROPHE
BETWEEN = SPACE | COMMA | NEWLINE | DOT | HYPHEN | SLASH | APOSTROPHE


@compiled
def house_number(words: Words, at: int) -> bool:
    """Whether a word is a number that a house, flat or postcode can have."""
    return bool(words[at, SHAPE] == NUMBER and words[at, END] - words[at, START] <= LONGEST_HOUSE_NUMBER)


@compiled
def street_word(words: Words, at: int) -> bool:
    """Whether a word may be part of the name of a street."""
    if is_capital(words, at) or words[at, SHAPE] == INITIAL:
        return True
    return bool(words[at, SHAPE] == LOWER and words[at, ALONE] & (PARTICLE | STREET_AFTER | STREET_BEFORE) != 0)


@compiled
def names_street(words: Words, at: int) -> bool:
    """Whether the name of a street begins with a word: "Longue", "de la Paix"."""
    return bool(is_capital(words, at) or words[at, ALONE] & PARTICLE != 0)


@compiled
def number_right(words: Words, at: int, most: int) -> int:
    """The word after the number that follows within some words of a street; -1 if there is none."""
    size = len(words)
    for step in range(1, most + 1):
        here = at + step
        if here >= size or words[here, GAP] & ~(SPACE | DOT | HYPHEN | APOSTROPHE | COMMA):
            return -1
        if words[here, GAP] & COMMA and not house_number(words, here):
            return -1
        if house_number(words, here):
            return here + 1
        if not street_word(words, here):
            return -1
    return -1


@compiled
def number_left(words: Words, at: int, most: int) -> int:
    """The number that stands within some words of a street before a word; -1 if there is none."""
    for step in range(1, most + 1):
        here = at - step
        if here < 0 or words[here + 1, GAP] & ~(
            SPACE | DOT | HYPHEN | APOSTROPHE | (COMMA | NEWLINE if step == 1 else 0)
        ):
            return -1
        if house_number(words, here):
            return here
        if not street_word(words, here):
            return -1
    return -1


@compiled
def seed_at(words: Words, at: int) -> tuple[int, int]:
    """The first word and the word after the last of what only an address has; both -1 if nothing begins here."""
    bits = words[at, FLAGS]
    size = len(words)
    capital = is_capital(words, at)
    if bits & (BOX | UNIT):
        number = at + words[at, LENGTH]
        follows = number < size and house_number(words, number) and words[number, GAP] & ~(SPACE | DOT) == 0
        marked = capital or words[at, SHAPE] == INITIAL or words[number, GAP] & DOT if follows else False
        if follows and (marked or words[at, LENGTH] > 1):
            return at, number + 1
    if bits & STREET_BEFORE and (capital or (at > 0 and at + 1 < size and names_street(words, at + 1))):
        end = number_right(words, at, MOST_WORDS_OF_STREET + 1)
        if end > at + 2:
            return at, end
    ending = words[at, ALONE] & STREET_ENDING != 0
    if (bits & STREET_AFTER and words[at, LENGTH] == 1) or ending:
        dotted = words[at, SHAPE] == LOWER and at + 1 < size and words[at + 1, GAP] & DOT
        if capital or dotted:
            first = number_left(words, at, MOST_WORDS_OF_STREET)
            if first >= 0 and (ending or at - first > 1):
                return first, at + 1
            end = number_right(words, at, 1)
            if end > 0 and (
                ending or (at > 0 and is_capital(words, at - 1) and words[at, GAP] & ~(SPACE | HYPHEN) == 0)
            ):
                return at if ending else at - 1, end
    return -1, -1


@compiled
def between_numbers(words: Words, at: int) -> int:
    """The word after "4844 Søndergade 52": numbers around one to four capitalised words; -1 if it is none."""
    if not house_number(words, at) or at + 1 == len(words) or not is_capital(words, at + 1):
        return -1
    if words[at + 1, GAP] != SPACE or (words[at + 1, ALONE] & ORDINARY and not words[at + 1, ALONE] & PARTS):
        return -1
    end = number_right(words, at, MOST_WORDS_OF_STREET)
    return end if end > at + 2 else -1


@compiled
def grow_right(words: Words, first: int, end: int) -> int:
    """Take in the flats, towns, regions, countries and postcodes that follow."""
    size = len(words)
    at = end
    done = False
    while at < size and at - first < MOST_WORDS:
        gap = words[at, GAP]
        if gap & ~BETWEEN or (gap & DOT and words[at - 1, SHAPE] != LOWER and not words[at - 1, ALONE] & PARTS):
            break
        bits = words[at, ALONE] | words[at, FLAGS]
        if bits & COUNTRY and is_capital(words, at):
            at += words[at, LENGTH]
            end = at
            done = True
            continue
        if house_number(words, at):
            end = at + 1
            if done:
                return end
        elif done:
            return end
        elif is_capital(words, at) or words[at, SHAPE] == INITIAL:
            labelled = at + 1 < size and words[at + 1, GAP] & COLON
            if (
                labelled
                or words[at, ALONE] & ORG_SUFFIX
                or (words[at, ALONE] & ORDINARY and not bits & (PARTS | PLACE))
            ):
                break
            end = at + 1
        elif (
            words[at, SHAPE] == LOWER
            and bits & (PARTS | PARTICLE)
            and at + 1 < size
            and words[at + 1, GAP] & ~BETWEEN == 0
        ):
            if not (is_capital(words, at + 1) or house_number(words, at + 1)):
                break
        else:
            break
        at += 1
    return end


@compiled
def grow_left(words: Words, first: int) -> int:
    """Take in the number, and the street without a word for it, before what was found."""
    number = number_left(words, first, MOST_WORDS_OF_STREET)
    if number >= 0:
        first = number
    if first > 0 and house_number(words, first - 1) and words[first, GAP] & ~(SPACE | COMMA | NEWLINE) == 0:
        first -= 1
    return first


@entrance
def find_addresses(words: Words, found: Found, n: int) -> int:
    """Write postal addresses."""
    at = 0
    size = len(words)
    while at < size:
        first, end = -1, -1
        score = 85
        if words[at, FLAGS] & PARTS or words[at, ALONE] & STREET_ENDING:
            first, end = seed_at(words, at)
        elif words[at, SHAPE] == NUMBER:
            first, end, score = at, between_numbers(words, at), 60
            if end > 0:
                every, _ = before(words, at)
                score = 80 if every & ADDRESS_BEFORE else 55
        elif is_capital(words, at) and at > 0 and words[at, GAP] & ~(SPACE | COLON | NEWLINE) == 0:
            every, _ = before(words, at)
            if every & ADDRESS_BEFORE:
                first, end, score = at, number_right(words, at, MOST_WORDS_OF_STREET), 70
        if end < 0:
            at += 1
            continue
        first = grow_left(words, first)
        seed_end = end
        end = grow_right(words, first, end)
        for here in range(seed_end, end):
            if words[here, ALONE] & (UNIT | PLACE) and score < 80:
                score = 80
        n = emit(found, n, first, end, ADDRESS, score)
        at = end
    return n
