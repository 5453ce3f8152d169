"""Payloads around and inside stored arrays: joblib, npy, npz, torch."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.scan_corpus.assemble import Built, Call, New, Raw, at, call, encode, header, pickled, text
from benchmarks.scan_corpus.case import COMMAND, SOURCE, Case

RUN = call("os:system", COMMAND)
PAYLOAD = pickled(RUN, 2)
TORCH_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)


class Payload:
    """An object whose pickle runs the payload."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return eval, ("__import__('os').system('touch proof')",)


def cases() -> Iterator[Case]:
    """Yield files of every format that keeps arrays."""
    yield from _joblib()
    yield from _npy()
    yield from _npz()
    yield from _lying_dtypes()
    for name, content in _torch_zip().items():
        yield Case(f"torchfile_{name}.pt", content, True, "torch")
    yield from _torch_old()
    yield from _compressed()


def _joblib() -> Iterator[Case]:
    import joblib

    array = np.arange(5_000.0)
    parts: dict[str, Any] = {
        "before": [Payload(), array],
        "after": [array, Payload()],
        "between": {"a": array, "b": Payload(), "c": array * 2},
        "in-objects": [array, np.array([1, Payload()], dtype=object)],
        "in-nested-objects": np.array([np.array([Payload(), 1], dtype=object), 2], dtype=object),
        "last-of-many": [*(np.full(40, float(n)) for n in range(50)), Payload()],
        "empty-array": [np.empty(0), Payload()],
        "as-key": {"array": array, ("k", 1): Payload()},
    }
    for name, value in parts.items():
        buffer = io.BytesIO()
        joblib.dump(value, buffer)
        yield Case(f"joblib_{name}.joblib", buffer.getvalue(), True, "joblib")
    for compress in (("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)):
        buffer = io.BytesIO()
        joblib.dump(parts["after"], buffer, compress=compress)
        yield Case(f"joblib_{compress[0]}.joblib", buffer.getvalue(), True, "joblib")
    for protocol in (2, 3, 4, 5):
        buffer = io.BytesIO()
        joblib.dump(parts["after"], buffer, protocol=protocol)
        yield Case(f"joblib_after-{protocol}.joblib", buffer.getvalue(), True, "joblib")
    plain = io.BytesIO()
    joblib.dump(array, plain)
    yield Case("joblib_appended.joblib", plain.getvalue() + PAYLOAD, True)
    yield Case("joblib_opcodes-as-array.joblib", _opcodes_as_array(), True, "pickle")


def _opcodes_as_array() -> bytes:
    """Return a file whose array is numbers for joblib, and opcodes for ``pickle.load``, as early joblib wrote."""
    code = (b"0" + encode(RUN, 4) + b".").ljust(64, b".")
    state = {"subclass": at("numpy:ndarray"), "shape": (64,), "order": "C", "dtype": _plain("u1"), "allow_mmap": True}
    wrapper = Built(New(at("joblib.numpy_pickle:NumpyArrayWrapper")), state)
    return header(4) + encode(wrapper, 4) + code + b"."


def _npy() -> Iterator[Case]:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Payload(), 1], dtype=object), allow_pickle=True)
    yield Case("npy_object.npy", buffer.getvalue(), True, "numpy")
    buffer = io.BytesIO()
    np.save(buffer, np.array([(1, Payload())], dtype=[("a", "i4"), ("b", "O")]), allow_pickle=True)
    yield Case("npy_object-field.npy", buffer.getvalue(), True, "numpy")
    for version in (1, 2, 3):
        head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
        length = struct.pack("<H" if version == 1 else "<I", len(head) + 1)
        content = b"\x93NUMPY" + bytes([version, 0]) + length + head + b"\n" + PAYLOAD
        yield Case(f"npy_object-v{version}.npy", content, True, "numpy")
    plain = io.BytesIO()
    np.save(plain, np.arange(9.0))
    yield Case("npy_behind.npy", plain.getvalue() + PAYLOAD, True)
    yield Case("npy_is-pickle.npy", PAYLOAD, True, "numpy")
    lying = plain.getvalue().replace(b"(9,)", b"(3,)")
    yield Case("npy_lying-shape.npy", lying, True)


def _npz() -> Iterator[Case]:
    array, objects = io.BytesIO(), io.BytesIO()
    np.save(array, np.arange(3.0))
    np.save(objects, np.array([Payload()], dtype=object), allow_pickle=True)
    for name, method in {"stored": 0, "deflated": 8, "bzip2": 12, "lzma": 14}.items():
        yield Case(
            f"npz_{name}.npz", _zipped({"a.npy": array.getvalue(), "b.npy": objects.getvalue()}, method), True, "numpy"
        )
    yield Case("npz_pickle-member.npz", _zipped({"a.npy": array.getvalue(), "b": PAYLOAD}, 0), True)


def _lying_dtypes() -> Iterator[Case]:
    """Dtypes that make numpy take numbers for addresses, or read behind an array."""
    field = Built(call("numpy:dtype", "O8", 0, 1), (3, "|", None, None, None, -1, -1, 63))
    no_flag = Built(call("numpy:dtype", "V8", 0, 1), (3, "|", None, ("a",), {"a": (field, 0)}, 8, 1, 0))
    far = Built(call("numpy:dtype", "V8", 0, 1), (3, "|", None, ("a",), {"a": (_plain("f8"), 1 << 20)}, 8, 1, 0))
    for name, dtype in {"object-without-flag": no_flag, "field-behind": far}.items():
        made = call("numpy._core.multiarray:_reconstruct", at("numpy:ndarray"), (0,), b"b")
        array = Built(made, (1, (2,), dtype, False, b"\x41" * 16))
        yield Case(f"dtype_{name}.pkl", pickled(array, 4), True)


