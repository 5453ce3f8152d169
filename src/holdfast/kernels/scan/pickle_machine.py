"""Follow a pickle without making anything: every value is abstract, every use of a global is judged.

The loop follows what both unpicklers of CPython do, the one in C and the one in Python that joblib uses, opcode by
opcode. It never expands shared structure, so its cost is linear in the bytes, and it keeps little of what it saw.
"""

from __future__ import annotations

from holdfast.kernels.scan.byte_source import MARGIN, Source
from holdfast.kernels.scan.observation import Budget
from holdfast.kernels.scan.pickle_contents import CONSTANTS, LIGHT, Contents, are_constants, is_plain
from holdfast.kernels.scan.pickle_judge import Judge, StoredArray
from holdfast.kernels.scan.pickle_keys import MOST_COST, Keys, is_far_index, is_too_dear, total_cost
from holdfast.kernels.scan.pickle_limits import (
    HIGH_STACK,
    LONG_TEXT_ROOM,
    MARK_LIMIT,
    MEMO_LIMIT,
    MOST_WEIGHT,
    NOTHING_LEFT,
    PLAIN_KEYS,
    ROOM,
    SHORT_TEXT,
    SMALL_GAP,
    SPARSE_LIMIT,
    STACK_LIMIT,
    STEPS,
    Broken,
    Finished,
    Unexamined,
)
from holdfast.kernels.scan.pickle_opcodes import HANDLERS
from holdfast.kernels.scan.pickle_patterns import ODD_KIND, has_special_key
from holdfast.kernels.scan.pickle_values import (
    FLOAT,
    KEPT_ITEMS,
    Borrowed,
    Dict,
    Dtype,
    Global,
    Heavy,
    Holder,
    Instance,
    List,
    Opaque,
    Tuple,
    Value,
    kind_of,
)

MISSING = Opaque("missing")
LOWEST_OPCODE = 0x28
HIGH_COST = 1_000
FORK_OPCODES = 200
"""What a second reading costs at least."""


