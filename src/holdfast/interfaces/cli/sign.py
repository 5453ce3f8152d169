"""``holdfast sign``, and ``holdfast verify --signature``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.core.errors import InputError
from holdfast.interfaces.cli.recorded import STATEMENT, refuse_without_ledger, tell

if TYPE_CHECKING:
    from holdfast.evidence.ec_keys import EcKeyPair
    from holdfast.evidence.keyless import KeylessSigner, KeylessTrust

Option = typer.Option
SHOWN_FAULTS = 50
PUBLIC = (
    "signing without a key sends the names and digests of the model's files to the services, and enters in a public "
    "log, for ever: the account that signs, its provider, the certificate, and the digest of that list"
)


def sign(
    model: Annotated[Path, typer.Argument(help="File or folder.", show_default=False)],
    key: Annotated[Path | None, Option(help="Private key (PEM); the one of `keys init --ec` otherwise.")] = None,
    out: Annotated[Path | None, Option("--out", "-o", help="File to write; MODEL.sig otherwise.")] = None,
    leave_out: Annotated[
        list[str] | None, Option(help="Path in the model that is not signed; the signature says so. Repeatable.")
    ] = None,
    keyless: Annotated[
        bool, Option("--keyless", help="Sign as an account, by Sigstore: enters who signs in a public log, for ever.")
    ] = False,
    identity_token: Annotated[
        str | None, Option(help="Token of the account; HOLDFAST_IDENTITY_TOKEN or that of the CI job otherwise.")
    ] = None,
    trust_config: Annotated[
        Path | None, Option(help="Other services than Sigstore's public ones (client trust configuration, JSON).")
    ] = None,
    statement: Annotated[Path | None, STATEMENT] = None,
) -> None:
    """Sign a model: every file in it, hidden ones too, in the format of the OpenSSF."""
    from holdfast.auditing.signing import sign_model
    from holdfast.evidence.ec_keys import EC_PRIVATE_NAME, load_ec_key
    from holdfast.evidence.keys import default_folder
    from holdfast.evidence.writing import refuse_unwritable, write_durably

    if keyless and key is not None:
        raise InputError("expected --key or --keyless, got both", hint="leave one out")
    if not keyless and (identity_token is not None or trust_config is not None):
        raise InputError("expected --keyless beside --identity-token or --trust-config, got none", hint=PUBLIC)
    refuse_without_ledger()
    signer: EcKeyPair | KeylessSigner
    if keyless:
        signer = _account(identity_token, trust_config)
    else:
        signer = load_ec_key(key or default_folder() / EC_PRIVATE_NAME)
    place = out or model.absolute().parent / f"{model.absolute().name}.sig"
    refuse_unwritable(place)
    signed = sign_model(model, signer, out=place, leave_out=tuple(leave_out or ()))
    write_durably(place, signed.bundle)
    tell([signed.statement], [], statement=statement)
    n = len(signed.model.entries)
    typer.echo(f"signed {n} file{'s' if n != 1 else ''} {signed.signer}", err=True)
    typer.echo(str(place))


def _account(token: str | None, trust_config: Path | None) -> KeylessSigner:
    """Say what becomes public, and then find out who signs."""
    from holdfast.evidence.keyless import keyless_signer

    typer.echo(PUBLIC, err=True)
    signer = keyless_signer(token, trust_config=trust_config)
    services = f"the services of {trust_config}" if trust_config else "Sigstore's public services"
    typer.echo(f"account {signer.account}, {services}", err=True)
    return signer


def keyless_trust(identity: str | None, provider: str | None, root: Path | None) -> KeylessTrust | None:
    """Return whom to trust without a key; nobody where nothing was said.

    Raises
    ------
    InputError
        When only half of it was said: anybody can have an account of any name at some provider.
    """
    from holdfast.core.signature import SignerIdentity
    from holdfast.evidence.keyless import KeylessTrust

    if identity is None and provider is None and root is None:
        return None
    if not identity or not provider:
        missing = "--identity-provider" if identity else "--identity"
        hint = "for example --identity someone@example.com --identity-provider https://accounts.example.com"
        raise InputError(f"expected both --identity and --identity-provider, got no {missing}", hint=hint)
    return KeylessTrust(identities=(SignerIdentity(identity=identity, provider=provider),), root=root)


def verify_model(
    path: Path,
    signature: Path,
    *,
    keys: Sequence[Path],
    allow: Sequence[str],
    keyless: KeylessTrust | None,
    statement: Path | None,
) -> int:
    """Check a signature, print what it does not vouch for, and return the exit code."""
    from holdfast.auditing.signing import check_model
    from holdfast.evidence.ec_keys import known_ec_keys, load_ec_public_key
    from holdfast.evidence.keys import default_folder
    from holdfast.reports.signature_text import render_signature

    refuse_without_ledger()
    trusted = tuple(map(load_ec_public_key, keys))
    if not trusted and keyless is None:
        trusted = known_ec_keys(default_folder())
    checked = check_model(path, signature, trusted, allow=allow, keyless=keyless)
    tell([checked.statement], [], statement=statement)
    typer.echo(render_signature(checked.record, most=SHOWN_FAULTS), nl=False)
    return 0 if checked.record.holds else 1
