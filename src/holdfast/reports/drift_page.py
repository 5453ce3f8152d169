"""Two tables compared, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.core.finding import Chart
from holdfast.kernels.drift.category_counts import CategoryCounts
from holdfast.reports.page import Outcome, Page, PageTable

if TYPE_CHECKING:
    import polars as pl

    from holdfast.kernels.drift.comparison import Drift
    from holdfast.kernels.drift.explaining import HeldDrift, SliceShift
    from holdfast.kernels.drift.profile import Profile
    from holdfast.kernels.stats.interval import IntervalEstimate

MOST_DRAWN, MOST_POINTS = 12, 20
OUTCOMES: dict[str, Outcome] = {"drifted": "fail", "within": "pass", "not shown": "inconclusive"}
VERDICTS = {"drifted": "Drifted", "within": "No drift that matters", "not shown": "No drift shown"}
DISTANCES = (("psi", "PSI"), ("jensen_shannon", "Jensen-Shannon, bits"), ("wasserstein", "Wasserstein, sd"))


def drift_sentence(found: Drift) -> str:
    """Say in a sentence what was found."""
    names = list(dict.fromkeys(each.column for each in found.drifted))
    total = len({*found.reference.plan, *(each.column for each in found.columns)})
    rows = f"{found.reference.n_rows:,} rows against {found.current.n_rows:,}"
    if found.verdict == "within":
        return f"None of {total:,} columns has moved by {found.least_effect:.1%} of its rows or more ({rows})."
    if not names and not found.schema:
        if found.verdict == "drifted":
            return f"No column has drifted by itself, and yet the rows differ with all columns together ({rows})."
        return f"No drift was shown in {total:,} columns; the intervals say how much could hide ({rows})."
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
    sentence = (
        f"{len(names):,} of {total:,} columns drifted: {listed}" if names else f"None of {total:,} columns drifted"
    )
    changed = f"; {len(found.schema):,} columns cannot be compared as they were" if found.schema else ""
    return f"{sentence}{changed} ({rows})."


def drift_page(found: Drift) -> Page:
    """Lay out a comparison of two tables."""
    return Page(
        kind="Holdfast drift",
        title=f"{Path(found.sources[1]).name} against {Path(found.sources[0]).name}",
        meta=f"{found.reference.n_rows:,} rows of reference, {found.current.n_rows:,} of today, "
        f"{len(found.reference.plan):,} columns",
        outcome=OUTCOMES[found.verdict],
        verdict=VERDICTS[found.verdict],
        sentences=[drift_sentence(found)],
        tables=[
            _schema(found),
            _columns(found),
            _words(found),
            _shifts(found),
            _held(found),
            _together(found),
            _distances(found),
        ],
        charts=_charts(found),
        assumptions=[*found.assumptions, *found.notes],
    )


def _schema(found: Drift) -> PageTable:
    rows = [(change.column, change.change) for change in found.schema]
    return PageTable(heading="Columns that cannot be compared as they were", columns=("Column", "Change"), rows=rows)


def _columns(found: Drift) -> PageTable:
    ordered = sorted(found.columns, key=lambda each: (each.verdict != "drifted", -each.effect.low, each.adjusted))
    rows = [
        (
            each.column,
            {"drifted": "drifted", "within": "moved less than matters", "not shown": "not shown"}[each.verdict],
            f"{100 * each.effect.value:.1f} ({100 * each.effect.low:.1f} to {100 * each.effect.high:.1f})",
            f"{each.adjusted:.2g}",
            each.words,
            each.test,
        )
        for each in ordered
    ]
    return PageTable(
        heading="Column by column",
        columns=("Column", "Verdict", "Moved, of 100 rows", "p (Holm)", "What changed", "Test"),
        rows=rows,
        note=f"Moved: how many of 100 rows would have to change, at least, for both to be alike, with the "
        f"{found.level:.0%} interval. Drifted: p at most the level of the test, and at least "
        f"{100 * found.least_effect:g} of 100 rows for sure.",
    )


def shift_sentence(rows: str, part: SliceShift) -> str:
    """Say how common rows were and are."""
    before, after = (f"{100 * count / n:.1f} %" for count, n in zip(part.rows, part.n, strict=True))
    return f"rows with {rows} went from {before} to {after}"


def held_sentence(rows: str, held: HeldDrift) -> str:
    """Say where the drift of a column lies."""
    left, low, high = (f"{100 * part:.1f}" for part in held.without)
    rest = f"no drift of {held.column} is shown" if held.is_gone else f"{held.column} moves less than half as far"
    moved = f"{left} ({low} to {high}) of 100 rows instead of {100 * held.whole.value:.1f}"
    return f"{shift_sentence(rows, held.part)}; without them {rest}: {moved}"


def _shifts(found: Drift) -> PageTable:
    shifts = found.explained.shifts if found.explained is not None else ()
    rows = []
    for words, part in shifts:
        before, after = (f"{100 * count / n:.1f}" for count, n in zip(part.rows, part.n, strict=True))
        change = f"{100 * part.change.value:+.1f} ({100 * part.change.low:+.1f} to {100 * part.change.high:+.1f})"
        rows.append((words, before, after, change, f"{part.adjusted:.2g}"))
    return PageTable(
        heading="Rows that became more or less common",
        columns=("Rows with", "Of 100 rows before", "Today", "Change", "p (all that were looked at)"),
        rows=rows,
        note="Values or ranges of one column, or of two at once, in rows drawn from both. Intervals and p-values "
        "hold for all that were looked at together. Nearly the same rows are listed once.",
    )


def _held(found: Drift) -> PageTable:
    held = found.explained.held if found.explained is not None else ()
    return PageTable(
        heading="Where the drift of a column lies",
        columns=("Column", "In words"),
        rows=[(each.column, held_sentence(words, each)) for words, each in held],
        note="What goes with the drift, which need not be its cause.",
    )


def _words(found: Drift) -> PageTable:
    rows = []
    for each in found.columns:
        for word in each.named:
            before, after = (f"{count / n:.2%}" for count, n in zip(word.rows, word.n, strict=True))
            change = f"{100 * word.change.value:+.1f} ({100 * word.change.low:+.1f} to {100 * word.change.high:+.1f})"
            first = f"at most {before}" if word.is_at_most else before
            rows.append((each.column, word.word, first, after, change, f"{word.adjusted:.2g}"))
    return PageTable(
        heading="Words that came and went",
        columns=("Column", "Word", "Rows with it before", "Today", "Change, of 100 rows", "p (all words)"),
        rows=rows,
        note="Words are compared by the rows that hold them, however often. Intervals and p-values hold for all "
        "words of a column together. No word is named that stands in fewer than ten rows.",
    )


def _together(found: Drift) -> PageTable:
    columns = ("Column", "Area lost when shuffled")
    if found.apart is None:
        return PageTable(heading="All columns together", columns=columns, rows=[])
    area = found.apart.classifier.effect
    note = (
        f"Boosted trees tell held-out rows of the two apart with an area of {area.value:.3f} ({area.low:.3f} to "
        f"{area.high:.3f}; 0.5 is not at all), p {found.apart.classifier.p_value:.2g}, from "
        f"{found.apart.rows[0]:,} and {found.apart.rows[1]:,} rows."
    )
    rows = [(name, f"{lost:.3f}") for name, lost in found.apart.shares[:10]]
    return PageTable(heading="All columns together", columns=columns, rows=rows, note=note)


def _distances(found: Drift) -> PageTable:
    rows = []
    for each in found.columns:
        if each.distances:
            cells = [_interval(each.distances.get(name)) for name, _ in DISTANCES]
            rows.append((each.column, *cells))
    return PageTable(
        heading="The same in the units of other tools",
        columns=("Column", *(title for _, title in DISTANCES)),
        rows=rows,
        note="PSI and Jensen-Shannon of numbers on ten cells of about equal shares of the reference; Wasserstein in "
        "standard deviations of the reference. With intervals, because all are above 0 by chance.",
    )


def _interval(estimate: IntervalEstimate[float] | None) -> str:
    return "" if estimate is None else f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _charts(found: Drift) -> list[tuple[Chart, pl.DataFrame]]:
    charts = []
    for name in list(dict.fromkeys(each.column for each in found.drifted))[:MOST_DRAWN]:
        kind = found.reference.plan[name].kind
        if kind == "number":
            charts.append(_numbers(found, name))
        elif kind == "category":
            charts.append(_categories(found, name))
    return charts


def _numbers(found: Drift, name: str) -> tuple[Chart, pl.DataFrame]:
    """Draw the distribution functions: they can be read off at any value, and hide nothing in bins."""
    import numpy as np
    import polars as pl

    edges = found.reference.plan[name].grid.edges
    shown = np.unique(np.linspace(0, edges.size - 1, min(edges.size, 60)).astype(int))
    parts = []
    for label, profile in (("reference", found.reference), ("today", found.current)):
        column = profile.columns[name]
        below = np.cumsum(column.counts)[:-1][shown] / max(column.n, 1)
        parts.append(pl.DataFrame({"value": edges[shown], "share": below, "table": label}))
    chart = Chart(
        id=f"numbers_{name}", title=name, kind="line", table="numbers", x="value", y="share", series="table",
        x_title=name, y_title="share of rows at or below",
        caption="Share of the rows at or below each value. Where the lines part, rows have moved.",
    )  # fmt: skip
    return chart, pl.concat(parts)


def _counted(profile: Profile, name: str) -> CategoryCounts:
    column = profile.columns[name]
    assert isinstance(column, CategoryCounts)
    return column


def _categories(found: Drift, name: str) -> tuple[Chart, pl.DataFrame]:
    import numpy as np
    import polars as pl

    from holdfast.kernels.stats.proportions import wilson

    first, second = (_counted(profile, name) for profile in (found.reference, found.current))
    labels = [*first.categories, "other values"]
    sides = [np.append(side.counts, side.n_other) for side in (first, second)]
    gap = np.abs(sides[0] / max(first.n, 1) - sides[1] / max(second.n, 1))
    order: Sequence[int] = [int(place) for place in np.argsort(-gap)[:MOST_POINTS] if sides[0][place] + sides[1][place]]
    rows = []
    for label, counts, n in (("reference", sides[0], first.n), ("today", sides[1], second.n)):
        for place in order:
            share = wilson(int(counts[place]), n)
            rows.append(
                {"category": labels[place], "share": share.value, "low": share.low, "high": share.high, "table": label}
            )
    chart = Chart(
        id=f"categories_{name}", title=name, kind="points", table="categories", x="category", y="share", low="low",
        high="high", series="table", y_title="share of rows",
        caption="Share of each category with its interval, the largest change first.",
    )  # fmt: skip
    return chart, pl.DataFrame(rows)
