"""Watch a table's columns window by window against a reference, with a budget of false alarms per year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.auditing.alarm_effects import described_change, described_rate
from holdfast.auditing.time_column import SEASONS, YEAR_S, Times, numbered, read_span, read_times, seasons
from holdfast.core.alarm import AlarmReport, ColumnAlarm, WatchedColumn, Window
from holdfast.core.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

    from holdfast.core.subject import Table
    from holdfast.kernels.drift.sequential import ColumnWatch

SEED = 0
BUDGET = 0.05
FEW_LEVELS = 20
LEAST_ROWS = 20
INDEPENDENT = (
    "rows of one window, and of the reference, are independent draws; rows that depend on their neighbours in time "
    "raise false alarms, for which there are --block and --season"
)
BLOCKS = (
    "blocks of {block} are independent of each other; a number stands for its block by its median, a level by one row"
)
SEASON = "rows are compared with reference rows of the same {season} (UTC) only"
EXCHANGEABLE = "without a change, rows of the reference and of the windows come from one distribution"
ANSWERS = "answers are wrong independently of each other, at a rate that is constant until it changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One table, in order of time: its columns, and season and block of each row."""

    frame: pl.DataFrame
    times: Times | None
    values: NDArray[np.float64]
    season: NDArray[np.int64] | None
    blocks: NDArray[np.int64] | None


def watch_alarms(
    reference: Any,
    current: Any,
    *,
    time: str,
    every: str,
    errors: str | None = None,
    budget: float = BUDGET,
    season: str | None = None,
    block: str | None = None,
    ignore: Sequence[str] = (),
) -> AlarmReport:
    """Say which columns of a table changed, when, and by how much.

    Parameters
    ----------
    reference, current
        Files (CSV or Parquet) or data frames: what is normal, and what came since.
    time
        Column with the time of each row, in `current` and, for `season` and `block`, in `reference`: ISO 8601 dates or
        times, or numbers. Rows are put in order.
    every
        Length of a window, such as ``7d``; a plain number where times are numbers.
    errors
        Column of `current` that says whether the model's answer was wrong: 0 and 1, or truth values.
    budget
        Probability of any false alarm in a year, over all columns. Where times are numbers, in the whole table.
    season
        ``hour``, ``weekday`` or ``month``: compare rows with reference rows of the same season only.
    block
        Length of blocks, such as ``1d``, that stand for one row each where neighbouring rows depend on each other.
    ignore
        Columns that are not watched.

    Raises
    ------
    InputError
        When a table, a column, a time or an option cannot be used.
    """
    from holdfast.adapters.tables.reading import read_table

    if not 0.0 < budget < 1.0:
        raise InputError(
            f"expected a budget between 0 and 1, got {budget:g}", hint="0.05 is one false alarm in 20 years"
        )
    if season is not None and season not in SEASONS:
        raise InputError(f"expected a known season, got {season!r}", hint=did_you_mean(season, SEASONS))
    before, after = read_table(reference, name="reference"), read_table(current, name="current")
    for name in (*ignore, *([errors] if errors else [])):
        if name not in after.frame.columns:
            raise InputError(f"{after.source} has no column {name!r}", hint=did_you_mean(name, after.frame.columns))
    found = read_times(after, time)
    length = read_span(every, is_clock=found.is_clock, option="--every")
    old = _prepared(before, _reference_times(before, time, season, block), season, block)
    new = _prepared(after, found, season, block)
    origin = _origin(found, length)
    window_of = numbered(found, length, origin, option="--every")
    n_windows = int(window_of[-1]) + 1
    per_year = max(round(YEAR_S / length), 1) if found.is_clock else n_windows
    watched, not_watched = _columns(old.frame, new.frame, {time, *ignore, *([errors] if errors else [])})
    n_watched = len(watched) + bool(errors)
    if not n_watched:
        raise InputError(
            "no column can be watched: "
            + ("; ".join(f"{name}: {why}" for name, why in not_watched) or "there is none"),
            hint="give tables with at least one column of the same name and type beside the time",
        )
    alpha = budget / n_watched
    edges = origin + length * np.arange(n_windows + 1, dtype=np.float64)
    followed = [
        _followed(name, kind, old, new, edges, alpha=alpha, per_year=per_year) for name, kind in watched.items()
    ]
    alarms = [alarm for _, of_column in followed for alarm in of_column]
    columns = [column for column, _ in followed]
    notes = [*before.notes, *after.notes, *(old.times.notes if old.times else ()), *found.notes]
    if errors:
        columns.append(WatchedColumn(name=errors, kind="errors", log10_evidence=()))
        of_errors, beside = _error_alarms(
            after, found, errors, edges, alpha=alpha, per_year=per_year, blocks=new.blocks
        )
        alarms += of_errors
        notes += beside
    return AlarmReport(
        reference=before.source,
        current=after.source,
        budget=budget,
        windows_per_year=per_year,
        log10_threshold=-float(np.log10(alpha)),
        windows=_windows(found, edges, window_of),
        columns=tuple(columns),
        alarms=tuple(sorted(alarms, key=lambda alarm: (alarm.window, -alarm.log10_evidence))),
        not_watched=tuple(not_watched),
        assumptions=_assumptions(season, block, errors),
        notes=tuple(notes),
    )


