"""What each opcode does that is not in the loop of the pickle machine itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from holdfast.kernels.scan.pickle_contents import are_constants
from holdfast.kernels.scan.pickle_keys import total_cost
from holdfast.kernels.scan.pickle_limits import NOTHING_LEFT, SHORT_TEXT, Broken, Finished
from holdfast.kernels.scan.pickle_lines import (
    float_line,
    index,
    int_line,
    is_kept,
    long_line,
    quoted_line,
    unicode_line,
)
from holdfast.kernels.scan.pickle_values import (
    BYTEARRAY,
    KEPT_BYTES,
    LIST,
    LONG,
    SET,
    UNKNOWN,
    Dict,
    Dtype,
    Global,
    List,
    Stored,
    Value,
)

if TYPE_CHECKING:
    from holdfast.kernels.scan.pickle_machine import Machine

Handler = Callable[["Machine", int], int]
HIGHEST_PROTOCOL = 5
KEPT_INTEGER = 40
"""Bytes of an integer that is kept as it is."""


def _bad(machine: Machine, pos: int) -> int:
    raise Broken(f"expected an opcode, got byte {machine.window[pos - 1]:#04x}")


def _stop(machine: Machine, pos: int) -> int:
    if machine.source.base + pos < machine.frame_end:
        # a loader has read the whole frame by now: what it loads next from the same file begins behind it
        machine.judge.note_frame(
            machine.at - 1, "the pickle stops inside a frame: its readers go on in different places"
        )
    raise Finished


def _protocol(machine: Machine, pos: int) -> int:
    if machine.window[pos] > HIGHEST_PROTOCOL:
        raise Broken(f"expected protocol 0 to {HIGHEST_PROTOCOL}, got {machine.window[pos]}")
    machine.protocol = machine.window[pos]
    return pos + 1


def _frame(machine: Machine, pos: int) -> int:
    size = int.from_bytes(machine.window[pos : pos + 8], "little")
    start = machine.source.base + pos + 8
    if start - 9 < machine.frame_end:
        machine.judge.note_frame(start - 9, "a frame starts inside another")
    if machine.source.ends_before(start + size):
        machine.judge.note_cost("pickle.frame", start - 9, "a frame is longer than the data", "malformed")
    machine.frame_end = start + size
    return pos + 8


def _mark(machine: Machine, pos: int) -> int:
    machine.marked.append(machine.stack)
    machine.stack = []
    return pos


def _pop(machine: Machine, pos: int) -> int:
    if not machine.stack:
        machine.pop_mark()
        return pos
    value = machine.stack.pop()
    if isinstance(value, Global):
        value.loose -= 1
    return pos


def _pop_mark(machine: Machine, pos: int) -> int:
    machine.pop_mark()
    return pos


def _duplicate(machine: Machine, pos: int) -> int:
    value = machine.stack[-1]
    _share(value)
    machine.stack.append(value)
    return pos


def _constant(value: Value) -> Handler:
    def push(machine: Machine, pos: int) -> int:
        machine.stack.append(value)
        return pos

    return push


def _number(size: int) -> Handler:
    def push(machine: Machine, pos: int) -> int:
        machine.stack.append(int.from_bytes(machine.window[pos : pos + size], "little"))
        return pos + size

    return push


def _long(size: int) -> Handler:
    def push(machine: Machine, pos: int) -> int:
        length = int.from_bytes(machine.window[pos : pos + size], "little", signed=size == 4)
        if length < 0:
            raise Broken(f"expected a length of zero or more for LONG4, got {length}")
        start = pos + size
        if length <= KEPT_INTEGER:
            machine.stack.append(int.from_bytes(machine.window[start : start + length], "little", signed=True))
            return start + length
        machine.stack.append(LONG)
        return machine.skip(start, length)

    return push


def _text(size: int, encoding: str = "utf-8") -> Handler:
    def push(machine: Machine, pos: int) -> int:
        length = int.from_bytes(machine.window[pos : pos + size], "little")
        start = pos + size
        if is_kept(machine, length):
            machine.stack.append(str(machine.window[start : start + length], encoding, "replace"))
            return start + length
        base = machine.source.base + start
        machine.stack.append(Stored(base, base + length, "str", encoding))
        return machine.skip(start, length)

    return push


def _bytes(size: int, kind: str = "bytes") -> Handler:
    def push(machine: Machine, pos: int) -> int:
        length = int.from_bytes(machine.window[pos : pos + size], "little")
        start = pos + size
        if kind == "bytes" and length <= KEPT_BYTES:
            machine.stack.append(machine.window[start : start + length])
            return start + length
        base = machine.source.base + start
        machine.stack.append(Stored(base, base + length, kind))
        return machine.skip(start, length)

    return push


def _next_buffer(machine: Machine, pos: int) -> int:
    machine.judge.note_buffer(machine.at - 1)
    machine.stack.append(BYTEARRAY)
    return pos


def _read_only(machine: Machine, pos: int) -> int:
    if not machine.stack:
        raise Broken(NOTHING_LEFT)
    return pos


def _tuple(size: int) -> Handler:
    def make(machine: Machine, pos: int) -> int:
        stack = machine.stack
        if len(stack) < size:
            raise Broken(NOTHING_LEFT)
        items = stack[len(stack) - size :]
        del stack[len(stack) - size :]
        stack.append(machine.make_tuple(items))
        return pos

    return make


def _marked_tuple(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    machine.stack.append(machine.make_tuple(items))
    return pos


def _marked_dict(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    made = Dict()
    machine.set_items(made, items)
    machine.stack.append(made)
    return pos


def _empty_list(machine: Machine, pos: int) -> int:
    machine.stack.append(List())
    return pos


def _marked_list(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    made = List()
    machine.contents.extend(made, items)
    machine.stack.append(made)
    return pos


def _frozen_set(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    machine.take_keys(items)
    machine.stack.append(machine.contents.bulk("frozenset", machine.checked_cost(total_cost(items)), items))
    return pos


def _append(machine: Machine, pos: int) -> int:
    return _appended(machine, [machine.pop()], pos)


def _appends(machine: Machine, pos: int) -> int:
    return _appended(machine, machine.pop_mark(), pos)


def _appended(machine: Machine, items: list[Value], pos: int) -> int:
    target = machine.stack[-1]
    if isinstance(target, List):
        machine.contents.extend(target, items)
    elif target is not LIST or not are_constants(items):
        machine.judge.fill(target, "append", machine.at - 1)
        machine.fill(target, items)
    return pos


def _add_items(machine: Machine, pos: int) -> int:
    machine.take_keys(machine.pop_mark())
    if machine.stack[-1] is not SET:
        machine.judge.fill(machine.stack[-1], "add", machine.at - 1)
    return pos


def _set_item(machine: Machine, pos: int) -> int:
    value, key = machine.pop(), machine.pop()
    machine.set_items(machine.stack[-1], [key, value])
    return pos


def _get(size: int) -> Handler:
    def push(machine: Machine, pos: int) -> int:
        _recall(machine, int.from_bytes(machine.window[pos : pos + size], "little"))
        return pos + size

    return push


def _get_line(machine: Machine, pos: int) -> int:
    text, pos = machine.line(pos)
    _recall(machine, index(text))
    return pos


def _recall(machine: Machine, index: int) -> None:
    value = machine.recall(index)
    _share(value)
    machine.stack.append(value)


def _share(value: Value) -> None:
    if isinstance(value, Global):
        value.loose += 1
    elif isinstance(value, Dtype):
        value.is_used = True


def _put(size: int) -> Handler:
    def keep(machine: Machine, pos: int) -> int:
        machine.memoize(int.from_bytes(machine.window[pos : pos + size], "little"))
        return pos + size

    return keep


def _put_line(machine: Machine, pos: int) -> int:
    text, pos = machine.line(pos)
    machine.memoize(index(text))
    return pos


def _memoize(machine: Machine, pos: int) -> int:
    machine.memoize()
    return pos


def _global_line(machine: Machine, pos: int) -> int:
    found, pos = _found(machine, pos)
    machine.stack.append(found)
    return pos


def _found(machine: Machine, pos: int) -> tuple[Value, int]:
    start = machine.at - 1
    module, pos = machine.line(pos)
    name, pos = machine.line(pos)
    names = str(module, "utf-8", "replace"), str(name, "utf-8", "replace")
    return machine.judge.find(*names, (start, machine.source.base + pos), machine.protocol), pos


def _stack_global(machine: Machine, pos: int) -> int:
    name, module = machine.pop(), machine.pop()
    span = (machine.at - 1, machine.at)
    if isinstance(name, str) and isinstance(module, str):
        machine.stack.append(machine.judge.find(module, name, span, machine.protocol))
    else:
        machine.judge.note_unreadable_name(module, name, span)
        machine.stack.append(UNKNOWN)
    return pos


def _reduce(machine: Machine, pos: int) -> int:
    arguments, function = machine.pop(), machine.pop()
    machine.stack.append(machine.judge.call(function, arguments, machine.at - 1))
    return pos


def _new(machine: Machine, pos: int) -> int:
    arguments, made = machine.pop(), machine.pop()
    machine.stack.append(machine.judge.new(made, arguments, None, machine.at - 1))
    return pos


def _new_with_names(machine: Machine, pos: int) -> int:
    named, arguments, made = machine.pop(), machine.pop(), machine.pop()
    machine.stack.append(machine.judge.new(made, arguments, named, machine.at - 1))
    return pos


def _object(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    if not items:
        raise Broken("expected a class for OBJ, got nothing")
    machine.stack.append(_instantiated(machine, items[0], items[1:]))
    return pos


def _instance(machine: Machine, pos: int) -> int:
    made, pos = _found(machine, pos)
    arguments = machine.pop_mark()
    machine.stack.append(_instantiated(machine, made, arguments))
    return pos


def _instantiated(machine: Machine, made: Value, arguments: list[Value]) -> Value:
    """Without arguments a class is not called but made, unless it has ``__getinitargs__``."""
    given = machine.make_tuple(arguments)
    if arguments:
        return machine.judge.call(made, given, machine.at - 1)
    return machine.judge.new(made, given, None, machine.at - 1)


def _build(machine: Machine, pos: int) -> int:
    state = machine.pop()
    target = machine.stack[-1]
    array = machine.judge.build(target, state, machine.at - 1)
    if array is None or not machine.reads_arrays:
        return pos
    return machine.skip_array(array, pos)


def _extension(size: int) -> Handler:
    def push(machine: Machine, pos: int) -> int:
        code = int.from_bytes(machine.window[pos : pos + size], "little")
        machine.judge.note_extension(code, machine.at - 1)
        machine.stack.append(UNKNOWN)
        return pos + size

    return push


def _persistent_line(machine: Machine, pos: int) -> int:
    text, after = machine.line(pos)
    machine.stack.append(machine.judge.persistent(str(text[:SHORT_TEXT], "ascii", "replace"), machine.at - 1))
    return after


def _persistent(machine: Machine, pos: int) -> int:
    machine.stack.append(machine.judge.persistent(machine.pop(), machine.at - 1))
    return pos


_BY_OPCODE: dict[bytes, Handler] = {
    b".": _stop, b"(": _mark, b"0": _pop, b"1": _pop_mark, b"2": _duplicate,
    b"N": _constant(None), b"\x88": _constant(True), b"\x89": _constant(False), b"]": _empty_list,
    b")": _tuple(0), b"\x85": _tuple(1), b"\x86": _tuple(2), b"\x87": _tuple(3), b"t": _marked_tuple,
    b"\x8f": _constant(SET), b"\x91": _frozen_set, b"l": _marked_list, b"d": _marked_dict,
    b"M": _number(2), b"\x8a": _long(1), b"\x8b": _long(4), b"I": int_line, b"L": long_line, b"F": float_line,
    b"X": _text(4), b"\x8d": _text(8), b"\x8c": _text(1), b"U": _text(1, "latin-1"), b"T": _text(4, "latin-1"),
    b"S": quoted_line, b"V": unicode_line,
    b"C": _bytes(1), b"B": _bytes(4), b"\x8e": _bytes(8), b"\x96": _bytes(8, "bytearray"),
    b"\x97": _next_buffer, b"\x98": _read_only,
    b"a": _append, b"e": _appends, b"\x90": _add_items, b"s": _set_item,
    b"j": _get(4), b"g": _get_line, b"q": _put(1), b"r": _put(4), b"p": _put_line, b"\x94": _memoize,
    b"c": _global_line, b"\x93": _stack_global, b"R": _reduce, b"\x81": _new, b"\x92": _new_with_names,
    b"o": _object, b"i": _instance, b"b": _build,
    b"\x82": _extension(1), b"\x83": _extension(2), b"\x84": _extension(4),
    b"P": _persistent_line, b"Q": _persistent, b"\x80": _protocol, b"\x95": _frame,
}  # fmt: skip

HANDLERS: list[Handler] = [_BY_OPCODE.get(bytes([code]), _bad) for code in range(256)]
