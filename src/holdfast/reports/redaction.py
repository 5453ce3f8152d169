"""What redaction did, as text and as a page."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.core.redaction import (
    METHODS,
    NOT_ANONYMOUS,
    PERSONAL_STILL,
    LeakRate,
    QualityChange,
    RedactionRecord,
    RestoreRecord,
)
from holdfast.reports.text import printable

STANDING = {
    "kept": "kept",
    "removed": "removed",
    "coarser": "made coarser",
    "pseudonymised": "pseudonymised: can be linked with the key",
    "reversible": "reversible with the key",
}


def redaction_text(record: RedactionRecord) -> str:
    """Write what was done as text."""
    lines = [printable(_headline(record)), ""]
    rows = [("label", "method", "values", "key", "standing"), *_rows(record)]
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    for row in rows:
        cells = [
            cell.rjust(w) if at == 2 else cell.ljust(w) for at, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    lines += ["", *(f"  {sentence}" for sentence in _sentences(record))]
    lines += [f"note: {printable(note)}" for note in record.notes]
    return "\n".join(lines) + "\n"


def redaction_html(record: RedactionRecord) -> str:
    """Write what was done as one page that works offline."""
    from holdfast.reports.page import Page, PageTable, render_page

    methods = sorted({count.method for count in record.treated}, key=list(METHODS).index)
    tables = [
        PageTable(
            heading="What was done",
            columns=("Label", "Method", "Values", "Key", "Standing"),
            rows=_rows(record),
        ),
        PageTable(
            heading="The methods", columns=("Method", "What it does"), rows=[(m, METHODS[m].words) for m in methods]
        ),
        PageTable(
            heading="What the detector still finds",
            columns=("Label", "Places"),
            rows=[(label, f"{n:,}") for label, n in (record.remaining or {}).items()],
        ),
        PageTable(
            heading="Leak test on the labelled sample",
            columns=("Of a marked span is readable", "Spans", "Leaked", "Share", "Interval"),
            rows=[_leak_row(rate) for rate in record.leaks],
            note="The interval knows that spans of one group (template, document) are alike.",
        ),
        PageTable(
            heading="What it costs the model",
            columns=("Metric", "Rows", "Before", "After", "Difference", "Interval"),
            rows=[_quality_row(change) for change in record.quality],
        ),
    ]
    return render_page(
        Page(
            kind="Holdfast pii redact",
            title=record.source,
            meta=f"plan {record.plan}, for {record.purpose}; written to {record.output}",
            verdict=_headline(record),
            sentences=list(_sentences(record)),
            tables=tables,
            charts=(),
            assumptions=(*record.notes, NOT_ANONYMOUS),
        )
    )


def restore_text(record: RestoreRecord) -> str:
    """Write what was put back as text."""
    total = sum(record.restored.values())
    lines = [f"{record.source}: {_counted(total, 'value')} put back in {_counted(record.n_records, 'record')}"]
    lines += [f"  {method}: {n:,}" for method, n in record.restored.items()]
    if record.n_altered:
        lines.append(
            f"  {_counted(record.n_altered, 'place')} left as found: the right key does not vouch for it, so it was "
            "altered after redaction, or never written by it"
        )
    if record.n_erased:
        lines.append(f"  {_counted(record.n_erased, 'token')} left as found: the value was erased from the vault")
    lines += [f"note: {note}" for note in record.notes]
    return "\n".join(map(printable, lines)) + "\n"


def _headline(record: RedactionRecord) -> str:
    treated = sum(count.n for count in record.treated if METHODS[count.method].standing != "kept")
    left_out = f", {_counted(record.n_suppressed, 'record')} left out" if record.n_suppressed else ""
    return f"{_counted(treated, 'value')} treated in {_counted(record.n_records, 'record')}{left_out}"


def _rows(record: RedactionRecord) -> list[tuple[str, ...]]:
    return [
        (count.label, count.method, f"{count.n:,}", count.key_id, STANDING[METHODS[count.method].standing])
        for count in record.treated
    ]


def _sentences(record: RedactionRecord) -> Iterator[str]:
    standings = {METHODS[count.method].standing for count in record.treated}
    if "reversible" in standings:
        yield f"Whoever holds the key {' or '.join(record.key_ids)} can read the reversible values again."
    if any(count.method == "encrypt" for count in record.treated):
        yield "FF1 keeps no integrity; the note beside the output tells altered records apart."
    if standings & {"reversible", "pseudonymised"}:
        yield PERSONAL_STILL
    else:
        yield NOT_ANONYMOUS
    if record.remaining is not None:
        left = sum(record.remaining.values())
        names = ", ".join(f"{n:,} {label}" for label, n in record.remaining.items())
        yield (
            f"Looked at again, the detector still finds {_counted(left, 'place')}: {names}."
            if left
            else "Looked at again, the detector finds nothing outside the replacements; what it does not know stays."
        )
    for rate in record.leaks:
        yield _leak_sentence(rate)
    for change in record.quality:
        yield _quality_sentence(change)


def _leak_sentence(rate: LeakRate) -> str:
    what = "wholly readable" if rate.what == "whole" else "not fully covered"
    return (
        f"Leak test: {rate.n_leaked:,} of {rate.n:,} marked spans are {what}: {rate.value:.2%} "
        f"({rate.low:.2%} to {rate.high:.2%} at {rate.level:.0%}, {_counted(rate.n_groups, 'group')})."
    )


def _quality_sentence(change: QualityChange) -> str:
    who = "the model, trained anew on each table" if change.is_retrained else "the model as it is"
    return (
        f"Quality of {who}: {change.metric} {change.before:.4f} before, {change.after:.4f} after, difference "
        f"{change.difference:+.4f} ({change.low:+.4f} to {change.high:+.4f} at {change.level:.0%}, {change.method}, "
        f"{_counted(change.n, 'row')})."
    )


def _leak_row(rate: LeakRate) -> tuple[str, ...]:
    what = "everything" if rate.what == "whole" else "something"
    return what, f"{rate.n:,}", f"{rate.n_leaked:,}", f"{rate.value:.2%}", f"{rate.low:.2%} to {rate.high:.2%}"


def _quality_row(change: QualityChange) -> tuple[str, ...]:
    return (
        change.metric + (" (trained anew)" if change.is_retrained else ""),
        f"{change.n:,}",
        f"{change.before:.4f}",
        f"{change.after:.4f}",
        f"{change.difference:+.4f}",
        f"{change.low:+.4f} to {change.high:+.4f}",
    )


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"
