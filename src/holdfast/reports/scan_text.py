"""A scan for people at a terminal: the verdict first, then each file's reasons, then what was not examined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from holdfast.core.scan import Location, Observed, ScannedFile, ScanReport
from holdfast.reports.text import printable

MOST_FILES = 20
MOST_DETAILS = 3
MOST_REASONS = 12
WORDS = {"fail": "failed", "not_examined": "not examined", "approved": "approved", "pass": "passed"}
HEADINGS = {"fail": "FAIL", "not_examined": "NOT EXAMINED", "approved": "APPROVED", "pass": "PASS"}
KIND_WORDS = {
    "executes": "executes code",
    "unknown": "not on any allow list",
    "suspicious": "misleads readers",
    "secret": "holds a credential",
    "malformed": "breaks its format",
    "not_examined": "not examined",
}
GRAVITY = tuple(KIND_WORDS)
NEXT_STEP = (
    "A file that failed or was not examined is not safe to load. If you answer for one, approve it by its digest in a "
    "policy (artefacts: approved:)."
)
Paint = Callable[[str, str], str]


def render_scan_text(report: ScanReport, paint: Paint = lambda text, outcome: text) -> str:
    """Write a report as text.

    Parameters
    ----------
    report
        What was found.
    paint
        Colours a text by its outcome.
    """
    lines = [f"{paint(HEADINGS[report.outcome], report.outcome)}: {printable(outcome_sentence(report))}"]
    for outcome in ("fail", "not_examined", "approved"):
        files = [file for file in report.files if file.outcome == outcome]
        for file in files[:MOST_FILES]:
            lines += ["", *_about(file, paint)]
        if len(files) > MOST_FILES:
            more = len(files) - MOST_FILES
            lines += ["", f"... and {more:,} more {WORDS[outcome]}; --format json lists every file"]
    if report.outcome != "pass" and report.files:
        lines += ["", NEXT_STEP]
    return "\n".join(lines) + "\n"


def outcome_sentence(report: ScanReport) -> str:
    """Count the files by what became of them.

    Examples
    --------
    >>> from holdfast.core.scan import ScanReport, ScanTotals
    >>> totals = ScanTotals(files=3, passed=2, failed=1, not_examined=0, approved=0, bytes=2048)
    >>> outcome_sentence(ScanReport(roots=("m",), outcome="fail", files=(), totals=totals, versions={}, allow_list="",
    ...     limits={}))
    '1 of 3 files failed, 2 passed (2.0 kB)'
    """
    totals = report.totals
    if not totals.files:
        return " ".join(report.notes)
    counts = {
        "failed": totals.failed,
        "not examined": totals.not_examined,
        "approved": totals.approved,
        "passed": totals.passed,
    }
    said = [f"{count:,} {word}" for word, count in counts.items() if count]
    first, _, word = said[0].partition(" ")
    files = f"{totals.files:,} file{'s' if totals.files != 1 else ''}"
    return f"{', '.join([f'{first} of {files} {word}', *said[1:]])} ({size_words(totals.bytes)})"


def size_words(size: int) -> str:
    """Write a size: ``2.0 kB``."""
    number = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def place_words(place: Location) -> str:
    """Write where something is: members of archives after the file, then the bytes."""
    span = f"[{place.start}:{place.end}]" if place.end else ""
    return f"{'!'.join(place.path)}{span}"


def reasons(file: ScannedFile) -> list[str]:
    """Group what was found by rule, the gravest first, one line each."""

    def key(observed: Observed) -> tuple[int, str]:
        return GRAVITY.index(observed.kind), observed.rule

    lines = []
    for _, group in groupby(sorted(file.observations, key=key), key=key):
        same = list(group)
        lines.append(_reason(same))
    return lines


def _reason(same: Sequence[Observed]) -> str:
    first = same[0]
    details = list(dict.fromkeys(observed.detail for observed in same if observed.detail))
    shown = f": {', '.join(details[:MOST_DETAILS])}" if details else ""
    more = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
    return f"{KIND_WORDS[first.kind]}: {first.message}{shown} at {place_words(first.place)}{more} [{first.rule}]"


def _about(file: ScannedFile, paint: Paint) -> list[str]:
    facts = [file.format] if file.format else []
    facts += [size_words(file.size)] if file.size is not None else []
    described = f" ({', '.join(facts)})" if facts else ""
    lines = []
    if file.approved:
        held = file.approved
        lines.append(f"approved by {held.owner} until {held.expires}: {held.reason}")
    found = reasons(file)
    lines += found[:MOST_REASONS]
    if len(found) > MOST_REASONS:
        lines.append(f"... and {len(found) - MOST_REASONS} more reasons")
    lines += [f"note: {note}" for note in file.notes]
    lines += [file.digest] if file.digest else []
    heading = paint(HEADINGS[file.outcome], file.outcome)
    return [f"{heading} {_one_line(file.path + described)}", *(f"  {_one_line(line)}" for line in lines)]


def _one_line(text: str) -> str:
    return printable(text).replace("\n", " ").replace("\t", " ")
