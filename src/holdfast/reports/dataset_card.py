"""A data-set card in the Hugging Face format: what was measured is filled in, what only a person knows is left open.

References
----------
Gebru et al. (2021), Datasheets for Datasets, CACM 64. Hugging Face Hub documentation, "Dataset Cards": metadata
``size_categories``, ``task_categories``, ``configs``, ``dataset_info``.
"""

from __future__ import annotations

from typing import Any

from holdfast.core.datasheet import ColumnFacts, ColumnKind, Datasheet
from holdfast.reports.data_findings import said_of
from holdfast.reports.markdown import escape_markdown
from holdfast.reports.text import printable

HUMAN = "_To be written by a person:_"
MOST_COLUMNS, MOST_VALUES = 200, 5
DTYPES: dict[ColumnKind, str] = {
    "whole number": "int64",
    "number": "float64",
    "text": "string",
    "truth value": "bool",
    "date": "date32",
    "time": "timestamp[us]",
    "empty": "null",
}
TASKS = {"regression": "tabular-regression", "binary": "tabular-classification", "multiclass": "tabular-classification"}
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
         (10**8, "10M<n<100M"), (10**9, "100M<n<1B"))  # fmt: skip
OPEN_KEYS = "# To be filled in by a person: license, language, source_datasets, annotations_creators"


def render_dataset_card(sheet: Datasheet) -> str:
    """Write the card: YAML front matter for the Hub, then the sections of its template."""
    sections = [
        f"---\n{_front_matter(sheet)}{OPEN_KEYS}\n---",
        f"# Dataset card for {escape_markdown(sheet.name)}",
        f"Numbers were measured by Holdfast {escape_markdown(sheet.version)} on the file with the digest below, with "
        f"intervals where they are estimates. {HUMAN} marks what no measurement can know.",
        _details(sheet),
        _uses(),
        _structure(sheet),
        _creation(sheet),
        _limits(sheet),
        _rest(sheet),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(sheet: Datasheet) -> str:
    import yaml

    data: dict[str, Any] = {
        "pretty_name": _one_line(sheet.name),
        "size_categories": [_size(sheet.rows)],
        "tags": ["tabular", "holdfast", "croissant"],
    }
    if sheet.task is not None:
        data["task_categories"] = [TASKS[sheet.task]]
    data["configs"] = [{"config_name": "default", "data_files": [{"split": "train", "path": _one_line(sheet.file)}]}]
    data["dataset_info"] = {
        "features": [{"name": _one_line(column.name), "dtype": DTYPES[column.kind]} for column in sheet.columns],
        "splits": [{"name": "train", "num_bytes": sheet.n_bytes, "num_examples": sheet.rows}],
        "download_size": sheet.n_bytes,
        "dataset_size": sheet.n_bytes,
    }
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10_000))


def _one_line(text: str) -> str:
    """Text as it is, or what can be shown of it on one line: no name may end the front matter."""
    return text if text.isprintable() else " ".join(printable(text).split())


def _size(rows: int) -> str:
    return next((name for limit, name in SIZES if rows < limit), "n>1B")


def _details(sheet: Datasheet) -> str:
    return "\n".join([
        "## Dataset details",
        "",
        f"- **File:** {escape_markdown(sheet.file)}, {sheet.n_bytes:,} bytes, SHA-256 `{sheet.sha256}`",
        f"- **Content digest:** `{sheet.digest}`, whatever the format of the file",
        f"- **Size:** {sheet.rows:,} rows, {len(sheet.columns)} columns",
        *(f"- **As read:** {escape_markdown(note)}" for note in sheet.notes),
        f"- **What it is:** {HUMAN} what the rows are, and what they were collected for.",
        f"- **Curated by, funded by, shared by:** {HUMAN} names.",
        f"- **Language:** {HUMAN} of the text in it.",
        f"- **Licence:** {HUMAN} under which terms it may be used.",
        f"- **Sources:** {HUMAN} repository, paper, demonstration.",
    ])  # fmt: skip


def _uses() -> str:
    return "\n".join([
        "## Uses",
        "",
        f"- **Direct use:** {HUMAN} what it is suited for.",
        f"- **Out of scope:** {HUMAN} what it must not be used for.",
    ])  # fmt: skip


