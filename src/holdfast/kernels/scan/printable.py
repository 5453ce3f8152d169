"""Show text that an attacker chose: no line breaks, no terminal escapes, nothing that turns the reading direction."""

from __future__ import annotations


def printable(text: str | bytes | memoryview, limit: int = 200) -> str:
    """Return text with everything unprintable escaped, cut to about ``limit`` characters.

    Unprintable is what Unicode calls control, format (bidirectional overrides among them), surrogate, private,
    unassigned or a separator other than the space; a backslash is doubled, so that no escape can be forged.

    Examples
    --------
    >>> printable("a\\n\\u202eb")
    'a\\\\n\\\\u202eb'
    """
    if not isinstance(text, str):
        text = bytes(text[: limit + 1]).decode("utf-8", "surrogateescape")
    shown = "".join(map(_character, text[:limit]))
    return shown if len(text) <= limit else shown + "..."


def _character(character: str) -> str:
    if character.isprintable() and character != "\\":
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
