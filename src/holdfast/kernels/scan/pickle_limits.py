"""Where the pickle machine stops, and how it says so."""

from __future__ import annotations

SHORT_TEXT = 100
STEPS = 20_000
LONG_TEXT_ROOM = 1 << 22
ROOM = 120_000
MEMO_LIMIT = 6_000_000
SPARSE_LIMIT = 50_000
SMALL_GAP = 16
STACK_LIMIT = 300_000
HIGH_STACK = 20_000
MOST_WEIGHT = 64
MARK_LIMIT = 50_000
PLAIN_KEYS = 10_000
NOTHING_LEFT = "expected a value or a mark on the stack, or a memoized value, or more bytes; there is none"


class Broken(Exception):
    """The stream is not a pickle from here on: expected, got."""


class Unexamined(Exception):
    """The stream goes on, but not within the limits of the machine."""


class Finished(Exception):
    """The pickle has ended."""
