"""Charts as inline SVG: a Vega-Lite specification as plain data, drawn in this process by vl-convert.

Drawn 400 units wide, so that text stays readable when the picture shrinks to a phone. Numbers that no picture of this
size can hold are left out by a stated rule and counted below the plot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.core.finding import Chart, ChartKind, Finding
from holdfast.reports.svg import FONT_SLACK, INK, LINE, MUTED, PAPER, SERIES, tidy_svg
from holdfast.reports.text import printable, shorten

if TYPE_CHECKING:
    import polars as pl

WIDTH = 400
LINE_HEIGHT = 250
ROW_HEIGHT = 24
LEGEND_ROW_HEIGHT = 18
FONT_SIZE = 12 * FONT_SLACK
MOST_CATEGORIES = 40
MOST_POSITIONS = 400
SHORT_LABEL = 22
LONGEST_LABEL = 46
LONGEST_SERIES = 38
FIELDS = ("x", "y", "low", "high", "series")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [10, 4], [4, 2, 1, 2], [3, 5])

Spec = dict[str, Any]


@dataclass(slots=True)
class Plot:
    """The numbers of one chart, ready to draw: rows with the keys of ``FIELDS``, and what was left out."""

    rows: list[dict[str, Any]]
    x_type: str = "nominal"
    notes: list[str] = field(default_factory=list)
    full_names: dict[str, str] = field(default_factory=dict)

    @property
    def series(self) -> list[str]:
        """Names of the series, in order of appearance."""
        return list(dict.fromkeys(row["series"] for row in self.rows if row["series"] is not None))

    @property
    def categories(self) -> list[Any]:
        """Values of x, in order of appearance."""
        return list(dict.fromkeys(row["x"] for row in self.rows))


def chart_svg(chart: Chart, table: pl.DataFrame) -> str:
    """Draw a chart of an evidence table.

    Parameters
    ----------
    chart
        What to draw and how to read it.
    table
        The evidence table; columns as the chart names them.

    Returns
    -------
    str
        An ``<svg>`` element without ids, styles or references; its colours are CSS variables with fallbacks. The same
        input gives the same bytes. At most 40 categories and 8 series are drawn, with a line that counts the others.

    Raises
    ------
    InputError
        If the table lacks a column that the chart names.
    """
    plot = _plot(chart, table)
    spec = {"line": _line, "points": _points, "bars": _bars}[chart.kind](chart, plot) if plot.rows else _empty()
    spec = {"data": {"values": plot.rows}, "background": None} | spec | {"config": _config(chart.kind)}
    if plot.notes:
        spec["title"] = {"text": plot.notes, "orient": "bottom", "anchor": "start", "offset": 10}
    return tidy_svg(
        _draw(spec),
        title=chart.title,
        description=" ".join([chart.caption, *plot.notes]).strip(),
        full_names=plot.full_names,
    )


def evidence_svg(folder: str) -> Callable[[Finding, Chart], str]:
    """Return a function that draws the charts of an audit from the Parquet files in its folder.

    A file that is absent or lies outside the folder gives a sentence instead of a picture.
    """

    def draw(finding: Finding, chart: Chart) -> str:
        import polars as pl

        path = finding.evidence.get(chart.table)
        root = Path(folder).resolve()
        whole = (root / path).resolve() if path else root
        if not whole.is_file() or not whole.is_relative_to(root):
            return "<p>Not drawn: the evidence file of this chart is not in the folder of the audit.</p>"
        wanted = [name for name in (chart.x, chart.y, chart.low, chart.high, chart.series) if name]
        return chart_svg(chart, pl.scan_parquet(whole, glob=False).select(pl.col(wanted)).collect())

    return draw


def _draw(spec: Spec) -> str:
    import vl_convert

    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))


def _plot(chart: Chart, table: pl.DataFrame) -> Plot:
    columns = {name: getattr(chart, name) for name in FIELDS}
    _require(chart, [column for column in columns.values() if column], table.columns)
    x_type = _x_type(table[chart.x].dtype) if chart.kind == "line" else "nominal"
    kept = _positions(table.height) if chart.kind == "line" and not chart.series else None
    frame = table if kept is None else table[kept]
    lists = {name: _values(frame[column]) if column else [None] * frame.height for name, column in columns.items()}
    rows = [dict(zip(FIELDS, values, strict=True)) for values in zip(*(lists[name] for name in FIELDS), strict=True)]
    plot = Plot(rows=[row for row in rows if row["y"] is not None and row["x"] is not None], x_type=x_type)
    if kept is not None:
        plot.notes.append(f"Drawn from {len(kept):,} of {table.height:,} points, evenly spaced.")
    if chart.log and chart.kind == "line":
        _keep_positive(plot)
    _limit_series(plot)
    if chart.kind != "line" or x_type == "nominal":
        _limit_categories(plot)
    return plot


def _require(chart: Chart, wanted: Sequence[str], columns: Sequence[str]) -> None:
    from holdfast.core.errors import InputError, did_you_mean

    for column in wanted:
        if column not in columns:
            message = (
                f"the chart {chart.id!r} needs the column {column!r}, which its evidence table {chart.table!r} lacks"
            )
            raise InputError(message, hint=did_you_mean(column, columns))


def _x_type(dtype: pl.DataType) -> str:
    if dtype.is_numeric():
        return "quantitative"
    return "temporal" if dtype.is_temporal() else "nominal"


def _positions(height: int) -> list[int] | None:
    if height <= MOST_POSITIONS:
        return None
    return [round(step * (height - 1) / (MOST_POSITIONS - 1)) for step in range(MOST_POSITIONS)]


def _values(column: pl.Series) -> list[Any]:
    return [_plain(value) for value in column.to_list()]


def _plain(value: Any) -> Any:
    """A JSON value; NaN and infinities, which cannot be drawn, become ``None``."""
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    return value.isoformat() if hasattr(value, "isoformat") else printable(str(value))


def _keep_positive(plot: Plot) -> None:
    """Leave out what a logarithmic axis has no place for, and end bands at the smallest value drawn."""
    rows = [row for row in plot.rows if row["y"] > 0 and not (plot.x_type == "quantitative" and row["x"] <= 0)]
    if len(rows) < len(plot.rows):
        plot.notes.append(
            f"Not drawn, because these axes have no 0: {len(plot.rows) - len(rows):,} of {len(plot.rows):,}."
        )
    floor = min((row[key] for row in rows for key in ("y", "low", "high") if (row[key] or 0) > 0), default=1.0)
    plot.rows = [row | {key: max(row[key], floor) for key in ("low", "high") if row[key] is not None} for row in rows]


def _limit_series(plot: Plot) -> None:
    for row in plot.rows:
        row["series"] = None if row["series"] is None else str(row["series"])
    names = plot.series
    if len(names) > len(SERIES):
        plot.notes.append(f"{len(names) - len(SERIES)} more series are in the evidence table.")
        plot.rows = [row for row in plot.rows if row["series"] in names[: len(SERIES)]]
    _relabel(plot, "series", plot.series)


def _limit_categories(plot: Plot) -> None:
    for row in plot.rows:
        row["x"] = f"{row['x']:.6g}" if isinstance(row["x"], float) else str(row["x"])
    names = plot.categories
    if len(names) > MOST_CATEGORIES:
        plot.notes.append(f"{len(names) - MOST_CATEGORIES:,} more are in the evidence table.")
        shown = set(names[:MOST_CATEGORIES])
        plot.rows = [row for row in plot.rows if row["x"] in shown]
    _relabel(plot, "x", plot.categories)


def _relabel(plot: Plot, key: str, names: Sequence[str]) -> None:
    """Shorten long labels, keeping different names different."""
    longest = LONGEST_LABEL if key == "x" else LONGEST_SERIES
    labels: dict[str, str] = {}
    for name in names:
        label = shorten(name, longest)
        if label in labels.values():
            label = f"{shorten(name, longest - 5)} ({len(labels) + 1})"
        labels[name] = label
    plot.full_names |= {label: name for name, label in labels.items() if label != name}
    for row in plot.rows:
        row[key] = labels.get(row[key], row[key])


def _line(chart: Chart, plot: Plot) -> Spec:
    x: Spec = {"field": "x", "type": plot.x_type, "title": chart.x_title or chart.x, "sort": None}
    x["axis"] = {"labelFlush": False, "tickCount": 5, "labelAngle": 0, "labelOverlap": True}
    if plot.x_type == "quantitative":
        x["scale"] = {"zero": False, "nice": False}
    if plot.x_type == "temporal":
        x["scale"] = {"type": "utc"}
    y = _vertical(chart)
    if chart.log:
        for axis in (x, y) if plot.x_type == "quantitative" else (y,):
            axis["scale"] = {"type": "log", "nice": False}
            axis["axis"] |= {"format": "~g", "labelOverlap": True}
    colour = _colour(plot)
    layers: list[Spec] = []
    if chart.diagonal:
        layers.append(_diagonal(plot))
    if chart.low and chart.high:
        band = {"y": y | {"field": "low"}, "y2": {"field": "high"}}
        layers.append({"mark": {"type": "area", "opacity": 0.18}, "encoding": band | colour})
    stroke = {"strokeDash": _scale(plot, [list(dash) for dash in DASHES])} if plot.series else {}
    layers.append({"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"y": y} | colour | stroke})
    if len(plot.rows) <= 30:
        dots = {"type": "point", "size": 28, "opacity": 1, "filled": True, "strokeWidth": 0}
        layers.append({"mark": dots, "encoding": {"y": y} | colour})
    return _upright(plot, {"x": x}, layers, chart)


def _points(chart: Chart, plot: Plot) -> Spec:
    plot.rows.sort(key=lambda row: (-row["y"], str(row["x"])))
    return _sideways(chart, plot, [_dot_layer(plot)], zero=False)


def _bars(chart: Chart, plot: Plot) -> Spec:
    bar: Spec = {"mark": {"type": "bar", "cornerRadiusEnd": 1}, "encoding": _colour(plot)}
    labels = [str(name) for name in plot.categories]
    if sum(map(len, labels)) > 44 or len(labels) > 20:
        return _sideways(chart, plot, [bar], zero=True)
    x: Spec = {"field": "x", "type": "nominal", "title": chart.x_title or None, "sort": None}
    y = _vertical(chart) | {"scale": {"zero": True, "nice": True}}
    offset = {"xOffset": {"field": "series", "sort": None}} if plot.series else {}
    bar["encoding"] = bar["encoding"] | {"y": y}
    rule = (
        [{"mark": _whisker(), "encoding": {"y": y | {"field": "low"}, "y2": {"field": "high"}}}]
        if _has_range(plot)
        else []
    )
    layers = [bar, *rule]
    x["axis"] = {"grid": False, "labelAngle": 0, "ticks": False}
    return _upright(plot, {"x": x} | offset, layers, chart)


def _sideways(chart: Chart, plot: Plot, marks: list[Spec], *, zero: bool) -> Spec:
    """Categories down the page, values along it; long names stand above their row instead of beside it."""
    is_long = any(len(str(name)) > SHORT_LABEL for name in plot.categories)
    axis: Spec = {"grid": False, "ticks": False, "domain": False}
    if is_long:
        axis |= {
            "labelAlign": "left",
            "labelBaseline": "bottom",
            "labelPadding": 0,
            "labelOffset": -7,
            "labelLimit": WIDTH,
            "zindex": 1,
        }
    y = {"field": "x", "type": "nominal", "title": None, "sort": None, "axis": axis}
    if is_long and (zero or len(plot.series) > 1):
        y["scale"] = {"paddingInner": 0.55, "paddingOuter": 0.5}
    offset = {"yOffset": {"field": "series", "sort": None}} if plot.series else {}
    x = {"type": "quantitative", "title": chart.y_title or chart.y, "scale": {"zero": zero, "nice": True}}
    x["axis"] = {"grid": True, "tickCount": 5}
    place = {"y": y} | offset
    for mark in marks:
        mark["encoding"] = mark["encoding"] | place | {"x": x | {"field": "y"}}
    if _has_range(plot):
        ends = place | {"x": x | {"field": "low"}, "x2": {"field": "high"}}
        is_bar = zero
        whisker = _whisker() if is_bar else {"type": "rule", "strokeWidth": 2, "opacity": 0.55}
        rule = {"mark": whisker, "encoding": ends | ({} if is_bar else _colour(plot))}
        marks = [*marks, rule] if is_bar else [rule, *marks]
    rows = len(plot.categories) * max(len(plot.series), 1)
    height = max(rows * (ROW_HEIGHT if len(plot.series) < 2 else 16), 48) + is_long * 16 * len(plot.categories)
    height += 70 + LEGEND_ROW_HEIGHT * len(plot.series)
    return {"width": WIDTH, "height": height, "layer": [*_reference(chart, axis="x"), *marks]}


def _upright(plot: Plot, across: Spec, layers: list[Spec], chart: Chart) -> Spec:
    """Values up the page. The reference line spans the plot, so it must not share the horizontal encoding."""
    for layer in layers:
        layer["encoding"] = across | layer["encoding"]
    height = LINE_HEIGHT + (LEGEND_ROW_HEIGHT * len(plot.series) + 20 if plot.series else 0)
    return {"width": WIDTH, "height": height, "layer": [*layers, *_reference(chart, axis="y")]}


def _dot_layer(plot: Plot) -> Spec:
    shape = {
        "shape": _scale(
            plot,
            ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left", "triangle-right"],
        )
    }
    mark = {"type": "point", "filled": True, "size": 64, "opacity": 1}
    return {"mark": mark, "encoding": _colour(plot) | (shape if plot.series else {})}


def _whisker() -> Spec:
    return {"type": "rule", "strokeWidth": 1.5, "color": INK}


def _has_range(plot: Plot) -> bool:
    return any(row["low"] is not None and row["high"] is not None for row in plot.rows)


def _vertical(chart: Chart) -> Spec:
    """The upright axis, its title lying flat above it."""
    title = {
        "titleAngle": 0,
        "titleAnchor": "start",
        "titleAlign": "left",
        "titleBaseline": "bottom",
        "titleX": -30,
        "titleY": -10,
    }
    axis = title | {"ticks": False, "domain": False, "tickCount": 5}
    return {
        "field": "y",
        "type": "quantitative",
        "title": chart.y_title or chart.y,
        "scale": {"zero": False},
        "axis": axis,
    }


def _colour(plot: Plot) -> Spec:
    return {"color": _scale(plot, list(SERIES))} if plot.series else {"color": {"value": SERIES[0]}}


def _scale(plot: Plot, values: list[Any]) -> Spec:
    names = plot.series
    return {
        "field": "series",
        "type": "nominal",
        "title": None,
        "scale": {"domain": names, "range": values[: len(names)]},
    }


def _diagonal(plot: Plot) -> Spec:
    values = [row[key] for row in plot.rows for key in ("x", "y") if isinstance(row[key], (int, float))]
    ends = [{"x": end, "y": end} for end in ((min(values), max(values)) if values else (0, 1))]
    mark = {"type": "line", "strokeWidth": 1, "strokeDash": [3, 3], "color": MUTED}
    return {"data": {"values": ends}, "mark": mark, "encoding": {"y": {"field": "y", "type": "quantitative"}}}


def _reference(chart: Chart, *, axis: str) -> list[Spec]:
    if chart.reference is None:
        return []
    mark = {"type": "rule", "strokeWidth": 1.25, "strokeDash": [4, 3], "color": INK, "opacity": 0.7}
    return [
        {"data": {"values": [{}]}, "mark": mark, "encoding": {axis: {"datum": chart.reference, "type": "quantitative"}}}
    ]


def _empty() -> Spec:
    mark = {"type": "text", "text": "no rows to draw", "color": MUTED, "fontSize": FONT_SIZE}
    return {"width": WIDTH, "height": 60, "data": {"values": [{}]}, "mark": mark}


def _config(kind: ChartKind) -> Spec:
    axis = {"labelColor": MUTED, "titleColor": MUTED, "labelFontSize": FONT_SIZE, "titleFontSize": FONT_SIZE}
    axis |= {"titleFontWeight": "normal", "titlePadding": 8, "titleLimit": 360, "labelLimit": 200, "labelPadding": 5}
    axis |= {"gridColor": LINE, "domainColor": MUTED, "tickColor": MUTED}
    legend = {
        "orient": "top",
        "direction": "vertical",
        "labelColor": INK,
        "labelFontSize": FONT_SIZE,
        "labelLimit": 340,
        "symbolOpacity": 1,
    }
    if kind == "line":
        legend |= {"symbolType": "stroke", "symbolSize": 400, "symbolStrokeWidth": 2}
    return {
        "aria": False,
        "font": "sans-serif",
        "autosize": {"type": "fit", "contains": "padding"},
        "axis": axis,
        "legend": legend | {"offset": 10 if kind == "points" else 28},
        "title": {"color": MUTED, "fontSize": FONT_SIZE, "fontWeight": "normal"},
        "view": {"stroke": None, "fill": None},
        "point": {"stroke": PAPER, "strokeWidth": 1},
    }
