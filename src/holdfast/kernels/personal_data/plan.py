"""Rules as the arrays that the compiled pass reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.personal_data.anchors_numba import FLAGS, KINDS, Plan
from holdfast.kernels.personal_data.expression import automaton
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
        limits=np.array([[*rule.anchor.first, rule.anchor.total] for rule in rules], np.int32).reshape(-1, 3),
        flags=FLAGS,
        **_automata(rules),
    )
    is_weak = np.array([rule.score < threshold for rule in rules], np.uint8)
    reach = np.array([[rule.reach, rule.reach // 3 + LONGEST_MATCH] for rule in rules], np.int32).reshape(-1, 2)
    return Compiled(plan, tuple(words), is_weak, wants, reach)


def _automata(rules: Sequence[Rule]) -> dict[str, Any]:
    """The automata of the rules as arrays."""
    n = len(rules)
    first, last = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    follow, reads = np.zeros((n, 64), np.uint64), np.zeros((n, 256), np.uint64)
    after = np.ones((n, 256), np.uint8)
    for number, rule in enumerate(rules):
        built = automaton(rule.pattern)
        if built is None:
            continue
        first[number], last[number] = built.first, built.last
        follow[number, : len(built.follow)] = built.follow
        sets = _bits((*built.reads, built.not_after))
        reads[number] = (sets[:-1].astype(np.uint64) << np.arange(len(built.reads), dtype=np.uint64)[:, None]).sum(
            axis=0, dtype=np.uint64
        )
        after[number] = ~sets[-1]
    return {"first": first, "follow": follow, "last": last, "reads": reads, "after": after}


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
