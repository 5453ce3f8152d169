"""``holdfast keys``: the keys that sign evidence and models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The keys that sign evidence and models.", no_args_is_help=True)


@app.callback()
def _keys() -> None:
    """The keys that sign evidence and models."""


@app.command("init")
def init(
    folder: Annotated[Path | None, typer.Option(help="Folder; ~/.config/holdfast/keys otherwise.")] = None,
    ec: Annotated[bool, typer.Option("--ec", help="A key on an elliptic curve, which signs models.")] = False,
    curve: Annotated[str, typer.Option(help="P-256, P-384 or P-521; with --ec.")] = "P-256",
) -> None:
    """Make a key pair. The public half goes to whoever verifies."""
    from holdfast.evidence.ec_keys import create_ec_key
    from holdfast.evidence.keys import create_key, default_folder

    place = folder or default_folder()
    key_id = create_ec_key(place, curve=curve).public.key_id if ec else create_key(place).key_id
    typer.echo(f"key {key_id}\nfolder: {place}")
