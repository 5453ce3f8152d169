"""Files as records, one after the other: JSON lines, JSON, tables as text, logs, plain text, Parquet.

Each layout reads a file in constant memory (JSON, plain text and Parquet are held whole), takes records apart into
leaves and writes records that were put together again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from holdfast.core.errors import InputError, did_you_mean
from holdfast.kernels.personal_data.passages import context_of
from holdfast.redaction.documents import NULL, Leaf, document_leaves, rebuilt
from holdfast.redaction.plan import Plan

if TYPE_CHECKING:
    import polars as pl

LONGEST_RECORD = 16 << 20
SUFFIXES = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "csv", ".log": "log", ".txt": "text",
    ".md": "text", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
FORMATS = ("jsonl", "json", "csv", "log", "text", "parquet")
NO_PATHS = Plan(name="none", purpose="none")  # the cells of a table have no paths


class Records(NamedTuple):
    """An open file.

    columns: of a table. records: one after the other, in the form of the layout; the line of names in front of a table
    is one, for it may be none. take_apart: gives the leaves of a record, and who it is about. put_together: takes a
    record and what stands in place of its leaves. write: writes records to a file. n_heads: how many of the records
    are lines of names. notes: what is not looked at.
    """

    columns: tuple[str, ...]
    records: Iterator[Any]
    take_apart: Callable[[Any], tuple[list[Leaf], str]]
    put_together: Callable[[Any, Sequence[Any]], Any]
    write: Callable[[Iterable[Any], BinaryIO], None]
    n_heads: int = 0
    notes: tuple[str, ...] = ()


def format_of(path: Path, format: str = "") -> str:
    """Return the format of a file: the one that is named, or by its suffix.

    Raises
    ------
    InputError
        When it is not known.
    """
    if format and format not in FORMATS:
        raise InputError(
            f"expected one of the formats {', '.join(FORMATS)}, got {format!r}", hint=did_you_mean(format, FORMATS)
        )
    found = format or SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise InputError(
            f"the name of {path.name} does not tell its format", hint=f"add --layout, one of {', '.join(FORMATS)}"
        )
    return found


def open_records(path: Path, format: str, plan: Plan) -> AbstractContextManager[Records]:
    """Open a file to be read once, record by record.

    Raises
    ------
    InputError
        When it cannot be read, is no such file, or lacks a column that the plan names.
    """
    if not path.is_file():
        raise InputError(f"expected a file, {'got a folder' if path.is_dir() else 'found none'}: {path}")
    return _OPENERS[format](path, plan)


@contextmanager
def _bytes_of(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as stream:
        if stream.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(f"expected UTF-8 in {path}, got UTF-16", hint="convert it, such as with `iconv -f UTF-16`")
        stream.seek(0)
        yield stream


def _lines(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    while line := stream.readline(LONGEST_RECORD + 1):
        if len(line) > LONGEST_RECORD:
            raise InputError(
                f"expected lines of at most {LONGEST_RECORD >> 20} MiB in {path}, got a longer one",
                hint="split the line, or check whether the file is text at all",
            )
        yield line


@contextmanager
def _open_jsonl(path: Path, plan: Plan) -> Iterator[Records]:
    with _bytes_of(path) as stream:

        def read() -> Iterator[Any]:
            for number, line in enumerate(_lines(stream, path), start=1):
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield _parsed(line, f"{path}, line {number}")

        def write(records: Iterable[Any], out: BinaryIO) -> None:
            out.writelines(_json_bytes(record) + b"\n" for record in records)

        yield Records((), read(), *_document_parts(plan, path), write)


@contextmanager
def _open_json(path: Path, plan: Plan) -> Iterator[Records]:
    document = _parsed(_whole(path).removeprefix(b"\xef\xbb\xbf"), str(path))
    many = document if isinstance(document, list) else [document]

    def write(records: Iterable[Any], out: BinaryIO) -> None:
        written = list(records)
        out.write(_json_bytes(written if isinstance(document, list) else written[0] if written else None) + b"\n")

    yield Records((), iter(many), *_document_parts(plan, path), write)


def _document_parts(plan: Plan, path: Path) -> tuple[Any, Any]:
    return (
        lambda record: document_leaves(record, plan, source=str(path)),
        lambda record, values: rebuilt(record, iter(values)),
    )


def _parsed(data: bytes, source: str) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"expected UTF-8 in {source}, got other bytes at position {error.start}") from None
    except ValueError as error:
        raise InputError(f"expected JSON in {source}: {error}", hint="choose another --layout") from None
    except RecursionError:
        raise InputError(f"the JSON in {source} is nested too deeply", hint="flatten the document") from None


def _json_bytes(document: Any) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # half a character, which only an escape can write
        return json.dumps(document).encode("ascii")


@contextmanager
def _open_log(path: Path, plan: Plan) -> Iterator[Records]:
    with _bytes_of(path) as stream:
        lines = (line.decode("utf-8", "surrogateescape") for line in _lines(stream, path))
        yield Records((), lines, _line_leaves, _line_together, _write_texts)


def _line_leaves(line: str) -> tuple[list[Leaf], str]:
    return [Leaf(line.rstrip("\r\n"))], ""


def _line_together(line: str, values: Sequence[Any]) -> str:
    return str(values[0]) + line[len(line.rstrip("\r\n")) :]


@contextmanager
def _open_text(path: Path, plan: Plan) -> Iterator[Records]:
    text = _whole(path).decode("utf-8", "surrogateescape")
    yield Records((), iter([text]), lambda text: ([Leaf(text)], ""), lambda _, values: values[0], _write_texts)


def _write_texts(records: Iterable[str], out: BinaryIO) -> None:
    out.writelines(record.encode("utf-8", "surrogateescape") for record in records)


def _whole(path: Path) -> bytes:
    with _bytes_of(path) as stream:
        data = stream.read(LONGEST_RECORD + 1)
    if len(data) > LONGEST_RECORD:
        raise InputError(
            f"expected at most {LONGEST_RECORD >> 20} MiB in {path}, which is held whole",
            hint="use --layout log to go line by line, or write JSON lines",
        )
    return data


@contextmanager
def _open_csv(path: Path, plan: Plan) -> Iterator[Records]:
    from holdfast.adapters.tables.dialect import SAMPLE_BYTES, guess_dialect

    with _bytes_of(path) as stream:
        sample = stream.read(2 * SAMPLE_BYTES)
        cut = sample.decode("utf-8", "replace").encode()
        dialect = guess_dialect(cut.removeprefix(b"\xef\xbb\xbf"), encoding="UTF-8", source=str(path))
        stream.seek(0)
        text = io.TextIOWrapper(stream, "utf-8", "surrogateescape", newline="")
        rows = csv.reader(text, delimiter=dialect.delimiter)
        head = next(rows, None) if dialect.has_header else None
        ending = "\r\n" if b"\r\n" in sample else "\n"

        def read() -> Iterator[list[str]]:
            try:
                yield from ([head] if head is not None else [])
                yield from rows
            except csv.Error as error:
                raise InputError(
                    f"{path}, near line {rows.line_num}: {error}", hint="check its quotation marks"
                ) from None

        def write(records: Iterable[list[str]], out: BinaryIO) -> None:
            plain = io.TextIOWrapper(out, "utf-8", "surrogateescape", newline="")
            writer = csv.writer(plain, delimiter=dialect.delimiter, lineterminator=ending)
            writer.writerows(records)
            plain.detach()  # flushes, and leaves the file to whom it belongs

        cells = _row_parts(dialect.names, plan, path)

        def take_apart(row: list[str]) -> tuple[list[Leaf], str]:
            return ([Leaf(cell) for cell in row], "") if row is head else cells(row)

        yield Records(dialect.names, read(), take_apart, lambda _, values: values, write, n_heads=int(head is not None))
        text.detach()


def _row_parts(names: tuple[str, ...], plan: Plan, path: Path) -> Callable[[Sequence[Any]], tuple[list[Leaf], str]]:
    wanted = [*plan.columns, *([plan.subject] if plan.subject else [])]
    for name in wanted:
        if name not in names:
            raise InputError(f"the plan names the column {name!r}, which {path} lacks", hint=did_you_mean(name, names))
    rules = [name if name in plan.columns else "" for name in names]
    contexts = [context_of(name) for name in names]
    about = names.index(plan.subject) if plan.subject else -1
    coarser = {
        at for at, name in enumerate(names) if name in plan.columns and plan.columns[name].transform == "generalise"
    }

    def take_apart(row: Sequence[Any]) -> tuple[list[Leaf], str]:
        leaves = []
        for at, cell in enumerate(row):
            rule, context = (rules[at], contexts[at]) if at < len(names) else ("", "")
            if isinstance(cell, list | dict) and not rule:
                leaves += document_leaves(cell, NO_PATHS, source=str(path), key=names[at])[0]
            else:
                leaves.append(_cell_leaf(cell, rule, context, is_made_coarser=at in coarser))
        return leaves, str(row[about]) if 0 <= about < len(row) else ""

    return take_apart


def _cell_leaf(cell: Any, rule: str, context: str, *, is_made_coarser: bool) -> Leaf:
    """A cell; of tables written as text, ages and the like are numbers that should stay numbers."""
    if cell is None:
        return NULL
    if not isinstance(cell, str):
        return Leaf(json.dumps(cell), rule, is_number=True, context=context)
    is_number = is_made_coarser and cell.isdecimal() and cell[0] != "0"
    return Leaf(cell, rule, is_number, context=context)


@contextmanager
def _open_parquet(path: Path, plan: Plan) -> Iterator[Records]:
    import polars as pl

    from holdfast.adapters.tables.parquet import damaged_parquet

    with damaged_parquet(str(path)):
        frame = pl.read_parquet(path)
    named = {*plan.columns, plan.subject}
    plain = frame.select(_looked_at(name, dtype, name in named) for name, dtype in frame.schema.items())
    take_apart = _row_parts(tuple(frame.columns), plan, path)
    is_nested = [dtype.is_nested() for dtype in plain.dtypes]

    def put_together(record: tuple[int, Sequence[Any]], values: Sequence[Any]) -> tuple[int, list[Any]]:
        given = iter(values)
        cells = zip(record[1], is_nested, strict=True)
        return record[0], [rebuilt(cell, given) if nested else next(given) for cell, nested in cells]

    def write(records: Iterable[tuple[int, Sequence[Any]]], out: BinaryIO) -> None:
        rows = list(records)
        kept, before = (table[[position for position, _ in rows]] for table in (frame, plain))
        columns = (
            _assembled(column, before[column.name], [values[at] for _, values in rows])
            for at, column in enumerate(kept.iter_columns())
        )
        kept.with_columns(*columns).write_parquet(out)

    unseen = [name for name, dtype in plain.schema.items() if dtype == pl.Null and frame.schema[name] == pl.Binary]
    yield Records(
        tuple(frame.columns),
        enumerate(plain.iter_rows()),
        lambda record: take_apart(record[1]),
        put_together,
        write,
        notes=(f"Columns of bytes were not looked at: {', '.join(unseen)}.",) if unseen else (),
    )


def _looked_at(name: str, dtype: pl.DataType, is_named: bool) -> pl.Expr:
    """Give a column as numbers, texts, or lists and structures of them; others hold nothing to look at."""
    import polars as pl

    if dtype.is_integer() or dtype.is_float() or (dtype.is_nested() and not is_named):
        return pl.col(name)
    if dtype in (pl.Boolean, pl.Binary, pl.Object) and not is_named:
        return pl.lit(None).alias(name)
    return pl.col(name).cast(pl.String)


def _assembled(column: pl.Series, plain: pl.Series, cells: list[Any]) -> pl.Series:
    """Give a column its cells, in its own type where they allow it."""
    import polars as pl

    if plain.dtype == pl.Null or plain.to_list() == cells:
        return column
    if plain.dtype.is_nested():
        try:
            return pl.Series(column.name, cells, dtype=column.dtype)
        except (pl.exceptions.PolarsError, TypeError):  # a placeholder among numbers
            return pl.Series(column.name, [None if cell is None else json.dumps(cell, default=str) for cell in cells])
    texts = pl.Series(column.name, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)
    if any(isinstance(cell, str) for cell in cells) and column.dtype.is_numeric():
        return texts
    try:
        if column.dtype.is_temporal():
            return texts.str.strptime(column.dtype)  # type: ignore[arg-type]  # Date, Datetime or Time
        return texts.cast(column.dtype)
    except pl.exceptions.PolarsError:
        return texts


_OPENERS: dict[str, Callable[[Path, Plan], AbstractContextManager[Records]]] = {
    "jsonl": _open_jsonl,
    "json": _open_json,
    "csv": _open_csv,
    "log": _open_log,
    "text": _open_text,
    "parquet": _open_parquet,
}