def _structure(sheet: Datasheet) -> str:
    shown = sheet.columns[:MOST_COLUMNS]
    lines = [
        "## Dataset structure",
        "",
        "Values that fewer than ten rows share, identifiers and free text are not listed.",
        "",
        "| Column | Type | Missing | Distinct | Values |",
        "|---|---|---|---|---|",
        *(_column_row(column, sheet.rows) for column in shown),
    ]
    if len(sheet.columns) > len(shown):
        lines.append(f"| {len(sheet.columns) - len(shown)} more | | | | |")
    target = next((column for column in sheet.columns if column.name == sheet.target), None)
    if target is not None:
        lines += ["", *_outcomes(target, sheet.rows)]
    return "\n".join(
        [*lines, "", f"- **Meaning of the columns:** {HUMAN} units, codes, and what a missing cell means."]
    )


def _column_row(column: ColumnFacts, rows: int) -> str:
    roles = f" ({', '.join(column.roles)})" if column.roles else ""
    missing = f"{column.missing:,} ({column.missing / rows:.1%})" if column.missing else "0"
    cells = [escape_markdown(column.name) + roles, column.kind, missing, f"{column.distinct:,}", _values(column)]
    return f"| {' | '.join(cells)} |"


def _values(column: ColumnFacts) -> str:
    if column.quantiles:
        low, middle, high = (_number(number) for number in column.quantiles)
        return f"5 % below {low}, median {middle}, 5 % above {high}"
    shown = [f"{escape_markdown(value)} ({count:,})" for value, count in column.frequent[:MOST_VALUES]]
    return ", ".join(shown) + (", …" if shown and column.distinct > len(shown) else "")


def _number(number: float) -> str:
    return f"{number:,.0f}" if number.is_integer() else f"{number:.4g}"


def _outcomes(target: ColumnFacts, rows: int) -> list[str]:
    """The balance of the labels, where the target has few values."""
    if not target.frequent:
        return [f"The target is {escape_markdown(target.name)}, with {target.distinct:,} different values."]
    parts = [f"{escape_markdown(value)}: {count / rows:.1%}" for value, count in target.frequent]
    return [f"The target is {escape_markdown(target.name)}; of all rows {', '.join(parts)}."]


def _creation(sheet: Datasheet) -> str:
    protected = ", ".join(map(escape_markdown, sheet.with_role("sensitive"))) or "none"
    naming = ", ".join(map(escape_markdown, sheet.with_role("id"))) or "none"
    return "\n".join([
        "## Dataset creation",
        "",
        f"- **Rationale:** {HUMAN} why it was made.",
        f"- **Collection and processing:** {HUMAN} where the rows come from, when, and what was done to them.",
        f"- **Who produced the data:** {HUMAN} people or systems.",
        f"- **Annotation:** {HUMAN} who entered the outcomes, and by what rules.",
        *(f"- **Annotation, measured:** {escape_markdown(text)}" for text in said_of(sheet, "data.labels")),
        f"- **Columns named like protected attributes:** {protected}",
        f"- **Columns that name single rows:** {naming}",
        f"- **Personal and sensitive information:** {HUMAN} whether rows are people, and on what basis they are used.",
    ])  # fmt: skip


def _limits(sheet: Datasheet) -> str:
    titles = {
        "data.representativeness": "Whom it stands for",
        "data.missingness": "Missing cells",
        "data.duplicates": "Duplicates",
        "data.schema": "Values",
    }
    lines = ["## Bias, risks and limitations", ""]
    for check, title in titles.items():
        lines += [f"- **{title}:** {escape_markdown(text)}" for text in said_of(sheet, check)]
    lines.append(f"- **Whom it should stand for:** {HUMAN} and whom it leaves out.")
    return "\n".join([*lines, f"- **Recommendations:** {HUMAN} what users should know and do."])


def _rest(sheet: Datasheet) -> str:
    return "\n".join([
        "## More",
        "",
        "- **For machines:** `croissant.json` beside this file describes it in Croissant, with responsible-AI fields.",
        f"- **Citation, glossary, card authors, contact:** {HUMAN} names and references.",
    ])  # fmt: skip
