"""What a PDF says of itself: the information dictionary and XMP packets. Pages are neither rendered nor read.

References
----------
ISO 32000-2:2020, sections 7.3.4 (strings), 7.5.7 (object streams), 14.3.2 (metadata streams), 14.3.3 (information
dictionary).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.kernels.personal_data.image_metadata import inflated, xmp_passages
from holdfast.kernels.personal_data.passages import NOWHERE, Passage, Place, context_of

KEYS = (
    b"Title", b"Author", b"Subject", b"Keywords", b"Creator", b"Producer", b"CreationDate", b"ModDate", b"Company",
    b"Manager", b"SourceModified",
)  # fmt: skip
ENTRY = re.compile(rb"/(" + b"|".join(KEYS) + rb")\s{0,4}(?=[(<])")
OBJECT = re.compile(rb"(\d{1,10}) \d{1,5} obj\b")
STREAM = re.compile(rb"/Type\s{0,4}/(ObjStm|Metadata)\b[^\0]{0,1000}?stream\r?\n")
PACKET = re.compile(rb"<x:xmpmeta\b")
PACKET_END = b"</x:xmpmeta>"
LONGEST_STRING = 1 << 16
LARGEST_PACKET = 1 << 20
MOST_STREAMS = 1000
MOST_EXPANDED = 1 << 22
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
PEOPLE = frozenset({"Author", "Manager"})


def is_encrypted(data: memoryview) -> bool:
    """Whether the strings of the file are encrypted, so that nobody without the key reads them."""
    return re.search(rb"/Encrypt\s{0,4}(?:\d|<<)", data) is not None


def pdf_passages(data: memoryview, place: Place = NOWHERE) -> Iterator[Passage]:
    """Read the entries of the information dictionary and the values of XMP packets.

    Object streams are decompressed to 4 MiB each at most; entries are found by their names, wherever they stand.
    """
    yield from _entries(data, place, "")
    yield from _packets(data, place)
    for count, stream in enumerate(STREAM.finditer(data)):
        if count == MOST_STREAMS:
            return
        held = inflated(bytes(data[stream.end() : stream.end() + MOST_EXPANDED]), MOST_EXPANDED)
        if held and stream[1] == b"ObjStm":
            yield from _entries(memoryview(held), place, "an object stream")
        elif held:
            yield from _packets(memoryview(held), place)


def _packets(data: memoryview, place: Place) -> Iterator[Passage]:
    for start in PACKET.finditer(data):
        packet = bytes(data[start.start() : start.start() + LARGEST_PACKET])
        yield from xmp_passages(packet[: packet.find(PACKET_END) + 1 or None].decode("utf-8", "replace"), place)


def _entries(data: memoryview, place: Place, holder: str) -> Iterator[Passage]:
    for entry in ENTRY.finditer(data):
        name, text = entry[1].decode(), _string(bytes(data[entry.end() : entry.end() + LONGEST_STRING]))
        if text.strip():
            before = bytes(data[max(0, entry.start() - LONGEST_STRING) : entry.start()])
            numbers = OBJECT.findall(before)
            where = holder or (f"object {int(numbers[-1])}" if numbers else "an object")
            known = "PERSON" if name in PEOPLE else ""
            yield Passage(text, place._replace(part=f"PDF {name}, {where}"), context_of(name), known=known)


def _string(data: bytes) -> str:
    """Read a literal or hexadecimal string at the start of the data."""
    if data[:2] == b"<<":
        return ""
    if data[:1] == b"<":
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", data[1 : data.find(b">") if b">" in data else None])
        held = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    else:
        held = _literal(data.decode("latin-1")).encode("latin-1")
    if held.startswith((b"\xfe\xff", b"\xff\xfe")):
        return held.decode("utf-16", "replace")
    return held.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace") if _is_utf8(held) else held.decode("latin-1")


def _is_utf8(held: bytes) -> bool:
    try:
        held.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _literal(text: str) -> str:
    """Read up to the parenthesis that closes, with escapes resolved."""
    found: list[str] = []
    depth, at = 0, 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == "\\":
            octal = re.compile("[0-7]{1,3}").match(text, at)
            if octal:
                found.append(chr(int(octal[0], 8) & 0xFF))
                at = octal.end()
            else:
                following = text[at : at + 1]
                found.append("" if following in ("\n", "\r") else ESCAPES.get(following, following))
                at += 1
            continue
        depth += (character == "(") - (character == ")")
        if depth == 0:
            break
        if not (character == "(" and depth == 1):
            found.append(character)
    return "".join(found)
