"""The groups that something happens to more often than to all others, read from the evidence of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.core.finding import Finding
from holdfast.reports.examples import Cell, Examples, read_evidence
from holdfast.reports.text import format_number, format_range

if TYPE_CHECKING:
    import polars as pl

TABLE = "groups"
NEEDED = {
    "kind", "column", "group", "n", "share", "low", "high", "rest_share", "difference", "difference_low",
    "difference_high", "p_adjusted",
}  # fmt: skip
MOST_OF_A_KIND = 6
CLEAR = 0.05
COUNTED = {
    "flipped": ("Who is flipped more easily", "flipped"),
    "named": ("Who stands out more often", "stand out"),
    "missed": ("Whose truth is missed more often", "missed"),
}
"""Title and heading of the share, by the column that counts what happened."""


def read_groups(folder: str, finding: Finding) -> Examples | None:
    """Return the groups of people, and the slices that differ clearly, from the evidence table ``groups``.

    ``None`` where a finding has no such table, or it holds nothing to show.
    """
    frame = read_evidence(folder, finding, TABLE)
    counted = [] if frame is None else [name for name in COUNTED if name in frame.columns]
    if frame is None or not counted or not set(frame.columns) >= NEEDED:
        return None
    title, share = COUNTED[counted[0]]
    people = frame.filter(kind="group").sort("p_adjusted", "column", "group")[:MOST_OF_A_KIND]
    slices = frame.filter(kind="slice").sort("p_adjusted", "column", "group")[:MOST_OF_A_KIND]
    clear = slices.filter(_is_clear())
    rows = [_row(line) for part in (people, clear) for line in part.iter_rows(named=True)]
    columns = ("group", "rows", share, "all others", "difference", "adjusted p")
    return Examples(columns, tuple(rows), title=title) if rows else None


def _is_clear() -> pl.Expr:
    import polars as pl

    return pl.col("p_adjusted") <= CLEAR


def _row(line: dict[str, Any]) -> tuple[Cell, ...]:
    share = f"{format_number(line['share'], 'share')} ({format_range(line['low'], line['high'], 'share')})"
    ends = format_range(100 * line["difference_low"], 100 * line["difference_high"])
    return (
        Cell(f"{line['column']}: {line['group']}"),
        Cell(f"{line['n']:,}"),
        Cell(share),
        Cell(format_number(line["rest_share"], "share")),
        Cell(
            f"{100 * line['difference']:+.1f} points ({ends})".replace("-", "\N{MINUS SIGN}"),
            is_changed=line["p_adjusted"] <= CLEAR,
        ),
        Cell(f"{line['p_adjusted']:.2g}"),
    )
