"""Decide the type of every column of strings, over all rows.

The rules, which the notes repeat where they mattered:

- An empty or blank cell is missing; so are the words NA, N/A, NaN, null, #N/A and <NA>.
- ``?`` and ``None`` are missing only where all other cells are numbers, dates or truth values. In a column of text they
  may well be categories and stay.
- A column is numeric when every cell that is not missing is a number; whole numbers stay whole. Codes that begin with a
  zero (``00123``) are text. Words around numbers make the whole column text.
- A comma inside a number is a decimal comma when the fields are not separated by commas, no column of the table uses a
  decimal point, and the numbers cannot be read as thousands (``1,234``).
- ``true``/``false`` are truth values, ISO 8601 dates and times are dates and times; any other writing is text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from holdfast.adapters.tables.names import listed

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["empty", "integer", "float", "huge", "comma", "thousands", "code", "boolean", "date", "datetime", "text"]
TYPED: frozenset[Kind] = frozenset({"integer", "float", "huge", "comma", "boolean", "date", "datetime"})
MISSING = ("NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "Null", "#N/A", "<NA>")
MISSING_WHERE_TYPED = ("?", "None", "none", "NONE")

_WHOLE = r"^[+-]?\d+$"
_LEADING_ZERO = r"^[+-]?0\d"
_COMMA = r"^[+-]?\d+(,\d+)?([eE][+-]?\d+)?$"
_THOUSANDS = r"^[+-]?([1-9]\d{0,2},\d{3}|\d+)$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$"
_DATETIME_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the distinct cells of one column say.

    Attributes
    ----------
    kind
        The type that fits all cells.
    missing
        Cells, as they stand in the text, that are missing values.
    doubtful
        Cells of text that may mean a missing value and are kept.
    numbers
        Cells that are numbers, where others are not.
    uses_point
        Whether a number has a decimal point.
    is_padded
        Whether it is text, and every cell begins with a blank.
    """

    kind: Kind
    missing: pl.Series
    doubtful: pl.Series
    numbers: pl.Series
    uses_point: bool
    is_padded: bool


