"""``holdfast keys``: the key that signs evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The key that signs evidence.", no_args_is_help=True)


@app.callback()
def _keys() -> None:
    """The key that signs evidence."""


@app.command("init")
def init(
    folder: Annotated[Path | None, typer.Option(help="Folder; ~/.config/holdfast/keys otherwise.")] = None,
) -> None:
    """Make a key pair. The public half goes to whoever verifies."""
    from holdfast.evidence.keys import create_key, default_folder

    place = folder or default_folder()
    pair = create_key(place)
    typer.echo(f"key {pair.key_id}\nfolder: {place}")
