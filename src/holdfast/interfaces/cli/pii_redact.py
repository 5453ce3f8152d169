"""``holdfast pii redact``, ``restore``, ``keys`` and ``erase``: commands of the ``pii`` group."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.interfaces.cli.delivering import deliver, refuse_unknown_format
from holdfast.interfaces.cli.trusting import TRUST_PICKLE, trust_of

if TYPE_CHECKING:
    from holdfast.core.redaction import RedactionRecord

Option = typer.Option
FORMATS = ("text", "json")
KEY_FILE = Option("--key-file", help="Key file; else HOLDFAST_PII_KEY_FILE, else the content of HOLDFAST_PII_KEYS.")
LAYOUT = Option(help="jsonl, json, csv, log, text or parquet; by the suffix otherwise.")


def redact(
    file: Annotated[Path, typer.Argument(help="JSON lines, JSON, CSV, TSV, Parquet, log or text. It is only read.")],
    out: Annotated[Path, Option("-o", "--out", help="Where the redacted copy goes; must not exist.")],
    plan: Annotated[str, Option(help="share, train, log, display, or a YAML file.")] = "log",
    key_file: Annotated[Path | None, KEY_FILE] = None,
    vault: Annotated[Path | None, Option(help="Vault for reversible tokens that can be erased.")] = None,
    layout: Annotated[str, LAYOUT] = "",
    countries: Annotated[str, Option(help="Use national rules of these countries only: DE,PL.")] = "",
    threshold: Annotated[float, Option(help="Lowest score that counts, from 0 to 1.")] = 0.5,
    names: Annotated[bool, Option(help="Look for names, places, organisations and special categories too.")] = True,
    also: Annotated[list[str] | None, Option(help="Further source: subjects:FILE, spacy:MODEL, gliner:FOLDER.")] = None,
    look_again: Annotated[bool, Option(help="Search what was written, outside the replacements.")] = True,
    gate: Annotated[int | None, Option(help="Exit with 1 when the second search finds more than this.")] = None,
    truth: Annotated[Path | None, Option(help="Labelled sample (JSON lines: text, spans) for a leak test.")] = None,
    max_leak: Annotated[float | None, Option(help="Largest share of marked spans not fully covered; a gate.")] = None,
    model: Annotated[Path | None, Option(help="Model whose score before and after is compared.")] = None,
    target: Annotated[str | None, Option(help="Column with the outcomes, for --model.")] = None,
    retrain: Annotated[bool, Option("--retrain", help="Train the model anew on both tables instead.")] = False,
    format: Annotated[str, Option(help="Report: text or json.")] = "text",
    html: Annotated[Path | None, Option(help="File for the report as one page.")] = None,
    trust_pickle: Annotated[str | None, TRUST_PICKLE] = None,
) -> None:
    """Write a copy of a file in which personal data is treated as a plan says, and report what was done.

    With --gate or --max-leak: 0 held, 1 did not, 3 the labelled sample is too small to tell.
    """
    from dataclasses import replace

    from holdfast.auditing.leak_testing import leak_rates, read_labelled
    from holdfast.auditing.personal_data import build_detector
    from holdfast.auditing.redacting import load_plan, redact_file
    from holdfast.auditing.redaction_keys import load_keys
    from holdfast.core.errors import InputError
    from holdfast.reports.redaction import redaction_html, redaction_text

    refuse_unknown_format(format, FORMATS)
    if (model is None) != (target is None):
        raise InputError("--model and --target belong together", hint="give both, or neither")
    if max_leak is not None and truth is None:
        raise InputError("--max-leak needs a labelled sample", hint="add --truth FILE.jsonl")
    if gate is not None and not look_again:
        raise InputError("--gate counts what the second search finds", hint="leave --no-look-again out")
    chosen, keys = load_plan(plan), load_keys(key_file)
    wanted = [code.strip() for code in countries.split(",") if code.strip()]
    detector = build_detector(countries=wanted, threshold=threshold, names=names, also=also or ())
    leaks = leak_rates(read_labelled(truth), chosen, detector) if truth is not None else ()
    record = redact_file(file, out, chosen, detector, keys=keys, vault=vault, format=layout, look_again=look_again)
    record = replace(record, leaks=leaks)
    if model is not None and target is not None:
        from holdfast.auditing.comparing_quality import compare_quality

        changes = compare_quality(model, file, out, target, retrain=retrain, trust_pickle=trust_of(trust_pickle))
        record = replace(record, quality=changes)
    if html is not None:
        deliver(redaction_html(record), html)
    typer.echo(redaction_text(record) if format == "text" else _json(record), nl=False)
    raise typer.Exit(_exit_code(record, gate, max_leak))


def _json(record: object) -> str:
    from holdfast.core.canonical import canonical_json

    return canonical_json(record).decode() + "\n"


def _exit_code(record: RedactionRecord, gate: int | None, max_leak: float | None) -> int:
    if gate is not None and sum((record.remaining or {}).values()) > gate:
        return 1
    if max_leak is not None:
        rate = next(rate for rate in record.leaks if rate.what == "part" and not rate.label)
        return 1 if rate.low > max_leak else 3 if rate.high > max_leak else 0
    return 0


def restore(
    file: Annotated[Path, typer.Argument(help="A redacted file; it is only read.")],
    out: Annotated[Path, Option("-o", "--out", help="Where the restored copy goes; must not exist.")],
    key_file: Annotated[Path | None, KEY_FILE] = None,
    vault: Annotated[Path | None, Option(help="Vault that tokens lead to.")] = None,
    note: Annotated[Path | None, Option(help="Note of places; FILE.restore.jsonl otherwise.")] = None,
    layout: Annotated[str, LAYOUT] = "",
    format: Annotated[str, Option(help="Report: text or json.")] = "text",
) -> None:
    """Put the values of a redacted file back. What the key does not vouch for stays as it is: exit code 1."""
    from holdfast.auditing.redaction_keys import load_keys
    from holdfast.auditing.restoring import key_ids_in, restore_file
    from holdfast.core.errors import InputError
    from holdfast.reports.redaction import restore_text

    refuse_unknown_format(format, FORMATS)
    keys = load_keys(key_file)
    if keys is None:
        needed = ", ".join(key_ids_in(file, note=note, format=layout)) or "none that shows"
        raise InputError(
            f"restoring {file} needs the key {needed}, and none was given", hint="add --key-file KEYS.json"
        )
    record = restore_file(file, out, keys, vault=vault, note=note, format=layout)
    typer.echo(restore_text(record) if format == "text" else _json(record), nl=False)
    raise typer.Exit(1 if record.n_altered else 0)


def keys(
    file: Annotated[Path, typer.Argument(help="Key file; made readable by its owner only.")],
    rotate: Annotated[bool, Option("--rotate", help="Add a newer key, which writes from now on.")] = False,
) -> None:
    """Make the key under which values are hashed and encrypted, or add a newer one. Secrets are never printed."""
    from holdfast.auditing.redaction_keys import create_keys, rotate_keys

    ring = rotate_keys(file) if rotate else create_keys(file)
    typer.echo("\n".join(f"key {key.id}{' (newest)' if key is ring.newest else ''}" for key in ring.keys))


def erase(
    subject: Annotated[str, typer.Argument(help="Whom, as the plan's subject names them; - reads standard input.")],
    vault: Annotated[Path, Option(help="The vault.")],
    key_file: Annotated[Path | None, KEY_FILE] = None,
) -> None:
    """Erase a person's values from a vault. Tokens in redacted data lead nowhere any more."""
    from holdfast.auditing.redaction_keys import load_keys
    from holdfast.core.errors import InputError
    from holdfast.redaction.vault import open_vault

    ring = load_keys(key_file)
    if ring is None:
        raise InputError("finding a person in a vault needs its key, none was given", hint="add --key-file KEYS.json")
    name = sys.stdin.readline().rstrip("\r\n") if subject == "-" else subject
    with open_vault(vault, ring, create=False) as opened:
        n = opened.erase(name)
    typer.echo(f"{n:,} value{'' if n == 1 else 's'} erased")


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command("redact")(redact)
    app.command("restore")(restore)
    app.command("keys")(keys)
    app.command("erase")(erase)