def _plain(code: str) -> Built:
    return Built(call("numpy:dtype", code, 0, 1), (3, "<", None, None, None, -1, -1, 0))


def _zipped(members: dict[str, bytes], method: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def torch_members(object_pickle: bytes, root: str = "archive") -> dict[str, bytes]:
    """Return the members of a file as torch saves it, around the pickle of an object."""
    return {
        f"{root}/data.pkl": object_pickle,
        f"{root}/byteorder": b"little",
        f"{root}/data/0": struct.pack("<4f", 1, 2, 3, 4),
        f"{root}/version": b"3\n",
    }


def tensor(root_key: str = "0") -> Call:
    """Return the expression of a tensor of four numbers kept under a key."""
    storage = Raw(encode(("storage", at("torch:FloatStorage"), root_key, "cpu", 4), 2) + b"Q")
    return call("torch._utils:_rebuild_tensor_v2", storage, 0, (4,), (1,), False, call("collections:OrderedDict"))


def _torch_zip() -> dict[str, bytes]:
    weights = {"weight": tensor()}
    hooked = Built(New(at("torch.nn.modules.linear:Linear")), {"_parameters": {}, "x": RUN})
    payloads: dict[str, Any] = {
        "beside": {**weights, "x": RUN},
        "module": hooked,
        "hooks": call("torch._utils:_rebuild_parameter", tensor(), True, RUN),
        "named": {**weights, "x": Call(call("torch._utils:_import_dotted_name", "os.system"), (COMMAND,))},
        "from-type": call("torch._tensor:_rebuild_from_type_v2", at("os:system"), at("torch:Tensor"), (COMMAND,), {}),
        "load-bytes": {**weights, "x": call("torch.storage:_load_from_bytes", PAYLOAD)},
        "setstate": {**weights, "x": Built(call("torch.nn.modules.container:Sequential"), {"__setstate__": RUN})},
    }
    found = {name: _zipped(torch_members(pickled(value, 2))) for name, value in payloads.items()}
    found["protocol-4"] = _zipped(torch_members(pickled(call("shutil:os.system", COMMAND), 4)))
    found["deflated"] = _zipped(torch_members(PAYLOAD), 8)
    found["root"] = _zipped(torch_members(PAYLOAD, "innocent"))
    return found


def _torch_old() -> Iterator[Case]:
    """The format before version 1.6: five pickles, then storages."""
    system = pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, 2)
    head = TORCH_MAGIC + pickle.dumps(1001, 2) + system
    yield Case("torchfile_old.pt", head + PAYLOAD + pickle.dumps([], 2), True, "torch")
    yield Case("torchfile_old-keys.pt", head + pickle.dumps({}, 2) + PAYLOAD, True, "torch")
    yield Case("torchfile_old-behind.pt", head + pickle.dumps({}, 2) + pickle.dumps([], 2) + PAYLOAD, True)
    yield Case("torchfile_old-system.pt", TORCH_MAGIC + pickle.dumps(1001, 2) + PAYLOAD, True, "torch")
    yield Case("torchfile_old-magic.pt", header(2) + encode(RUN, 2) + b"0" + TORCH_MAGIC[2:], True, "torch")


def _compressed() -> Iterator[Case]:
    """Pickles in streams, and streams in streams."""
    yield Case("nest_gzip.pkl.gz", gzip.compress(PAYLOAD), True, "gzip")
    yield Case("nest_bz2.pkl.bz2", bz2.compress(PAYLOAD), True, "bz2")
    yield Case("nest_xz.pkl.xz", lzma.compress(PAYLOAD), True, "lzma")
    yield Case("nest_lzma.pkl.lzma", lzma.compress(PAYLOAD, lzma.FORMAT_ALONE), True, "lzma")
    yield Case("nest_zlib.pkl.z", zlib.compress(PAYLOAD), True, "zlib")
    yield Case("nest_zlib-small.pkl.z", zlib.compress(PAYLOAD, wbits=9), True, "zlib")
    yield Case("nest_zlib-stored.pkl.z", zlib.compress(PAYLOAD, 0), True, "zlib")
    yield Case("nest_gzip-second.pkl.gz", gzip.compress(pickled([1], 4)) + gzip.compress(PAYLOAD), True)
    yield Case("nest_gzip-split.pkl.gz", gzip.compress(PAYLOAD[:9]) + gzip.compress(PAYLOAD[9:]), True, "gzip")
    yield Case("nest_gzip-twice.pkl.gz", gzip.compress(gzip.compress(PAYLOAD)), True)
    yield Case("nest_bz2-in-zip.zip", _zipped({"model.pkl.bz2": bz2.compress(PAYLOAD)}, 8), True)
    yield Case(
        "nest_loads.pkl", pickled(call("pickle:loads", pickled(call("builtins:exec", SOURCE), 4)), 4), True, "pickle"
    )
    yield Case("nest_text.pkl", header(4) + text("x" * 40, 4) + b"0" + encode(RUN, 4) + b".", True, "pickle")
    frame = io.BytesIO()
    with zipfile.ZipFile(frame, "w", 8) as archive:
        archive.writestr("a/b/c.zip", _zipped({"d.zip": _zipped({"model.pkl": PAYLOAD}, 8)}, 8))
    yield Case("nest_zip-in-zip.zip", frame.getvalue(), True)
