"""What a search for personal data found, as text for people and as SARIF; values are shown by their shape only."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from holdfast.core.canonical import digest_of
from holdfast.core.personal_data import SearchedFile
from holdfast.kernels.personal_data.column_types import ColumnType
from holdfast.kernels.personal_data.passages import Found, Place
from holdfast.kernels.personal_data.scoring import EVERY, LabelScore
from holdfast.kernels.personal_data.shapes import shape_of
from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.reports.sarif import SCHEMA, text_rule
from holdfast.reports.text import printable, shorten

INDEX = re.compile(r"\[\d+\]")
BYTE = re.compile(r"(?:, |^)byte \d+$")
MOST_LINES = 200
MOST_PLACES = 10_000
MOST_RESULTS = 25_000


@dataclass(slots=True)
class Tally:
    """Where one label stands in one part of one file: how often, where first, what it looks like."""

    path: str
    part: str
    label: str
    n_found: int
    first: Place
    example: str


@dataclass(slots=True)
class Tallies:
    """Counts that stay small however much is found."""

    lines: dict[tuple[str, str, str], Tally] = field(default_factory=dict)
    n_found: int = 0

    def add(self, path: str, found: Found, *, is_shown: bool) -> None:
        """Count one span."""
        self.n_found += 1
        part = BYTE.sub("", INDEX.sub("[*]", found.place.part))
        key = (path, part, found.label)
        if key in self.lines:
            self.lines[key].n_found += 1
        elif len(self.lines) < MOST_PLACES:
            example = found.text if is_shown else shape_of(found.text)
            self.lines[key] = Tally(path, part, found.label, 1, found.place, example)


def place_words(place: Place) -> str:
    """Say where something stands.

    Examples
    --------
    >>> place_words(Place("a7", 12, "$.text"))
    'line 12, record a7, $.text'
    """
    words = [f"line {place.line}"] if place.line is not None else []
    if place.record is not None and place.record != place.line:
        words.append(f"record {place.record}")
    return ", ".join([*words, *([place.part] if place.part else [])])


def search_text(tallies: Tallies, files: Sequence[SearchedFile]) -> str:
    """Write a table of what was found, then what was not looked at."""
    lines: list[str] = []
    here = ""
    for tally in list(tallies.lines.values())[:MOST_LINES]:
        if tally.path != here:
            here = tally.path
            lines += ["", printable(here), f"  {'found':>9}  {'what':<20} {'where':<26} {'first':<24} looks like"]
        first = place_words(tally.first._replace(part="") if tally.part == tally.first.part else tally.first)
        where = shorten(printable(tally.part), 26)
        lines.append(
            f"  {tally.n_found:>9,}  {printable(tally.label):<20} {where:<26} {shorten(printable(first), 24):<24} "
            f"{shorten(_one_line(tally.example), 44)}"
        )
    if len(tallies.lines) > MOST_LINES:
        lines.append(f"  and {len(tallies.lines) - MOST_LINES:,} more places: --format jsonl lists every span")
    unseen = [file for file in files if file.not_examined]
    lines += [""] * bool(lines)
    noted: dict[str, list[str]] = {}
    for file in files:
        for note in file.notes:
            noted.setdefault(note, []).append(file.path)
    for note, paths in noted.items():
        others = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
        lines.append(f"note: {printable(paths[0])}{others}: {printable(note)}")
    lines += [f"not examined: {printable(file.path)}: {printable(file.not_examined)}" for file in unseen]
    return "\n".join([*lines, search_sentence(tallies.n_found, files)]).lstrip("\n") + "\n"


def search_sentence(n_found: int, files: Sequence[SearchedFile]) -> str:
    """Say in a sentence what was found in how many files."""
    n_with = sum(file.n_found > 0 for file in files)
    unseen = sum(bool(file.not_examined) for file in files)
    what = f"{n_found:,} pieces of personal data" if n_found != 1 else "One piece of personal data"
    said = (
        f"{what} in {n_with:,} of {len(files):,} files." if n_found else f"Nothing was found in {len(files):,} files."
    )
    if len(files) == 1:
        said = f"{what} found." if n_found else "Nothing was found."
    rest = f" {unseen:,} could not be examined." if unseen else ""
    return f"{said}{rest} A search finds some of what is there: `holdfast pii eval` measures how much it misses."


def search_sarif(found: Iterable[tuple[str, Found]], files: Sequence[SearchedFile], version: str) -> str:
    """Write one result per span, 25,000 at most; the rest is counted in a notification."""
    results: list[dict[str, Any]] = []
    left_out = 0
    for path, each in found:
        if len(results) < MOST_RESULTS:
            results.append(_result(path, each))
        else:
            left_out += 1
    rules = {result["ruleId"]: text_rule(result["ruleId"], result["ruleId"], "Personal data.") for result in results}
    notices = [f"{file.path}: {file.not_examined}" for file in files if file.not_examined]
    notices += [f"{left_out} more are not listed; --format jsonl lists all"] if left_out else []
    told = [{"level": "warning", "message": {"text": printable(notice)}} for notice in notices]
    invocation = {"executionSuccessful": True, "toolExecutionNotifications": told}
    driver = {"name": "Holdfast", "version": printable(version), "rules": list(rules.values())}
    run = {
        "tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "invocations": [invocation], "results": results,
    }  # fmt: skip
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False) + "\n"


def _result(path: str, found: Found) -> dict[str, Any]:
    where = place_words(found.place)
    shape = printable(_one_line(shape_of(found.text)))
    print_of = {"path": path, "label": found.label, "where": where, "start": found.start, "end": found.end}
    return {
        "ruleId": printable(f"pii.{found.label}"),
        "level": "warning",
        "message": {"text": printable(f"{found.label} at {where or 'the start'}, it looks like {shape}")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(printable(path).replace("\\", "/"), safe="/")},
                    "region": {"startLine": found.place.line or 1},
                },
                "logicalLocations": [{"fullyQualifiedName": printable(where or path)}],
            }
        ],
        "partialFingerprints": {"holdfast/v1": digest_of(print_of).removeprefix("sha256:")},
        "properties": {"start": found.start, "end": found.end, "score": found.score},
    }


def scores_text(scores: Sequence[LabelScore], *, level: float) -> str:
    """Write a table of scores, the worst ends of the intervals in brackets."""
    head = f"{'label':<20} {'spans':>6} {'precision':<22} {'recall':<22} {'F1':<22} {'F1, overlap':<22} leaked"
    lines = [head]
    for score in scores:
        label = "all labels" if score.label == EVERY else score.label
        shown = [_share(one) for one in (score.precision, score.recall, score.f1, score.f1_overlap, score.leak)]
        lines.append(
            f"{printable(label):<20.20} {score.n_gold:>6,} " + " ".join(f"{one:<22}" for one in shown).rstrip()
        )
    lines.append(f"in brackets: {level:.0%} confidence intervals of the groups of records")
    return "\n".join(lines) + "\n"


def columns_text(columns: Mapping[str, ColumnType], *, level: float) -> str:
    """Write a table of columns, those with personal data first."""
    lines = [f"{'column':<24} {'holds':<18} {'as':<18} {'found in values':<22} {'different':>13}  because"]
    for name, found in sorted(columns.items(), key=lambda item: not item[1].label):
        reasons = "; ".join(found.reasons)
        different = f"{found.n_distinct:,} of {found.n_values:,}"
        lines.append(
            f"{shorten(printable(name), 24):<24} {printable(found.label) or '–':<18.18} {found.role:<18} "
            f"{_share(found.found):<22} {different:>13}  {printable(reasons)}".rstrip()
        )
    lines.append(f"in brackets: {level:.0%} confidence intervals (Wilson), of a sample of the different values")
    return "\n".join(lines) + "\n"


def _share(estimate: IntervalEstimate) -> str:
    value = "  –  " if math.isnan(estimate.value) else f"{estimate.value:.3f}"
    return f"{value} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
