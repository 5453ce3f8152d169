"""``holdfast profile`` and ``holdfast drift``: what has changed between two tables."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.interfaces.cli.delivering import deliver, refuse_unknown_format

if TYPE_CHECKING:
    from holdfast.auditing.pieces import Workers
    from holdfast.kernels.drift.columns import ColumnDrift
    from holdfast.kernels.drift.comparison import Drift
    from holdfast.kernels.drift.explaining import SliceShift
    from holdfast.kernels.drift.word_drift import WordChange
    from holdfast.kernels.stats.interval import IntervalEstimate

Option = typer.Option
RAY = Option(help="Let the Ray cluster at this address read and count Parquet files.")
FORMATS = ("text", "json")
TEST_NAMES = {
    "Kolmogorov-Smirnov": "KS",
    "chi-square": "chi-square",
    "Fisher's exact test of words": "words",
    "mean random features of vectors": "vectors",
}


def profile(
    tables: Annotated[list[Path], typer.Argument(help="CSV or Parquet files, folders of Parquet files, or profiles.")],
    out: Annotated[Path, Option("--out", "-o", help="File to write.")],
    like: Annotated[Path | None, Option(help="Profile on whose cells to count, so that both can be compared.")] = None,
    ray: Annotated[str, RAY] = "",
) -> None:
    """Write what is needed to compare a table later: counts on fixed cells, moments, extremes. Profiles are added."""
    from holdfast.auditing.profiling import is_profile, merge_profiles, profile_table, profile_text, read_profile

    base = read_profile(like) if like is not None else None
    found = []
    with uncollected(), _workers(ray) as workers:
        for table in tables:
            if is_profile(table):
                found.append(read_profile(table))
            else:
                found.append(profile_table(table, like=base or (found[0] if found else None), workers=workers))
    merged = merge_profiles(found)
    said = f"{merged.n_rows:,} rows of {len(merged.plan):,} columns"
    deliver(profile_text(merged), out, said=said)


def drift(
    reference: Annotated[Path, typer.Argument(help="Table, folder of Parquet files, or profile to compare with.")],
    current: Annotated[Path, typer.Argument(help="Table, folder of Parquet files, or profile of today.")],
    ignore: Annotated[list[str] | None, Option(help="Column to leave out; may be given several times.")] = None,
    alpha: Annotated[float, Option(help="Chance of a false alarm over all columns together.")] = 0.05,
    least: Annotated[float, Option(help="Share of rows that must have moved for a change to matter.")] = 0.01,
    joint: Annotated[bool, Option(help="Look at all columns together too.")] = True,
    ray: Annotated[str, RAY] = "",
    format: Annotated[str, Option(help="text or json.")] = "text",
    json: Annotated[bool, Option("--json", help="The same as --format json.")] = False,
    html: Annotated[Path | None, Option(help="Page to write.")] = None,
    out: Annotated[Path | None, Option(help="File to write instead of the terminal.")] = None,
    gate: Annotated[bool, Option("--gate", help="Exit with 1 where something has drifted.")] = False,
) -> None:
    """Compare two tables: which columns have drifted, how far, and by what the rows can be told apart."""
    from holdfast.auditing.drifting import find_drift

    refuse_unknown_format(format, FORMATS)
    with uncollected():
        with _workers(ray) as workers:
            found = find_drift(
                reference, current, ignore=ignore or (), alpha=alpha, least_effect=least, joint=joint, workers=workers
            )
        if html is not None:
            from holdfast.reports.drift_page import drift_page
            from holdfast.reports.page import render_page

            deliver(render_page(drift_page(found)), html)
    text = _json(found) if json or format == "json" else _text(found)
    deliver(text, out, said=_sentence(found))
    if gate and found.verdict == "drifted":
        raise typer.Exit(1)


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave garbage in cycles lie: what a short command imports stays, and to go through it again and again costs time.

    Arrays and tables are not meant: they go when nobody holds them, as ever.
    """
    was_collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collected:
            gc.enable()


@contextmanager
def _workers(address: str) -> Iterator[Workers | None]:
    if not address:
        yield None
        return
    from holdfast.auditing.executors.ray import connected, map_on_workers

    with connected(address):
        yield map_on_workers


def _sentence(found: Drift) -> str:
    from holdfast.reports.drift_page import drift_sentence

    return drift_sentence(found)


