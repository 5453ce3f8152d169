"""Payloads that differ in how the pickle is written, not in what is called."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from benchmarks.scan_corpus.assemble import (
    Built,
    Call,
    Filled,
    Name,
    New,
    Raw,
    Style,
    at,
    call,
    encode,
    header,
    pickled,
    text,
)
from benchmarks.scan_corpus.case import COMMAND, SOURCE, Case

RUN = call("os:system", COMMAND)
EXEC = at("builtins:exec")
GADGET = call("uuid:_get_command_stdout", "touch", "proof")
_BODY = encode(RUN, 2)
_NAMESPACE = at("argparse:Namespace")
STYLES: tuple[Style, ...] = ("reduce", "inst", "obj")


def cases() -> Iterator[Case]:
    """Yield every way of writing the same calls."""
    for name, content in {**_styles(), **_states(), **_tricks(), **_names(), **_breaks(), **_streams()}.items():
        yield Case(f"opcode_{name}.pkl", content, True, "pickle")
    for name, content in _python_only().items():
        yield Case(f"opcode_{name}.pkl", content, True, "pickle-python")
    for name, content in _second_pickles().items():
        yield Case(f"opcode_{name}.pkl", content, True, "pickle-all")


def _styles() -> dict[str, bytes]:
    found = {}
    for protocol in range(6):
        for style in STYLES:
            for name, expression in {"system": RUN, "gadget": GADGET}.items():
                found[f"{style}-{protocol}-{name}"] = pickled(expression, protocol, style=style)
    return found


def _states() -> dict[str, bytes]:
    """BUILD, NEWOBJ and NEWOBJ_EX, and items put into what is no list."""
    class_state = Built(_NAMESPACE, (None, {"__setstate__": EXEC}))
    partial = New(at("functools:partial"), (at("builtins:print"),))
    found = {
        "build-class": (class_state, Built(New(_NAMESPACE), SOURCE)),
        "build-instance": Built(Built(New(_NAMESPACE), {"__setstate__": EXEC}), SOURCE),
        "build-partial": Call(Built(partial, (EXEC, (SOURCE,), {}, {})), ()),
        "build-slots": Built(Built(New(_NAMESPACE), (None, {"__setstate__": EXEC})), SOURCE),
        "build-append": Filled(Built(New(_NAMESPACE), {"append": EXEC}), (SOURCE,), b"a"),
        "build-extend": Filled(Built(New(_NAMESPACE), {"append": EXEC}), (SOURCE,), b"e"),
        "build-module": (Built(at("shutil:os"), {"getpid": EXEC}), call("os:getpid", SOURCE)),
        "build-add": Filled(Built(New(_NAMESPACE), {"add": EXEC}), (SOURCE,), b"\x90"),
        "newobj-partial": Call(New(at("functools:partial"), (EXEC, SOURCE)), ()),
        "newobj-ex-partial": Call(New(at("functools:partial"), (EXEC, SOURCE), {}), ()),
        "newobj-tuple": New(at("builtins:tuple"), (New(at("builtins:map"), (EXEC, [SOURCE])),)),
        "setitem-modules": (
            Filled(at("sys:modules"), ("harmless", at("shutil:os")), b"s"),
            call("harmless:system", COMMAND),
        ),
        "append-path": (Filled(at("sys:meta_path"), (call("argparse:Namespace"),), b"a"), RUN),
        "extension": (call("copyreg:add_extension", "os", "system", 77), Call(Raw(b"\x82\x4d"), (COMMAND,))),
        "extension-2": (call("copyreg:add_extension", "os", "system", 777), Call(Raw(b"\x83\x09\x03"), (COMMAND,))),
        "extension-4": (
            call("copyreg:add_extension", "os", "system", 77777),
            Call(Raw(b"\x84\xd1\x2f\x01\x00"), (COMMAND,)),
        ),
        "nested-argument": call("builtins:print", RUN),
        "in-key": {call("builtins:str", RUN): 1},
        "in-set": Filled(Raw(b"\x8f"), (RUN,), b"\x90"),
        "in-frozenset": Raw(b"(" + encode(RUN, 4) + b"\x91"),
    }
    return {name: pickled(expression, 4) for name, expression in found.items()}


def _tricks() -> dict[str, bytes]:
    """Memo, stack and frames."""
    memo = encode(Name("os", "system"), 2)
    argument = text(COMMAND, 2)
    frame = encode(RUN, 4) + b"."
    return {
        "memo-get": header(2) + memo + b"q\x00" + b"0" + b"h\x00(" + argument + b"tR.",
        "memo-long": header(2) + memo + b"r\x07\x01\x00\x00" + b"0j\x07\x01\x00\x00(" + argument + b"tR.",
        "memo-text": memo + b"p9\n0g9\n(" + argument + b"tR.",
        "memoize": header(4) + encode(Name("os", "system"), 4) + b"\x940h\x00" + argument + b"\x85R.",
        "dup": header(2) + memo + b"2(" + argument + b"tR.",
        "pop": header(2) + b"N" + _BODY + b"0.",
        "pop-mark": header(2) + b"N(" + _BODY + b"1.",
        "tuple1": header(2) + memo + argument + b"\x85R.",
        "under-list": header(2) + b"](" + b"K\x01" * 300 + _BODY + b"e.",
        "under-dict": header(2)
        + b"}("
        + b"".join(text(f"k{n}", 2) + b"K\x01" for n in range(200))
        + text("x", 2)
        + _BODY
        + b"u.",
        "deep": header(2) + b"]" * 60 + _BODY + b"a" * 60 + b".",
        "frame": header(4) + b"\x95" + struct.pack("<Q", len(frame)) + frame,
        "frame-second": header(4)
        + b"\x95"
        + struct.pack("<Q", 1)
        + b"N"
        + b"\x95"
        + struct.pack("<Q", len(frame))
        + frame,
        "frame-none": header(4) + frame,
        "protocol-again": header(4) + b"N0" + header(2) + _BODY + b".",
        "protocol-up": header(2) + b"N0" + header(4) + encode(call("shutil:os.system", COMMAND), 4) + b".",
        "long-prefix": header(2) + (b"K\x010" * 50_000) + _BODY + b".",
        "memo-many": header(2)
        + b"".join(b"K\x01r" + struct.pack("<I", n) + b"0" for n in range(40_000))
        + _BODY
        + b".",
        "string-before": header(2) + b"X" + struct.pack("<I", 200_000) + b"a" * 200_000 + b"0" + _BODY + b".",
    }


def _names() -> dict[str, bytes]:
    """Names written so that a search for them finds nothing."""
    command = text(COMMAND, 4) + b"\x85R."
    head = header(4)

    def named(module: bytes, name: bytes) -> bytes:
        return head + module + name + b"\x93" + command

    return {
        "name-string": named(b"U\x02os", b"U\x06system"),
        "name-binstring": named(b"T\x02\0\0\0os", b"T\x06\0\0\0system"),
        "name-escaped": named(b"S'\\x6f\\x73'\n", b"S'\\163ystem'\n"),
        "name-quoted": named(b'S"os"\n', b"S'system'\n"),
        "name-unicode": named(b"V\\u006fs\n", b"V\\u0073ystem\n"),
        "name-short": named(b"\x8c\x02os", b"\x8c\x06system"),
        "name-wide": named(b"\x8d" + struct.pack("<Q", 2) + b"os", b"\x8d" + struct.pack("<Q", 6) + b"system"),
        "name-memo": head + text("system", 4) + b"\x94" + text("os", 4) + b"\x940h\x010" + b"h\x01h\x00\x93" + command,
        "name-dotted": pickled(call("shutil:os.system", COMMAND), 4),
        "name-deep": pickled(call("logging.config:logging.os.system", COMMAND), 4),
        "name-global-4": header(4) + b"cshutil\nos.system\n" + text(COMMAND, 4) + b"\x85R.",
        "name-inst-4": header(4) + b"(" + text(COMMAND, 4) + b"ishutil\nos.system\n.",
        "name-old": header(2) + b"ccommands\ngetoutput\n(" + text(COMMAND, 2) + b"tR.",
        "name-builtins-dict": header(4)
        + encode(call("builtins:__dict__.__getitem__", "exec"), 4)
        + text(SOURCE, 4)
        + b"\x85R.",
        "name-class-chain": pickled(call("builtins:object.__class__.__base__.__subclasses__"), 4)
        and pickled(call("collections:_sys.modules.__getitem__", "os"), 4)[:-1]
        + b"0"
        + encode(call("collections:_sys.modules.get", "x"), 4)
        + b"0"
        + encode(RUN, 4)
        + b".",
    }


def _breaks() -> dict[str, bytes]:
    """Files that break off or fail, after the payload has run."""
    return {
        "truncated": header(2) + _BODY,
        "truncated-text": header(2) + _BODY + b"X\xff\x00\x00\x00abc",
        "invalid-opcode": header(2) + _BODY + b"\xff.",
        "stack-underflow": header(2) + _BODY + b"000.",
        "bad-memo": header(2) + _BODY + b"h\x63.",
        "missing-module": header(2) + _BODY + b"cno_such_module\nthing\n.",
        "high-protocol": header(4) + encode(RUN, 4) + b"\x80\x09.",
        "garbage-behind": header(2) + _BODY + b"." + b"\xfe\xdc\xba" * 40,
        "text-behind": header(2) + _BODY + b".# a model, honestly\n" * 5,
    }


def _streams() -> dict[str, bytes]:
    """What stands around the payload."""
    return {
        "no-mark": encode(RUN, 2) + b".",
        "line-feed": b"(lp0\n0" + encode(RUN, 0) + b".",
        "none-first": b"N0" * 500 + encode(RUN, 1) + b".",
        "python2": b"cposix\nsystem\np1\n(S'touch proof'\np2\ntp3\nRp4\n.",
        "getattr-text": b"c__builtin__\ngetattr\n(c__builtin__\n__import__\n(S'os'\ntRS'system'\ntR"
        b"(S'touch proof'\ntR.",
    }


def _python_only() -> dict[str, bytes]:
    """What only the unpickler written in Python accepts."""
    return {
        "python-negative-memo": encode(at("os:system"), 2) + b"p007\n0g7\n(" + text(COMMAND, 2) + b"tR.",
        "python-persistent": encode(RUN, 2) + b"0Pstorage\n.",
    }


def _second_pickles() -> dict[str, bytes]:
    """Pickles behind the first, which a program that reads on loads too."""
    return {
        "second": pickled({"weights": [1.0]}, 4) + pickled(RUN, 4),
        "second-old": pickled({"weights": [1.0]}, 2) + pickled(RUN, 0),
        "second-of-many": pickled([1], 4) * 50 + pickled(RUN, 4),
        "second-no-mark": pickled([1], 4) + encode(RUN, 1) + b".",
    }
