"""From the bytes of a file to chunks of text: nothing is refused, and what is no text is counted and said."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

CHUNK = 1 << 18
LONGEST_LINE = 1 << 22
REPLACED = "\ufffd"
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


def decoded(stream: BinaryIO, notes: list[str]) -> Iterator[str]:
    """Read a stream as UTF-8, or as its mark says, in chunks; bytes that are no text become U+FFFD.

    Parameters
    ----------
    notes
        Takes one sentence at the end, where bytes were replaced or NULs stand in the text.
    """
    head = stream.read(CHUNK)
    encoding = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    replaced = nuls = 0
    while True:
        chunk = head if head else stream.read(CHUNK)
        head = b""
        text = decoder.decode(chunk, final=not chunk)
        replaced += text.count(REPLACED) - (chunk.count(REPLACED.encode()) if encoding.startswith("utf-8") else 0)
        nuls += text.count("\0")
        if text:
            yield text
        if not chunk:
            break
    if replaced > 0:
        notes.append(f"{replaced:,} places are no {encoding.upper().removesuffix('-SIG')}: they were read as U+FFFD")
    if nuls:
        notes.append(f"{nuls:,} NUL characters stand in the text")


def lines_of(chunks: Iterator[str], notes: list[str]) -> Iterator[str]:
    """Yield lines with their ends; those of more than 4 million characters are broken there, and a note says so."""
    held, broken = "", 0
    for chunk in chunks:
        *lines, held = (held + chunk).split("\n")
        yield from (f"{line}\n" for line in lines)
        if len(held) > LONGEST_LINE:
            broken += 1
            yield held + "\n"
            held = ""
    if held:
        yield held
    if broken:
        notes.append(f"{broken:,} lines were broken after {LONGEST_LINE:,} characters: what runs across is not found")
