"""The text form of a checkpoint and of the signatures under it.

A checkpoint is three lines: the name of the log, its number of entries, its root in base64. A signed note is a text, an
empty line, and one line for each signature. The signatures themselves are made and checked elsewhere: here they are
bytes.

References
----------
C2SP (2024), signed-note and tlog-checkpoint.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import NamedTuple

LARGEST_NOTE = 1 << 20
MOST_SIGNATURES = 100
_MARK = "\N{EM DASH} "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY_NAME = re.compile(r"[^\s+]+")


class Checkpoint(NamedTuple):
    """State of a log: its name, its number of entries, and its root (32 bytes)."""

    origin: str
    size: int
    root: bytes


class Signature(NamedTuple):
    """One line under a note.

    ``hint`` is the 4 bytes that say which key is meant; ``value`` what follows them.
    """

    name: str
    hint: bytes
    value: bytes


class Note(NamedTuple):
    """A text, ending with a line break, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]


def write_checkpoint(checkpoint: Checkpoint) -> str:
    r"""Write the text that is signed.

    Examples
    --------
    >>> write_checkpoint(Checkpoint("example.com/audits", 0, bytes(32)))
    'example.com/audits\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'
    """
    if not is_key_name(checkpoint.origin):
        raise ValueError(f"expected a name without spaces and without +, got {checkpoint.origin!r}")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{b64encode(checkpoint.root).decode()}\n"


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint; further lines are allowed and not looked at.

    Raises
    ------
    ValueError
        When it has another form.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise ValueError("expected three lines: the name of the log, its size, its root")
    origin, size, root = lines[:3]
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", size):
        raise ValueError(f"expected a number of entries in the second line, got {size!r}")
    return Checkpoint(origin, int(size), from_base64(root, 32))


def write_note(note: Note) -> str:
    """Write a text with its signatures.

    Raises
    ------
    ValueError
        When the text does not end with a line break.
    """
    if not note.text.endswith("\n"):
        raise ValueError("expected a text that ends with a line break")
    lines = (f"{_MARK}{one.name} {b64encode(one.hint + one.value).decode()}\n" for one in note.signatures)
    return f"{note.text}\n{''.join(lines)}"


def read_note(data: bytes | str) -> Note:
    """Read a signed note that may be hostile.

    Raises
    ------
    ValueError
        When it is too long, not UTF-8, holds control characters, or a line is no signature.
    """
    if len(data) > LARGEST_NOTE:
        raise ValueError(f"expected at most {LARGEST_NOTE} bytes, got {len(data)}")
    content = data.decode() if isinstance(data, bytes) else data
    if _CONTROL.search(content):
        raise ValueError("a control character")
    text, gap, tail = content.rpartition("\n\n")
    lines = tail.split("\n")
    if not gap or lines.pop() or not 0 < len(lines) <= MOST_SIGNATURES:
        raise ValueError(f"expected a text, an empty line and 1 to {MOST_SIGNATURES} signatures, each on a line")
    return Note(text + "\n", tuple(map(_signature, lines)))


def from_base64(text: str, n_bytes: int | None = None) -> bytes:
    """Read base64 that is written in the one standard way, of so many bytes where asked.

    Raises
    ------
    ValueError
        For anything else, bits that mean nothing and are not 0 included.
    """
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        data = b""
    if b64encode(data).decode() != text or (n_bytes is not None and len(data) != n_bytes):
        raise ValueError(f"expected {f'{n_bytes} bytes in ' if n_bytes else ''}base64, got {text!r:.80}")
    return data


def is_key_name(name: str) -> bool:
    """Whether a key or a log can have this name: not empty, printable, without spaces and without a plus."""
    return bool(_KEY_NAME.fullmatch(name)) and name.isprintable()


def _signature(line: str) -> Signature:
    name, _, value = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not is_key_name(name):
        raise ValueError(f"expected a signature, got the line {line!r:.80}")
    data = from_base64(value)
    if len(data) < 5:
        raise ValueError(f"the signature of {name} is too short")
    return Signature(name, data[:4], data[4:])
