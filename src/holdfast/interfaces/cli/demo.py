"""``holdfast demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(out: Annotated[Path, typer.Option(help="Folder for the reports.")] = Path("demo-output")) -> None:
    """Audit two models made on the spot, plant known faults in copies, and show which were found."""
    from holdfast.auditing.demonstration import run_demonstration

    run_demonstration(out, say=lambda line: typer.echo(line))
