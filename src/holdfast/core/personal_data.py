"""What a search for personal data says of one file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedFile:
    """One file.

    Attributes
    ----------
    path
        As the user would write it, with everything unprintable escaped.
    kind
        How it was read: text, log, records, json, table, parquet, image, document, model; empty where nobody looked.
    n_found
        Spans that were found.
    notes
        What was replaced, broken off or left out.
    not_examined
        Why nobody looked, or not to the end; empty otherwise.
    """

    path: str
    kind: str
    n_found: int
    notes: tuple[str, ...] = ()
    not_examined: str = ""
