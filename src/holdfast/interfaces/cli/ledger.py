"""``holdfast ledger``: the log of everything that happened, and the proofs that nobody altered it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.core.errors import InputError

if TYPE_CHECKING:
    from holdfast.evidence.keys import KeyPair, PublicKey
    from holdfast.evidence.ledger import Ledger
    from holdfast.evidence.ledger_verify import LedgerVerification

app = typer.Typer(help="The log of everything that happened, which nobody alters unnoticed.", no_args_is_help=True)
Option = typer.Option
LEDGER = Option(
    "--ledger", help="A file, or postgresql://USER@HOST/DB; HOLDFAST_LEDGER or .holdfast/ledger.db otherwise."
)
Place = Annotated[str, LEDGER]


@app.callback()
def _ledger() -> None:
    """The log of everything that happened, which nobody alters unnoticed."""


@app.command("init")
def init(
    ledger: Place = "",
    origin: Annotated[str, Option(help="A name that no other ledger has, like example.com/audits.")] = "",
) -> None:
    """Begin a ledger. From then on audits and scans in this folder are entered in it."""
    from holdfast.evidence.entering import USUAL, ledger_place
    from holdfast.evidence.ledger import Ledger
    from holdfast.evidence.notes import VerifierKey

    key = _own_key()
    place = ledger_place(ledger) or str(USUAL)
    if place == str(USUAL):
        _make_folder(USUAL.parent)
    with Ledger.create(place, key, origin=origin) as made:
        typer.echo(f"ledger: {made.storage.name}\nname: {made.origin}\nkey: {VerifierKey(made.origin, key.public)}")


@app.command("show")
def show(
    ledger: Place = "",
    entry: Annotated[int | None, Option(help="Only this entry, whole.")] = None,
    kind: Annotated[str, Option(help="Only entries of this kind, such as audit, decision, waiver, scan, key.")] = "",
    last: Annotated[int, Option(help="So many of the newest entries.")] = 20,
    json: Annotated[bool, Option("--json", help="The exact statements, one on each line.")] = False,
) -> None:
    """Show entries, the newest last."""
    with _reading(ledger) as log:
        found = log.entries(entry, entry + 1) if entry is not None else log.entries(kind=kind, last=last)
        fault = log.fault
    if entry is not None and not found:
        raise InputError(f"expected an entry from 0 to {log.size - 1}, got {entry}")
    for one in found:
        if json or entry is not None:
            typer.echo(one.payload.decode())
        else:
            typer.echo(_line(one.position, one.kind, one.payload))
    if fault:
        typer.echo(f"warning: the end of the ledger is not as it was signed: {fault}", err=True)


@app.command("verify")
def verify(
    export: Annotated[Path | None, typer.Argument(help="An export; the ledger itself otherwise.")] = None,
    ledger: Place = "",
    since: Annotated[
        list[Path] | None, Option(help="A checkpoint that was kept elsewhere; the ledger must still begin with it.")
    ] = None,
    key: Annotated[list[Path] | None, Option(help="A public key to trust; your own keys otherwise.")] = None,
) -> None:
    """Check every entry, node and checkpoint. 0: intact and of a trusted key, 4: intact, origin unknown, 1: altered."""
    from holdfast.evidence.keys import default_folder, known_public_keys, load_public_key

    trusted = tuple(load_public_key(path) for path in key or ()) or known_public_keys(default_folder())
    found = _verified(export, ledger, trusted, [_read(path) for path in since or ()])
    for text in (*found.faults, *found.notices):
        typer.echo(text)
    typer.echo(found.summary)
    if not since:
        typer.echo("no checkpoint was given with --since: an older copy of this ledger would look the same", err=True)
    raise typer.Exit(found.exit_code)


@app.command("export")
def export(
    out: Annotated[Path, Option("--out", "-o", help="File to write.")] = Path("ledger.jsonl"),
    ledger: Place = "",
) -> None:
    """Write everything into one file that anybody can verify without the database."""
    from holdfast.evidence.ledger_export import export_ledger

    with _reading(ledger) as log:
        count = export_ledger(log.storage, out)
    typer.echo(f"{count:,} entries in {out}")


@app.command("witness")
def witness(
    ledger: Place = "",
    file: Annotated[list[Path] | None, Option(help="Keep the checkpoint in this file, best on another volume.")] = None,
    git: Annotated[Path | None, Option(help="Keep it as a git note of the current commit of this repository.")] = None,
    url: Annotated[str, Option(help="Have the witness at this address sign it.")] = "",
    witness_key: Annotated[str, Option(help="The line that `holdfast ledger serve-witness` prints.")] = "",
    out: Annotated[Path | None, Option(help="File for the checkpoint with the signature of the witness.")] = None,
) -> None:
    """Keep the newest checkpoint where whoever can alter the ledger cannot reach; print it."""
    from holdfast.evidence.notes import read_verifier_key
    from holdfast.evidence.witness import keep_at_witness, keep_in_file, keep_in_git
    from holdfast.evidence.writing import write_durably

    if url and not witness_key:
        raise InputError("a witness needs its key", hint="give the line that it printed with --witness-key")
    with _reading(ledger) as log:
        note = log.checkpoint()
        for path in file or ():
            keep_in_file(log, path)
        if git is not None:
            keep_in_git(log, git)
        if url:
            note = keep_at_witness(log, url, read_verifier_key(witness_key, source="--witness-key"))
    if out is not None:
        write_durably(out, note.encode())
    typer.echo(note, nl=False)


@app.command("serve-witness")
def serve_witness(
    log: Annotated[list[str], Option(help="The key of a ledger to sign for, as `holdfast ledger init` printed it.")],
    folder: Annotated[Path, Option(help="Where the newest checkpoint of each ledger is remembered.")],
    name: Annotated[str, Option(help="Name under which this witness signs.")],
    host: Annotated[str, Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Option(help="Port; 0 for a free one.")] = 8765,
) -> None:
    """Sign the checkpoints of other people's ledgers, each only after the one before."""
    from holdfast.evidence.notes import read_verifier_key
    from holdfast.evidence.witness import Witness
    from holdfast.interfaces.cli.witness_server import serve

    keys = [read_verifier_key(text, source="--log") for text in log]
    _make_folder(folder)
    served = Witness(folder, _own_key(), name=name, logs={key.name: key for key in keys})
    serve(served, host, port, ready=lambda at: typer.echo(f"witness: {served.verifier}\naddress: {at}"))


