"""Which runs of words are places, addresses, organisations and nationalities.

Countries, regions and large cities are words of the lexicons; any capitalised run is a place where a cue says so
("lives in", "Geburtsort:"). An address begins at what only addresses have (a word of streets beside a number, a flat,
a box) or follows a cue ("deliver to") with a number, and takes the numbers, capitalised words and places around it.
An organisation ends with a form of company, begins with the kind of a body ("Bank of", "Sąd Rejonowy"), or follows a
cue ("works for").
"""

from __future__ import annotations

from holdfast.kernels.compiled_numba import compiled, entrance
from holdfast.kernels.personal_data.lexicon import (
    ALONE,
    AMPERSAND,
    APOSTROPHE,
    BITS,
    CAPITALISED,
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
    OTHER_SHAPE,
    QUOTE,
    SHAPE,
    SPACE,
    START,
    UPPER,
    Words,
)
from holdfast.kernels.personal_data.persons_numba import (
    CITY,
    COUNTRY,
    HONORIFIC,
    NAME,
    NATIONALITY,
    ORDINARY,
    ORG_SUFFIX,
    PARTICLE,
    SURNAME,
    Found,
    before,
    emit,
    is_capital,
)

STREET_BEFORE, STREET_AFTER = BITS["streets_before"], BITS["streets_after"]
UNIT, BOX, ADDRESS_BEFORE = BITS["units"], BITS["boxes"], BITS["address_before"]
ORG_HEAD, ORG_BEFORE, PLACE_BEFORE = BITS["org_head"], BITS["org_before"], BITS["place_before"]
ORG_JOINS = BITS["org_joins"]
WITHIN_PLACE = BITS["within_place"]
LANGUAGE_AFTER = BITS["language_words"]
LOCATION, ADDRESS, ORGANIZATION, NRP = 2, 3, 4, 5
PLACE = COUNTRY | CITY
WITHIN_NAME = SPACE | HYPHEN | APOSTROPHE
MOST_WORDS_OF_PLACE, MOST_WORDS_OF_ORG, MOST_WORDS_OF_ADDRESS, MOST_WORDS_OF_STREET = 4, 7, 24, 4


@compiled
def place_run(words: Words, first: int) -> int:
    """The word after a run of capitalised words that are not ordinary, as names of places have them."""
    at = first
    while at < len(words) and at - first < MOST_WORDS_OF_PLACE:
        if at > first and words[at, GAP] & ~WITHIN_NAME:
            break
        inner = words[at, SHAPE] == LOWER and at > first and words[at, ALONE] & PARTICLE
        if inner and not (at + 1 < len(words) and is_capital(words, at + 1) and words[at + 1, GAP] & ~WITHIN_NAME == 0):
            break
        if not inner and (not is_capital(words, at) or words[at, ALONE] & (NATIONALITY | HONORIFIC)):
            break
        if not inner and words[at, ALONE] & ORDINARY and not words[at, ALONE] & (PLACE | NAME):
            break
        at += 1
    return at


@compiled
def place_score(words: Words, at: int) -> int:
    """How likely a country or city of the lexicons is meant as one."""
    bits = words[at, FLAGS]
    capital = is_capital(words, at)
    every, several = before(words, at)
    cue = every & PLACE_BEFORE and words[at, GAP] & ~(SPACE | COLON) == 0
    unsure = words[at, LENGTH] == 1 and bits & (ORDINARY | NAME | NATIONALITY)
    if words[at, SHAPE] == INITIAL or words[at, SHAPE] >= NUMBER:
        return 0
    if not capital:
        if words[at, ALONE] & ORDINARY:
            return 0
        return 55 if several & PLACE_BEFORE or (bits & COUNTRY and not unsure and cue) else 0
    if unsure:
        if words[at, LENGTH] == 1 and bits & ORDINARY and not bits & COUNTRY:
            return 55 if several & PLACE_BEFORE else 0
        return 65 if cue else 0
    if (
        words[at, SHAPE] == UPPER
        and words[at, LENGTH] == 1
        and words[at, END] - words[at, START] < 4
        and not bits & COUNTRY
    ):
        return 0
    return 75 if cue or bits & COUNTRY else 62


@compiled
def city_before(words: Words, found: Found, n: int, at: int) -> int:
    """Write the capitalised run that stands before a country with a comma between: "Riisa, Estonia"."""
    if not words[at, FLAGS] & COUNTRY or at == 0 or words[at, GAP] & ~(COMMA | SPACE) or not words[at, GAP] & COMMA:
        return n
    first = at
    while first > 0 and at - first < MOST_WORDS_OF_PLACE and is_capital(words, first - 1):
        if words[first - 1, ALONE] & ORDINARY or (first < at and words[first, GAP] & ~WITHIN_NAME):
            break
        first -= 1
    return emit(found, n, first, at, LOCATION, 60) if first < at else n


@compiled
def is_language(words: Words, at: int) -> bool:
    """Whether the word for a nationality means a language: "in English", "the French translation"."""
    after = at + words[at, LENGTH]
    if after < len(words) and words[after, GAP] & ~(SPACE | HYPHEN) == 0 and words[after, ALONE] & LANGUAGE_AFTER:
        return True
    if at == 0 or words[at, GAP] & ~SPACE:
        return False
    every, _ = before(words, at)
    loose = after == len(words) or words[after, GAP] != SPACE or words[after, ALONE] & ORDINARY != 0
    return bool(every & (PLACE_BEFORE | LANGUAGE_AFTER) != 0 and loose)