class Machine:
    """One unpickler's worth of state."""

    def __init__(self, source: Source, judge: Judge, budget: Budget, *, reads_arrays: bool = True) -> None:
        self.source = source
        self.judge = judge
        self.budget = budget
        self.reads_arrays = reads_arrays
        self.handlers = HANDLERS
        self.protocol = 0
        self.frame_end = 0
        self.stack: list[Value] = []
        self.marked: list[list[Value]] = []
        self.memo: list[Value] = []
        self.sparse: dict[int, Value] = {}
        self.holes = 0
        self.is_regular = True
        self.plain_keys: set[Value] = set()
        self.keys = Keys()
        self.contents = Contents()
        self.room = ROOM
        self.text_room = LONG_TEXT_ROOM
        self.pos = 0
        self._see()

    def run(self) -> Value:
        """Follow one pickle to its end and return what it leaves; raises Broken or Unexamined."""
        try:
            while True:
                steps = min(STEPS, self.budget.opcodes)
                if steps <= 0 or self.budget.expired():
                    raise Unexamined("the opcodes or the time allowed for one file are spent")
                start = self.at
                self.budget.opcodes -= steps
                try:
                    self._spin(steps)
                finally:
                    self.budget.opcodes += max(0, steps - (self.at - start))
        except Finished:
            return self.pop()

    @property
    def at(self) -> int:
        """The offset in the stream of the next byte."""
        return self.source.base + self.pos

    def _spin(self, steps: int) -> None:
        window, safe, stack, memo, handlers = self.window, self.safe, self.stack, self.memo, self.handlers
        thinned = self.judge.thinned
        pos = self.pos
        try:
            for _ in range(steps):
                if pos >= safe:
                    self.refill(pos)
                    window, safe, pos = self.window, self.safe, 0
                op = window[pos]
                pos += 1
                if op == 0x68:  # BINGET
                    index = window[pos]
                    pos += 1
                    value = memo[index] if index < len(memo) else self.recall(index)
                    if value.__class__ is Global:
                        value.loose += 1
                    elif value.__class__ is Dtype:
                        value.is_used = True
                    stack.append(value)
                elif op == 0x94 and self.is_regular:  # MEMOIZE
                    self.room -= 1
                    memo.append(stack[-1] if self.room >= 0 else thinned(stack[-1]))
                elif op == 0x8C and window[pos] <= SHORT_TEXT:  # SHORT_BINUNICODE
                    end = pos + 1 + window[pos]
                    stack.append(str(window[pos + 1 : end], "utf-8", "replace"))
                    pos = end
                elif op == 0x4B:  # BININT1
                    stack.append(window[pos])
                    pos += 1
                elif op == 0x47:  # BINFLOAT
                    stack.append(FLOAT)
                    pos += 8
                elif op == 0x28:  # MARK
                    self.marked.append(stack)
                    stack = self.stack = []
                elif op == 0x75:  # SETITEMS
                    items = stack
                    stack = self.stack = self.marked.pop()
                    target = stack[-1]
                    if target.__class__ is not Dict or not self.is_plain(items):
                        self.set_items(target, items)
                    else:
                        target.is_thin = True
                        target.size += len(items) >> 1
                elif op == 0x7D:  # EMPTY_DICT
                    stack.append(Dict())
                elif op == 0x4A:  # BININT
                    stack.append(int.from_bytes(window[pos : pos + 4], "little", signed=True))
                    pos += 4
                else:
                    self.pos = pos
                    pos = handlers[op](self, pos)
                    window, safe, stack = self.window, self.safe, self.stack
        except IndexError:
            raise Broken(NOTHING_LEFT) from None
        finally:
            self.pos = max(pos, self.pos)

    def pop(self) -> Value:
        """Take the top of the stack."""
        if not self.stack:
            raise Broken(NOTHING_LEFT)
        return self.stack.pop()

    def pop_mark(self) -> list[Value]:
        """Take everything down to the last mark."""
        if not self.marked:
            raise Broken(NOTHING_LEFT)
        items, self.stack = self.stack, self.marked.pop()
        return items

    def refill(self, pos: int) -> None:
        """Move the window to ``pos``, and hold the limits that are too dear to hold at every opcode."""
        if pos > len(self.window) or (self.source.is_last and pos == len(self.window)):
            raise Broken("expected more bytes, up to a STOP opcode; the data ends")
        if len(self.marked) > MARK_LIMIT or self._height() > STACK_LIMIT:
            raise Unexamined(f"more than {STACK_LIMIT} values or {MARK_LIMIT} marks are on the stack at once")
        if len(self.memo) > MEMO_LIMIT:
            raise Unexamined(f"more than {MEMO_LIMIT} values are memoized")
        self.source.advance(pos)
        self._see()

    def _height(self) -> int:
        """How much is on the stack; what tuples hold counts where there are many."""
        height = len(self.stack) + sum(map(len, self.marked))
        if height < HIGH_STACK:
            return height
        parts = (self.stack, *self.marked)
        return height + sum(item.weight for part in parts for item in part if item.__class__ is Tuple)

    def skip(self, pos: int, size: int) -> int:
        """Return the position behind ``size`` bytes, without looking at them."""
        if pos + size <= len(self.window):
            return pos + size
        wanted = self.source.base + pos + size
        self.source.advance(pos + size)
        self._see()
        if self.source.base != wanted:
            raise Broken(f"expected {size} bytes; the data ends before")
        return 0

    def line(self, pos: int) -> tuple[bytes, int]:
        """Return the start of the text up to the next line feed, at most 64 KiB, and the position behind the line."""
        end = self.window.find(b"\n", pos)
        if end >= 0:
            return self.window[pos : min(end, pos + MARGIN)], end + 1
        text = self.window[pos : pos + MARGIN]
        while end < 0:
            if self.source.is_last:
                raise Broken("expected an argument that ends with a line feed; the data ends")
            self.source.advance(len(self.window))
            self._see()
            end = self.window.find(b"\n")
        return (text + self.window[:end])[:MARGIN], end + 1

    def recall(self, index: int) -> Value:
        """Return what was memoized under an index."""
        value = self.memo[index] if 0 <= index < len(self.memo) else self.sparse.get(index, MISSING)
        if value is MISSING:
            raise Broken(f"expected a memoized value under index {index}; there is none")
        return value

    def memoize(self, index: int | None = None) -> None:
        """Keep the top of the stack, or what may still matter of it once much was kept."""
        if not self.stack:
            raise Broken(NOTHING_LEFT)
        if index is not None and is_far_index(index, self.at):
            message = "a value is memoized under an index so high that the loader reserves much memory for it"
            self.judge.note_cost("pickle.memo-index", self.at, message)
        value = self.stack[-1]
        if self.room > 0:
            self.room -= 1
        else:
            value = self.judge.thinned(value)
        self.put(self.next_index() if index is None else index, value)

    def next_index(self) -> int:
        """Return under which index MEMOIZE keeps: how many values are kept."""
        return len(self.memo) + len(self.sparse) - self.holes

    def put(self, index: int, value: Value) -> None:
        """Keep a value under an index."""
        if len(self.memo) < index <= len(self.memo) + SMALL_GAP and not self.sparse:
            self.is_regular = False
            self.holes += index - len(self.memo)
            self.memo += [MISSING] * (index - len(self.memo))
        if index < len(self.memo):
            self.holes -= self.memo[index] is MISSING
            self.memo[index] = value
        elif index == len(self.memo):
            self.sparse.pop(index, None)
            self.memo.append(value)
        elif index not in self.sparse and len(self.sparse) >= SPARSE_LIMIT:
            raise Unexamined("the indices of memoized values leave too many gaps")
        else:
            self.is_regular = False
            self.sparse[index] = value

    def is_plain(self, items: list[Value]) -> bool:
        """Whether keys and values in turn are keys that need no look, and constants."""
        if len(items) & 1 or not self.plain_keys.issuperset(items[::2]):
            return False
        return CONSTANTS.issuperset(map(type, items[1::2]))

    def set_items(self, target: Value, items: list[Value]) -> None:
        """Set the items of a dict, keys and values in turn; know its unusual keys."""
        if len(items) & 1:
            raise Broken("expected a value for each key; the last one has none")
        filled = target if target.__class__ is Dict else Dict()
        filled.size += len(items) >> 1
        self.take_keys([key for key in items[::2] if type(key) is not str])
        if filled.is_state and not are_constants(items[1::2]):
            self.judge.note_late_state(self.at)
        for key, value in zip(items[::2], items[1::2], strict=True):
            self.contents.set(filled, key, value)
            if key in self.plain_keys and (value.__class__ is not Tuple or value.is_plain):
                filled.is_thin = True
            elif type(key) is str:
                if self.judge.is_plain_item(filled, key, value, self.at) and len(self.plain_keys) < PLAIN_KEYS:
                    self.plain_keys.add(key)
            else:
                self.judge.hold(filled, value)
                if kind_of(key) != "str" and filled.odd_key is None:
                    filled.odd_key = f"{ODD_KIND} {kind_of(key)}"
        if filled is not target:
            is_special = has_special_key(filled)
            self.judge.fill(target, "special item" if is_special else "setitem", self.at)
            self.fill(target, items)

    def fill(self, target: Value, items: list[Value]) -> None:
        """Remember what an object holds besides constants."""
        if isinstance(target, Holder):
            self.contents.add(target.held, items)

    def make_tuple(self, items: list[Value]) -> Value:
        """Return a tuple; of a long one nothing but the kind."""
        if len(items) <= KEPT_ITEMS and LIGHT.issuperset(map(type, items)):
            return Tuple(items, 1, 1 + len(items), is_plain=True)
        if len(items) > 1 and items[0].__class__ is Dtype and items[1].__class__ is int:
            # the field of a dtype: whatever it is an item of has to be looked at, whatever its key
            self.plain_keys.clear()
        if len(items) > KEPT_ITEMS:
            return self.contents.bulk("tuple", self.checked_cost(total_cost(items)), items)
        weight, cost = 1, 1 + len(items)
        for item in items:
            if item.__class__ is Tuple:
                weight += item.weight
                cost += item.cost
            elif item.__class__ is Dict:
                weight += 1
            elif isinstance(item, Heavy):
                cost += item.cost
            elif item.__class__ is Instance:
                cost += item.of.cost
        if weight > 2 or cost > HIGH_COST:
            self.room -= weight
            cost = self.checked_cost(cost)
            if weight > MOST_WEIGHT:
                return self.contents.bulk("tuple", cost, items)
        return Tuple(items, weight, cost, is_plain=all(map(is_plain, items)))

    def checked_cost(self, cost: int) -> int:
        """Return what hashing a value costs; note where no writing out of the structure would explain it."""
        if is_too_dear(cost, self.at):
            message = "a tuple or frozenset shares parts so often that hashing or comparing it does not end"
            self.judge.note_cost("pickle.hash-bomb", self.at, message)
        return min(cost, MOST_COST)

    def take_keys(self, keys: list[Value]) -> None:
        """Count what keys cost the loader."""
        if keys:
            self.keys.take(keys)
            trouble = self.keys.trouble(self.at)
            if trouble:
                self.judge.note_cost("pickle.hash-bomb", self.at, trouble)

    def skip_array(self, array: StoredArray, pos: int) -> int:
        """Put an array that joblib stored behind this opcode on the stack; return the position behind it."""
        if self.source.base + pos < self.frame_end:
            self.judge.note_frame(self.at, "an array is read from behind the frame, before the rest of the frame")
            raise Broken("expected the frame to end before an array of joblib; it goes on")
        self._read_twice(pos, array)
        if array.has_objects:
            self.stack[-1], pos = self._objects(pos)
            return pos
        self.stack[-1] = array.value
        if array.is_aligned:
            window = self.window
            padding = window[pos] if pos < len(window) else 0
            filling = window[pos + 1 : pos + 1 + padding]
            if padding >= LOWEST_OPCODE or filling.strip(b"\xff"):
                self.judge.note_padding(self.at)
            pos = self.skip(pos, 1 + padding)
        return self.skip(pos, array.n_bytes)

    def _objects(self, pos: int) -> tuple[Value, int]:
        self.source.advance(pos)
        inner = Machine(self.source, self.judge, self.budget, reads_arrays=False)
        value = inner.run()
        self.source.advance(inner.pos)
        self._see()
        return value, 0

    def _read_twice(self, pos: int, array: StoredArray) -> None:
        """Read the bytes of an array as ``pickle.load`` would, which does not know that they are an array.

        Padding begins with a byte that is no opcode: there that reading ends at once.
        """
        source = None if array.is_aligned and not array.has_objects else self.source.fork(pos)
        if source is None:
            return
        other = Fork(source, self, among_opcodes=array.has_objects)
        held = len(self.stack) + sum(map(len, self.marked))
        self.budget.opcodes -= min(self.budget.opcodes, FORK_OPCODES + held // 64)
        start, is_over = other.at, False
        try:
            other.run()
            is_over = True
        except (Broken, Finished):
            pass
        except Unexamined:
            self.judge.note_second_reading(self.at)
        finally:
            other.judge.finish(is_coherent=is_over or (not array.has_objects and other.at > start + array.n_bytes))

    def _see(self) -> None:
        self.window = self.source.window
        self.safe = len(self.window) if self.source.is_last else len(self.window) - MARGIN
        self.pos = 0


class Fork(Machine):
    """A second reading of the same pickle from some point on; what it does leaves the first as it is."""

    def __init__(self, source: Source, first: Machine, *, among_opcodes: bool) -> None:
        judge = first.judge.second_reading(among_opcodes=among_opcodes)
        super().__init__(source, judge, first.budget, reads_arrays=False)
        self.first = first
        self.protocol = first.protocol
        self.frame_end = first.frame_end
        self.lent: dict[Value, Borrowed] = {}
        self.stack = [self.borrowed(value) for value in first.stack]
        self.marked = [[self.borrowed(value) for value in values] for values in first.marked]
        self.is_regular = False
        self.added = 0
        self.tail: list[Value] = []
        self.base = first.next_index()
        self.most_behind = 0 if first.sparse or first.holes else MEMO_LIMIT

    def borrowed(self, value: Value) -> Value:
        """Return what stands here for a value of the first reading, which this one must not fill."""
        if not isinstance(value, List | Dict):
            return value
        return self.lent.setdefault(value, Borrowed(kind_of(value)))

    def recall(self, index: int) -> Value:
        """Return what either reading memoized."""
        if index in self.sparse:
            return self.sparse[index]
        behind = index - self.base
        return self.tail[behind] if 0 <= behind < len(self.tail) else self.borrowed(self.first.recall(index))

    def next_index(self) -> int:
        """Return how many values both have kept."""
        return self.first.next_index() + self.added

    def put(self, index: int, value: Value) -> None:
        """Keep a value beside those of the first reading; one after the other where nothing is in the way."""
        behind = index - self.base
        if behind == len(self.tail) < self.most_behind and index not in self.sparse:
            self.tail.append(value)
            self.added += 1
            return
        if 0 <= behind < len(self.tail) and index not in self.sparse:
            self.tail[behind] = value
            return
        if index not in self.sparse:
            if len(self.sparse) >= SPARSE_LIMIT:
                raise Unexamined("too many values are memoized")
            try:
                self.first.recall(index)
            except Broken:
                self.added += 1
        self.sparse[index] = value
