"""One compiled pass over folded text: where each rule may begin, and where the words stand that rules know.

What it finds is a superset: the expression of the rule decides. Every step looks at a bounded stretch around its place,
so the pass is linear in the text whatever the text is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.compiled_numba import compiled, entrance, inlined

LETTER, DIGIT, UPPER_CASE, HEX, MAIL, HOST, SEPARATOR = 1, 2, 4, 8, 16, 32, 64
RUN = 64  # code points of a run of digits or of letters and digits that are looked at
HOST_RUN = 448  # longest host name that rules accept: seven labels
FARTHEST = 4096  # code points back that a word of a context may stand; tries are not quite in order of their place
LINE = 20  # shortest line that may be a line of a document

KINDS = ("digit", "token", "at", "dot", "colon", "hex", "line")
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)  # gives each single bit its own six highest bits
_BITS = np.zeros(64, np.int64)
for _bit in range(64):
    _BITS[(((1 << _bit) * int(_DE_BRUIJN)) & 0xFFFFFFFFFFFFFFFF) >> 58] = _bit
_DIGIT_RULES, _TOKEN_RULES, _AT_RULES, _DOT_RULES, _COLON_RULES, _HEX_RULES, _LINE_RULES = range(len(KINDS))


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
        )
    return flags


FLAGS = _flags()


class Plan(NamedTuple):
    """What the pass looks for, as arrays.

    slots: hash table of words, a power of two long: the number of a word, or -1. letters: the words' letters one after
    another. bounds: where each begins, and the end. is_context: whether a word belongs to the context of a rule.
    word_begins, word_rules: the rules that begin with each word. kind_begins, kind_rules: the rules of each of
    ``KINDS``. limits: shape (n_rules, 3): shortest and longest first run, fewest in the whole run. flags: what
    each code is.
    first, follow, last, reads, after: the rules' automata (``expression.py``): positions as bits of 64; ``follow`` has
    shape (n_rules, 64), ``reads``, the positions that read a code, (n_rules, 256), ``after``, whether a code may stand
    before, (n_rules, 256); a rule without one has no bit in ``first``.
    """

    slots: NDArray[np.int32]
    letters: NDArray[np.uint8]
    bounds: NDArray[np.int32]
    is_context: NDArray[np.uint8]
    word_begins: NDArray[np.int32]
    word_rules: NDArray[np.int32]
    kind_begins: NDArray[np.int32]
    kind_rules: NDArray[np.int32]
    limits: NDArray[np.int32]
    flags: NDArray[np.uint8]
    first: NDArray[np.uint64]
    follow: NDArray[np.uint64]
    last: NDArray[np.uint64]
    reads: NDArray[np.uint64]
    after: NDArray[np.uint8]


@inlined
def _hash_step(state: np.uint64, code: np.uint8) -> np.uint64:
    """One step of FNV-1a over a letter in lower case."""
    lower = code | np.uint8(0x20) if 0x41 <= code <= 0x5A else code
    return (state ^ np.uint64(lower)) * np.uint64(0x100000001B3)


@compiled
def _word_at(
    codes: NDArray[np.uint8],
    start: int,
    end: int,
    state: np.uint64,
    plan: Plan,
) -> int:
    """The number of the word between two places in the table of words, or -1."""
    slots, letters, bounds = plan.slots, plan.letters, plan.bounds
    mask = len(slots) - 1
    slot = int(state >> np.uint64(20)) & mask
    while slots[slot] >= 0:
        word = slots[slot]
        low = bounds[word]
        if bounds[word + 1] - low == end - start:
            at = 0
            while at < end - start:
                code = codes[start + at]
                if 0x41 <= code <= 0x5A:
                    code = code | np.uint8(0x20)
                if code != letters[low + at]:
                    break
                at += 1
            if at == end - start:
                return int(word)
        slot = (slot + 1) & mask
    return -1


@compiled
def _digits_from(codes: NDArray[np.uint8], flags: NDArray[np.uint8], start: int, n: int) -> tuple[int, int]:
    """Length of the first run of digits from a place on, and digits in the whole run with its separators."""
    at = start
    stop = min(n, start + RUN)
    while at < stop and flags[codes[at]] & SEPARATOR:
        at += 1
    begin = at
    while at < stop and flags[codes[at]] & DIGIT:
        at += 1
    first = at - begin
    total = first
    while at < stop and flags[codes[at]] & (DIGIT | SEPARATOR):
        if flags[codes[at]] & DIGIT:
            total += 1
        at += 1
    return first, total if at < start + RUN else RUN


@compiled
def _token_from(codes: NDArray[np.uint8], flags: NDArray[np.uint8], start: int, n: int) -> tuple[int, int]:
    """Length of a run of letters and digits, and how many are in the whole run with its separators."""
    at = start
    while at < n and at < start + 4 * RUN and flags[codes[at]] & (LETTER | DIGIT):
        at += 1
    first = at - start
    total = first
    stop = min(n, start + RUN)
    while at < stop and flags[codes[at]] & (LETTER | DIGIT | SEPARATOR):
        if flags[codes[at]] & (LETTER | DIGIT):
            total += 1
        at += 1
    return first, total if at < start + RUN else 4 * RUN


@inlined
def _put(rows: NDArray[np.int32], counts: NDArray[np.int64], which: int, value: int, place: int) -> None:
    """Write a row where there is room, and count it."""
    if counts[which] < len(rows):
        rows[counts[which], 0] = value
        rows[counts[which], 1] = place
    counts[which] += 1


@compiled
def _accepts(codes: NDArray[np.uint8], plan: Plan, rule: int, at: int) -> bool:
    """Whether the automaton of a rule accepts some stretch that begins at a place."""
    state = plan.first[rule]
    if state == 0:
        return True
    if at > 0 and not plan.after[rule, codes[at - 1]]:
        return False
    n = len(codes)
    state &= plan.reads[rule, codes[at]]
    while state:
        if state & plan.last[rule]:
            return True
        at += 1
        if at == n:
            return False
        following = np.uint64(0)
        while state:
            lowest = state & (~state + np.uint64(1))
            following |= plan.follow[rule, _BITS[(lowest * _DE_BRUIJN) >> np.uint64(58)]]
            state ^= lowest
        state = following & plan.reads[rule, codes[at]]
    return False


@compiled
def _put_rule(
    codes: NDArray[np.uint8], plan: Plan, rule: int, place: int, tries: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    """A rule may begin at a place, if its automaton says so."""
    if _accepts(codes, plan, rule, place):
        _put(tries, counts, 0, rule, place)


@compiled
def _put_kind(
    codes: NDArray[np.uint8], plan: Plan, kind: int, place: int, tries: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    """Every rule of a kind may begin at a place."""
    for at in range(plan.kind_begins[kind], plan.kind_begins[kind + 1]):
        _put_rule(codes, plan, plan.kind_rules[at], place, tries, counts)


@compiled
def _put_fitting(
    codes: NDArray[np.uint8],
    plan: Plan,
    kind: int,
    place: int,
    runs: tuple[int, int],
    tries: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Those rules of a kind may begin at a place whose limits its runs fit."""
    first, total = runs
    for at in range(plan.kind_begins[kind], plan.kind_begins[kind + 1]):
        rule = plan.kind_rules[at]
        if plan.limits[rule, 0] <= first <= plan.limits[rule, 1] and total >= plan.limits[rule, 2]:
            _put_rule(codes, plan, rule, place, tries, counts)


