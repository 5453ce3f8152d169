"""``holdfast sign``, and ``holdfast verify --signature``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from holdfast.interfaces.cli.recorded import STATEMENT, refuse_without_ledger, tell

Option = typer.Option
SHOWN_FAULTS = 50


def sign(
    model: Annotated[Path, typer.Argument(help="File or folder.", show_default=False)],
    key: Annotated[Path | None, Option(help="Private key (PEM); the one of `keys init --ec` otherwise.")] = None,
    out: Annotated[Path | None, Option("--out", "-o", help="File to write; MODEL.sig otherwise.")] = None,
    leave_out: Annotated[
        list[str] | None, Option(help="Path in the model that is not signed; the signature says so. Repeatable.")
    ] = None,
    statement: Annotated[Path | None, STATEMENT] = None,
) -> None:
    """Sign a model: every file in it, hidden ones too, in the format of the OpenSSF."""
    from holdfast.auditing.signing import sign_model
    from holdfast.evidence.ec_keys import EC_PRIVATE_NAME, load_ec_key
    from holdfast.evidence.keys import default_folder
    from holdfast.evidence.writing import refuse_unwritable, write_durably

    refuse_without_ledger()
    pair = load_ec_key(key or default_folder() / EC_PRIVATE_NAME)
    place = out or model.absolute().parent / f"{model.absolute().name}.sig"
    refuse_unwritable(place)
    signed = sign_model(model, pair, out=place, leave_out=tuple(leave_out or ()))
    write_durably(place, signed.bundle)
    tell([signed.statement], [], statement=statement)
    n = len(signed.model.entries)
    typer.echo(f"signed {n} file{'s' if n != 1 else ''} with key {signed.key_id}", err=True)
    typer.echo(str(place))


def verify_model(
    path: Path, signature: Path, *, keys: Sequence[Path], allow: Sequence[str], statement: Path | None
) -> int:
    """Check a signature, print what it does not vouch for, and return the exit code."""
    from holdfast.auditing.signing import check_model
    from holdfast.evidence.ec_keys import known_ec_keys, load_ec_public_key
    from holdfast.evidence.keys import default_folder
    from holdfast.reports.signature_text import render_signature

    refuse_without_ledger()
    trusted = tuple(map(load_ec_public_key, keys)) or known_ec_keys(default_folder())
    checked = check_model(path, signature, trusted, allow=allow)
    tell([checked.statement], [], statement=statement)
    typer.echo(render_signature(checked.record, most=SHOWN_FAULTS), nl=False)
    return 0 if checked.record.holds else 1
