"""``holdfast pii``: personal data in files, columns and models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.interfaces.cli import pii_anonymise, pii_redact
from holdfast.interfaces.cli.delivering import deliver, refuse_unknown_format

if TYPE_CHECKING:
    from holdfast.auditing.personal_data import Search
    from holdfast.auditing.personal_data_scoring import Scored
    from holdfast.kernels.personal_data.passages import Found

Option = typer.Option
app = typer.Typer(
    help="Find personal data, measure how well it is found, take it out and put it back.", no_args_is_help=True
)
FORMATS = ("text", "jsonl", "json", "sarif")
SCORE_FORMATS = ("text", "json")
MOST_LISTED = 100_000
LABELS = Option("--labels", help="Report these labels only; several by commas.")
COUNTRIES = Option("--countries", help="Use national rules of these countries only: DE,PL.")
THRESHOLD = Option("--threshold", help="Lowest score that is reported, from 0 to 1.")

NAMES = Option(help="Look for names, places, organisations and special categories too.")
ALSO = Option(
    help="Further source, repeatable: subjects:FILE (known people: CSV, or a name on each line), spacy:MODEL, "
    "gliner:FOLDER."
)


@app.command("scan")
def scan(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Files and folders: text, logs, JSON, JSON lines, CSV, Parquet, images, PDF, models.",
            show_default=False,
        ),
    ],
    field: Annotated[list[str] | None, Option(help="Field of records or column to look at; repeatable.")] = None,
    format: Annotated[str, Option(help="text, jsonl (one line per span), json or sarif.")] = "text",
    labels: Annotated[str, LABELS] = "",
    countries: Annotated[str, COUNTRIES] = "",
    threshold: Annotated[float, THRESHOLD] = 0.5,
    names: Annotated[bool, NAMES] = True,
    also: Annotated[list[str] | None, ALSO] = None,
    wrapped: Annotated[bool, Option("--wrapped", help="In logs, look across the ends of lines too.")] = False,
    show: Annotated[bool, Option("--show", help="Show the values themselves, not only what they look like.")] = False,
    gate: Annotated[int | None, Option(help="Exit with 1 where more is found than this number.")] = None,
    out: Annotated[Path | None, Option(help="File to write instead of the terminal.")] = None,
) -> None:
    """Find personal data. Files are only read, no model is loaded, nothing leaves the machine.

    With --gate the exit code is 0: no more than that was found, 1: more was, 3: a file was not examined.

    --format jsonl prints per span its record (the record's id, or its number from 1), start and end (in code points of
    the field, the end exclusive), label, score, and the place. Values are printed with --show only.
    """
    from holdfast.auditing.personal_data import Search, build_detector

    refuse_unknown_format(format, FORMATS)
    detector = build_detector(
        labels=_listed(labels), countries=_listed(countries), threshold=threshold, names=names, also=also or ()
    )
    search = Search(paths, detector, fields=field or (), is_wrapped=wrapped)
    write = {"text": _text, "jsonl": _jsonl, "json": _json, "sarif": _sarif}[format]
    write(search, out, is_shown=show)
    if format != "text":
        _tell(search)
    if gate is not None and search.n_found > gate:
        typer.echo(f"found {search.n_found:,}, more than --gate {gate:,} allows", err=True)
        raise typer.Exit(1)
    if gate is not None and not search.is_complete:
        raise typer.Exit(3)


@app.command("classify")
def classify(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    countries: Annotated[str, COUNTRIES] = "",
    threshold: Annotated[float, THRESHOLD] = 0.5,
    seed: Annotated[int, Option(help="Of the sample.")] = 0,
    level: Annotated[float, Option(help="Confidence level of the intervals.")] = 0.95,
    format: Annotated[str, Option(help="text or json.")] = "text",
    out: Annotated[Path | None, Option(help="File to write instead of the terminal.")] = None,
) -> None:
    """Say which columns of a table hold personal data, of what kind, and what that rests on."""
    from holdfast.auditing.personal_data import build_detector
    from holdfast.auditing.personal_data_columns import classify_table

    refuse_unknown_format(format, SCORE_FORMATS)
    columns = classify_table(
        table, build_detector(countries=_listed(countries), threshold=threshold), seed=seed, level=level
    )
    if format == "text":
        from holdfast.reports.personal_data import columns_text

        deliver(columns_text(columns, level=level), out)
        return
    from holdfast.core.canonical import canonical_json

    content = {name: dict(_figures(found._asdict())) for name, found in columns.items()}
    deliver(canonical_json({"level": level, "columns": content}).decode("utf-8") + "\n", out)


@app.command("eval")
def evaluate(
    sample: Annotated[Path, typer.Argument(help="Labelled sample: JSON lines with a text and its spans.")],
    field: Annotated[str, Option(help="Field with the text.")] = "text",
    truth: Annotated[str, Option(help="Field with the spans: start, end, label.")] = "spans",
    group: Annotated[str, Option(help="Field that says which records were made alike; intervals are of groups.")] = "",
    labels: Annotated[str, Option(help="Labels of the sample that count; several by commas.")] = "",
    map: Annotated[list[str] | None, Option(help="Compare a label under another name: FROM=TO; repeatable.")] = None,
    countries: Annotated[str, COUNTRIES] = "",
    threshold: Annotated[float, THRESHOLD] = 0.5,
    names: Annotated[bool, NAMES] = True,
    also: Annotated[list[str] | None, ALSO] = None,
    min_f1: Annotated[float | None, Option("--min-f1", help="Exit with 1 unless F1 is at least this.")] = None,
    max_leak: Annotated[float | None, Option("--max-leak", help="Exit with 1 unless no more leaks than this.")] = None,
    level: Annotated[float, Option(help="Confidence level of the intervals.")] = 0.95,
    format: Annotated[str, Option(help="text or json.")] = "text",
    out: Annotated[Path | None, Option(help="File to write instead of the terminal.")] = None,
) -> None:
    """Measure on a labelled sample how well personal data is found: precision, recall, F1, and the leak rate.

    A span leaks when not all of it is covered by what is found, under whatever label. Limits are held against the bad
    end of the interval: the low end of F1, the high end of the leak rate.
    """
    from holdfast.auditing.personal_data import build_detector
    from holdfast.auditing.personal_data_scoring import evaluate as score

    refuse_unknown_format(format, SCORE_FORMATS)
    detector = build_detector(countries=_listed(countries), threshold=threshold, names=names, also=also or ())
    scored = score(
        sample, detector, field=field, truth=truth, group=group, labels=_listed(labels), names=_pairs(map or []),
        min_f1=min_f1, max_leak=max_leak, level=level,
    )  # fmt: skip
    deliver({"text": _scores_text, "json": _scores_json}[format](scored, level), out)
    for failure in scored.failures:
        typer.echo(f"failed: {failure}", err=True)
    if scored.failures:
        raise typer.Exit(1)


pii_redact.register(app)
app.command("anonymise")(pii_anonymise.anonymise)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _pairs(given: list[str]) -> dict[str, str]:
    from holdfast.core.errors import InputError

    pairs = {}
    for pair in given:
        name, separator, other = pair.partition("=")
        if not separator or not name or not other:
            raise InputError(f"expected --map FROM=TO, got {pair!r}", hint="--map PAYMENT_CARD=CREDIT_CARD")
        pairs[name] = other
    return pairs


def _text(search: Search, out: Path | None, *, is_shown: bool) -> None:
    from holdfast.reports.personal_data import Tallies, search_sentence, search_text

    tallies = Tallies()
    for path, found in search:
        tallies.add(path, found, is_shown=is_shown)
    deliver(search_text(tallies, search.files), out, said=search_sentence(tallies.n_found, search.files))


def _jsonl(search: Search, out: Path | None, *, is_shown: bool) -> None:
    """One line per span, written as it is found."""
    several = len(search.paths) > 1 or Path(search.paths[0]).is_dir()
    lines = (json.dumps(_span(path if several else "", found, is_shown=is_shown)) + "\n" for path, found in search)
    if out is None:
        for line in lines:
            typer.echo(line, nl=False)
        return
    from holdfast.evidence.writing import open_durably

    with open_durably(out) as file:
        for line in lines:
            file.write(line.encode("ascii"))


def _span(path: str, found: Found, *, is_shown: bool) -> dict[str, Any]:
    span: dict[str, Any] = {"file": path} if path else {}
    span["record"] = found.place.record
    span |= {"start": found.start, "end": found.end, "label": found.label, "score": round(found.score, 4)}
    if found.place.line is not None:
        span["line"] = found.place.line
    if found.place.part:
        span["part"] = found.place.part
    return span | ({"text": found.text} if is_shown else {})


def _json(search: Search, out: Path | None, *, is_shown: bool) -> None:
    from holdfast.core.canonical import canonical_json

    listed: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    for path, found in search:
        counts[found.label] = counts.get(found.label, 0) + 1
        if len(listed) < MOST_LISTED:
            listed.append(_span(path, found, is_shown=is_shown))
    content = {"found": search.n_found, "labels": counts, "files": search.files, "spans": listed}
    deliver(canonical_json(content).decode("utf-8") + "\n", out)


def _sarif(search: Search, out: Path | None, *, is_shown: bool) -> None:
    from holdfast import __version__
    from holdfast.reports.personal_data import search_sarif

    deliver(search_sarif(search, search.files, __version__), out)


def _tell(search: Search) -> None:
    """Say on standard error what a program that reads the output would not see."""
    from holdfast.interfaces.cli.verdicts import printable

    for file in search.files:
        for note in (*file.notes, *([f"not examined: {file.not_examined}"] if file.not_examined else [])):
            typer.echo(printable(f"{file.path}: {note}"), err=True)


def _scores_text(scored: Scored, level: float) -> str:
    from holdfast.reports.personal_data import scores_text
    from holdfast.reports.text import printable

    head = f"{scored.n_records:,} records in {scored.n_groups:,} groups\n\n"
    other = ", ".join(f"{printable(label)} {count:,}" for label, count in sorted(scored.not_counted.items()))
    tail = f"found of labels that the sample does not have, not counted: {other}\n" if other else ""
    return head + scores_text(scored.scores, level=level) + tail


def _scores_json(scored: Scored, level: float) -> str:
    from holdfast.core.canonical import canonical_json

    content = {
        "records": scored.n_records,
        "groups": scored.n_groups,
        "level": level,
        "scores": [dict(_figures(score._asdict())) for score in scored.scores],
        "not_counted": scored.not_counted,
        "failures": scored.failures,
    }
    return canonical_json(content).decode("utf-8") + "\n"


def _figures(score: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    from holdfast.kernels.stats.interval import IntervalEstimate

    for name, value in score.items():
        if isinstance(value, IntervalEstimate):
            known = {"value": value[0], "low": value[1], "high": value[2]}
            yield name, {key: number for key, number in known.items() if number == number}
        else:
            yield name, value