@compiled
def _look_at_word(
    codes: NDArray[np.uint8],
    plan: Plan,
    at: int,
    is_start: bool,
    tries: NDArray[np.int32],
    seen: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> int:
    """Look up a word, and the token that it begins; gives the place after the word."""
    n = len(codes)
    start = at
    state = np.uint64(0xCBF29CE484222325)
    while at < n and plan.flags[codes[at]] & LETTER:
        state = _hash_step(state, codes[at])
        at += 1
    word = _word_at(codes, start, at, state, plan)
    if word >= 0:
        if plan.is_context[word]:
            _put(seen, counts, 1, word, start)
        for rule in range(plan.word_begins[word], plan.word_begins[word + 1]):
            _put_rule(codes, plan, plan.word_rules[rule], start, tries, counts)
    if is_start and at < n and plan.flags[codes[at]] & DIGIT:
        _put_fitting(codes, plan, _TOKEN_RULES, start, _token_from(codes, plan.flags, start, n), tries, counts)
    return at


@compiled
def _look_at_number(
    codes: NDArray[np.uint8], plan: Plan, at: int, tries: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    """A number, or the token that it begins, starts here."""
    n = len(codes)
    first, total = _digits_from(codes, plan.flags, at, n)
    if first == 0:
        return
    _put_fitting(codes, plan, _DIGIT_RULES, at, (first, total), tries, counts)
    if plan.flags[codes[at]] & DIGIT and at + first < n and plan.flags[codes[at + first]] & LETTER:
        _put_fitting(codes, plan, _TOKEN_RULES, at, _token_from(codes, plan.flags, at, n), tries, counts)


@compiled
def _look_before_at_sign(
    codes: NDArray[np.uint8], plan: Plan, at: int, tries: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    """Local parts before "@": back to the start of the run, and after each apostrophe on the way."""
    start = at
    while start > 0 and at - start <= RUN:
        while start > 0 and at - start <= RUN and plan.flags[codes[start - 1]] & MAIL:
            start -= 1
        if start < at:
            _put_kind(codes, plan, _AT_RULES, start, tries, counts)
        if start == 0 or codes[start - 1] != 0x27:
            break
        start -= 1


@compiled
def _run_start(codes: NDArray[np.uint8], flags: NDArray[np.uint8], at: int, flag: int, longest: int) -> int:
    """Where the run of codes with a flag begins that ends before a place."""
    start = at
    while start > 0 and at - start < longest and flags[codes[start - 1]] & flag:
        start -= 1
    return start


@compiled
def _look_at_colon(
    codes: NDArray[np.uint8], plan: Plan, at: int, tries: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    """A scheme before "://", or the second colon of a run of hexadecimal digits and colons."""
    if at + 2 < len(codes) and codes[at + 1] == 0x2F and codes[at + 2] == 0x2F:
        _put_kind(codes, plan, _DOT_RULES, _run_start(codes, plan.flags, at, LETTER, 8), tries, counts)
        return
    start = _run_start(codes, plan.flags, at, HEX, RUN)
    for before in range(start, at):
        if codes[before] == 0x3A:
            _put_kind(codes, plan, _COLON_RULES, start, tries, counts)
            return


@compiled
def _is_line(codes: NDArray[np.uint8], at: int) -> bool:
    """Whether a line of some length begins here."""
    if at > 0 and codes[at - 1] != 10 and codes[at - 1] != 0:
        return False
    place = at
    while place < at + LINE and place < len(codes) and codes[place] != 10 and codes[place] != 0:
        place += 1
    return place == at + LINE


@entrance
def scan(
    codes: NDArray[np.uint8], plan: Plan, tries: NDArray[np.int32], seen: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    """Find where rules may begin, and where words of their contexts stand, in the order of the text.

    Parameters
    ----------
    codes:
        Folded text.
    tries:
        Written: shape (capacity, 2), rule and place; a rule may be named twice for one place. seen: written: shape
        (capacity, 2), word and place. counts: written: shape (2,), how many there are; where that is more than fits,
        the rest is not written.
    """
    counts[:] = 0
    n = len(codes)
    has_lines = plan.kind_begins[_LINE_RULES + 1] > plan.kind_begins[_LINE_RULES]
    before = 0  # flags of the code before
    at = 0
    while at < n:
        code = codes[at]
        flag = plan.flags[code]
        if has_lines and _is_line(codes, at):
            _put_kind(codes, plan, _LINE_RULES, at, tries, counts)
        if flag & LETTER:
            at = _look_at_word(codes, plan, at, not before & DIGIT, tries, seen, counts)
            before = LETTER
            continue
        if flag & DIGIT or code == 0x2B or code == 0x28:  # + (
            if not before & (LETTER | DIGIT):
                _look_at_number(codes, plan, at, tries, counts)
        elif code == 0x40:
            _look_before_at_sign(codes, plan, at, tries, counts)
        elif code == 0x2E:
            if at + 1 < n and plan.flags[codes[at + 1]] & LETTER:
                _put_kind(codes, plan, _DOT_RULES, _run_start(codes, plan.flags, at, HOST, HOST_RUN), tries, counts)
        elif code == 0x3A:
            _look_at_colon(codes, plan, at, tries, counts)
        elif code == 0x2D and at >= 2 and plan.flags[codes[at - 1]] & plan.flags[codes[at - 2]] & HEX:
            _put_kind(codes, plan, _HEX_RULES, at - 2, tries, counts)
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
