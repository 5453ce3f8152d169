"""``holdfast bom``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.interfaces.cli.recorded import STATEMENT, refuse_without_ledger, tell

Option = typer.Option


def bom(
    model: Annotated[Path, typer.Argument(help="File or folder; it is scanned, and not loaded.", show_default=False)],
    out: Annotated[Path | None, Option("--out", "-o", help="File to write; MODEL.cdx.json otherwise.")] = None,
    train: Annotated[Path | None, Option(help="Training table.")] = None,
    test: Annotated[Path | None, Option(help="Test table.")] = None,
    environment: Annotated[
        bool, Option("--environment", help="List everything that is installed, not only what the model needs.")
    ] = False,
    audit: Annotated[Path | None, Option(help="Folder of an audit of this model, to fill its card from.")] = None,
    advisories: Annotated[
        Path | None, Option(help="OSV records to look the components up in: a JSON file, a folder or a zip archive.")
    ] = None,
    statement: Annotated[Path | None, STATEMENT] = None,
) -> None:
    """Write the bill of materials of a model (CycloneDX 1.6): files, data, software, licences, known vulnerabilities.

    Nothing is fetched. Exit code 1: a component has a known vulnerability.
    """
    from holdfast.auditing.materials import make_bill
    from holdfast.evidence.writing import write_durably
    from holdfast.reports.bill_text import render_bill

    refuse_without_ledger()
    tables = {name: path for name, path in (("train", train), ("test", test)) if path is not None}
    made = make_bill(model, data=tables, environment=environment, advisories=advisories, audit=audit)
    place = out or model.absolute().parent / f"{model.absolute().name}.cdx.json"
    write_durably(place, made.document)
    tell([made.statement], [], statement=statement)
    typer.echo(render_bill(made.bill, missing=made.missing), err=True, nl=False)
    typer.echo(str(place))
    raise typer.Exit(1 if made.bill.vulnerabilities else 0)
