"""Every text, identifier-like number and array inside a pickle or a file of joblib, without making any object.

The opcodes are followed by the machine of the model scan (``kernels/scan/pickle_machine.py``), which knows where joblib
puts the bytes of arrays between them. Nothing is looked up, called or built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from holdfast.kernels.personal_data.array_texts import LEAST, MOST, array_texts
from holdfast.kernels.personal_data.passages import Passage, Place, context_of
from holdfast.kernels.scan.allow_list import shipped_allow_list
from holdfast.kernels.scan.byte_source import MemorySource, Source
from holdfast.kernels.scan.observation import Budget
from holdfast.kernels.scan.observation import Place as Range
from holdfast.kernels.scan.pickle_arrays import FIELD_KEYS
from holdfast.kernels.scan.pickle_checks import Checker
from holdfast.kernels.scan.pickle_judge import Judge, StoredArray
from holdfast.kernels.scan.pickle_limits import Broken, Unexamined
from holdfast.kernels.scan.pickle_machine import Machine
from holdfast.kernels.scan.pickle_opcodes import HANDLERS, Handler
from holdfast.kernels.scan.pickle_values import FLOAT, Dict, Stored, Value
from holdfast.kernels.scan.record import Record

MOST_PICKLES = 10_000
MOST_OPCODES = 1 << 40  # the time is what bounds the reading
SHORTEST_ARRAY = 4
ITEM = re.compile(r"[<>=|]?[US](\d{1,6})")
"""The type of an array of texts, with the characters of one."""
ATTRIBUTE = re.compile(r"[a-z][a-z0-9]{0,40}(?:_[a-z0-9]{0,40}){1,8}")
"""Names of attributes with an underscore, such as ``categories_``: hardly a value, so they tell what follows."""
TEXTS = frozenset(b"X\x8d\x8cUTSV")
BYTES = frozenset(b"CB\x8e\x96")
NUMBERS = frozenset(b"J\x8aILMK")
Met = tuple[int, str | int | tuple[int, int]]
"""Where a value stands, and the value: a text, a number, or the range of the bytes of an array."""


def pickle_passages(
    data: memoryview, *, expired: Callable[[], bool] = lambda: False, notes: list[str] | None = None
) -> Iterator[Passage]:
    """Read the texts of pickles that stand one behind the other.

    Parameters
    ----------
    expired
        Asked now and then; the reading ends when it says yes.
    notes
        Takes a sentence where the reading breaks off.

    Yields
    ------
    Passage
        Its part is the attribute that was named last before it, and the byte it stands at.
    """
    found: list[Met] = []
    source = MemorySource(data)
    checker = Checker(Record(Range((), 0, len(data))), shipped_allow_list())
    budget = Budget(expanded_bytes=0, opcodes=MOST_OPCODES, members=0, expired=expired)
    name, item = "", 0
    for count in range(MOST_PICKLES):
        if count and not (len(source.window) > 1 and source.window[0] == 0x80):
            break
        machine = _Reader(source, checker, budget, data, found)
        is_over = _followed(machine, notes)
        for at, value in found:
            if isinstance(value, str) and ATTRIBUTE.fullmatch(value) and value not in FIELD_KEYS:
                name = value
            if isinstance(value, str) and (typed := ITEM.fullmatch(value)):
                item = int(typed[1])
            yield from _passages(data, at, value, name, item)
        found.clear()
        if not is_over:
            break
        source.advance(machine.pos)


def _followed(machine: Machine, notes: list[str] | None) -> bool:
    try:
        machine.run()
    except (Broken, Unexamined) as error:
        if notes is not None:
            notes.append(f"the pickle was read up to byte {machine.at}: {error}")
        return False
    return True


def _passages(data: memoryview, at: int, value: str | int | tuple[int, int], name: str, item: int) -> Iterator[Passage]:
    place = Place(part=f"{name}, byte {at}" if name else f"byte {at}")
    if isinstance(value, tuple):
        for text in array_texts(data[value[0] : value[1]], item=item):
            yield Passage(text, place, context_of(name))
    elif isinstance(value, int):
        if LEAST <= abs(value) < MOST:
            yield Passage(str(value), place, context_of(name))
    elif value:
        yield Passage(value, place, context_of(name))


class _Reader(Machine):
    """The machine, which hands on what it meets: texts, numbers, and where the bytes of arrays begin and end."""

    def __init__(
        self,
        source: Source,
        judge: Judge,
        budget: Budget,
        data: memoryview,
        met: list[Met],
        *,
        reads_arrays: bool = True,
    ) -> None:
        super().__init__(source, judge, budget, reads_arrays=reads_arrays)
        self.data = data
        self.met = met

    def _spin(self, steps: int) -> None:
        try:
            for _ in range(steps):
                if self.pos >= self.safe:
                    self.refill(self.pos)
                at, opcode = self.at, self.window[self.pos]
                self.pos += 1
                self.pos = _HANDLERS[opcode](self, self.pos)
                if opcode in TEXTS or opcode in BYTES or opcode in NUMBERS:
                    self._hand_on(at, opcode, self.stack[-1])
        except IndexError:
            raise Broken("a value is missing on the stack") from None

    def _hand_on(self, at: int, opcode: int, value: Value) -> None:
        if isinstance(value, Stored):
            if opcode in BYTES:
                self.met.append((at, (value.start, value.end)))
            else:  # a long text, which the machine only passed over
                text = str(self.data[value.start : value.end], value.encoding or "utf-8", "replace")
                self.met.append((at, text))
        elif isinstance(value, bytes):
            if len(value) >= SHORTEST_ARRAY:
                self.met.append((at, (self.at - len(value), self.at)))
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            self.met.append((at, value))

    def skip_array(self, array: StoredArray, pos: int) -> int:
        """Note where the bytes of an array of joblib stand; an array of objects is a pickle and is followed."""
        if array.has_objects:
            self.source.advance(pos)
            inner = _Reader(self.source, self.judge, self.budget, self.data, self.met, reads_arrays=False)
            self.stack[-1] = inner.run()
            self.source.advance(inner.pos)
            self._see()
            return 0
        self.stack[-1] = array.value
        if array.is_aligned:
            pos = self.skip(pos, 1 + (self.window[pos] if pos < len(self.window) else 0))
        start = self.source.base + pos
        self.met.append((start, (start, start + array.n_bytes)))
        return self.skip(pos, array.n_bytes)


def _recall(machine: Machine, pos: int) -> int:
    machine.stack.append(machine.recall(machine.window[pos]))
    return pos + 1


def _small(machine: Machine, pos: int) -> int:
    machine.stack.append(machine.window[pos])
    return pos + 1


def _whole(machine: Machine, pos: int) -> int:
    machine.stack.append(int.from_bytes(machine.window[pos : pos + 4], "little", signed=True))
    return pos + 4


def _float(machine: Machine, pos: int) -> int:
    machine.stack.append(FLOAT)
    return pos + 8


def _items(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    machine.set_items(machine.stack[-1], items)
    return pos


def _empty(machine: Machine, pos: int) -> int:
    machine.stack.append(Dict())
    return pos


# the opcodes that the machine handles inside its own loop
_IN_LOOP: dict[int, Handler] = {0x68: _recall, 0x4B: _small, 0x4A: _whole, 0x47: _float, 0x75: _items, 0x7D: _empty}
_HANDLERS: list[Handler] = [_IN_LOOP.get(code, handler) for code, handler in enumerate(HANDLERS)]
