"""From the bytes of a text table to UTF-8."""

from __future__ import annotations

import codecs

from holdfast.core.errors import InputError

_MAGIC = (
    (b"PK\x03\x04", "a zip archive (an Excel workbook is one)", "export the sheet as CSV or Parquet"),
    (b"\x1f\x8b", "a gzip file", "decompress it first, for example with gunzip"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "export the sheet as CSV"),
    (b"ARROW1", "an Arrow IPC file", "write it as Parquet, or read it and pass the frame from Python"),
    (b"\x89HDF", "an HDF5 file", "write it as Parquet, or read it and pass the frame from Python"),
)


def to_utf8(raw: bytes, *, source: str) -> tuple[bytes, str]:
    """Return the text as UTF-8 without a byte-order mark, lines ended by line feeds, and the encoding's name.

    UTF-16 is known by its byte-order mark. Bytes that are not valid UTF-8 are read as Windows-1252, or as Latin-1 where
    they hold a byte that Windows-1252 does not define.

    Raises
    ------
    InputError
        When the bytes are no text.
    """
    _refuse_binary(raw, source=source)
    data, encoding = _decode(raw, source=source)
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise InputError(
            f"expected a text table in {source}, got a zero byte in line {line}: it is binary or damaged",
            hint="give a CSV, TSV or Parquet file",
        )
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data, encoding


def _decode(raw: bytes, *, source: str) -> tuple[bytes, str]:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return raw.decode("utf-16").encode("utf-8"), "UTF-16"
        except UnicodeError as error:
            raise InputError(f"{source} begins as UTF-16 but is not valid UTF-16: {error}") from None
    marked = raw.startswith(codecs.BOM_UTF8)
    data = raw[len(codecs.BOM_UTF8) :] if marked else raw
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_western(data)
    return data, "UTF-8 with a byte-order mark" if marked else "UTF-8"


def _decode_western(data: bytes) -> tuple[bytes, str]:
    try:
        return data.decode("cp1252").encode("utf-8"), "Windows-1252 because it is not valid UTF-8"
    except UnicodeDecodeError:
        return data.decode("latin-1").encode("utf-8"), "Latin-1 because it is not valid UTF-8"


def _refuse_binary(raw: bytes, *, source: str) -> None:
    for magic, what, remedy in _MAGIC:
        if raw.startswith(magic):
            raise InputError(f"expected a CSV, TSV or Parquet table in {source}, got {what}", hint=remedy)
