"""The result of one command as an HTML page: a verdict, tables, pictures and what it leans on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from holdfast.core.finding import Chart
from holdfast.reports.html import fill_template

if TYPE_CHECKING:
    import polars as pl

Outcome = Literal["pass", "fail", "inconclusive", "could_not_evaluate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """A table of a page.

    Attributes
    ----------
    heading
        What it shows.
    columns
        Heads.
    rows
        Cells as they are to be read.
    note
        A sentence under it.
    """

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture that is no chart, as wide as the page: its SVG comes from this package and holds no markup of users."""

    title: str
    caption: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page shows, in this order.

    Attributes
    ----------
    kind
        What the command did: ``Holdfast drift``.
    title
        What it looked at.
    meta
        A line under the title.
    verdict, sentences
        A few words and sentences.
    outcome
        Which colour and sign the verdict gets; none where nothing was judged.
    drawings, tables, charts
        Charts with the tables that hold their numbers.
    assumptions
        What the result leans on.
    """

    kind: str
    title: str
    meta: str
    verdict: str
    sentences: Sequence[str]
    tables: Sequence[PageTable]
    charts: Sequence[tuple[Chart, pl.DataFrame]]
    assumptions: Sequence[str]
    outcome: Outcome | None = None
    drawings: Sequence[Drawing] = ()


def render_page(page: Page) -> str:
    """Write a page: one file without scripts that works offline. The same content gives the same bytes."""
    from markupsafe import Markup

    from holdfast.reports.charts import chart_svg

    drawn = [(chart, Markup(chart_svg(chart, table))) for chart, table in page.charts]  # noqa: S704  (see chart_svg)
    wide = [(drawing, Markup(drawing.svg)) for drawing in page.drawings]  # noqa: S704  (see Drawing)
    return fill_template("page.html.j2", {"page": page, "charts": drawn, "drawings": wide})
