"""A lineage as text, and as a page with its picture."""

from __future__ import annotations

from holdfast.core.lineage import Lineage, LineageNode
from holdfast.reports.lineage_picture import KIND_WORDS, MOST_DRAWN, STATE_WORDS, lineage_svg
from holdfast.reports.page import Drawing, Page, PageTable, render_page
from holdfast.reports.text import printable


def render_text(lineage: Lineage) -> str:
    """List each node with its facts and what it came from; then what is missing."""
    titles = {node.id: f"{KIND_WORDS[node.kind].lower()} {printable(node.title)}" for node in lineage.nodes}
    lines = []
    for node in lineage.nodes:
        mark = f" [{STATE_WORDS[node.state]}]" if node.state != "known" else ""
        lines.append(f"{'*' if node.id == lineage.focus else ' '} {titles[node.id]}{mark}")
        lines += [f"      {printable(fact)}" for fact in node.facts]
        lines += [f"    <- {titles[edge.source]}" for edge in lineage.edges if edge.target == node.id]
    lines += ["", summary(lineage), *(f"note: {printable(note)}" for note in lineage.notes)]
    return "\n".join(lines) + "\n"


def summary(lineage: Lineage) -> str:
    """Say in one sentence whether anything is missing."""
    lost = lineage.missing
    if not lost:
        return f"{len(lineage.nodes):,} things and events, every link recorded"
    told = ", ".join(f"{printable(node.title)} ({STATE_WORDS[node.state]})" for node in lost[:5])
    more = f" and {len(lost) - 5:,} more" if len(lost) > 5 else ""
    return f"{len(lineage.nodes):,} things and events, {len(lost):,} to look at: {told}{more}"


def render_html(lineage: Lineage) -> str:
    """Write a page with the picture and a table of everything in it."""
    focus = next(node for node in lineage.nodes if node.id == lineage.focus)
    left_out = len(lineage.nodes) - MOST_DRAWN
    caption = "From left to right, joined by digests. Broken lines: not recorded, not registered, or without an end."
    if left_out > 0:
        caption += f" The {left_out:,} things furthest from it stand in the table only."
    return render_page(
        Page(
            kind="Holdfast lineage",
            title=f"{KIND_WORDS[focus.kind]} {focus.title}",
            meta=f"{len(lineage.nodes):,} things and events, {len(lineage.edges):,} links",
            outcome="inconclusive" if lineage.missing else "pass",
            verdict="Something is missing" if lineage.missing else "Every link is recorded",
            sentences=[summary(lineage), *lineage.notes],
            drawings=[Drawing("Where it comes from, and what became of it", caption, lineage_svg(lineage))],
            tables=[_table(lineage)],
            charts=[],
            assumptions=[
                "Files, tables, runs and audits are joined by the digests of what they hold, never by their names.",
                "What nobody recorded is not seen: a run of which there is no manifest, a table that was not named.",
            ],
        )
    )


def _table(lineage: Lineage) -> PageTable:
    return PageTable(
        heading="Everything in the picture",
        columns=("what", "name", "state", "facts"),
        rows=[_row(node) for node in lineage.nodes],
        note="The whole digests are in the JSON: holdfast lineage --json.",
    )


def _row(node: LineageNode) -> tuple[str, ...]:
    return KIND_WORDS[node.kind], node.title, STATE_WORDS[node.state] or "recorded", "; ".join(node.facts)