@entrance
def find_places(words: Words, found: Found, n: int) -> int:
    """Write places and nationalities."""
    at = 0
    while at < len(words):
        bits = words[at, FLAGS]
        if bits & PLACE:
            score = place_score(words, at)
            if score > 0:
                n = emit(found, n, at, at + words[at, LENGTH], LOCATION, score)
                n = city_before(words, found, n, at)
                at += words[at, LENGTH]
                continue
        if bits & NATIONALITY and is_capital(words, at) and not is_language(words, at):
            n = emit(found, n, at, at + words[at, LENGTH], NRP, 55)
        elif is_capital(words, at) and at > 0 and words[at, GAP] & ~(SPACE | COLON | NEWLINE) == 0:
            every, several = before(words, at)
            labelled = every & PLACE_BEFORE and words[at, GAP] & COLON
            within = words[at - 1, ALONE] & WITHIN_PLACE and words[at, SHAPE] == CAPITALISED and words[at, GAP] == SPACE
            if several & PLACE_BEFORE or labelled or within:
                end = place_run(words, at)
                if end > at:
                    sure = several & PLACE_BEFORE or labelled
                    n = emit(found, n, at, end, LOCATION, 60 if sure else 50)
                    at = end
                    continue
        at += 1
    return n


@compiled
def joins_org(words: Words, at: int) -> bool:
    """Whether a word in lower case may stand within the name of an organisation: "and", "of", a particle."""
    return bool(words[at, ALONE] & ORG_JOINS != 0)


@compiled
def starts_sentence(words: Words, at: int) -> bool:
    """Whether a short ordinary word is capitalised because a sentence begins: "The", "At"."""
    short = words[at, END] - words[at, START] <= 4
    return bool(short and words[at, ALONE] & ORDINARY != 0 and not words[at, ALONE] & NAME and words[at, GAP] != HYPHEN)


@compiled
def org_start(words: Words, suffix: int) -> int:
    """The first word of the name that ends with a form of company."""
    first = suffix
    while first > 0 and suffix - first < MOST_WORDS_OF_ORG:
        gap = words[first, GAP]
        if gap & ~(WITHIN_NAME | COMMA | AMPERSAND | DOT | QUOTE) or (gap & DOT and words[first - 1, SHAPE] != INITIAL):
            break
        previous = first - 1
        capital = is_capital(words, previous) or words[previous, SHAPE] in (INITIAL, OTHER_SHAPE)
        inner = words[previous, SHAPE] == LOWER and first < suffix and joins_org(words, previous)
        if not capital and not inner:
            break
        if gap & COMMA and first < suffix and not words[previous, ALONE] & SURNAME:
            break
        first = previous
    while first < suffix and (words[first, SHAPE] == LOWER or starts_sentence(words, first)):
        first += 1
    return first


@compiled
def org_run(words: Words, first: int) -> int:
    """The word after a run of capitalised words and identifiers, with "and" and "of" between."""
    at, end = first, first
    while at < len(words) and at - first < MOST_WORDS_OF_ORG:
        if at > first and words[at, GAP] & ~(WITHIN_NAME | AMPERSAND | QUOTE):
            commas = words[at, GAP] == COMMA | SPACE and words[at, ALONE] & SURNAME and words[at - 1, ALONE] & SURNAME
            if not commas:
                break
        capital = is_capital(words, at) or words[at, SHAPE] == OTHER_SHAPE
        if at == first and words[at, ALONE] & ORDINARY and not words[at, ALONE] & NAME:
            break
        if capital:
            end = at + 1
        elif words[at, SHAPE] != LOWER or not joins_org(words, at):
            break
        at += 1
    return end


@entrance
def find_organisations(words: Words, found: Found, n: int) -> int:
    """Write organisations."""
    size = len(words)
    for at in range(size):
        bits = words[at, FLAGS]
        legal = bits & ORG_SUFFIX and (words[at, SHAPE] != LOWER or words[at, LENGTH] > 1)
        if legal and at > 0:
            first = org_start(words, at)
            vague = words[at, LENGTH] == 1 and words[at, ALONE] & ORDINARY
            if first < at and not (vague and at - first == 1 and words[first, ALONE] & ORDINARY):
                n = emit(found, n, first, at + words[at, LENGTH], ORGANIZATION, 70 if not vague else 60)
                continue
        if bits & ORG_HEAD and is_capital(words, at):
            start = at + words[at, LENGTH]
            end = org_run(words, start) if start < size and words[start, GAP] & ~(SPACE | QUOTE) == 0 else start
            if end > start:
                n = emit(found, n, at, end, ORGANIZATION, 68)
                continue
        if not is_capital(words, at) and words[at, SHAPE] != OTHER_SHAPE:
            continue
        if at == 0 or words[at, GAP] & ~(SPACE | COLON | QUOTE) or bits & PLACE:
            continue
        every, several = before(words, at)
        if several & ORG_BEFORE or (every & ORG_BEFORE and words[at, GAP] & COLON):
            end = org_run(words, at)
            if end > at:
                n = emit(found, n, at, end, ORGANIZATION, 62)
    return n
