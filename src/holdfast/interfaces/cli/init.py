"""``holdfast init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.core.errors import InputError
from holdfast.interfaces.cli.trusting import TRUST_PICKLE, trust_of

Option = typer.Option


def init(
    model: Annotated[str | None, Option(help="Model file, or the URL of an endpoint.")] = None,
    test: Annotated[str | None, Option(help="Test table: CSV, Parquet, .npz, or a folder of images.")] = None,
    train: Annotated[str | None, Option(help="Training table: CSV or Parquet.")] = None,
    target: Annotated[str | None, Option(help="Column with the true outcome.")] = None,
    predictions: Annotated[str | None, Option(help="A table of predictions, instead of a model.")] = None,
    score_column: Annotated[list[str] | None, Option(help="Score of the positive class, or one per class.")] = None,
    label_column: Annotated[str | None, Option(help="Predicted label.")] = None,
    out: Annotated[Path, Option(help="File to write.")] = Path("holdfast.yaml"),
    force: Annotated[bool, Option("--force", help="Replace an existing file.")] = False,
    trust_pickle: Annotated[str | None, TRUST_PICKLE] = None,
) -> None:
    """Guess a holdfast.yaml from model and data, with the reason for every guess."""
    from holdfast.auditing.config import AuditConfig, override
    from holdfast.auditing.initialising import first_config
    from holdfast.evidence.writing import write_durably

    if out.exists() and not force:
        raise InputError(f"{out} exists", hint="--force replaces it, --out writes another file")
    given = {
        "model": model, "test": test, "train": train, "target": target, "predictions": predictions,
        "score_column": tuple(score_column or ()), "label_column": label_column,
    }  # fmt: skip
    text = first_config(override(AuditConfig(), given), folder=out.parent, trust_pickle=trust_of(trust_pickle))
    write_durably(out, text.encode("utf-8"))
    typer.echo(text, nl=False)
    typer.echo(f"\nwritten to {out}; next: holdfast audit --config {out}", err=True)
