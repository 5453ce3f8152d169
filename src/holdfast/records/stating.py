"""What a person states of a data set, from flags, a YAML file and a Croissant description."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path
from typing import Any

from holdfast.adapters.tables.croissant import read_croissant
from holdfast.core.errors import InputError
from holdfast.core.parse import from_mapping, parse_yaml
from holdfast.core.provenance import DataStatement

LONGEST = 2_000
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")


def state(given: Mapping[str, Any], *, file: Path | None = None, croissant: Path | None = None) -> DataStatement:
    """Join what was stated: what is given goes before the YAML file, and that before the Croissant description.

    Raises
    ------
    InputError
        When a file cannot be read, a key is unknown, a day is none, or a text is too long or holds an e-mail address:
        records are kept, so they name offices and not people.
    """
    stated: dict[str, Any] = {}
    if croissant is not None:
        stated |= {name: value for name, value in asdict(read_croissant(croissant)).items() if value}
    if file is not None:
        stated |= _from_yaml(file)
    stated |= {name: value for name, value in given.items() if value}
    statement = from_mapping(DataStatement, stated, source=str(file or "the statement"))
    for field in fields(statement):
        value = getattr(statement, field.name)
        for text in value if isinstance(value, tuple) else (value or "",):
            _check_text(field.name, text)
    first, last = (_day(name, getattr(statement, name)) for name in ("collected_from", "collected_to"))
    if first and last and last < first:
        raise InputError(f"expected collected_to on or after collected_from, got {last} before {first}")
    return statement


def kept_until(statement: DataStatement) -> date | None:
    """Return the day until which the rows may be kept, where the retention is a day."""
    try:
        return date.fromisoformat(statement.retention)
    except ValueError:
        return None


def _from_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputError(f"cannot read {path}: {reason}", hint="check the path") from None
    parsed = parse_yaml(text, source=str(path)) or {}
    if not isinstance(parsed, dict):
        raise InputError(f"expected a mapping in {path}, got {type(parsed).__name__}")
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in parsed.items()}


def _check_text(name: str, text: str) -> None:
    if len(text) > LONGEST:
        raise InputError(f"expected at most {LONGEST:,} characters as {name}, got {len(text):,}")
    if ADDRESS.search(text):
        raise InputError(
            f"{name} holds an e-mail address: {text!r:.80}", hint="name an office or a role; a record is never changed"
        )


def _day(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError(f"expected a day such as 2026-03-01 as {name}, got {text!r}") from None
