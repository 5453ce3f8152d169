"""What becomes of an event that was recorded: every command that records one ends here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from holdfast.evidence.receipt import Receipt
from holdfast.evidence.statement import Statement

STATEMENT = typer.Option("--statement", help="Also write the event as in-toto statements, one on each line.")


def refuse_without_ledger() -> None:
    """Refuse a ledger that cannot be written, before there is something to enter."""
    from holdfast.evidence.entering import check_ledger, ledger_place

    check_ledger(ledger_place())


def say_entered(receipt: Receipt | None) -> None:
    """Say as which entries an event stands in the ledger; nothing where there is no ledger."""
    if receipt is not None:
        typer.echo(f"ledger: entered as {', '.join(str(one.index) for one in receipt.entries)}", err=True)


def tell(statements: Sequence[Statement], paths: Sequence[Path], *, statement: Path | None) -> None:
    """Say where the records lie, enter the event in the ledger of this place, and write it where that was asked for."""
    from holdfast.evidence.entering import enter

    for path in paths:
        typer.echo(f"recorded: {path}", err=True)
    say_entered(enter(statements) if statements else None)
    if statement is not None:
        from holdfast.evidence.writing import write_durably

        write_durably(statement, b"".join(each.encode() + b"\n" for each in statements))
        typer.echo(f"statement: {statement}", err=True)
