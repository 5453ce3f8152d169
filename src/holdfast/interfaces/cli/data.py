"""``holdfast data``: registered data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.interfaces.cli.recorded import STATEMENT, refuse_without_ledger, tell

Option = typer.Option
app = typer.Typer(help="Register data sets, and compare tables with what was registered.", no_args_is_help=True)
RECORDS = Option("--records", help="Folder of records; .holdfast/records otherwise.")


@app.command("register")
def register(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    name: Annotated[str | None, Option(help="Name of the data set; that of the file otherwise.")] = None,
    origin: Annotated[str | None, Option(help="Where the rows come from: a URL, a system, an organisation.")] = None,
    licence: Annotated[str | None, Option(help="SPDX identifier, or the address of a licence.")] = None,
    collection: Annotated[str | None, Option(help="How the rows came about.")] = None,
    collected_from: Annotated[str | None, Option(help="First day of that: 2026-03-01.")] = None,
    collected_to: Annotated[str | None, Option(help="Last day of that.")] = None,
    lawful_basis: Annotated[
        str | None,
        Option(
            help="Of GDPR Article 6: consent, contract, legal obligation, vital interests, public task, "
            "legitimate interests; or not personal."
        ),
    ] = None,
    retention: Annotated[str | None, Option(help="Day until which the rows may be kept, or the rule.")] = None,
    transformation: Annotated[list[str] | None, Option(help="What was done to the rows; repeatable.")] = None,
    made_from: Annotated[list[str] | None, Option(help="Registered data set it was made from; repeatable.")] = None,
    file: Annotated[Path | None, Option(help="YAML file with these fields; options go before it.")] = None,
    croissant: Annotated[Path | None, Option(help="Croissant description to take fields from.")] = None,
    id: Annotated[str | None, Option("--id", help="Column that tells rows apart.")] = None,
    replace: Annotated[bool, Option("--replace", help="Take the place of the record with this name.")] = False,
    no_rows: Annotated[bool, Option("--no-rows", help="Do not keep digests of single rows.")] = False,
    records: Annotated[Path | None, RECORDS] = None,
    statement: Annotated[Path | None, STATEMENT] = None,
) -> None:
    """Record a data set: origin, licence, basis, and digests of its content, columns, profile and rows."""
    from holdfast.records.data_sets import register as record
    from holdfast.records.stating import state

    given = {
        "origin": origin, "licence": licence, "collection": collection, "collected_from": collected_from,
        "collected_to": collected_to, "lawful_basis": lawful_basis, "retention": retention,
        "transformations": tuple(transformation or ()), "made_from": tuple(made_from or ()),
    }  # fmt: skip
    stated = state(given, file=file, croissant=croissant)
    refuse_without_ledger()
    done = record(table, stated, name=name, id_column=id, replace=replace, keep_rows=not no_rows, records=records)
    typer.echo(f"{done.record.name} {done.record.record}")
    if not done.is_new:
        typer.echo("registered before, with the same content and statement", err=True)
    tell(done.statements, [done.path], statement=statement)


@app.command("list")
def list_data(
    every: Annotated[bool, Option("--all", help="Also records that others have taken the place of.")] = False,
    records: Annotated[Path | None, RECORDS] = None,
) -> None:
    """List the registered data sets."""
    from holdfast.evidence.record_store import default_records, in_force, read_data_records
    from holdfast.reports.data_records import render_list

    known = read_data_records(records or default_records())
    typer.echo(render_list(known if every else in_force(known)), nl=False)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of a data set, or the beginning of a digest.")],
    croissant: Annotated[bool, Option("--croissant", help="As a Croissant description.")] = False,
    json: Annotated[bool, Option("--json", help="The record itself.")] = False,
    records: Annotated[Path | None, RECORDS] = None,
) -> None:
    """Show the record of a data set."""
    from holdfast.core.canonical import canonical_json
    from holdfast.evidence.record_store import default_records, find_data_record, read_data_records
    from holdfast.reports.data_records import render_record, sheet_of

    record = find_data_record(name, read_data_records(records or default_records()))
    if croissant:
        from holdfast.reports.croissant import render_croissant

        typer.echo(render_croissant(sheet_of(record), record), nl=False)
    else:
        typer.echo(canonical_json(record).decode() if json else render_record(record), nl=json)


@app.command("check")
def check(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    name: Annotated[str | None, Option(help="Data set to compare it with; that of the file's name otherwise.")] = None,
    records: Annotated[Path | None, RECORDS] = None,
) -> None:
    """Compare a table with its record: is it what was registered, and which rows are new, gone, altered.

    Exit code 0: the same content. 1: other content.
    """
    from holdfast.records.data_sets import compare
    from holdfast.reports.data_records import render_comparison

    found = compare(table, name=name, records=records)
    typer.echo(render_comparison(
        found.record, same_file=found.same_file, same_content=found.same_content, columns=found.columns,
        rows={"new": found.new, "gone": found.gone, "altered": found.altered if found.has_ids else None},
        reason=found.reason, is_overdue=found.is_overdue,
    ), nl=False)  # fmt: skip
    raise typer.Exit(0 if found.same_content else 1)


@app.command("forget-rows")
def forget_rows(
    name: Annotated[str, typer.Argument(help="Name of a data set, or the beginning of a digest.")],
    records: Annotated[Path | None, RECORDS] = None,
) -> None:
    """Erase the salt and the row digests of a data set, so that nobody can try whether somebody was in it."""
    from holdfast.records.data_sets import forget_rows as forget

    record, erased = forget(name, records=records)
    for path in erased:
        typer.echo(f"erased: {path}")
    if not erased:
        typer.echo(f"{record.name}: there was nothing left to erase", err=True)
