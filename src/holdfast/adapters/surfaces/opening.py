"""Open whatever may hold personal data as passages: the public entrance of this folder.

Which reader is taken is told by the suffix for what is text in any case, else by the content. Files are only read.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from holdfast.adapters.surfaces.decoding import decoded
from holdfast.adapters.surfaces.records import json_file_passages, record_passages
from holdfast.adapters.surfaces.tables import csv_passages, parquet_passages
from holdfast.kernels.personal_data.image_metadata import image_passages
from holdfast.kernels.personal_data.model_texts import NotExamined, model_passages
from holdfast.kernels.personal_data.passages import Passage, Place
from holdfast.kernels.personal_data.pdf_metadata import is_encrypted, pdf_passages
from holdfast.kernels.personal_data.text_pieces import line_passages, text_passages
from holdfast.kernels.scan.identify import is_text

HEAD = 1 << 16
READ_WHOLE = 16 << 20
MODEL_SECONDS = 300.0
BY_SUFFIX = {
    ".log": "log", ".jsonl": "records", ".ndjson": "records", ".json": "json", ".csv": "table", ".tsv": "table",
    ".txt": "text", ".md": "text", ".rst": "text", ".html": "text", ".htm": "text", ".xml": "text", ".eml": "text",
    ".sql": "text", ".yaml": "text", ".yml": "text", ".py": "text", ".ini": "text", ".cfg": "text", ".toml": "text",
}  # fmt: skip
BY_CONTENT = (
    (b"\xff\xd8\xff", "image"), (b"\x89PNG\r\n\x1a\n", "image"), (b"II*\0", "image"), (b"MM\0*", "image"),
    (b"%PDF-", "document"), (b"PAR1", "parquet"), (b"tree\nversion=v", "model"),
)  # fmt: skip
KINDS = ("text", "log", "records", "json", "table", "parquet", "image", "document", "model")


@dataclass(slots=True)
class Surface:
    """One file as passages.

    Attributes
    ----------
    kind
        One of ``KINDS``.
    passages
        To be read once, while the file is open.
    notes
        Grows while passages are read: what was replaced, broken off or not looked at.
    """

    kind: str
    passages: Iterator[Passage]
    notes: list[str] = field(default_factory=list)


def open_surface(
    descriptor: int, path: str, *, fields: Sequence[str] = (), is_wrapped: bool = False, kind: str = ""
) -> Surface:
    """Open a file for reading.

    Parameters
    ----------
    descriptor
        Of the open file; it stays open, and must until the passages are read.
    path
        Its name, for the suffix and for Parquet's reader.
    fields
        Fields of records or columns of tables to look at; all when empty.
    is_wrapped
        Whether to look for what is split over two lines of a log.
    kind
        The reader to take; told by suffix and content when empty.

    Raises
    ------
    NotExamined
        While passages are read, where nobody looks at what the file holds.
    InputError
        While passages are read, for fields that are not there.
    """
    head = os.pread(descriptor, HEAD, 0)
    kind = kind or kind_of(path, head)
    notes: list[str] = []
    return Surface(kind, _passages(descriptor, path, kind, fields, notes, is_wrapped=is_wrapped), notes)


def kind_of(path: str, head: bytes) -> str:
    """Tell which reader a file needs, by its name and its first bytes."""
    for magic, kind in BY_CONTENT:
        if head.startswith(magic):
            return kind
    name = Path(path)
    suffixes = [suffix.lower() for suffix in name.suffixes]
    if suffixes[-1:] and suffixes[-1] in BY_SUFFIX:
        return BY_SUFFIX[suffixes[-1]]
    if ".log" in suffixes and suffixes[-1].lstrip(".").isdigit():  # app.log.1, as logs are rotated
        return "log"
    return "text" if is_text(memoryview(head)) else "model"


def _passages(
    descriptor: int, path: str, kind: str, fields: Sequence[str], notes: list[str], *, is_wrapped: bool
) -> Iterator[Passage]:
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        if kind == "text":
            yield from text_passages(decoded(stream, notes), Place(line=1))
        elif kind == "log":
            yield from line_passages(decoded(stream, notes), is_wrapped=is_wrapped)
        elif kind == "records":
            yield from record_passages(stream, fields, notes, source=path)
        elif kind == "json":
            yield from json_file_passages(stream, fields, notes, source=path)
        elif kind == "table":
            yield from csv_passages(stream, fields, notes, source=path)
        elif kind == "parquet":
            yield from parquet_passages(Path(path), fields)
        else:
            yield from _of_bytes(stream, kind, notes)


def _of_bytes(stream: BinaryIO, kind: str, notes: list[str]) -> Iterator[Passage]:
    size = os.fstat(stream.fileno()).st_size
    if size == 0:
        return
    held: bytes | mmap.mmap = (
        stream.read() if size <= READ_WHOLE else mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ)
    )
    data = memoryview(held)
    until = time.monotonic() + MODEL_SECONDS
    if kind == "image":
        notes.append("text in the picture itself is not read, its metadata is")
        yield from image_passages(data)
    elif kind == "document":
        notes.append("the pages are not read, the document's metadata is")
        if is_encrypted(data):
            raise NotExamined("the document is encrypted: remove the password and name it again")
        yield from pdf_passages(data)
    else:
        yield from model_passages(data, notes=notes, expired=lambda: time.monotonic() > until)
