"""``holdfast pii``: personal data in files."""

from __future__ import annotations

import typer

from holdfast.interfaces.cli import pii_redact

app = typer.Typer(help="Take personal data out of files, and put it back.", no_args_is_help=True)
pii_redact.register(app)
