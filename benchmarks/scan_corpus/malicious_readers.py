"""Files that two readers take for different opcodes, numbers or texts: what one passes over the other executes."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator

from benchmarks.scan_corpus.case import COMMAND, Case

PROTO = b"\x80\x04"
TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
OLD = f"cos\nsystem\n(S'{COMMAND}'\ntR.".encode()
LONG = 70_500


def cases() -> Iterator[Case]:
    """Yield the files by what their readers differ in."""
    yield from _frames()
    yield from _numbers()
    yield from _memos()
    yield from _texts()


def _text(value: str) -> bytes:
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data


def _name(module: str, name: str) -> bytes:
    return _text(module) + _text(name) + b"\x93"


def _payload() -> bytes:
    return _name("os", "system") + _text(COMMAND) + b"\x85R"


def _wrapper(count: int, code: str, more: bytes = b"") -> bytes:
    flags = b"K\x3f" if code == "O8" else b"K\x00"
    dtype = _name("numpy", "dtype") + _text(code) + b"\x89\x88\x87R(K\x03" + _text("|") + b"NNN"
    dtype += b"J\xff\xff\xff\xff" * 2 + flags + b"tb"
    items = _text("subclass") + _name("numpy", "ndarray") + _text("shape") + b"K" + bytes([count]) + b"\x85"
    items += _text("order") + _text("C") + _text("dtype") + dtype + _text("allow_mmap") + b"\x89" + more
    return _name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}(" + items + b"ub"


def _array() -> bytes:
    made = _name("numpy._core.multiarray", "_reconstruct") + _name("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"
    number = _name("numpy", "dtype") + _text("f8") + b"\x89\x88\x87R(K\x03" + _text("<") + b"NNN"
    return made + b"(K\x01K\x00\x85" + number + b"J\xff\xff\xff\xff" * 2 + b"K\x00tb\x89C\x00tb"


def _hidden(body: bytes, size: int, real: bytes, start: bytes = b"") -> bytes:
    """Return a pickle that stops inside its frame; what its readers find behind it differs."""
    rest = size - len(body) - len(start) - 5
    frame = PROTO + b"\x95" + struct.pack("<Q", size) + body + start
    return frame + b"B" + struct.pack("<I", rest + len(real)) + bytes(rest) + real + b"."


def _frames() -> Iterator[Case]:
    for size in (300, 20_000):
        inside = _hidden(_array() + b".", size, b"0" + _payload() + b".")
        yield Case(f"frame_array-{size}.joblib", PROTO + _wrapper(1, "O8") + inside, True, "joblib")
        second = _hidden(b"N.", size, PROTO + _payload() + b".", PROTO)
        yield Case(f"frame_second-{size}.pkl", second, True, "pickle-all")
        rest = b"\x80\x02}." + b"\x80\x02]."
        legacy = _hidden(b"M\xe9\x03.", size, PROTO + _payload() + b".", b"\x80\x02")
        yield Case(f"frame_legacy-{size}.pt", TORCH + legacy + rest, True)


def _numbers() -> Iterator[Case]:
    lines = {
        "hexadecimal": b"I0x10\n", "space": b"I 16\n", "long-hexadecimal": b"L0x10L\n", "infinity": b"Finfinity\n",
        "nan": b"F+NAN\n", "tab": b"I\t1\n", "empty": b"I\n", "cut": b"I5\0 and so on\n", "octal": b"I017\n",
        "long-text": b"V" + b"a" * LONG + b"\n", "long-quoted": b"S'" + b"a" * LONG + b"'\n",
    }  # fmt: skip
    for name, line in lines.items():
        yield Case(f"number_{name}.txt", line + b"0" + OLD, True, "pickle")
    yield Case("number_memo.txt", b"Np 0\n0" + OLD, True, "pickle")
    yield Case("number_card.md", b"Valuable model card. " + b"lorem ipsum dolor " * 4200 + b"\n0" + OLD, True, "pickle")
    size = LONG + (0x56 - LONG) % 256
    while b"\n" in struct.pack("<Q", size):
        size += 256
    described = f'"t":{{"dtype":"U8","shape":[{len(OLD)}],"data_offsets":[0,{len(OLD)}]\n}}}}'
    start = '{"__metadata__":{"note":"'
    header = start + "x" * (size - len(start) - len(described) - 3) + '"},' + described
    yield Case("number_weights.safetensors", struct.pack("<Q", size) + header.encode() + OLD, True, "pickle")


def _memos() -> Iterator[Case]:
    """Arrays of objects, whose opcodes mean something else with the memo of the pickle around them."""
    code = f"__import__('os').system({COMMAND!r})"
    outer = PROTO + b"".join(_text(one) + b"\x940" for one in ("numpy.testing._private.utils", "runstring", code))
    inner = PROTO + b"".join(part + b"\x940" for part in (_text("fractions"), _text("Fraction"), b"K\x05", b"K\x01"))
    inner += b"h\x00h\x01\x93h\x02h\x03\x86R0" + _array() + b"."
    equal = _name("numpy", "equal")
    for name, more, loader in (
        ("run", b"", "pickle"),
        ("read", _text("read") + equal, "joblib"),
        ("read-array", _text("read_array") + equal, "joblib"),
    ):
        yield Case(f"memo_{name}.joblib", outer + b"}\x940" + _wrapper(1, "O8", more) + inner + b".", True, loader)
    junk = b"h\x00(" + b"N" * 100 + b"e."
    objects = _name("numpy", "dtype") + _text("O8") + b"\x89\x88\x87R(K\x03" + _text("|") + b"NNN"
    objects += b"J\xff\xff\xff\xff" * 2 + b"K\x3ftb"
    made = _name("numpy._core.multiarray", "_reconstruct") + _name("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"
    longer = PROTO + b"]\x94" + _wrapper(len(junk), "u1") + junk + made + b"(K\x01K\x32\x85" + objects + b"\x89h\x00tb."
    yield Case("memo_longer-list.joblib", longer, True)


def _texts() -> Iterator[Case]:
    """Exported programs whose texts torch evaluates or looks up."""
    evil = f"__import__('os').system({COMMAND!r})"
    size = {"as_expr": {"expr_str": evil, "hint": {"as_int": 3}}}
    node = {"target": "torch.utils.cpp_extension.os.system", "inputs": [{"arg": {"as_string": COMMAND}}]}
    tree = {
        "type": "builtins.dict",
        "context": '{"\\u005f_enum__": true, "fqn": "payload_module:x"}',
        "children_spec": [],
    }
    signature = {"signature": {"in_spec": json.dumps([1, tree]), "out_spec": ""}}
    programs = {
        "expression": {"graph_module": {"graph": {"tensor_values": {"x": {"sizes": [size]}}}}},
        "target": {"graph_module": {"graph": {"nodes": [node]}}},
        "guard": {"graph_module": {"graph": {}}, "guards_code": [evil]},
        "structure": {"graph_module": {"graph": {}, "module_call_graph": [signature]}},
    }
    for name, program in programs.items():
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("m/archive_format", "pt2")
            archive.writestr("m/models/model.json", json.dumps(program))
        yield Case(f"export_{name}.pt2", held.getvalue(), True)