def _reference_times(table: Table, time: str, season: str | None, block: str | None) -> Times | None:
    if season is None and block is None:
        return None
    if time not in table.frame.columns:
        option = "--season" if season else "--block"
        raise InputError(
            f"{table.source} has no column {time!r}, and {option} needs the time of the reference's rows too",
            hint=did_you_mean(time, table.frame.columns),
        )
    return read_times(table, time)


def _prepared(table: Table, times: Times | None, season: str | None, block: str | None) -> Prepared:
    frame = table.frame if times is None else table.frame[times.rows]
    values = np.empty(0) if times is None else times.values
    if season and times and not times.is_clock:
        raise InputError(f"expected dates and times for --season {season}, got numbers in {table.source}")
    blocks = None
    if block and times:
        length = read_span(block, is_clock=times.is_clock, option="--block")
        blocks = np.floor(values / length).astype(np.int64)
    season_of = seasons(values, season) if season else None
    return Prepared(frame=frame, times=times, values=values, season=season_of, blocks=blocks)


def _origin(times: Times, length: float) -> float:
    """Begin windows of whole days at midnight, all others with the first row."""
    first = float(times.values[0])
    return float(np.floor(first / 86_400) * 86_400) if times.is_clock and length % 86_400 == 0 else first


def _columns(old: pl.DataFrame, new: pl.DataFrame, left_out: set[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Kind of each column that can be watched, and why the others cannot."""
    kinds, reasons = {}, []
    for name in [name for name in old.columns if name not in left_out]:
        if name not in new.columns:
            reasons.append((name, "it vanished: only the reference has it"))
            continue
        kind, reason = _kind(old[name], new[name])
        if kind:
            kinds[name] = kind
        else:
            reasons.append((name, reason))
    reasons += [
        (name, "it is new: the reference lacks it") for name in new.columns if name not in {*old.columns, *left_out}
    ]
    return kinds, reasons


def _kind(old: pl.Series, new: pl.Series) -> tuple[str, str]:
    known = old if old.null_count() < old.len() else new
    if known.dtype.is_temporal() or new.dtype.is_temporal():
        return "", "dates and times are not watched"
    if not known.dtype.is_numeric():
        return "levels", ""
    if not new.dtype.is_numeric() and new.null_count() < new.len():
        present = new.drop_nulls()
        return "", f"its type changed: numbers in the reference, {new.dtype} now, such as {str(present[0])!r:.40}"
    whole = known.dtype.is_integer() and new.dtype.is_integer()
    return ("levels" if whole and known.n_unique() <= FEW_LEVELS else "numbers"), ""


def _cells(table: Prepared, name: str, kind: str) -> tuple[Any, NDArray[np.int64] | None, NDArray[np.float64]]:
    """Values, seasons and times of a column, one for each row, or for each block."""
    import polars as pl

    from holdfast.kernels.drift.blocks import block_medians, one_of_each_block

    series = table.frame[name]
    numbers = series.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy() if kind == "numbers" else None
    texts = None if kind == "numbers" else series.cast(pl.String)
    if table.blocks is None:
        return (numbers if texts is None else texts.to_list()), table.season, table.values
    _, first = np.unique(table.blocks, return_index=True)
    season = None if table.season is None else table.season[first]
    if texts is None:
        return block_medians(np.asarray(numbers), table.blocks), season, table.values[first]
    picked = one_of_each_block(table.blocks, rng=np.random.default_rng(SEED))
    return texts[picked].to_list(), season, table.values[first]


def _followed(
    name: str, kind: str, old: Prepared, new: Prepared, edges: NDArray[np.float64], *, alpha: float, per_year: int
) -> tuple[WatchedColumn, list[ColumnAlarm]]:
    """Watch one column through all windows."""
    from holdfast.kernels.drift.sequential import watch_levels, watch_numbers

    before, season_before, _ = _cells(old, name, kind)
    values, season, moments = _cells(new, name, kind)
    known = np.unique(
        np.concatenate(
            [
                np.zeros(1, dtype=np.int64) if season_before is None else season_before,
                np.zeros(0, dtype=np.int64) if season is None else season,
            ]
        )
    )
    watch = (watch_numbers if kind == "numbers" else watch_levels)(
        before,
        rng=np.random.default_rng(SEED),
        windows_per_year=per_year,
        alpha=alpha,
        seasons=None if season_before is None else np.searchsorted(known, season_before),
        n_seasons=known.size,
    )
    cuts = np.searchsorted(moments, edges, side="left")
    evidence = []
    for begin, end in pairwise(cuts.tolist()):
        rows = slice(begin, end)
        watch.update(values[rows], seasons=None if season is None else np.searchsorted(known, season[rows]))
        evidence.append(watch.evidence.log_evidence / float(np.log(10)))
    alarms = _column_alarms(name, kind, watch, (before, values), (season_before, season), cuts, new.times, edges)
    return WatchedColumn(name=name, kind=kind, log10_evidence=tuple(evidence)), alarms


def _column_alarms(
    name: str,
    kind: str,
    watch: ColumnWatch,
    values: tuple[Any, Any],
    season: tuple[NDArray[np.int64] | None, NDArray[np.int64] | None],
    cuts: NDArray[np.int64],
    times: Times | None,
    edges: NDArray[np.float64],
) -> list[ColumnAlarm]:
    assert times is not None
    found = []
    for alarm in watch.alarms:
        starts = (alarm.start_low, alarm.start, alarm.start_high)
        later = [values[1][cuts[start] : cuts[alarm.window + 1]] for start in starts]
        what = watch.bets[alarm.bet]
        before = values[0]
        if season[0] is not None and season[1] is not None:
            same = np.isin(season[0], season[1][cuts[alarm.start] : cuts[alarm.window + 1]])
            before = before[same] if kind == "numbers" else [before[row] for row in np.flatnonzero(same).tolist()]
        since, since_low, since_high = (times.written(edges[start]) for start in (alarm.start, *starts[::2]))
        found.append(
            ColumnAlarm(
                column=name,
                what=what,
                window=alarm.window,
                raised=times.written(edges[alarm.window + 1]),
                since=since,
                since_low=since_low,
                since_high=since_high,
                since_window=alarm.start,
                since_low_window=alarm.start_low,
                since_high_window=alarm.start_high,
                log10_evidence=alarm.log_evidence / float(np.log(10)),
                **described_change(what, kind, before, later),
            )
        )
    return found


def _error_alarms(
    table: Table,
    times: Times,
    name: str,
    edges: NDArray[np.float64],
    *,
    alpha: float,
    per_year: int,
    blocks: NDArray[np.int64] | None,
) -> tuple[list[ColumnAlarm], list[str]]:
    """Watch the column of errors row by row; a year has so many rows as the table would have in it."""
    from holdfast.auditing.adwin_beside import adwin_rows
    from holdfast.kernels.drift.blocks import one_of_each_block
    from holdfast.kernels.drift.error_stream import ErrorStream

    wrong = _errors(table, name)[times.rows]
    moments = times.values
    if blocks is not None:
        picked = one_of_each_block(blocks, rng=np.random.default_rng(SEED))
        wrong, moments = wrong[picked], moments[picked]
    is_known = ~np.isnan(wrong)
    wrong, moments = wrong[is_known], moments[is_known]
    if wrong.size < LEAST_ROWS:
        raise InputError(
            f"expected at least {LEAST_ROWS} known answers in the column of errors {name!r}, got {wrong.size}",
            hint="give more rows, or leave --errors out",
        )
    horizon = max(round(wrong.size * per_year / (edges.size - 1)), LEAST_ROWS)
    stream = ErrorStream(horizon=horizon, alpha=alpha)
    stream.update(wrong)
    found = []
    for alarm in stream.alarms:
        rows = (alarm.row, alarm.start, alarm.start_low, alarm.start_high)
        window, since, low, high = (int(np.searchsorted(edges, moments[row], side="right")) - 1 for row in rows)
        written = [times.written(float(moments[row])) for row in rows]
        found.append(
            ColumnAlarm(
                column=name,
                what="error rate",
                window=window,
                raised=written[0],
                since=written[1],
                since_low=written[2],
                since_high=written[3],
                since_window=since,
                since_low_window=low,
                since_high_window=high,
                log10_evidence=-float(np.log10(alpha)),
                **described_rate(alarm),
            )
        )
    seen = adwin_rows(wrong)
    if seen is None:
        return found, []
    moments_seen = ", ".join(times.written(float(moments[row])) for row in seen) or "no change"
    return found, [f"ADWIN of river, at its defaults and without a budget, saw in {name!r}: {moments_seen}"]


def _errors(table: Table, name: str) -> NDArray[np.float64]:
    import polars as pl

    series = table.frame[name]
    if series.dtype == pl.Boolean or series.dtype.is_numeric():
        wrong = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        other = np.flatnonzero(~np.isnan(wrong) & (wrong != 0) & (wrong != 1))
        if not other.size:
            return wrong
        bad = f"{series[int(other[0])]!r} in data row {other[0] + 1}"
    else:
        bad = f"{series.dtype}"
    raise InputError(
        f"expected 0 and 1, or true and false, in the column of errors {name!r}, got {bad}",
        hint="1 stands for a wrong answer",
    )


def _windows(times: Times, edges: NDArray[np.float64], window_of: NDArray[np.int64]) -> tuple[Window, ...]:
    counts = np.bincount(window_of, minlength=edges.size - 1).tolist()
    written = [times.written(float(edge)) for edge in edges]
    return tuple(
        Window(begin=begin, end=end, rows=rows) for (begin, end), rows in zip(pairwise(written), counts, strict=True)
    )


def _assumptions(season: str | None, block: str | None, errors: str | None) -> tuple[str, ...]:
    words = [EXCHANGEABLE, BLOCKS.format(block=block) if block else INDEPENDENT]
    if season:
        words.append(SEASON.format(season=season))
    if errors:
        words.append(ANSWERS)
    return tuple(words)
