"""Charts as inline SVG."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from holdfast.core.errors import InputError
from holdfast.core.finding import Chart, ChartKind
from holdfast.core.record import Audit
from holdfast.reports.charts import chart_svg, evidence_svg

TABLE = pl.DataFrame({
    "x": ["<script>alert(1)</script>", "a|b", "الجنس"],
    "y": [0.2, 0.5, 0.9],
    "low": [0.1, 0.4, 0.8],
    "high": [0.3, 0.6, 0.95],
    "s": ["one", "two", "one"],
})  # fmt: skip


def chart(kind: ChartKind, **more: Any) -> Chart:
    settings: dict[str, Any] = {
        "id": "c",
        "title": "Title",
        "caption": "What to see.",
        "kind": kind,
        "table": "t",
        "x": "x",
        "y": "y",
    } | more
    return Chart(**settings)


def texts(svg: str) -> list[str]:
    return [
        "".join(element.itertext()) for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


@pytest.mark.parametrize("kind", ["line", "points", "bars"])
@pytest.mark.parametrize("series", ["", "s"])
def test_every_kind_draws_an_accessible_picture(kind: ChartKind, series: str) -> None:
    svg = chart_svg(chart(kind, low="low", high="high", series=series, reference=0.4), TABLE)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert [child.tag.split("}")[1] for child in root][:2] == ["title", "desc"]
    assert "What to see." in svg


@pytest.mark.parametrize("kind", ["line", "points", "bars"])
def test_markup_in_values_is_escaped(kind: ChartKind) -> None:
    svg = chart_svg(chart(kind, title="<script>", x_title="<b>"), TABLE)
    assert "<script" not in svg
    assert "<b>" not in svg
    assert any("<script>" in text for text in texts(svg))


@pytest.mark.parametrize("kind", ["line", "points", "bars"])
def test_picture_has_no_ids_styles_scripts_or_references(kind: ChartKind) -> None:
    svg = chart_svg(chart(kind, low="low", high="high", series="s"), TABLE)
    assert not re.search(r'\s(id|style|href|xlink:href|on\w+)="', svg)
    assert "url(" not in svg


@pytest.mark.parametrize("kind", ["line", "points", "bars"])
def test_every_colour_is_a_variable_with_a_fallback(kind: ChartKind) -> None:
    svg = chart_svg(chart(kind, low="low", high="high", series="s", reference=0.5, diagonal=True), TABLE)
    colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', svg)) - {"none", "transparent"}
    assert colours
    assert all(re.fullmatch(r"var\(--\w+,#[0-9a-f]{6}\)", colour) for colour in colours)


def test_same_input_gives_the_same_bytes() -> None:
    first = chart_svg(chart("line", series="s"), TABLE)
    chart_svg(chart("bars"), TABLE)
    assert chart_svg(chart("line", series="s"), TABLE) == first


@pytest.mark.parametrize("kind", ["points", "bars"])
def test_forty_categories_are_drawn_and_the_others_counted(kind: ChartKind) -> None:
    table = pl.DataFrame({"x": [f"group {n}" for n in range(57)], "y": [float(n) for n in range(57)]})
    shown = texts(chart_svg(chart(kind), table))
    assert sum(text.startswith("group") for text in shown) == 40
    assert "17 more are in the evidence table." in shown


def test_points_are_sorted_by_value() -> None:
    shown = texts(chart_svg(chart("points"), pl.DataFrame({"x": ["low", "top", "mid"], "y": [0.1, 0.9, 0.5]})))
    assert [text for text in shown if text in ("low", "top", "mid")] == ["top", "mid", "low"]


def test_shortened_names_stay_different_and_keep_the_whole_name() -> None:
    names = ["a very long name " * 6 + end for end in ("left it", "right it", "right it ")]
    svg = chart_svg(chart("points"), pl.DataFrame({"x": names, "y": [1.0, 2.0, 3.0]}))
    labels = [text for text in texts(svg) if text.startswith("a very")]
    assert len(set(labels)) == 3
    assert names[0] in svg


def test_logarithmic_axes_have_their_ticks_and_no_place_for_zero() -> None:
    table = pl.DataFrame(
        {"x": [0.0, 0.001, 0.01, 0.1, 1.0], "y": [0.0, 0.02, 0.1, 0.4, 1.0], "low": [0.0, 0.0, 0.05, 0.3, 1.0],
         "high": [0.0, 0.04, 0.15, 0.5, 1.0]}
    )  # fmt: skip
    drawn = texts(chart_svg(chart("line", low="low", high="high", diagonal=True, log=True), table))
    assert {"0.001", "0.01", "0.1", "1"} <= set(drawn)
    assert any("have no 0: 1 of 5" in text for text in drawn)
    svg = chart_svg(chart("line", log=True), table.filter(pl.col("x") < 0.001))
    assert "no rows to draw" in " ".join(texts(svg))


def test_reference_and_diagonal_add_their_lines() -> None:
    table = pl.DataFrame({"x": [0.0, 1.0], "y": [0.1, 0.8]})
    plain = chart_svg(chart("line"), table)
    assert chart_svg(chart("line", reference=0.5), table).count("dasharray") > plain.count("dasharray")
    assert chart_svg(chart("line", diagonal=True), table).count("dasharray") > plain.count("dasharray")


def test_missing_numbers_are_left_out() -> None:
    table = pl.DataFrame({"x": ["a", "b", "c", "d"], "y": [1.0, None, float("nan"), float("inf")]})
    assert [text for text in texts(chart_svg(chart("points"), table)) if text in "abcd"] == ["a"]


def test_empty_table_says_so() -> None:
    assert texts(chart_svg(chart("line"), TABLE.clear())) == ["no rows to draw"]


def test_long_lines_are_thinned_and_say_so() -> None:
    table = pl.DataFrame({"x": range(5000), "y": [float(n % 7) for n in range(5000)]})
    svg = chart_svg(chart("line"), table)
    assert "Drawn from 400 of 5,000 points, evenly spaced." in texts(svg)
    assert len(svg) < 20_000


def test_ninth_series_is_counted_not_drawn() -> None:
    table = pl.DataFrame({"x": [1.0] * 10, "y": [1.0] * 10, "s": [f"line {n}" for n in range(10)]})
    shown = texts(chart_svg(chart("line", series="s"), table))
    assert "line 8" not in shown
    assert "2 more series are in the evidence table." in shown


def test_dates_run_along_the_axis() -> None:
    table = pl.DataFrame({"x": [date(2026, 1, 1), date(2026, 6, 1)], "y": [1.0, 2.0]})
    assert "February" in " ".join(texts(chart_svg(chart("line"), table)))


def test_missing_column_names_the_closest() -> None:
    with pytest.raises(InputError, match="did you mean 'high'"):
        chart_svg(chart("line", low="low", high="hihg"), TABLE)


def test_evidence_is_read_from_the_folder(audit: Audit) -> None:
    finding = audit.findings.findings[0]
    assert evidence_svg(audit.folder)(finding, finding.charts[0]).startswith("<svg")


@pytest.mark.parametrize("path", ["gone.parquet", "../outside.parquet", "/etc/passwd"])
def test_evidence_outside_the_folder_is_not_read(audit: Audit, sample: ModuleType, path: str) -> None:
    sample.write(Path(audit.folder).parent, "x", "y", TABLE)
    finding = replace(audit.findings.findings[0], evidence={"reliability": path})
    assert evidence_svg(audit.folder)(finding, finding.charts[0]).startswith("<p>Not drawn")
