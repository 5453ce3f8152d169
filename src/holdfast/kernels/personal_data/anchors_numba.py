"""One compiled pass over folded text: where each rule may begin, and where the words stand that rules know.

What it finds is a superset: the expression of the rule decides. Every step looks at a bounded stretch around its place,
so the pass is linear in the text whatever the text is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.compiled_numba import compiled, entrance, inlined

LETTER, DIGIT, OPENING, HEX, MAIL, HOST, SEPARATOR, SIGN = 1, 2, 4, 8, 16, 32, 64, 128
RUN = 64  # code points of a run of digits or of letters and digits that are looked at
HOST_RUN = 448  # longest host name that rules accept: seven labels
FARTHEST = 4096  # code points back that a word of a context may stand; tries are not quite in order of their place
TOKEN = 4 * RUN  # of the first run of letters and digits
FAR = 256  # code points after which an automaton that has not failed is taken to accept
LINE = 20  # shortest line that may be a line of a document

LONG = 20  # letters of a run that may be a key without a digit
KINDS = ("at", "dot", "colon", "hex", "line", "long")
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)  # gives each single bit its own six highest bits
_BITS = np.zeros(64, np.int64)
for _bit in range(64):
    _BITS[(((1 << _bit) * int(_DE_BRUIJN)) & 0xFFFFFFFFFFFFFFFF) >> 58] = _bit
_AT_RULES, _DOT_RULES, _COLON_RULES, _HEX_RULES, _LINE_RULES, _LONG_RULES = range(len(KINDS))


def _flags() -> NDArray[np.uint8]:
    flags = np.zeros(256, np.uint8)
    for code in range(256):
        character = chr(code)
        is_letter = (character.isascii() and character.isalpha()) or code in (0xFE, 0xFF)
        is_digit = 0x30 <= code <= 0x39
        flags[code] = (
            LETTER * is_letter
            + DIGIT * is_digit
            + HEX * (character in "0123456789abcdefABCDEF:.")
            + MAIL * (is_letter or is_digit or character in "._%+-")
            + HOST * (is_letter or is_digit or character in ".-")
            + SEPARATOR * (character in " -./():+")
            + OPENING * (character in "+(")
            + SIGN * (character in "@.:-%")
        )
    return flags


FLAGS = _flags()


class Plan(NamedTuple):
    """What the pass looks for, as arrays.

    slots: hash table of words, a power of two long: the number of a word, or -1. letters: the words' letters one after
    another. bounds: where each begins, and the end. is_context: whether a word belongs to the context of a rule.
    word_begins, word_rules: the rules that begin with each word. kind_begins, kind_rules: the rules of each of
    ``KINDS``. run_begins, run_rules: the rules that begin with a number of each length up to ``RUN``, then those with a
    token of each. fewest: shape (n_rules,): fewest digits or characters in the whole run. machines: shape
    (n_rules, 322): the rules' automata (``expression.py``), positions as bits: those that a match may begin with, those
    after which it accepts, those that may follow each, and those that read each code; there the highest bit says
    whether the code may stand before. A rule without one has no position to begin with.
    """

    slots: NDArray[np.int32]
    letters: NDArray[np.uint8]
    bounds: NDArray[np.int32]
    is_context: NDArray[np.uint8]
    word_begins: NDArray[np.int32]
    word_rules: NDArray[np.int32]
    kind_begins: NDArray[np.int32]
    kind_rules: NDArray[np.int32]
    run_begins: NDArray[np.int32]
    run_rules: NDArray[np.int32]
    fewest: NDArray[np.int32]
    machines: NDArray[np.uint64]


FIRST, LAST, FOLLOW, READS = 0, 1, 2, 66  # columns of the automata
WIDTH = READS + 256
_BEFORE = np.uint64(1 << 63)


@inlined
def _lower(code: np.uint8) -> np.uint8:
    return code | np.uint8(0x20) if 0x41 <= code <= 0x5A else code


@inlined
def _word_at(
    codes: NDArray[np.uint8],
    run: tuple[int, int],
    state: np.uint64,
    slots: NDArray[np.int32],
    letters: NDArray[np.uint8],
    bounds: NDArray[np.int32],
) -> int:
    """The number of the word between two places in the table of words, or -1."""
    start, end = run
    mask = len(slots) - 1
    slot = int(state >> np.uint64(20)) & mask
    while slots[slot] >= 0:
        word = slots[slot]
        low = bounds[word]
        if bounds[word + 1] - low == end - start:
            at = 0
            while at < end - start and _lower(codes[start + at]) == letters[low + at]:
                at += 1
            if at == end - start:
                return int(word)
        slot = (slot + 1) & mask
    return -1


@inlined
def _digits_from(codes: NDArray[np.uint8], start: int) -> tuple[int, int]:
    """Length of the first run of digits from a place on, and digits in the whole run with its separators."""
    at = start
    stop = min(len(codes), start + RUN)
    while at < stop and FLAGS[codes[at]] & SEPARATOR:
        at += 1
    begin = at
    while at < stop and FLAGS[codes[at]] & DIGIT:
        at += 1
    first = at - begin
    total = first
    while at < stop and FLAGS[codes[at]] & (DIGIT | SEPARATOR):
        if FLAGS[codes[at]] & DIGIT:
            total += 1
        at += 1
    return first, total if at < start + RUN else RUN


@inlined
def _token_from(codes: NDArray[np.uint8], start: int) -> tuple[int, int]:
    """Length of a run of letters and digits, and how many are in the whole run with its separators."""
    at = start
    n = len(codes)
    while at < n and at < start + TOKEN and FLAGS[codes[at]] & (LETTER | DIGIT):
        at += 1
    first = at - start
    total = first
    stop = min(n, start + RUN)
    while at < stop and FLAGS[codes[at]] & (LETTER | DIGIT | SEPARATOR):
        if FLAGS[codes[at]] & (LETTER | DIGIT):
            total += 1
        at += 1
    return first, total if at < start + RUN else TOKEN


@inlined
def _run_start(codes: NDArray[np.uint8], at: int, flag: int, longest: int) -> int:
    """Where the run of codes with a flag begins that ends before a place."""
    start = at
    while start > 0 and at - start < longest and FLAGS[codes[start - 1]] & flag:
        start -= 1
    return start


@compiled
def _put(
    codes: NDArray[np.uint8],
    machines: NDArray[np.uint64],
    rule: int,
    place: int,
    tries: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Count, and write where there is room, that a rule may begin at a place, if its automaton accepts what follows."""
    machine = machines[rule]
    state = machine[FIRST]
    if state:
        if place > 0 and not machine[READS + codes[place - 1]] & _BEFORE:
            return
        state &= machine[READS + codes[place]]
        at = place
        stop = place + FAR
        while not state & machine[LAST]:
            at += 1
            if state == 0 or at == len(codes):
                return
            if at == stop:
                break
            following = np.uint64(0)
            while state:
                lowest = state & (~state + np.uint64(1))
                following |= machine[FOLLOW + _BITS[(lowest * _DE_BRUIJN) >> np.uint64(58)]]
                state ^= lowest
            state = following & machine[READS + codes[at]]
    if counts[0] < len(tries):
        tries[counts[0], 0] = rule
        tries[counts[0], 1] = place
    counts[0] += 1


