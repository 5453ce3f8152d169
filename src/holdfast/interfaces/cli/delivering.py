"""Print what a command found, or write it to a file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import typer

from holdfast.core.errors import InputError, did_you_mean


def refuse_unknown_format(format: str, known: Collection[str]) -> None:
    """Raise before any work is done."""
    if format not in known:
        raise InputError(
            f"expected one of the formats {', '.join(known)}, got {format!r}", hint=did_you_mean(format, list(known))
        )


def deliver(text: str, out: Path | None, *, said: str = "") -> None:
    """Print a text, or write it durably and say where it is, behind a sentence of its own."""
    if out is None:
        typer.echo(text, nl=False)
        return
    from holdfast.evidence.writing import write_durably

    write_durably(out, text.encode("utf-8"))
    typer.echo(f"{said}\n{out}" if said else str(out), err=True)