def type_columns(frame: pl.DataFrame, *, decimal_comma: bool) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Give the columns of strings their types.

    Parameters
    ----------
    frame : polars.DataFrame
        String columns; null for an empty cell.
    decimal_comma : bool
        Whether a comma inside a number may be a decimal comma.

    Returns
    -------
    tuple of polars.DataFrame and tuple of str
        The typed columns, and what was assumed.
    """
    judged = {column.name: _judge(column) for column in frame.iter_columns()}
    points = any(judgement.uses_point for judgement in judged.values())
    kinds = {
        name: "text" if judgement.kind == "comma" and (points or not decimal_comma) else judgement.kind
        for name, judgement in judged.items()
    }
    columns = [_typed(column, kinds[column.name], judged[column.name].missing) for column in frame.iter_columns()]
    return frame.select(columns), tuple(_notes(frame, judged, kinds, points and decimal_comma))


def _judge(column: pl.Series) -> Judgement:
    import polars as pl

    cells = column.drop_nulls().unique()
    stripped = cells.str.strip_chars()
    is_missing = (stripped == "") | stripped.is_in(MISSING)
    is_doubtful = stripped.is_in(MISSING_WHERE_TYPED)
    core = stripped.filter(~(is_missing | is_doubtful))
    kind = _kind(core)
    numbers = pl.Series([], dtype=pl.String)
    if kind == "text":
        numbers = cells.filter(stripped.cast(pl.Float64, strict=False).is_not_null() & ~is_missing)
    return Judgement(
        kind=kind if len(core) or not is_doubtful.any() else "text",
        missing=cells.filter(is_missing | is_doubtful if kind in TYPED else is_missing),
        doubtful=cells.filter(is_doubtful & (kind not in TYPED)),
        numbers=numbers,
        uses_point=kind == "float" and bool(core.str.contains(".", literal=True).any()),
        is_padded=kind == "text" and bool(cells.filter(~is_missing).str.starts_with(" ").all()),
    )


def _kind(core: pl.Series) -> Kind:
    """Find the type that fits all distinct cells."""
    import polars as pl

    if core.is_empty():
        return "empty"
    if not core.cast(pl.Float64, strict=False).has_nulls():
        if core.str.contains(_LEADING_ZERO).any():
            return "code"
        if not _all_match(core, _WHOLE):
            return "float"
        return "huge" if core.cast(pl.Int64, strict=False).has_nulls() else "integer"
    if len(core) <= 6 and set(core.str.to_lowercase()) <= {"true", "false"}:
        return "boolean"
    if _all_match(core, _COMMA):
        if core.str.contains(_LEADING_ZERO).any():
            return "code"
        return "thousands" if _all_match(core, _THOUSANDS) else "comma"
    if _all_match(core, _DATE) and not core.str.to_date("%Y-%m-%d", strict=False).has_nulls():
        return "date"
    if _all_match(core, _DATETIME) and _datetime_format(core) is not None:
        return "datetime"
    return "text"


def _all_match(core: pl.Series, pattern: str) -> bool:
    """Whether all cells match; a few are tried first, because most columns fail there."""
    return bool(core.head(20).str.contains(pattern).all()) and bool(core.str.contains(pattern).all())


def _datetime_format(core: pl.Series) -> str | None:
    spaced = core.str.replace("T", " ", literal=True)
    for form in _DATETIME_FORMATS:
        if not spaced.str.to_datetime(form, strict=False, time_unit="us").has_nulls():
            return form
    return None


def _typed(column: pl.Series, kind: Kind, missing: pl.Series) -> pl.Series:
    import polars as pl

    present = column.set(column.is_in(missing.to_list()), None) if len(missing) else column
    if kind not in TYPED:
        return present.cast(pl.Float64) if kind == "empty" else present
    cells = present.str.strip_chars()
    if kind == "integer":
        return cells.cast(pl.Int64)
    if kind in ("float", "huge"):
        return cells.cast(pl.Float64)
    if kind == "comma":
        return cells.str.replace(",", ".", literal=True).cast(pl.Float64)
    if kind == "boolean":
        return cells.str.to_lowercase() == "true"
    if kind == "date":
        return cells.str.to_date("%Y-%m-%d")
    form = _datetime_format(cells.drop_nulls().unique())
    return cells.str.replace("T", " ", literal=True).str.to_datetime(form, time_unit="us")


def _notes(
    frame: pl.DataFrame, judged: dict[str, Judgement], kinds: dict[str, Kind], point_and_comma: bool
) -> list[str]:
    by_kind: dict[Kind, list[str]] = {}
    for name, kind in kinds.items():
        by_kind.setdefault(kind, []).append(name)
    sentences: list[tuple[Kind, str]] = [
        ("empty", "columns without any value were taken as numeric: {}"),
        ("huge", "whole numbers beyond 64 bits became floating point in {}"),
        ("comma", "a comma was read as the decimal mark in {}"),
        ("code", "kept as text because numbers begin with a zero, as codes do: {}"),
        ("thousands", "kept as text because the comma may separate thousands or decimals: {}"),
    ]
    notes = [sentence.format(listed(by_kind[kind])) for kind, sentence in sentences if kind in by_kind]
    refused = [name for name, judgement in judged.items() if judgement.kind == "comma" and kinds[name] == "text"]
    if refused and point_and_comma:
        notes.append(f"kept as text because other columns use a decimal point, not a comma: {listed(refused)}")
    padded = [name for name, judgement in judged.items() if judgement.is_padded]
    if padded:
        notes.append(f"text begins with a blank in every cell, which was kept, in {listed(padded)}")
    notes.extend(_missing_notes(frame, judged))
    for name, judgement in judged.items():
        if len(judgement.numbers):
            notes.extend(_mixed_note(frame[name], judgement))
    return notes


def _missing_notes(frame: pl.DataFrame, judged: dict[str, Judgement]) -> list[str]:
    """Say which words were read as missing values, and which may have been meant so."""
    read: list[str] = []
    kept: list[str] = []
    for name, judgement in judged.items():
        words = judgement.missing.filter(judgement.missing.str.strip_chars() != "")
        if len(words):
            times = int(frame[name].is_in(words.to_list()).sum())
            read.append(f"{name!r} ({times} x {', '.join(sorted(words.str.strip_chars().unique()))})")
        if len(judgement.doubtful):
            times = int(frame[name].is_in(judgement.doubtful.to_list()).sum())
            kept.append(f"{name!r} ({times} x {', '.join(sorted(judgement.doubtful.str.strip_chars().unique()))})")
    notes = []
    if read:
        notes.append(f"words read as missing values in {', '.join(read)}")
    if kept:
        notes.append(f"words kept as a category of text, though they may mean a missing value, in {', '.join(kept)}")
    return notes


def _mixed_note(column: pl.Series, judgement: Judgement) -> list[str]:
    """Tell of a column that is mostly numbers and yet text, with the first row to blame."""
    present = column.is_not_null() & ~column.is_in(judgement.missing.to_list())
    is_number = column.is_in(judgement.numbers.to_list()) & present
    share = int(is_number.sum()) / int(present.sum())
    if share < 0.5:
        return []
    row = int((present & ~is_number).arg_true()[0])
    return [
        f"column {column.name!r} is text because not all of its cells are numbers ({share:.0%} are): "
        f"data row {row + 1} holds {column[row]!r:.40}"
    ]
