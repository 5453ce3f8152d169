"""Read JSON of unknown origin: bounded memory, duplicate keys reported, no exception but one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

LARGEST_ESTIMATE = 160 << 20


class JsonError(ValueError):
    """The text is no JSON, or too large to be read; ``too_large`` tells which."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


@dataclass(frozen=True, slots=True)
class Document:
    """A value, and keys that stand more than once in one object: readers differ in which of the two they take."""

    value: Any
    duplicate_keys: tuple[str, ...]


def read_json(data: memoryview) -> Document:
    """Read one document in UTF-8.

    Raises
    ------
    JsonError
        If it is no JSON, nests too deeply, or would take
        more than 160 MiB of memory by an estimate made before it is read.

    Examples
    --------
    >>> read_json(memoryview(b'{"a": 1, "a": 2}')).duplicate_keys
    ('a',)
    """
    if len(data) > LARGEST_ESTIMATE:
        raise JsonError(f"{len(data)} bytes of JSON are more than is read", too_large=True)
    raw = bytes(data)
    estimate = len(raw) + 72 * (raw.count(b"[") + raw.count(b"{")) + 40 * raw.count(b",") + 30 * raw.count(b'"')
    if estimate > LARGEST_ESTIMATE:
        raise JsonError(f"reading it would take about {estimate >> 20} MiB of memory", too_large=True)
    duplicates: dict[str, None] = {}

    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs) and len(duplicates) < 20:
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    duplicates[key] = None
                seen.add(key)
        return result

    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=without_duplicates, parse_int=_integer)
    except RecursionError:
        raise JsonError("it nests too deeply") from None
    except ValueError as error:
        raise JsonError(str(error)[:200]) from None
    return Document(value, tuple(duplicates))


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else float("inf")