def _text(found: Drift) -> str:
    from holdfast.reports.text import printable

    lines = [_sentence(found)]
    lines += [f"  {printable(change.column)} {change.change}" for change in found.schema]
    shown = [each for each in found.columns if each.verdict == "drifted" or each.adjusted <= found.alpha]
    if shown:
        lines += ["", f"{'column':<24}  {'test':<10}  {'p (Holm)':>8}  {'moved, of 100 rows':<20}  what changed"]
        for each in sorted(shown, key=lambda each: (-each.effect.low, each.column)):
            moved = f"{100 * each.effect.value:.1f} ({100 * each.effect.low:.1f} to {100 * each.effect.high:.1f})"
            name, words = printable(each.column), printable(each.words)
            test = TEST_NAMES.get(each.test, each.test)
            lines.append(f"{name:<24.24}  {test:<10.10}  {each.adjusted:>8.2g}  {moved:<20}  {words}")
    if found.explained is not None and found.explained.shifts:
        from holdfast.reports.drift_page import held_sentence, shift_sentence

        said = [held_sentence(words, each) for words, each in found.explained.held]
        said += [shift_sentence(words, part) for words, part in found.explained.shifts[:3]]
        lines += ["", "What became more or less common:", *(f"  {printable(sentence)}" for sentence in said)]
    if found.apart is not None:
        area = found.apart.classifier.effect
        words = f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f}; 0.5 is not at all)"
        told = "Rows can be told apart" if found.apart.is_shown else "No difference was shown with all columns together"
        lines += ["", f"{told}: area {words}."]
        most = [f"{printable(name)} ({lost:.3f})" for name, lost in found.apart.shares[:5] if lost > 0.002]
        if most and found.apart.is_shown:
            lines.append(f"What tells them apart: {', '.join(most)}.")
    lines += ["", *found.assumptions, *(note for note in found.notes if note.startswith("Vectors"))]
    return "\n".join(lines) + "\n"


def _json(found: Drift) -> str:
    from holdfast.core.canonical import canonical_json

    content: dict[str, Any] = {
        "verdict": found.verdict,
        "columns": [_column(each) for each in found.columns],
        "schema": [{"column": change.column, "change": change.change} for change in found.schema],
        "alpha": found.alpha,
        "least_effect": found.least_effect,
        "level": found.level,
        "rows": {"reference": found.reference.n_rows, "current": found.current.n_rows},
        "joint": _apart(found),
        "explained": _explained(found),
        "assumptions": list(found.assumptions),
    }
    return canonical_json(content).decode("utf-8") + "\n"


def _column(each: ColumnDrift) -> dict[str, Any]:
    return {
        "column": each.column,
        "test": each.test,
        "statistic": each.statistic,
        "p_value": each.p_value,
        "adjusted_p_value": each.adjusted,
        "effect": each.effect.value,
        "low": each.effect.low,
        "high": each.effect.high,
        "drifted": each.verdict == "drifted",
        "verdict": each.verdict,
        "exact": each.exact,
        "distances": {name: _interval(value) for name, value in each.distances.items()},
        "words": each.words,
        "came_and_went": [_word(word) for word in each.named],
    }


def _explained(found: Drift) -> dict[str, Any] | None:
    from holdfast.reports.drift_page import held_sentence, shift_sentence

    if found.explained is None:
        return None
    shifts = [{**_shift(words, part), "words": shift_sentence(words, part)} for words, part in found.explained.shifts]
    held = [
        {
            "column": each.column,
            "part": _shift(words, each.part),
            "effect": _interval(each.whole),
            "effect_without": _interval(each.without),
            "drift_without": not each.is_gone,
            "words": held_sentence(words, each),
        }
        for words, each in found.explained.held
    ]
    return {"shifts": shifts, "held": held}


def _shift(words: str, part: SliceShift) -> dict[str, Any]:
    return {
        "rows_with": words,
        "reference": {"rows": part.rows[0], "of": part.n[0]},
        "current": {"rows": part.rows[1], "of": part.n[1]},
        "change": _interval(part.change),
        "adjusted_p_value": part.adjusted,
    }


def _word(each: WordChange) -> dict[str, Any]:
    names = ("reference_at_most" if each.is_at_most else "reference", "current")
    rows = {name: {"rows": rows, "of": n} for name, rows, n in zip(names, each.rows, each.n, strict=True)}
    return {"word": each.word, **rows, "change": _interval(each.change), "adjusted_p_value": each.adjusted}


def _apart(found: Drift) -> dict[str, Any] | None:
    if found.apart is None:
        return None
    tests = {"classifier": found.apart.classifier, "mean_features": found.apart.means}
    content: dict[str, Any] = {
        name: {"statistic": test.statistic, "p_value": test.p_value, **_interval(test.effect)}
        for name, test in tests.items()
        if test is not None
    }
    return content | {
        "shares": [{"column": name, "area_lost": lost} for name, lost in found.apart.shares],
        "rows": list(found.apart.rows),
        "shown": found.apart.is_shown,
    }


def _interval(estimate: IntervalEstimate[float]) -> dict[str, float | None]:
    import math

    parts: Sequence[float] = (estimate.value, estimate.low, estimate.high)
    names = ("value", "low", "high")
    return {name: float(part) if math.isfinite(part) else None for name, part in zip(names, parts, strict=True)}
