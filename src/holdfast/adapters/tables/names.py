"""Which column names a table may have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from holdfast.core.errors import InputError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATTERN = re.compile(r"\*|\^.*\$")


def check_names(names: Sequence[str], *, source: str) -> None:
    """Refuse names that occur twice, hold control characters, or that polars would take for a pattern of names.

    Raises
    ------
    InputError
        Naming the columns.
    """
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        places = "; ".join(f"{name!r} in columns {_places(names, name)}" for name in repeated[:5])
        raise InputError(
            f"expected every column of {source} to have a name of its own, got {places}",
            hint="rename or drop the repeated columns; if the table has no header line, add one",
        )
    for position, name in enumerate(names, start=1):
        if _CONTROL.search(name):
            raise InputError(
                f"expected column names without control characters in {source}, got {name!r:.80} (column {position})",
                hint="rename the column, for example without its line break or tab",
            )
        if _PATTERN.fullmatch(name):
            raise InputError(
                f"expected names of single columns in {source}, got {name!r:.80} (column {position}), which stands for "
                "several",
                hint="rename the column",
            )


def listed(names: Sequence[str], *, most: int = 5) -> str:
    """Write column names for a sentence, the first few of many."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _places(names: Sequence[str], name: str) -> str:
    return ", ".join(str(position) for position, other in enumerate(names, start=1) if other == name)
