"""``holdfast datasheet``: a card for a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option


def datasheet(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    target: Annotated[str | None, Option(help="Column with the outcomes.")] = None,
    population: Annotated[str | None, Option(help="Table of the people it should stand for: rows, or counts.")] = None,
    out: Annotated[Path, Option("--out", "-o", help="Folder for README.md and croissant.json.")] = Path("datasheet"),
    force: Annotated[bool, Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Describe a data set: a Hugging Face card and a Croissant file, with what was measured filled in."""
    from holdfast.auditing.describing import check_free, describe, write_datasheet

    check_free(out, force=force)
    sheet = describe(table, target=target, population=population)
    for path in write_datasheet(sheet, out):
        typer.echo(path)
    typer.echo("fields marked 'to be written by a person' are left to you", err=True)
