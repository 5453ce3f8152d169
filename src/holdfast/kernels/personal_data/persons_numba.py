"""Which runs of words are names of people, and which words before them are forms of address or occupations.

A name is a run of capitalised words (with initials and particles) that holds a given name or surname of the lexicons,
or that follows what stands before names: a form of address, a greeting, "name is", "Nachname:". Words of a run that
are also ordinary words ("May", "Hunter", "Will") count only beside one that is not. Scores are ranks set by hand so
that evidence which misled more often on the development sentences stands lower: a form of address or a cue before the
name 0.8, given name and surname 0.75, one known word in a run 0.55 to 0.65, a lone surname 0.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import compiled, entrance, inlined
from holdfast.kernels.personal_data.lexicon import (
    ALONE,
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
    LONGEST_PHRASE,
    LOWER,
    NEWLINE,
    QUOTE,
    RECORD,
    SHAPE,
    SPACE,
    START,
    STRANGE,
    SURNAME_ENDING,
    UPPER,
    Words,
)

GIVEN, SURNAME, ORDINARY = BITS["given_names"], BITS["surnames"], BITS["ordinary_words"]
COUNTRY, CITY, NATIONALITY = BITS["countries"], BITS["cities"], BITS["nationalities"]
ORG_SUFFIX, HONORIFIC, JOB, PARTICLE = BITS["org_suffix"], BITS["honorifics"], BITS["jobs"], BITS["particles"]
PERSON_BEFORE, PERSON_AFTER = BITS["person_before"], BITS["person_after"]
PLACE_BEFORE = BITS["place_before"]
ARTICLE, WORK_BEFORE = BITS["articles"], BITS["work_before"]
NAME = GIVEN | SURNAME
NAMELIKE = NAME | SURNAME_ENDING
UNIT, STREET_BEFORE, CONJUNCTION = BITS["units"], BITS["streets_before"], BITS["conjunctions"]
PERSON, TITLE = 0, 1
PRONOUN, GREETING = BITS["pronouns"], BITS["greetings"]
MOST_WORDS = 6
MOST_WORDS_TO_PERSON = 10
MOST_WORDS_OF_JOB = 6


# One row for each span: first word, word after the last, label, score in hundredths.
Found = NDArray[np.int64]


@inlined
def emit(found: Found, n: int, start: int, end: int, label: int, score: int) -> int:
    """Write one span; gives how many there are."""
    found[n, 0], found[n, 1], found[n, 2], found[n, 3] = start, end, label, score
    return n + 1


@inlined
def is_capital(words: Words, at: int) -> bool:
    """Whether a word begins with a capital letter and is no identifier."""
    return bool(words[at, SHAPE] == CAPITALISED or words[at, SHAPE] == UPPER)


@compiled
def before(words: Words, at: int) -> tuple[int, int]:
    """The lexicons of the phrases that end just before a word, and those of them with several words."""
    every, several = 0, 0
    for back in range(1, min(LONGEST_PHRASE, at) + 1):
        first = at - back
        if words[first, LENGTH] == back:
            every |= words[first, FLAGS]
            if back > 1:
                several |= words[first, FLAGS]
        if words[first, GAP] & RECORD:
            break
    return every, several


@compiled
def glued(words: Words, at: int) -> bool:
    """Whether a word may go on a name: a blank, hyphen or apostrophe before it, or the dot of an initial."""
    gap = words[at, GAP]
    if words[at, START] - words[at - 1, END] > 2:
        return False
    if gap in (SPACE, HYPHEN, APOSTROPHE):
        return True
    return bool(gap in (DOT, DOT | SPACE) and words[at - 1, SHAPE] == INITIAL)


@compiled
def goes_on(words: Words, first: int, at: int) -> bool:
    """Whether a capitalised word can be part of a name that begins at ``first``."""
    alone = words[at, ALONE]
    if words[at, SHAPE] != words[first, SHAPE] and words[first, SHAPE] != INITIAL and not alone & NAMELIKE:
        return False
    if alone & NAMELIKE:
        return True
    if at == first and alone & STREET_BEFORE:
        return False
    return bool(not alone & (UNIT | ORDINARY | COUNTRY | NATIONALITY | ORG_SUFFIX | HONORIFIC | JOB))


@compiled
def name_end(words: Words, first: int) -> int:
    """The word after the last of the name that begins at a word; the word itself if none does."""
    n = len(words)
    at, last = first, first
    while at < n and at - first < MOST_WORDS:
        if at > first and not glued(words, at):
            break
        if words[at, SHAPE] == INITIAL:
            dotted = at + 1 < n and (words[at + 1, GAP] & (DOT | APOSTROPHE)) != 0
            named = at + 1 < n and (is_capital(words, at + 1) or words[at + 1, SHAPE] == INITIAL)
            follows = named and glued(words, at + 1)
            if not follows or (at == first and not dotted):
                break
        elif is_capital(words, at):
            if words[at, LENGTH] > 1 and words[at, FLAGS] & NAME:
                at += words[at, LENGTH] - 1
            elif not goes_on(words, first, at):
                break
            last = at + 1
        else:
            if words[at, SHAPE] != LOWER or at == first or not words[at, ALONE] & PARTICLE:
                break
            next_particle = at + 1 < n and words[at + 1, ALONE] & PARTICLE and words[at + 1, GAP] == SPACE
            following = at + 2 if next_particle and not is_capital(words, at + 1) else at + 1
            if following >= n or not is_capital(words, following) or words[following, GAP] & ~(SPACE | APOSTROPHE):
                break
        at += 1
    return last


@compiled
def evidence(words: Words, first: int, end: int) -> tuple[int, int, int, int]:
    """How many words of a run are surely given names, surely surnames, names or ordinary words, and all."""
    given, surname, unsure, total = 0, 0, 0, 0
    for at in range(first, end):
        if words[at, SHAPE] == INITIAL or words[at, SHAPE] == LOWER:
            continue
        total += 1
        bits = words[at, ALONE] | (words[at, FLAGS] if words[at, LENGTH] > 1 else 0)
        if bits & ORDINARY:
            unsure += (bits & NAME) != 0
        elif bits & GIVEN:
            given += 1
        elif bits & (SURNAME | SURNAME_ENDING):
            surname += 1
    return given, surname, unsure, total


@compiled
def cue_of(words: Words, first: int) -> int:
    """What stands before a run: 3 a form of address, 2 a cue for any name, 1 a cue for a known name, 0 nothing."""
    if first == 0 or words[first, GAP] & RECORD:
        return 0
    gap = words[first, GAP]
    if words[first - 1, ALONE] & HONORIFIC and gap in (SPACE, DOT, DOT | SPACE):
        return 3
    every, several = before(words, first)
    if not every & PERSON_BEFORE or gap & ~(SPACE | COLON | NEWLINE | COMMA | QUOTE):
        return 0
    if gap & COLON or ((several & PERSON_BEFORE or every & GREETING) and gap == SPACE):
        return 2
    return 1 if gap == SPACE or gap == COMMA | SPACE else 0


@compiled
def score_of(words: Words, first: int, end: int) -> int:
    """How likely a run of capitalised words is the name of a person."""
    given, surname, unsure, total = evidence(words, first, end)
    known = given + surname + unsure
    cue = cue_of(words, first)
    n = len(words)
    if cue == 3:
        return 80
    if cue == 2 and (known or total <= 3):
        return 80 if known else 60
    acts = end < n and words[end, GAP] == SPACE and words[end, FLAGS] & PERSON_AFTER != 0
    owns = end < n and words[end, GAP] == APOSTROPHE and words[end, END] - words[end, START] == 1
    more = 10 if cue == 1 or acts or owns else 0
    head = words[first, ALONE]
    starts_given = head & GIVEN != 0
    if total >= 2:
        if starts_given and not head & ORDINARY:
            return 75 if known >= 2 else 65
        if given or (starts_given and surname):
            return 60 + more
        if surname >= 2:
            return 55 + more
        sure = words[first, SHAPE] == CAPITALISED and not head & ORDINARY
        return 50 + more if surname and sure else 0
    if words[first, SHAPE] == INITIAL:
        return 55 + more if given + surname else 0
    if words[end - 1, SHAPE] == UPPER and more == 0:
        return 0
    if head & (CITY | COUNTRY) and more == 0:
        return 0
    if given:
        return 60 + more
    if surname and head & SURNAME:
        return 50 + more
    return 55 if more and (surname or unsure) else 0


@compiled
def lower_name(words: Words, at: int) -> int:
    """The word after a name in lower-case letters: given name and surname, or a given name after a cue."""
    if words[at, ALONE] & ORDINARY or not words[at, ALONE] & GIVEN:
        return at
    n = len(words)
    following = at + 1 < n and words[at + 1, SHAPE] == LOWER and words[at + 1, GAP] == SPACE
    if following and words[at + 1, ALONE] & (SURNAME | SURNAME_ENDING) and not words[at + 1, ALONE] & (ORDINARY | JOB):
        return at + 2
    return at + 1 if cue_of(words, at) >= 2 else at


@compiled
def is_and(words: Words, at: int) -> bool:
    """Whether a word joins the last two of a list."""
    return bool(words[at, ALONE] & CONJUNCTION != 0)


@compiled
def in_list(words: Words, first: int, end: int, last_person: int) -> bool:
    """Whether a lone capitalised word stands beside a name in a list: "Vaclav, Darin and Michelle"."""
    if end - first > 1 or words[first, SHAPE] != CAPITALISED or words[first, ALONE] & (COUNTRY | CITY | NATIONALITY):
        return False
    if words[first, ALONE] & ORDINARY and not words[first, ALONE] & NAME:
        return False
    if last_person == first and words[first, GAP] == COMMA | SPACE:
        return True
    joined = last_person == first - 1 and words[first, GAP] == SPACE and words[first - 1, GAP] & ~(SPACE | COMMA) == 0
    if joined and is_and(words, first - 1):
        return True
    size = len(words)
    after = end + 1 if end + 1 < size and words[end, GAP] == SPACE and is_and(words, end) else end
    if after >= size or not is_capital(words, after) or words[after, GAP] != (SPACE if after > end else COMMA | SPACE):
        return False
    return bool(words[after, ALONE] & NAME != 0 and not words[after, ALONE] & (ORDINARY | CITY | COUNTRY))


@entrance
def find_persons(words: Words, found: Found, n: int) -> int:
    """Write the names of people, and the forms of address before them."""
    at, last_person = 0, -1
    while at < len(words):
        shape = words[at, SHAPE]
        if shape == LOWER and words[at, ALONE] & GIVEN:
            end = lower_name(words, at)
            if end > at:
                n = emit(found, n, at, end, PERSON, 55)
                at = end
                continue
        if shape != CAPITALISED and shape != UPPER and shape != INITIAL:
            at += 1
            continue
        end = name_end(words, at)
        if end == at:
            at += 1
            continue
        score = score_of(words, at, end)
        company = end < len(words) and words[end, FLAGS] & ORG_SUFFIX and words[end, GAP] & ~(SPACE | COMMA) == 0
        if score == 0 and in_list(words, at, end, last_person):
            score = 52
        if score and not company:
            last_person = end
            n = emit(found, n, at, end, PERSON, score)
            addressed = at > 0 and words[at, GAP] & RECORD == 0 and words[at - 1, ALONE] & HONORIFIC
            if addressed and words[at, GAP] & ~(SPACE | DOT) == 0 and not words[at - 1, ALONE] & ORDINARY:
                n = emit(found, n, at - 1, at, TITLE, 70)
        at = end
    return n


@compiled
def job_start(words: Words, last: int) -> int:
    """The first word of an occupation that ends with a word: up to five more, joined by blanks and hyphens."""
    first = last
    while first > 0 and last - first < MOST_WORDS_OF_JOB - 1:
        if words[first, GAP] & ~(SPACE | HYPHEN) or words[first - 1, SHAPE] > INITIAL:
            break
        previous = words[first - 1, ALONE]
        name = previous & NAME and not previous & ORDINARY and is_capital(words, first - 1)
        if previous & (ARTICLE | WORK_BEFORE) or (name and not words[first - 1, GAP] & NEWLINE):
            break
        first -= 1
    return first


@compiled
def of_a_person(words: Words, at: int) -> bool:
    """Whether a name or a pronoun stands among the eight words before, in the same sentence."""
    for back in range(1, min(MOST_WORDS_TO_PERSON, at) + 1):
        here = at - back
        if words[here, ALONE] & PRONOUN or (is_capital(words, here) and words[here, ALONE] & GIVEN):
            return True
        if words[here, GAP] & (NEWLINE | RECORD) or (words[here, GAP] & DOT and words[here - 1, SHAPE] == LOWER):
            return False
    return False


@compiled
def is_said_of_someone(words: Words, first: int, end: int) -> bool:
    """Whether an occupation is a line of its own, follows "as a", or stands beside a name with an article."""
    size = len(words)
    if words[first, GAP] & NEWLINE and (end == size or words[end, GAP] & (NEWLINE | RECORD)):
        return bool(is_capital(words, first) and words[first, GAP] & ~(NEWLINE | SPACE | STRANGE) == 0)
    if first == 0 or words[first, GAP] & ~(SPACE | COLON):
        return False
    if words[first - 1, FLAGS] & WORK_BEFORE:
        return bool(words[first, GAP] & COLON != 0 or of_a_person(words, first))
    if first == 1 or not words[first - 1, ALONE] & ARTICLE:
        return False
    if words[first - 1, GAP] & COMMA:
        if end < size and words[end, GAP] & COMMA and is_capital(words, first - 2):
            return True
        return bool(words[first - 2, ALONE] & NAMELIKE != 0 and not words[first - 2, ALONE] & ORDINARY)
    return bool(
        words[first - 1, GAP] == SPACE and words[first - 2, FLAGS] & WORK_BEFORE != 0 and of_a_person(words, first)
    )


@entrance
def find_jobs(words: Words, found: Found, n: int) -> int:
    """Write occupations that are said of someone."""
    size = len(words)
    for last in range(size):
        if not words[last, FLAGS] & JOB:
            continue
        end = last + words[last, LENGTH]
        if end < size and words[end, GAP] == SPACE and words[end, FLAGS] & JOB:
            continue
        first = job_start(words, last)
        if is_said_of_someone(words, first, end):
            n = emit(found, n, first, end, TITLE, 60)
    return n
