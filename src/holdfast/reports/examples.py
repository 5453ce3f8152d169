"""The examples of a finding: a few rows that show what was found, read from its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.core.finding import Finding

if TYPE_CHECKING:
    import polars as pl

TABLE = "examples"
MOST_EXAMPLES = 5
MOST_COLUMNS = 12
LONGEST = 200
# Columns of a table whose lines are the cells of rows that changed.
CHANGES = {"row", "answer", "answer_after", "column", "before", "after", "is_changed"}


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell says, and whether it differs from the row above."""

    text: str
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class Examples:
    """Cells under their column names.

    Attributes
    ----------
    columns, rows
        The table.
    is_paired
        Whether rows come in pairs, before and after.
    n_left_out
        Columns that do not fit.
    title
        What the table shows; empty for examples.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    is_paired: bool = False
    n_left_out: int = 0
    title: str = ""


def read_examples(folder: str, finding: Finding) -> Examples | None:
    """Return the first rows of the evidence table ``examples``; ``None`` where a finding has none.

    A table of changes, one line per row and cell, becomes two rows for each example: before and after. A file that is
    absent, or lies outside the folder, gives none.
    """
    frame = read_evidence(folder, finding, TABLE)
    if frame is None or not frame.height:
        return None
    if set(frame.columns) >= CHANGES:
        return _paired(frame)
    rows = (
        tuple(Cell("" if cell is None else _short(str(cell))) for cell in row)
        for row in frame[:MOST_EXAMPLES].iter_rows()
    )
    return Examples(tuple(name.replace("_", " ") for name in frame.columns), tuple(rows))


def read_evidence(folder: str, finding: Finding, name: str) -> pl.DataFrame | None:
    """Read an evidence table; ``None`` where there is none, or it lies outside the audit's folder."""
    import polars as pl

    path = finding.evidence.get(name)
    root = Path(folder).resolve()
    whole = (root / path).resolve() if path else root
    if not whole.is_file() or not whole.is_relative_to(root):
        return None
    return pl.read_parquet(whole, glob=False)


def _paired(frame: pl.DataFrame) -> Examples:
    names = frame["column"].unique(maintain_order=True).to_list()
    shown = names[:MOST_COLUMNS]
    rows: list[tuple[Cell, ...]] = []
    for lines in frame.partition_by("row", maintain_order=True)[:MOST_EXAMPLES]:
        first = lines.row(0, named=True)
        cells = {line["column"]: line for line in lines.iter_rows(named=True)}
        rows.append(
            (Cell(str(first["row"])), Cell("before"), *(_cell(cells.get(name), "before") for name in shown),
             Cell(_short(str(first["answer"])))),
        )  # fmt: skip
        rows.append(
            (Cell(""), Cell("after"), *(_cell(cells.get(name), "after") for name in shown),
             Cell(_short(str(first["answer_after"])), is_changed=True)),
        )  # fmt: skip
    return Examples(("row", "", *shown, "answer"), tuple(rows), is_paired=True, n_left_out=len(names) - len(shown))


def _cell(line: dict[str, Any] | None, side: str) -> Cell:
    if line is None or line[side] is None:
        return Cell("")
    return Cell(_short(str(line[side])), is_changed=side == "after" and bool(line["is_changed"]))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