@compiled
def _put_fitting(
    codes: NDArray[np.uint8],
    machines: NDArray[np.uint64],
    rules: NDArray[np.int32],
    fewest: NDArray[np.int32],
    place: int,
    total: int,
    tries: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Those rules may begin at a place whose whole run is long enough."""
    for rule in rules:
        if total >= fewest[rule]:
            _put(codes, machines, rule, place, tries, counts)


@compiled
def _put_all(
    codes: NDArray[np.uint8],
    machines: NDArray[np.uint64],
    rules: NDArray[np.int32],
    place: int,
    tries: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Every one of some rules may begin at a place."""
    for rule in rules:
        _put(codes, machines, rule, place, tries, counts)


@compiled
def _look_before_at_sign(
    codes: NDArray[np.uint8],
    machines: NDArray[np.uint64],
    rules: NDArray[np.int32],
    at: int,
    tries: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Local parts before "@": back to the start of the run, and after each apostrophe on the way."""
    start = at
    while start > 0 and at - start <= RUN:
        start = _run_start(codes, start, MAIL, RUN + 1)
        if start < at:
            _put_all(codes, machines, rules, start, tries, counts)
        if start == 0 or codes[start - 1] != 0x27:
            break
        start -= 1


@inlined
def _is_line(codes: NDArray[np.uint8], at: int) -> bool:
    """Whether a line of some length begins here."""
    if at > 0 and codes[at - 1] != 10 and codes[at - 1] != 0:
        return False
    place = at
    while place < at + LINE and place < len(codes) and codes[place] != 10 and codes[place] != 0:
        place += 1
    return place == at + LINE


@compiled
def _look_at_sign(
    codes: NDArray[np.uint8],
    machines: NDArray[np.uint64],
    kind_begins: NDArray[np.int32],
    kind_rules: NDArray[np.int32],
    at: int,
    tries: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """What may begin before or at a sign: mail addresses, hosts, schemes, network addresses."""
    n = len(codes)
    code = codes[at]
    start = at
    kind = -1
    if code == 0x40 or (code == 0x25 and at + 2 < n and codes[at + 1] == 0x34 and codes[at + 2] == 0x30):  # @, %40
        rules = kind_rules[kind_begins[_AT_RULES] : kind_begins[_AT_RULES + 1]]
        _look_before_at_sign(codes, machines, rules, at, tries, counts)
    elif code == 0x2E:
        if at + 1 < n and FLAGS[codes[at + 1]] & LETTER:
            kind, start = _DOT_RULES, _run_start(codes, at, HOST, HOST_RUN)
    elif code == 0x3A:
        if at + 2 < n and codes[at + 1] == 0x2F and codes[at + 2] == 0x2F and at > 0 and FLAGS[codes[at - 1]] & LETTER:
            kind, start = _DOT_RULES, _run_start(codes, at, LETTER, 8)
        else:
            start = _run_start(codes, at, HEX, RUN)
            for before in range(start, at):
                if codes[before] == 0x3A:
                    kind = _COLON_RULES
                    break
                if codes[before] == 0x2E:  # the dot may be one of a sentence
                    start = before + 1
    elif code == 0x2D and at >= 2 and FLAGS[codes[at - 1]] & FLAGS[codes[at - 2]] & HEX:
        kind, start = _HEX_RULES, at - 2
    if kind >= 0:
        _put_all(codes, machines, kind_rules[kind_begins[kind] : kind_begins[kind + 1]], start, tries, counts)


@compiled
def _look_at_token(
    codes: NDArray[np.uint8],
    machines: NDArray[np.uint64],
    run_begins: NDArray[np.int32],
    run_rules: NDArray[np.int32],
    fewest: NDArray[np.int32],
    at: int,
    tries: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """A run of letters and digits starts here."""
    first, total = _token_from(codes, at)
    place = RUN + 1 + min(first, TOKEN)
    _put_fitting(
        codes, machines, run_rules[run_begins[place] : run_begins[place + 1]], fewest, at, total, tries, counts
    )


@compiled
def _look_at_number(
    codes: NDArray[np.uint8],
    machines: NDArray[np.uint64],
    run_begins: NDArray[np.int32],
    run_rules: NDArray[np.int32],
    fewest: NDArray[np.int32],
    at: int,
    tries: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """A number, or the token that it begins, starts here."""
    first, total = _digits_from(codes, at)
    if first == 0:
        return
    rules = run_rules[run_begins[first] : run_begins[first + 1]]
    _put_fitting(codes, machines, rules, fewest, at, total, tries, counts)
    end = at + first
    if FLAGS[codes[at]] & DIGIT and end < len(codes) and FLAGS[codes[end]] & LETTER:
        _look_at_token(codes, machines, run_begins, run_rules, fewest, at, tries, counts)


@entrance
def scan(
    codes: NDArray[np.uint8],
    plan: Plan,
    tries: NDArray[np.int32],
    seen: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Find where rules may begin, and where words of their contexts stand, in the order of the text.

    Letters between two digits, as in hexadecimal numbers, are no word of a context.

    Parameters
    ----------
    codes:
        Folded text.
    tries:
        Written: shape (capacity, 2), rule and place; a rule may be named twice for one place. seen: written: shape
        (capacity, 2), word and place. counts: written: shape (2,), how many there are; where that is more than fits,
        the rest is not written.
    """
    slots, letters, bounds, is_context, word_begins, word_rules, kind_begins, kind_rules = plan[:8]
    run_begins, run_rules, fewest, machines = plan[8:]
    line_rules = kind_rules[kind_begins[_LINE_RULES] : kind_begins[_LINE_RULES + 1]]
    long_rules = kind_rules[kind_begins[_LONG_RULES] : kind_begins[_LONG_RULES + 1]]
    counts[:] = 0
    n = len(codes)
    before = 0  # flags of the code before
    at = 0
    while at < n:
        flag = FLAGS[codes[at]]
        if len(line_rules) > 0 and _is_line(codes, at):
            _put_all(codes, machines, line_rules, at, tries, counts)
        if flag & LETTER:
            start = at
            state = np.uint64(0xCBF29CE484222325)
            while at < n and FLAGS[codes[at]] & LETTER:
                state = (state ^ np.uint64(_lower(codes[at]))) * np.uint64(0x100000001B3)  # FNV-1a
                at += 1
            word = _word_at(codes, (start, at), state, slots, letters, bounds)
            if word >= 0:
                if is_context[word] and not (before & DIGIT and at < n and FLAGS[codes[at]] & DIGIT):
                    if counts[1] < len(seen):
                        seen[counts[1], 0] = word
                        seen[counts[1], 1] = start
                    counts[1] += 1
                rules = word_rules[word_begins[word] : word_begins[word + 1]]
                _put_all(codes, machines, rules, start, tries, counts)
            if at - start >= LONG:
                _put_all(codes, machines, long_rules, start, tries, counts)
            if not before & DIGIT and at < n and FLAGS[codes[at]] & DIGIT:
                _look_at_token(codes, machines, run_begins, run_rules, fewest, start, tries, counts)
            before = LETTER
            continue
        if flag & (DIGIT | OPENING):
            if not before & (LETTER | DIGIT):
                _look_at_number(codes, machines, run_begins, run_rules, fewest, at, tries, counts)
        elif flag & SIGN:
            _look_at_sign(codes, machines, kind_begins, kind_rules, at, tries, counts)
        before = flag
        at += 1


@entrance
def keep_likely(
    tries: NDArray[np.int32],
    seen: NDArray[np.int32],
    is_weak: NDArray[np.uint8],
    wants: NDArray[np.uint8],
    reach: NDArray[np.int32],
    kept: NDArray[np.uint8],
) -> None:
    """Mark the tries worth making: those of rules that stand alone, and those with a word of their context near.

    Parameters
    ----------
    tries, seen:
        As ``scan`` wrote them, cut to their counts.
    is_weak:
        Shape (n_rules,): whether the rule's matches count only with context.
    wants:
        Shape (n_rules, n_words): whether a word belongs to the context of a rule.
    reach:
        Shape (n_rules, 2): how far before and after the place a word may stand.
    kept:
        Written: shape (n_tries,).
    """
    first = 0
    for number in range(len(tries)):
        rule, place = tries[number, 0], tries[number, 1]
        kept[number] = 1
        if not is_weak[rule]:
            continue
        kept[number] = 0
        while first < len(seen) and seen[first, 1] < place - FARTHEST:
            first += 1
        at = first
        while at < len(seen) and seen[at, 1] <= place + reach[rule, 1]:
            if wants[rule, seen[at, 0]] and seen[at, 1] >= place - reach[rule, 0]:
                kept[number] = 1
                break
            at += 1
