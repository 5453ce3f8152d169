"""The command ``holdfast``: parse, call one function, print."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback

import typer

from holdfast.core.errors import HoldfastError, ModelError
from holdfast.core.parse import refuse_half_characters
from holdfast.interfaces.cli import (
    alarms,
    annotators,
    audit,
    bom,
    browse,
    data,
    datasheet,
    demo,
    drift,
    estimate,
    init,
    keys,
    labels,
    ledger,
    lineage,
    pii,
    results,
    retraining,
    run,
    scan,
    sign,
)
from holdfast.interfaces.cli.trusting import with_value
from holdfast.interfaces.cli.verdicts import printable

app = typer.Typer(
    name="holdfast",
    help="Evaluate and protect machine-learning deployments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("init")(init.init)
app.command("audit")(audit.audit)
app.command("scan")(scan.scan)
app.command("sign")(sign.sign)
app.command("bom")(bom.bom)
app.command("labels")(labels.labels)
app.command("retraining")(retraining.retraining)
app.command("estimate")(estimate.estimate)
app.command("annotators")(annotators.annotators)
app.command("alarms")(alarms.alarms)
app.command("datasheet")(datasheet.datasheet)
app.add_typer(data.app, name="data")
app.add_typer(pii.app, name="pii")
app.command("run")(run.run)
app.command("lineage")(lineage.lineage)
app.command("profile")(drift.profile)
app.command("drift")(drift.drift)
app.command("list")(browse.list_checks)
app.command("explain")(browse.explain)
app.command("report")(results.report)
app.command("gate")(results.gate)
app.command("diff")(results.diff)
app.command("verify")(results.verify)
app.command("demo")(demo.demo)
app.add_typer(keys.app, name="keys")
app.add_typer(ledger.app, name="ledger")


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from holdfast import __version__

        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; the exit code says what happened.

    0 passed, 1 the gate failed, 2 wrong use or bad input, 3 could not evaluate, 4 intact but of unknown origin.
    """
    # One thread per numerical library, set before any is loaded: sums must not depend on how many share the machine.
    # A command that is only recorded runs as it would by itself.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS") if sys.argv[1:2] != ["run"] else ():
        os.environ.setdefault(name, "1")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if sys.argv[1:2] != ["scan"]:  # which looks at files of any name
            refuse_half_characters(sys.argv[1:], source="the command line")
        app(args=with_value(sys.argv[1:]))
    except HoldfastError as error:
        _say(error.message, error.hint)
        sys.exit(3 if isinstance(error, ModelError) else 2)
    except OSError as error:
        _say(
            f"cannot read or write {error.filename or 'a file'}: {error.strerror or error}",
            f"look at free space, limits and permissions, also of the temporary folder {tempfile.gettempdir()}",
        )
        sys.exit(2)
    except SystemExit as end:  # typer gives an interrupt and a closed pipe exit codes that mean other things here
        if not _came_from(end, (KeyboardInterrupt, BrokenPipeError)):
            raise
        if _came_from(end, KeyboardInterrupt):
            raise KeyboardInterrupt from end
        sys.exit(3)
    except Exception as error:  # an exit code of 1 would say that the gate failed
        if _came_from(error, KeyboardInterrupt):  # imports wrap what stops them
            raise KeyboardInterrupt from error
        traceback.print_exc()
        _say("this is a fault of Holdfast, not of your input", "report it with the lines above")
        sys.exit(3)


def _say(message: str, hint: str) -> None:
    typer.echo(_colour(f"error: {printable(message)}", "31"), err=True)
    if hint:
        typer.echo(f"\n{_colour('hint:', '36')} {printable(hint)}", err=True)


def _came_from(error: BaseException | None, kinds: type[BaseException] | tuple[type[BaseException], ...]) -> bool:
    while error is not None and not isinstance(error, kinds):
        error = error.__cause__ or error.__context__
    return error is not None


def _colour(text: str, code: str) -> str:
    plain = not sys.stderr.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\033[{code}m{text}\033[0m"
