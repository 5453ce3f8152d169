"""The examples of a finding: a few rows that show what was found, read from its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from holdfast.core.finding import Finding

TABLE = "examples"
MOST_EXAMPLES = 5
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows of text under their column names."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read_examples(folder: str, finding: Finding) -> Examples | None:
    """Return the first rows of the evidence table ``examples``; ``None`` where a finding has none.

    A file that is absent, or lies outside the folder, gives none.
    """
    import polars as pl

    path = finding.evidence.get(TABLE)
    root = Path(folder).resolve()
    whole = (root / path).resolve() if path else root
    if not whole.is_file() or not whole.is_relative_to(root):
        return None
    frame = pl.scan_parquet(whole, glob=False).head(MOST_EXAMPLES).collect()
    if not frame.height:
        return None
    rows = (tuple("" if cell is None else _short(str(cell)) for cell in row) for row in frame.iter_rows())
    return Examples(tuple(name.replace("_", " ") for name in frame.columns), tuple(rows))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