@app.command("key")
def key(
    new: Annotated[Path, Option(help="Folder of the key that signs from now on (`holdfast keys init --folder`).")],
    ledger: Place = "",
    lost: Annotated[bool, Option("--lost", help="The former key is lost, and nobody can name a successor.")] = False,
) -> None:
    """Let another key sign from now on; the former one names it, unless it is lost."""
    from holdfast.evidence.keys import load_key
    from holdfast.evidence.ledger import Ledger

    another = load_key(new)
    with Ledger.open(_place(ledger), None if lost else _own_key()) as log:
        where = log.introduce(another) if lost else log.succeed(another)
    typer.echo(f"entry {where.first}: {another.key_id} signs from now on")


@app.command("revoke")
def revoke(
    former: Annotated[Path, typer.Argument(help="Public key that counts for nothing any more.")],
    since: Annotated[int, Option(help="First entry for which it does not count.")],
    reason: Annotated[str, Option(help="Why; no personal data, it stays for ever.")],
    ledger: Place = "",
) -> None:
    """State that a former key counts for nothing from an entry on, as when it was stolen."""
    from holdfast.evidence.entering import open_to_write
    from holdfast.evidence.keys import load_public_key

    with open_to_write(_place(ledger)) as log:
        where = log.revoke(load_public_key(former), since=since, reason=reason)
    typer.echo(f"entry {where.first}: the key counts for nothing from entry {since} on")


@app.command("enter")
def enter(
    audit: Annotated[Path, typer.Argument(help="Folder of a finished audit.")],
    ledger: Place = "",
) -> None:
    """Enter an audit that was finished before the ledger was there, and put the proof into its bundle."""
    from holdfast.auditing.folder import enter_audit

    receipt = enter_audit(audit, _place(ledger))
    typer.echo(f"entry {receipt.entries[0].index} of {receipt.state().origin}")


@app.command("erase")
def erase(
    salt: Annotated[str, typer.Argument(help="The digest beside a commitment, under `salt`.")],
    ledger: Place = "",
) -> None:
    """Erase the salt of a commitment: what was committed to can never be shown or guessed again."""
    with _reading(ledger) as log:
        found = log.erase(salt)
    if not found:
        raise InputError(f"no salt {salt} is kept", hint="it was erased before, or look it up with `ledger show`")
    typer.echo("erased")


def _verified(export: Path | None, ledger: str, trusted: tuple[PublicKey, ...], since: list[str]) -> LedgerVerification:
    from holdfast.evidence.ledger_export import ExportedHistory
    from holdfast.evidence.ledger_storage import Storage
    from holdfast.evidence.ledger_verify import verify_history, verify_ledger

    if export is not None:
        return verify_history(ExportedHistory(export), trusted=trusted, since=since)
    storage = Storage(_place(ledger))
    try:
        if not storage.exists():
            raise InputError(f"expected a ledger in {storage.name}, found none", hint="name it with --ledger")
        return verify_ledger(storage, trusted=trusted, since=since)
    finally:
        storage.close()


@contextmanager
def _reading(place: str) -> Iterator[Ledger]:
    from holdfast.evidence.ledger import Ledger

    with Ledger.open(_place(place)) as log:
        yield log


def _place(given: str) -> str:
    from holdfast.evidence.entering import ledger_place

    found = ledger_place(given)
    if not found:
        raise InputError("there is no ledger here", hint="`holdfast ledger init` makes one; --ledger names another")
    return found


def _own_key() -> KeyPair:
    from holdfast.evidence.keys import own_key

    found = own_key()
    if found is None:
        raise InputError("a ledger needs a key that stays", hint="make one with `holdfast keys init`")
    return found


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}", hint="choose another place") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the checkpoint {path}: {error}", hint="check the path") from None


def _line(position: int, kind: str, payload: bytes) -> str:
    from holdfast.evidence.statement import parse_statement
    from holdfast.interfaces.cli.verdicts import printable

    said = parse_statement(payload, source=f"entry {position}")
    about = ", ".join(f"{name} {digest[7:19]}" for name, digest in list(said.subjects.items())[:3])
    more = f" and {len(said.subjects) - 3} more" if len(said.subjects) > 3 else ""
    outcome = said.predicate.get("outcome") or said.predicate.get("action") or ""
    return printable(f"{position:>8}  {said.predicate.get('recorded', '')}  {kind:<12} {outcome:<12} {about}{more}")
