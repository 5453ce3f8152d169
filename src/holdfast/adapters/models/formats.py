"""Which format a model file is in, by its content first and its name second."""

from __future__ import annotations

import bz2
import lzma
import re
import zipfile
import zlib
from io import BytesIO
from pathlib import PurePath
from typing import Literal

from holdfast.core.errors import InputError

Format = Literal["onnx", "xgboost", "lightgbm", "skops", "pickle", "safetensors", "torch program", "torch weights"]
SUPPORTED = (
    ".onnx, XGBoost .ubj or .json, LightGBM .txt, .skops, .joblib or .pkl, "
    "PyTorch .pt2, or .safetensors with the factory of its module"
)
PICKLE_NAMES = (".pkl", ".pickle", ".joblib", ".p", ".sav")
SAFETENSORS = re.compile(rb'.{6}\0\0\{\s*"', re.DOTALL)
PEEK = 4096
BINARY_PICKLE = re.compile(rb"\x80[\x02-\x05]")
# an older pickle opens with a global, a mark with a container, or an empty container that is remembered
TEXT_PICKLE = re.compile(rb"(c[\w.]+\n[\w.]+\n|\([dlti]|\(c[\w.]+\n|[}\])]q\x00)")
# field 1 (the version of the format), then one of the other fields of an ONNX model
ONNX = re.compile(rb"\x08[\x01-\x1f][\x12\x1a\x22\x28\x32\x3a\x42]")
UBJSON_LEARNER = re.compile(rb"\{L\x00{7}\x07learner")


def identify(data: bytes, *, name: str) -> Format:
    """Say which format a file is in.

    Raises
    ------
    InputError
        When it is in none that is supported.
    """
    suffix = PurePath(name).suffix.lower()
    if not data:
        raise InputError(f"the model file {name} is empty")
    found = _by_content(data, name)
    if found is not None:
        return found
    if suffix in PICKLE_NAMES:
        return "pickle"
    if suffix == ".onnx":
        return "onnx"
    raise InputError(f"the format of the model file {name} is not supported", hint=f"supported: {SUPPORTED}")


def refuse_pickle(name: str) -> InputError:
    """Build the refusal of a file whose loading would execute what it says, and that nothing vouches for."""
    return InputError(
        f"{name} is a pickle: loading it executes whatever its author put in, so it is refused unless a scan passed",
        hint="scan it with `holdfast scan`; if you trust who made the file, pass --trust-pickle",
    )


def _by_content(data: bytes, name: str) -> Format | None:
    head = data[:PEEK]
    if _is_pickle(head) or _is_pickle(_decompressed(head)):
        return "pickle"
    if head.startswith(b"PK\x03\x04"):
        return _zip_format(data, name)
    if re.match(rb"tree\s*\nversion=", head):
        return "lightgbm"
    if re.match(rb'\s*\{\s*"learner"\s*:', head) or (head.lstrip().startswith(b"{") and b'"learner"' in head):
        return "xgboost"
    if UBJSON_LEARNER.match(head) or (head.startswith(b"{") and b"learner" in head[:64]):
        return "xgboost"
    if SAFETENSORS.match(head):
        return "safetensors"
    return "onnx" if ONNX.match(head) else None


def _is_pickle(head: bytes) -> bool:
    return bool(BINARY_PICKLE.match(head) or TEXT_PICKLE.match(head))


def _decompressed(head: bytes) -> bytes:
    """Open the first bytes of the compressions that joblib writes; nothing for any other content."""
    try:
        if head.startswith(b"\x1f\x8b"):
            return zlib.decompressobj(31).decompress(head, 64)
        if re.match(rb"\x78[\x01\x5e\x9c\xda]", head):
            return zlib.decompressobj().decompress(head, 64)
        if head.startswith(b"BZh"):
            return bz2.BZ2Decompressor().decompress(head, 64)
        if head.startswith((b"\xfd7zXZ", b"\x5d\x00\x00")):
            return lzma.LZMADecompressor().decompress(head, 64)
    except (zlib.error, OSError, EOFError, lzma.LZMAError):
        return b""
    return b""


def _zip_format(data: bytes, name: str) -> Format:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f"{name} looks like a zip archive but cannot be read: {error}") from None
    if "schema.json" in members:
        return "skops"
    if any(member.endswith("models/model.json") for member in members):
        return "torch program"
    if any(member.endswith("/data.pkl") for member in members):
        return "torch weights"
    if any(member.endswith((".pkl", ".pickle", ".joblib")) for member in members):
        return "pickle"
    raise InputError(f"{name} is a zip archive, but no model in a supported format", hint=f"supported: {SUPPORTED}")
