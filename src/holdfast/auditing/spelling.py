"""Cells brought to one type and one spelling, so that rows of several tables can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def spelled_alike(frames: Sequence[pl.DataFrame], *, digits: int) -> list[pl.DataFrame]:
    """Bring columns to one type over tables of the same columns, and cells to one spelling.

    Decimal numbers are rounded to ``digits`` significant digits; text loses case, outer spaces and repeated ones;
    a column whose type differs between the tables is compared as text, unless it is of numbers in all.

    Examples
    --------
    >>> import polars as pl
    >>> frames = [pl.DataFrame({"a": [1], "b": [" New  York"]}), pl.DataFrame({"a": [1.0000001], "b": ["new york"]})]
    >>> one, other = spelled_alike(frames, digits=6)
    >>> one.equals(other)
    True
    """
    import polars as pl

    written: list[list[pl.Series]] = [[] for _ in frames]
    for name in frames[0].columns:
        parts = [frame.get_column(name) for frame in frames]
        kinds = {part.dtype for part in parts}
        are_numbers = all(kind.is_numeric() for kind in kinds)
        for place, part in enumerate(parts):
            if are_numbers and any(kind.is_float() for kind in kinds):
                part = _to_digits(part.cast(pl.Float64), digits)
            elif not are_numbers and (len(kinds) > 1 or part.dtype == pl.String):
                part = part.cast(pl.String).str.strip_chars().str.to_lowercase().str.replace_all(r"\s+", " ")
            written[place].append(part)
    return [pl.DataFrame(columns) for columns in written]


def _to_digits(column: pl.Series, digits: int) -> pl.Series:
    import polars as pl

    number = pl.col(column.name)
    rounded = pl.when(number.is_finite()).then(number.round_sig_figs(digits)).otherwise(number)
    return column.to_frame().select(rounded.alias(column.name)).to_series()
