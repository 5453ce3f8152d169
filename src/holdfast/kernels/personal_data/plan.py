"""Rules as the arrays that the compiled pass reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.personal_data.anchors_numba import FIRST, FOLLOW, KINDS, LAST, READS, RUN, TOKEN, WIDTH, Plan
from holdfast.kernels.personal_data.expression import ALL, automaton
from holdfast.kernels.personal_data.rule import Rule

LONGEST_MATCH = 64  # code points of a match beyond whose end words of a context are looked for, in the first sieve


class Compiled(NamedTuple):
    """A plan, its words, and what the sieve of weak rules needs: see ``keep_likely``."""

    plan: Plan
    words: tuple[str, ...]
    is_weak: NDArray[np.uint8]
    wants: NDArray[np.uint8]
    reach: NDArray[np.int32]


def compile_rules(rules: Sequence[Rule], threshold: float) -> Compiled:
    """Turn rules into arrays; rules whose score alone stays below the threshold are tried near their words only."""
    words = sorted({word for rule in rules for word in (*rule.context, *rule.against, *rule.anchor.words)})
    numbers = {word: number for number, word in enumerate(words)}
    wants = np.zeros((len(rules), max(1, len(words))), np.uint8)
    is_context = np.zeros(max(1, len(words)), np.uint8)
    beginning: list[list[int]] = [[] for _ in words]
    for number, rule in enumerate(rules):
        for word in rule.context:
            wants[number, numbers[word]] = 1
        for word in (*rule.context, *rule.against):
            is_context[numbers[word]] = 1
        for word in rule.anchor.words if rule.anchor.kind == "word" else ():
            beginning[numbers[word]].append(number)
    by_kind = [[number for number, rule in enumerate(rules) if rule.anchor.kind == kind] for kind in KINDS]
    word_begins, word_rules = _lists(beginning)
    kind_begins, kind_rules = _lists(by_kind)
    run_begins, run_rules = _lists([*_by_first_run(rules, "digit", RUN), *_by_first_run(rules, "token", TOKEN)])
    letters = "".join(words).encode("latin-1")
    plan = Plan(
        slots=_slots(words),
        letters=np.frombuffer(letters, np.uint8),
        bounds=np.concatenate([[0], np.cumsum([len(word) for word in words])]).astype(np.int32),
        is_context=is_context,
        word_begins=word_begins,
        word_rules=word_rules,
        kind_begins=kind_begins,
        kind_rules=kind_rules,
        run_begins=run_begins,
        run_rules=run_rules,
        fewest=np.array([rule.anchor.total for rule in rules], np.int32),
        machines=_machines(rules),
    )
    is_weak = np.array([rule.score < threshold for rule in rules], np.uint8)
    reach = np.array([[rule.reach, rule.reach // 3 + LONGEST_MATCH] for rule in rules], np.int32).reshape(-1, 2)
    return Compiled(plan, tuple(words), is_weak, wants, reach)


def _by_first_run(rules: Sequence[Rule], kind: str, longest: int) -> list[list[int]]:
    """The rules of a kind by the length of the run that they begin with."""
    own = [(number, rule.anchor.first) for number, rule in enumerate(rules) if rule.anchor.kind == kind]
    return [[number for number, (low, high) in own if low <= length <= high] for length in range(longest + 1)]


def _machines(rules: Sequence[Rule]) -> NDArray[np.uint64]:
    """The automata of the rules as rows."""
    machines = np.zeros((len(rules), WIDTH), np.uint64)
    for row, rule in zip(machines, rules, strict=True):
        built = automaton(rule.pattern)
        if built is None:
            continue
        row[FIRST], row[LAST] = built.first, built.last
        row[FOLLOW : FOLLOW + len(built.follow)] = built.follow
        sets = _bits((*built.reads, ALL & ~built.not_after)).astype(np.uint64)
        places = np.array([*range(len(built.reads)), 63], np.uint64)
        row[READS:] = (sets << places[:, None]).sum(axis=0, dtype=np.uint64)
    return machines


def _bits(sets: Sequence[int]) -> NDArray[np.bool_]:
    """Sets of codes as rows of 256."""
    packed = np.frombuffer(b"".join(codes.to_bytes(32, "little") for codes in sets), np.uint8)
    return np.unpackbits(packed.reshape(-1, 32), axis=1, bitorder="little").astype(bool)


def _lists(lists: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Lists of numbers one after another, and where each begins."""
    begins = np.concatenate([[0], np.cumsum([len(numbers) for numbers in lists])]).astype(np.int32)
    return begins, np.array([number for numbers in lists for number in numbers], np.int32)


def _slots(words: Sequence[str]) -> NDArray[np.int32]:
    """Hash table with open addressing, at most a quarter full."""
    size = 64
    while size < 4 * len(words):
        size *= 2
    slots = np.full(size, -1, np.int32)
    for number, word in enumerate(words):
        state = 0xCBF29CE484222325
        for code in word.encode("latin-1"):
            state = ((state ^ code) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        slot = (state >> 20) & (size - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = number
    return slots
