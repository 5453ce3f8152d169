"""Write pickles by hand: every protocol, every way to call, so that a file can say what no pickler would."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Literal

Style = Literal["reduce", "inst", "obj"]


@dataclass(frozen=True)
class Name:
    """Something a module holds; ``name`` may be a path of attributes from protocol 4 on."""

    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """A call while loading."""

    function: Any
    arguments: tuple[Any, ...] = ()
    style: Style | None = None


@dataclass(frozen=True)
class New:
    """An instance made by ``__new__`` alone."""

    made: Any
    arguments: tuple[Any, ...] = ()
    named: dict[str, Any] | None = None


@dataclass(frozen=True)
class Built:
    """An object whose state is set."""

    target: Any
    state: Any


@dataclass(frozen=True)
class Filled:
    """An object that items are put into: ``a``, ``e``, ``s``, ``u`` or the opcode of a set."""

    target: Any
    items: tuple[Any, ...]
    opcode: bytes


@dataclass(frozen=True)
class Raw:
    """Opcodes as they are; they must leave one value on the stack."""

    code: bytes


def pickled(value: Any, protocol: int = 2, *, style: Style = "reduce") -> bytes:
    """Return a pickle of an expression."""
    return header(protocol) + encode(value, protocol, style) + b"."


def header(protocol: int) -> bytes:
    """Return the protocol mark; protocols 0 and 1 have none."""
    return b"" if protocol < 2 else bytes([0x80, protocol])


def encode(value: Any, protocol: int, style: Style = "reduce") -> bytes:
    """Return the opcodes that leave a value on the stack."""
    if isinstance(value, Raw):
        return value.code
    if isinstance(value, Name):
        return _name(value, protocol)
    if isinstance(value, Call):
        return _call(value, protocol, style)
    if isinstance(value, New):
        arguments = encode(value.arguments, protocol, style)
        made = encode(value.made, protocol, style) + arguments
        return made + (b"\x81" if value.named is None else encode(value.named, protocol, style) + b"\x92")
    if isinstance(value, Built):
        return encode(value.target, protocol, style) + encode(value.state, protocol, style) + b"b"
    if isinstance(value, Filled):
        items = b"".join(encode(item, protocol, style) for item in value.items)
        mark = b"" if value.opcode in b"as" else b"("
        return encode(value.target, protocol, style) + mark + items + value.opcode
    if isinstance(value, tuple | list):
        items = b"".join(encode(item, protocol, style) for item in value)
        return b"(" + items + (b"t" if isinstance(value, tuple) else b"l")
    if isinstance(value, dict):
        items = b"".join(encode(item, protocol, style) for pair in value.items() for item in pair)
        return b"(" + items + b"d"
    return _constant(value, protocol)


def _constant(value: Any, protocol: int) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return (b"\x89", b"\x88")[value] if protocol >= 2 else b"I0%d\n" % value
    if isinstance(value, int):
        small = protocol >= 1 and -(1 << 31) <= value < 1 << 31
        return b"J" + struct.pack("<i", value) if small else b"L%dL\n" % value
    if isinstance(value, float):
        return b"F%r\n" % value if protocol < 1 else b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        return text(value, protocol)
    if isinstance(value, bytes):
        if protocol >= 3:
            return b"B" + struct.pack("<I", len(value)) + value
        return encode(Call(Name("_codecs", "encode"), (value.decode("latin-1"), "latin1")), protocol)
    raise TypeError(f"expected a plain value or an expression, got {type(value).__name__}")


def text(value: str, protocol: int) -> bytes:
    """Return the opcode of a text."""
    if protocol < 1:
        escaped = value.replace("\\", "\\u005c").replace("\0", "\\u0000").replace("\n", "\\u000a")
        return b"V" + escaped.encode("raw-unicode-escape") + b"\n"
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def _name(value: Name, protocol: int) -> bytes:
    if protocol < 4:
        return f"c{value.module}\n{value.name}\n".encode()
    return text(value.module, protocol) + text(value.name, protocol) + b"\x93"


def _call(value: Call, protocol: int, style: Style) -> bytes:
    chosen = value.style or style
    arguments = b"".join(encode(item, protocol, style) for item in value.arguments)
    if chosen == "inst" and isinstance(value.function, Name) and ("." not in value.function.name or protocol > 3):
        return b"(" + arguments + f"i{value.function.module}\n{value.function.name}\n".encode()
    function = encode(value.function, protocol, style)
    if chosen == "obj":
        return b"(" + function + arguments + b"o"
    return function + b"(" + arguments + b"tR"


def at(path: str) -> Name:
    """Return the name ``module:path``."""
    module, _, name = path.partition(":")
    return Name(module, name)


def call(path: str, *arguments: Any) -> Call:
    """Return a call of ``module:path``."""
    return Call(at(path), arguments)
