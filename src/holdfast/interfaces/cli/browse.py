"""``holdfast list`` and ``holdfast explain``: what can be checked, and what a finding means."""

from __future__ import annotations

from typing import Annotated

import typer


def list_checks() -> None:
    """List the checks and the question each answers."""
    from holdfast.auditing.catalogue import catalogue

    for entry in catalogue().values():
        typer.echo(f"{entry.id:<28} {entry.spec.question}")


def explain(check: Annotated[str, typer.Argument(help="Id of a check, such as performance.calibration.")]) -> None:
    """Explain a check: what it measures, how to read it, when it misleads, what to do."""
    from holdfast.auditing.catalogue import entry_for

    entry = entry_for(check)
    typer.echo(f"{entry.id}: {entry.title}\n\n{entry.page}\n")
    typer.echo("Measurements")
    for measure in entry.spec.measures:
        direction = measure.direction.replace("_", " ")
        typer.echo(f"  {measure.id:<28} {measure.name} [{measure.unit}], {direction}, {measure.bound}")
    typer.echo(f"\nNeeds: {', '.join(entry.spec.needs)}. Tasks: {', '.join(entry.spec.tasks)}.")
    if entry.spec.reads:
        typer.echo(f"Reads from the deployment: {', '.join(entry.spec.reads)}.")
    if entry.parameters:
        typer.echo("\nParameters (in holdfast.yaml under `parameters`)")
        for name, default in entry.parameters.items():
            typer.echo(f"  {name}: {default!r}")
