"""``holdfast run``: a training command, with a record of what went in and what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.interfaces.cli.recorded import STATEMENT, refuse_without_ledger, tell

Option = typer.Option


def run(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND [ARG]...", show_default=False)],
    input: Annotated[list[Path] | None, Option("--input", help="File or folder that it reads; repeatable.")] = None,
    output: Annotated[list[Path] | None, Option("--output", help="File or folder that it writes; repeatable.")] = None,
    seed: Annotated[list[int] | None, Option(help="Seed that it uses, to be recorded; repeatable.")] = None,
    records: Annotated[Path | None, Option(help="Folder of records; .holdfast/records otherwise.")] = None,
    statement: Annotated[Path | None, STATEMENT] = None,
) -> None:
    """Run a training command and write its manifest beside the first output.

    The exit code is the command's; 2 also when it could not be started or recorded, which a message on stderr says.
    """
    from holdfast.records.training import record_run

    refuse_without_ledger()
    recorded = record_run(command, inputs=input or (), outputs=output or (), seeds=seed or (), records=records)
    for note in recorded.manifest.notes:
        typer.echo(f"note: {note}", err=True)
    tell(recorded.statements, recorded.paths, statement=statement)
    raise typer.Exit(recorded.exit_code)
