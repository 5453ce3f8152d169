"""Texts beside the picture in JPEG, PNG and TIFF files. Pixels are not decoded, and text in the picture is not read.

References
----------
ITU-T T.81 (1992), annex B; CIPA DC-008-2019, section 4.7; W3C (2025), PNG third edition, sections 11.3.3 and 11.3.5;
Adobe (2016), XMP part 3, sections 1.1.3 and 1.1.4.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from holdfast.kernels.personal_data.passages import NOWHERE, Passage, Place, context_of
from holdfast.kernels.personal_data.tiff_tags import tag_passages

MOST_PARTS = 100_000
LARGEST_TEXT = 1 << 20
EXIF, XMP, XMP_MORE = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
APP0, APP15, COMMENT, END, SCAN = 0xE0, 0xEF, 0xFE, 0xD9, 0xDA
MARK = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
RUN = re.compile(rb"[\x20-\x7e\xa0-\xff\t\r\n]{4,}")
AUTHORS = frozenset({"author", "creator", "artist"})


def image_passages(data: memoryview, place: Place = NOWHERE) -> Iterator[Passage]:
    """Read the texts of an image, as far as it is whole; none for another format."""
    head = bytes(data[:8])
    if head.startswith(b"\xff\xd8\xff"):
        yield from _jpeg(data, place)
    elif head == b"\x89PNG\r\n\x1a\n":
        yield from _png(data, place)
    else:
        yield from tag_passages(data, place)


def _jpeg(data: memoryview, place: Place) -> Iterator[Passage]:
    position = 2
    for _ in range(MOST_PARTS):
        found = MARK.match(data, position)
        if found is None or found[1][0] == END:
            return
        mark, position = found[1][0], found.end()
        end = position + max(2, int.from_bytes(data[position : position + 2], "big"))
        body = data[position + 2 : end]
        if mark == COMMENT:
            yield Passage(_text(body), place._replace(part="JPEG comment"), "comment: ")
        elif APP0 <= mark <= APP15:
            yield from _segment(body, mark - APP0, place)
        position = end
        if mark == SCAN:
            following = MARK.search(data, position)
            if following is None:
                return
            position = following.start()


def _segment(body: memoryview, number: int, place: Place) -> Iterator[Passage]:
    head = bytes(body[:40])
    if head.startswith(EXIF):
        yield from tag_passages(body[len(EXIF) :], place)
    elif head.startswith((XMP, XMP_MORE)):
        yield from xmp_passages(_text(body[head.index(b"\0") + 1 :]), place)
    elif number:
        for run in RUN.finditer(body):
            yield Passage(_text(run[0]), place._replace(part=f"JPEG segment APP{number}"))


def xmp_passages(packet: str, place: Place) -> Iterator[Passage]:
    """Yield the values of an XMP packet: its texts and its attributes, with the names of the elements around them."""
    names: list[str] = []
    for part in re.finditer(r"<(/?)([\w:.-]{1,80})([^<>]*)>|([^<>]+)", packet[:LARGEST_TEXT]):
        closes, name, attributes, text = part.groups()
        if text is not None:
            if text.strip() and names:
                yield _xmp(text.strip(), names, place)
            continue
        for key, value in re.findall(r"([\w:.-]{1,80})\s{0,4}=\s{0,4}[\"']([^\"'<>]*)[\"']", attributes):
            if value and not key.startswith("xmlns"):
                yield _xmp(value, [*names, key], place)
        if closes:
            del names[-1:]
        elif not attributes.endswith("/"):
            names.append(name)


def _xmp(text: str, names: list[str], place: Place) -> Passage:
    telling = [name for name in names if not name.lower().startswith(("rdf:", "x:"))] or names
    name = telling[-1].split(":")[-1]
    known = "PERSON" if name.lower() in AUTHORS and telling[-1].startswith("dc:") else ""
    return Passage(text, place._replace(part=f"XMP {telling[-1]}"), context_of(name), known=known)


def _png(data: memoryview, place: Place) -> Iterator[Passage]:
    position = 8
    for _ in range(MOST_PARTS):
        size, kind = int.from_bytes(data[position : position + 4], "big"), bytes(data[position + 4 : position + 8])
        body = data[position + 8 : position + 8 + size]
        if not kind.isalpha() or kind == b"IEND":
            return
        if kind == b"eXIf":
            yield from tag_passages(body, place)
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            key, text = _png_text(kind, bytes(body[: 1 << 24]))
            if key == "XML:com.adobe.xmp":
                yield from xmp_passages(text, place)
            elif text:
                known = "PERSON" if key.lower() in AUTHORS else ""
                yield Passage(text, place._replace(part=f"PNG {key}"), context_of(key), known=known)
        position += 12 + size


def _png_text(kind: bytes, body: bytes) -> tuple[str, str]:
    """Keyword and text of a chunk; at most 1 MiB is decompressed."""
    key, _, rest = body.partition(b"\0")
    name = key.decode("latin-1")[:80]
    if kind == b"tEXt":
        return name, rest[:LARGEST_TEXT].decode("latin-1")
    if kind == b"zTXt":
        return name, inflated(rest[1:]).decode("latin-1")
    is_compressed, fields = rest[:1] == b"\1", rest[2:].split(b"\0", 2)
    text = fields[-1]
    return name, (inflated(text) if is_compressed else text[:LARGEST_TEXT]).decode("utf-8", "replace")


def inflated(data: bytes, most: int = LARGEST_TEXT) -> bytes:
    """Decompress at most so many bytes; what comes before an error counts."""
    try:
        return zlib.decompressobj().decompress(data, most)
    except zlib.error:
        return b""


def _text(data: memoryview | bytes) -> str:
    held = bytes(data[:LARGEST_TEXT])
    try:
        return held.decode("utf-8")
    except UnicodeDecodeError:
        return held.decode("latin-1")
