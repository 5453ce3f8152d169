"""``holdfast lineage``: from raw data to decision."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.interfaces.cli.delivering import deliver

Option = typer.Option


def lineage(
    what: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_OR_TABLE_OR_AUDIT",
            help="Model or table file, folder of an audit, manifest of a run, or a registered data set.",
            show_default=False,
        ),
    ],
    within: Annotated[
        list[Path] | None,
        Option(help="Folder to search for audits and manifests; repeatable; the working one otherwise."),
    ] = None,
    events: Annotated[list[Path] | None, Option(help="OpenLineage events of other tools; repeatable.")] = None,
    json: Annotated[bool, Option("--json", help="The graph as JSON.")] = False,
    html: Annotated[Path | None, Option(help="Also write a page with the picture, one HTML file.")] = None,
    svg: Annotated[Path | None, Option(help="Also write the picture alone.")] = None,
    openlineage: Annotated[Path | None, Option(help="Also write OpenLineage events, one on each line.")] = None,
    records: Annotated[Path | None, Option(help="Folder of records; .holdfast/records otherwise.")] = None,
) -> None:
    """Show where a model, table or audit comes from and what became of it, with what is missing."""
    from holdfast.core.canonical import canonical_json
    from holdfast.records.known import gather, near
    from holdfast.records.lineage import trace
    from holdfast.reports.lineage_text import render_html, render_text

    known = gather((*(within or [Path()]), near(what)), records=records, events=tuple(events or ()))
    found = trace(what, known)
    if html is not None:
        deliver(render_html(found), html)
    if svg is not None:
        from holdfast.reports.lineage_picture import lineage_svg

        deliver(lineage_svg(found, is_page=False), svg)
    if openlineage is not None:
        from holdfast.records.outgoing import events_of

        deliver("".join(line + "\n" for line in events_of(found, known)), openlineage)
    typer.echo(canonical_json(found).decode() if json else render_text(found), nl=json)
