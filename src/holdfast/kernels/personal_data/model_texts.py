"""What a model file keeps of people: categories, vocabularies, names of features, texts in tensors, thresholds that
equal identifiers, paths and names of users in metadata. Nothing is loaded or executed.

Read are pickle and joblib (compressed too), ONNX, safetensors, npy, npz and other model archives (torch, skops, Keras),
XGBoost (JSON and UBJSON), LightGBM and GGUF. Of other formats the runs of printable characters are looked at, and a
note says so; archives that are no model are not opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np

from holdfast.kernels.formats.expansion import Codec, expand
from holdfast.kernels.formats.gguf import GgufError, read_gguf
from holdfast.kernels.formats.npy_header import NpyError, read_npy_header
from holdfast.kernels.formats.strict_json import JsonError, read_json
from holdfast.kernels.formats.ubjson import Numbers, Reader, UbjError
from holdfast.kernels.formats.zip_layout import ZipError, entries, local_header, read_directory
from holdfast.kernels.personal_data.array_texts import array_texts
from holdfast.kernels.personal_data.json_values import json_passages
from holdfast.kernels.personal_data.onnx_texts import onnx_passages
from holdfast.kernels.personal_data.passages import Passage, Place, context_of
from holdfast.kernels.personal_data.pickle_texts import pickle_passages
from holdfast.kernels.personal_data.text_pieces import text_passages
from holdfast.kernels.scan.identify import identify

LARGEST_EXPANDED = 256 << 20
MOST_VALUES = 5_000_000
MOST_MEMBERS = 10_000
INTEGERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8"}
CODECS: dict[str, Codec] = {
    "gzip": "gzip", "zlib": "zlib", "bz2": "bz2", "xz": "xz", "lzma": "lzma", "lz4": "lz4",
}  # fmt: skip
MODEL_MEMBERS = re.compile(r"(?:.*/)?(?:data\.pkl|[^/]*\.npy|schema\.json|config\.json|metadata\.json|constants\.pkl)")
RUN = re.compile(rb"[\x20-\x7e\t]{6,}")
TEXT_MARKS = {"json", "yaml", "python", "text", "lightgbm", "wide-text"}
LIGHTGBM_LINES = re.compile(
    r"(feature_names|threshold|pandas_categorical|feature_infos)\s?[=:](.*)|\[(\w{1,60}): (.*)\]|(\w[\w .]{0,60})=(.*)"
)


class NotExamined(ValueError):
    """Nobody looked at the file; the message says why."""


def model_passages(
    data: memoryview, *, notes: list[str], expired: Callable[[], bool] = lambda: False, depth: int = 0
) -> Iterator[Passage]:
    """Read a model file by what its bytes are, whatever its name.

    Parameters
    ----------
    notes
        Takes what the reader should know: where reading broke off, what was not looked at.
    expired
        Whether the time is up.

    Raises
    ------
    NotExamined
        For an archive that is no model, and for more than is expanded.
    """
    form = next(iter(identify(data)), "")
    if form == "pickle":
        yield from pickle_passages(data, notes=notes, expired=expired)
    elif form == "onnx":
        yield from onnx_passages(data, notes=notes)
    elif form == "safetensors":
        yield from _safetensors(data)
    elif form == "npy":
        yield from _npy(data, notes)
    elif form == "zip":
        yield from _archive(data, notes, expired)
    elif form == "ubj":
        yield from _ubjson(data, notes)
    elif form == "gguf":
        yield from _gguf(data, notes)
    elif form == "lightgbm":
        yield from _lightgbm(str(data, "utf-8", "replace"))
    elif form == "json":
        yield from _json(data, notes)
    elif form in CODECS and depth == 0:
        yield from model_passages(_expanded(data, CODECS[form]), notes=notes, expired=expired, depth=1)
    elif form in ("tar", "7z", "rar", "cab", *CODECS):
        raise NotExamined(f"archives ({form}) are not opened: unpack it and name what it holds")
    elif form in TEXT_MARKS:
        yield from text_passages([str(data, "utf-8", "replace")], Place(line=1))
    else:
        yield from _printable(data, form, notes)


def _expanded(data: memoryview, codec: Codec) -> memoryview:
    result = expand(data, codec, limit=LARGEST_EXPANDED, stop=lambda consumed, produced: False)
    if result.ending != "complete":
        raise NotExamined(
            f"it does not decompress within {LARGEST_EXPANDED >> 20} MiB: {result.error or result.ending}"
        )
    return memoryview(bytes(result.data))


def _safetensors(data: memoryview) -> Iterator[Passage]:
    size = int.from_bytes(data[:8], "little")
    try:
        header = read_json(data[8 : 8 + size]).value
    except JsonError as error:
        raise NotExamined(f"the header was not read: {error}") from None
    if not isinstance(header, dict):
        raise NotExamined("the header is no object")
    yield from json_passages(header.pop("__metadata__", {}), path="metadata")
    for name, entry in header.items():
        yield Passage(name, Place(part="a tensor's name"))
        offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
        is_wide = isinstance(entry, dict) and entry.get("dtype") in ("I64", "U64", "F64", "U8", "I8", "I32", "U32")
        if (
            is_wide
            and isinstance(offsets, list)
            and len(offsets) == 2
            and all(type(n) is int and n >= 0 for n in offsets)
        ):
            part = data[8 + size + offsets[0] : 8 + size + offsets[1]]
            yield from (Passage(text, Place(part=f"tensor {name}"), context_of(name)) for text in array_texts(part))


def _npy(data: memoryview, notes: list[str], name: str = "") -> Iterator[Passage]:
    try:
        header = read_npy_header(data)
    except NpyError as error:
        raise NotExamined(f"the array was not read: {error}") from None
    body = data[header.data :]
    texts = array_texts(body, item=header.item_size // (4 if b"U" in bytes(data[: header.data]) else 1))
    plain = (Passage(text, Place()) for text in texts)
    found = pickle_passages(body, notes=notes) if header.has_objects else plain
    for passage in found:
        place = Place(part=f"{name} {passage.place.part}".strip() or "array")
        yield passage._replace(place=place, context=passage.context or context_of(name))


def _archive(data: memoryview, notes: list[str], expired: Callable[[], bool]) -> Iterator[Passage]:
    """The members of a zip file that is a model: arrays, pickles and JSON; raw numbers of torch are passed over."""
    try:
        directory = read_directory(data)
        members = [entry for entry, _ in zip(entries(data, directory), range(MOST_MEMBERS), strict=False)]
        names = [entry.name.decode("utf-8", "replace") for entry in members]
        if not any(map(MODEL_MEMBERS.fullmatch, names)) or "[Content_Types].xml" in names:
            raise NotExamined("archives (zip) are not opened: unpack it and name what it holds")
        for entry, name in zip(members, names, strict=True):
            yield Passage(name, Place(part="a member's name"))
            if not MODEL_MEMBERS.fullmatch(name) and not name.endswith((".pkl", ".json", ".txt")):
                continue
            start = local_header(data, entry.offset + directory.prefix).end
            held = data[start : start + entry.compressed]
            if entry.method:
                held = _expanded(held, "deflate")
            for passage in _member(held, name, notes, expired):
                place = Place(part=f"{name} {passage.place.part}".strip())
                yield passage._replace(place=place)
    except ZipError as error:
        raise NotExamined(f"the archive was not read: {error}") from None


def _member(data: memoryview, name: str, notes: list[str], expired: Callable[[], bool]) -> Iterator[Passage]:
    if name.endswith(".npy"):
        yield from _npy(data, notes)
    elif name.endswith(".pkl"):
        yield from pickle_passages(data, notes=notes, expired=expired)
    elif name.endswith(".json"):
        yield from _json(data, notes)
    else:
        yield from text_passages([str(data, "utf-8", "replace")], Place(line=1))


def _json(data: memoryview, notes: list[str]) -> Iterator[Passage]:
    try:
        document = read_json(data)
    except JsonError as error:
        notes.append(f"this JSON was looked at as text: {error}")
        yield from text_passages([str(data, "utf-8", "replace")], Place(line=1))
        return
    if document.duplicate_keys:
        notes.append("keys stand twice in an object; of these only the last value was looked at")
    yield from json_passages(document.value)


def _ubjson(data: memoryview, notes: list[str]) -> Iterator[Passage]:
    try:
        value = Reader(data, MOST_VALUES).value()
    except (UbjError, IndexError) as error:
        notes.append(f"this UBJSON was read by its printable characters only: {error}")
        yield from _printable(data, "ubj", [])
        return
    yield from json_passages(_plain(value, data))


def _plain(value: Any, data: memoryview) -> Any:
    """Unpack typed arrays of integers, as categories are; drop those of 32-bit floats: no identifier fits into them."""
    if isinstance(value, dict):
        return {key: _plain(item, data) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, data) for item in value]
    if isinstance(value, Numbers):
        return (
            np.frombuffer(data[value.start : value.end], INTEGERS[value.mark]).tolist()
            if value.mark in INTEGERS
            else None
        )
    return value


def _gguf(data: memoryview, notes: list[str]) -> Iterator[Passage]:
    try:
        found = read_gguf(data, most_values=MOST_VALUES)
    except GgufError as error:
        raise NotExamined(f"the header was not read: {error}") from None
    notes.append("texts of up to 64 bytes in lists, the vocabulary of a tokeniser, were not looked at")
    for key, start, end in found.texts:
        yield Passage(str(data[start:end], "utf-8", "replace"), Place(part=key), context_of(key))


def _lightgbm(text: str) -> Iterator[Passage]:
    """Names of features, categories, thresholds of six digits or more, and what the parameters name."""
    for number, line in enumerate(text.split("\n"), start=1):
        found = LIGHTGBM_LINES.fullmatch(line.rstrip("\r"))
        if found is None:
            continue
        name = cast(str, found[1] or found[3] or found[5])
        value = cast(str, found[2] or found[4] or found[6] or "")
        place = Place(line=number, part=name)
        if name == "pandas_categorical":
            try:
                yield from json_passages(read_json(memoryview(value.encode())).value, place, path=name, keys=("", name))
            except JsonError:
                yield Passage(value, place)
        elif name == "feature_names":
            yield from (Passage(part, place, context_of("feature")) for part in value.split(" ") if part)
        elif name == "threshold":
            yield from (Passage(part, place) for part in map(_whole, value.split(" ")) if part)
        elif found[3] or not re.fullmatch(r"[-\d. einfa:\[\]]*", value):
            yield Passage(value, place, context_of(name))


def _whole(number: str) -> str:
    """A threshold as the whole number below it, where that has seven digits or more: boosting cuts between values."""
    try:
        value = float(number)
    except ValueError:
        return ""
    return str(int(value)) if 1e6 <= abs(value) < 1e16 else ""


def _printable(data: memoryview, form: str, notes: list[str]) -> Iterator[Passage]:
    notes.append(f"no reader for {form or 'this format'}: only runs of printable characters were looked at")
    for run in RUN.finditer(data):
        yield Passage(run[0].decode("ascii"), Place(part=f"byte {run.start()}"))
