"""``holdfast audit``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from holdfast.interfaces.cli.trusting import TRUST_PICKLE, trust_of

Option = typer.Option


def audit(
    model: Annotated[
        str | None,
        Option(
            help="Model file: .onnx, .joblib/.pkl, .ubj/.json (XGBoost), .txt (LightGBM), .skops; or an endpoint's URL."
        ),
    ] = None,
    test: Annotated[str | None, Option(help="Test table: CSV, Parquet, .npz, or a folder of images.")] = None,
    train: Annotated[str | None, Option(help="Training table: CSV or Parquet.")] = None,
    population: Annotated[str | None, Option(help="Table of the people the model is for: rows, or counts.")] = None,
    current: Annotated[str | None, Option(help="Table of what the model meets today; outcomes may be missing.")] = None,
    artefact: Annotated[list[str] | None, Option(help="Further file or folder of the model; scanned.")] = None,
    target: Annotated[str | None, Option(help="Column with the true outcome.")] = None,
    predictions: Annotated[str | None, Option(help="A table of predictions, instead of a model.")] = None,
    score_column: Annotated[list[str] | None, Option(help="Score of the positive class, or one per class.")] = None,
    label_column: Annotated[str | None, Option(help="Predicted label.")] = None,
    config: Annotated[Path | None, Option(help="A holdfast.yaml; other options override it.")] = None,
    policy: Annotated[str | None, Option(help="baseline, regulated, research, or the path of a policy.")] = None,
    out: Annotated[Path, Option(help="Folder for the report and the evidence.")] = Path("audit"),
    check: Annotated[list[str] | None, Option(help="Run only this check; repeatable.")] = None,
    skip: Annotated[list[str] | None, Option(help="Leave this check out; repeatable.")] = None,
    effort: Annotated[str | None, Option(help="quick, default or thorough.")] = None,
    budget: Annotated[str | None, Option(help="Time budget, such as 5m; only caps the work.")] = None,
    seed: Annotated[int | None, Option(help="Seed; derived from the inputs otherwise.")] = None,
    jobs: Annotated[int, Option(help="Checks side by side; 0 is one per core.")] = 0,
    ray: Annotated[str, Option(help="Run checks on the Ray cluster at this address.")] = "",
    cache: Annotated[Path | None, Option(help="Where finished findings are kept; .holdfast otherwise.")] = None,
    no_cache: Annotated[bool, Option("--no-cache", help="Keep and reuse nothing.")] = False,
    ledger: Annotated[str, Option(help="Ledger to enter it in; that of this folder otherwise, none for none.")] = "",
    trust_pickle: Annotated[str | None, TRUST_PICKLE] = None,
    allow_code: Annotated[
        bool,
        Option(
            "--allow-code",
            help="Run code that is named: the recorded training command, as you and unconfined; the factory of a "
            "PyTorch network, in its process.",
        ),
    ] = False,
) -> None:
    """Evaluate a model on data, decide, and write report and signed evidence."""
    from holdfast.auditing.config import AuditConfig, load_config, override
    from holdfast.auditing.folder import cache_for, prepare_folder, write_audit
    from holdfast.auditing.running import Options, check_jobs, run_audit
    from holdfast.core.endpoint import shown_url
    from holdfast.core.errors import InputError
    from holdfast.evidence.entering import ledger_place
    from holdfast.interfaces.cli.progress import progress

    given: dict[str, Any] = {
        "model": model, "test": test, "train": train, "target": target, "predictions": predictions,
        "population": population, "current": current,
        "artefacts": tuple(artefact or ()), "score_column": tuple(score_column or ()), "label_column": label_column,
        "policy": policy,
        "check": tuple(check or ()), "skip": tuple(skip or ()), "effort": _effort(effort), "budget": budget,
        "seed": seed,
    }  # fmt: skip
    has_unread = config is None and Path("holdfast.yaml").is_file()
    if has_unread and not (test or train or predictions):
        raise InputError(
            "there is nothing to evaluate: no test table, no predictions",
            hint="the holdfast.yaml that lies here is read with --config holdfast.yaml",
        )
    chosen = override(load_config(config) if config else AuditConfig(), given)
    log = ledger_place(ledger)
    prepare_folder(out, ledger=log)
    kept = None if no_cache else cache or cache_for(out)
    command = ("holdfast", *map(shown_url, sys.argv[1:]))
    options = Options(
        jobs=check_jobs(jobs),
        ray=ray,
        cache=kept,
        trust_pickle=trust_of(trust_pickle),
        allow_code=allow_code,
        command=command,
    )
    with progress() as observer:
        finished = run_audit(chosen, options, observer=observer)
    result = write_audit(finished, out, cache=kept, ledger=log)
    from holdfast.interfaces.cli.verdicts import print_verdicts

    print_verdicts(result.decision, result.findings.findings)
    typer.echo(f"report: {out / 'report.html'}")
    if has_unread:
        typer.echo("the holdfast.yaml that lies here was not read; --config holdfast.yaml reads it")
    if log:
        typer.echo(f"entered in the ledger {shown_url(log)}")
    raise typer.Exit(finished.exit_code)


def _effort(name: str | None) -> str | None:
    from holdfast.core.errors import InputError, did_you_mean

    choices = ("quick", "default", "thorough")
    if name is not None and name not in choices:
        raise InputError(f"expected an effort of {', '.join(choices)}, got {name!r}", hint=did_you_mean(name, choices))
    return name
