"""``holdfast report``, ``gate``, ``diff`` and ``verify``: from a finished audit, or a signed model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.core.errors import InputError, did_you_mean
from holdfast.interfaces.cli.recorded import STATEMENT, say_entered
from holdfast.interfaces.cli.sign import keyless_trust, verify_model

FORMATS = ("html", "json", "sarif", "junit", "markdown", "model-card")


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished audit.")],
    format: Annotated[str, typer.Option(help=f"One of {', '.join(FORMATS)}.")] = "markdown",
    out: Annotated[Path | None, typer.Option(help="File to write; standard output otherwise.")] = None,
) -> None:
    """Write a finished audit in another format."""
    from holdfast.auditing.folder import read_audit
    from holdfast.auditing.rendering import render
    from holdfast.evidence.writing import write_durably

    if format not in FORMATS:
        raise InputError(
            f"expected one of the formats {', '.join(FORMATS)}, got {format!r}", hint=did_you_mean(format, FORMATS)
        )
    text = render(read_audit(folder), format)
    if out is None:
        typer.echo(text)
    else:
        write_durably(out, text.encode("utf-8"))
        typer.echo(str(out), err=True)


def gate(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished audit.")],
    policy: Annotated[
        str | None, typer.Option(help="A preset or the path of a policy; the audit's own otherwise.")
    ] = None,
) -> None:
    """Apply a policy to a finished audit; the exit code is the verdict.

    The decision of another policy than the audit's own is entered in the ledger of this folder, where there is one.
    """
    from holdfast.auditing.folder import read_audit
    from holdfast.auditing.gating import apply_policy, enter_decision
    from holdfast.interfaces.cli.verdicts import print_verdicts

    audit = read_audit(folder)
    decision = apply_policy(audit, policy)
    receipt = enter_decision(audit, decision) if policy is not None else None  # the audit entered its own
    print_verdicts(decision, audit.findings.findings)
    say_entered(receipt)
    raise typer.Exit(decision.exit_code)


def diff(
    before: Annotated[Path, typer.Argument(help="Folder of the earlier audit.")],
    after: Annotated[Path, typer.Argument(help="Folder of the later audit.")],
) -> None:
    """Compare two audits, measurement by measurement."""
    from holdfast.auditing.folder import read_audit
    from holdfast.reports.diff import render_diff

    typer.echo(render_diff(read_audit(before), read_audit(after)))


def verify(
    path: Annotated[Path, typer.Argument(help="A bundle.holdfast, the folder of an audit, or a signed model.")],
    key: Annotated[list[Path] | None, typer.Option(help="A public key to trust; repeatable.")] = None,
    input: Annotated[list[str] | None, typer.Option(help="An input to check too, as NAME=PATH; repeatable.")] = None,
    signature: Annotated[Path | None, typer.Option(help="The signature of the model at PATH.")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="Path in the model that needs no signature; repeatable.")
    ] = None,
    identity: Annotated[
        str | None, typer.Option(help="Account (e-mail address or URL) to trust to have signed without a key.")
    ] = None,
    identity_provider: Annotated[str | None, typer.Option(help="URL of the provider that vouches for it.")] = None,
    trusted_root: Annotated[
        Path | None, typer.Option(help="What to trust of its services (JSON); the copy in `sigstore` otherwise.")
    ] = None,
    statement: Annotated[Path | None, STATEMENT] = None,
) -> None:
    """Check offline that nothing was altered. 0: intact and of known origin, 4: intact, origin unknown, 1: altered.

    With --signature, PATH is a model: every file in it must have been signed, and be as it was.
    """
    from holdfast.auditing.verifying import verify_audit

    keyless = keyless_trust(identity, identity_provider, trusted_root)
    if signature is not None:
        code = verify_model(path, signature, keys=key or (), allow=allow or (), keyless=keyless, statement=statement)
        raise typer.Exit(code)
    if keyless is not None:
        raise InputError("expected --signature beside --identity, got none", hint="--signature MODEL.sig")
    inputs = dict(_pair(text) for text in input or ())
    outcome = verify_audit(path, keys=tuple(key or ()), inputs=inputs)
    typer.echo(outcome.text)
    raise typer.Exit(outcome.exit_code)


def _pair(text: str) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    if not separator:
        raise InputError(f"expected NAME=PATH for --input, got {text!r}", hint="for example --input model=model.onnx")
    return name, Path(path)
