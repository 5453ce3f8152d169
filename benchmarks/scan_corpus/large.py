"""Large files, written piece by piece."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.scan_corpus.assemble import Built, New, at, call, encode, header, text
from benchmarks.scan_corpus.case import COMMAND
from benchmarks.scan_corpus.malicious_arrays import torch_members

BYTES = 500_000_000
_BLOCK = bytes(range(256)) * 4096


def _fill(file: io.BufferedWriter, n_bytes: int) -> None:
    for start in range(0, n_bytes, len(_BLOCK)):
        file.write(_BLOCK[: n_bytes - start])


def joblib_file(path: Path, *, is_malicious: bool = True) -> None:
    """Write an array of 500 MB as joblib does, and a payload behind it."""
    dtype = Built(call("numpy:dtype", "f8", False, True), (3, "<", None, None, None, -1, -1, 0))
    state = {
        "subclass": at("numpy:ndarray"), "shape": (BYTES // 8,), "order": "C", "dtype": dtype, "allow_mmap": True,
        "numpy_array_alignment_bytes": 16,
    }  # fmt: skip
    head = header(4) + b"](" + encode(Built(New(at("joblib.numpy_pickle:NumpyArrayWrapper")), state), 4)
    with path.open("wb") as file:
        file.write(head)
        padding = 16 - (len(head) + 1) % 16
        file.write(bytes([padding]) + b"\xff" * padding)
        _fill(file, BYTES // 8 * 8)
        file.write((encode(call("os:system", COMMAND), 4) if is_malicious else b"N") + b"e.")


def torch_file(path: Path, *, is_malicious: bool = True) -> None:
    """Write a zip file as torch does, with a storage of 500 MB."""
    storage = (
        b"("
        + text("storage", 2)
        + b"ctorch\nFloatStorage\n"
        + text("0", 2)
        + text("cpu", 2)
        + encode(BYTES // 4, 2)
        + b"tQ"
    )
    rebuilt = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + encode((0, (BYTES // 4,), (1,), False), 2)[1:-1]
    tensor = rebuilt + encode(call("collections:OrderedDict"), 2) + b"tR"
    extra = text("x", 2) + encode(call("os:system", COMMAND), 2) if is_malicious else b""
    members = torch_members(header(2) + b"}(" + text("weight", 2) + tensor + extra + b"u.")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if not name.endswith("data/0"):
                archive.writestr(name, content)
        with archive.open("archive/data/0", "w") as member:
            for start in range(0, BYTES, len(_BLOCK)):
                member.write(_BLOCK[: BYTES - start])


def safetensors_file(path: Path) -> None:
    """Write one tensor of 500 MB."""
    head = json.dumps({"weight": {"dtype": "F32", "shape": [BYTES // 4], "data_offsets": [0, BYTES]}}).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        _fill(file, BYTES)


def opcodes_file(path: Path) -> None:
    """Write 400,000 small dicts, 20 MB in all."""
    import pickle

    rows = [{"id": n, "name": f"customer {n}", "score": n / 7, "ok": n % 3 == 0} for n in range(400_000)]
    path.write_bytes(pickle.dumps(rows, 4))


def opcodes_payload_file(path: Path) -> None:
    """Write the same with a payload as the last thing."""
    opcodes_file(path)
    path.write_bytes(path.read_bytes()[:-1] + b"0" + encode(call("os:system", COMMAND), 4) + b".")


LARGE: dict[str, Callable[[Path], None]] = {
    "large_after-array.joblib": joblib_file,
    "large_clean.joblib": lambda path: joblib_file(path, is_malicious=False),
    "large_payload.pt": torch_file,
    "large_clean.pt": lambda path: torch_file(path, is_malicious=False),
    "large_clean.safetensors": safetensors_file,
    "opcodes_clean.pkl": opcodes_file,
    "opcodes_payload.pkl": opcodes_payload_file,
}
