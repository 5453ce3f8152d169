"""``holdfast pii anonymise``: a k-anonymous release of a table."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from holdfast.auditing.anonymising import Release

Option = typer.Option


def anonymise(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file; it is never changed.")],
    quasi: Annotated[str, Option(help="Columns that others may know of a person, separated by commas.")],
    out: Annotated[Path, Option("--out", "-o", help="CSV or Parquet file to write; it must not exist.")],
    k: Annotated[int, Option("-k", help="Fewest people who must look alike.")] = 5,
    sensitive: Annotated[str, Option(help="Columns that groups must not give away, separated by commas.")] = "",
    l: Annotated[int, Option("-l", help="Fewest values of a sensitive column in a group.")] = 1,  # noqa: E741
    t: Annotated[float, Option("-t", help="Farthest that a group's sensitive values may lie from the table's.")] = 1.0,
    drop: Annotated[str, Option(help="Columns to leave out; those that name people always are.")] = "",
    seed: Annotated[int, Option(help="Of the order of the released rows.")] = 0,
    json: Annotated[bool, Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Write a copy of a table in which every person looks like at least k - 1 others, and say what that cost."""
    from holdfast.auditing.anonymising import anonymise as make_release
    from holdfast.auditing.anonymising import write_release

    release = make_release(
        table, quasi=_names(quasi), k=k, sensitive=_names(sensitive), l=l, t=t, drop=_names(drop), seed=seed
    )
    write_release(release, out, source=table)
    typer.echo(_json(release) if json else _text(release))
    typer.echo(str(out), err=True)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _text(release: Release) -> str:
    lines = [
        f"{release.frame.height:,} rows in {release.n_classes:,} groups; the smallest group has {release.k} people.",
        f"{release.unique_before:.1%} of rows were unique in {', '.join(release.quasi)}; none is now.",
        f"{release.loss.total:.1%} of the detail of the quasi-identifiers is lost:",
    ]
    for name, lost in zip(release.quasi, release.loss.penalty, strict=True):
        lines.append(f"  {name:<24} {lost:.1%}")
    for name, found in release.given_away.items():
        lines.append(
            f"{name}: at least {found.l} values in a group (l), one value at most {found.alpha:.0%} of it (alpha), "
            f"groups at most {found.t:.3f} from the whole (t)"
        )
    if release.dropped:
        lines.append(f"left out: {', '.join(release.dropped)}")
    if release.still_known:
        lines.append(
            f"not coarsened, though others may know them (--quasi or --drop): {', '.join(release.still_known)}"
        )
    for name, labels in release.naming_texts.items():
        held = ", ".join(labels)
        lines.append(f"{name} stays, and some of its cells hold personal data ({held}): redact it first, or --drop it")
    lines.append("Released data can still be personal data: what all people of a group have in common is given away.")
    return "\n".join(lines)


def _json(release: Release) -> str:
    found = {
        "rows": release.frame.height,
        "k": release.k,
        "groups": release.n_classes,
        "unique_before": release.unique_before,
        "loss": release.loss.total,
        "loss_by_column": dict(zip(release.quasi, release.loss.penalty.tolist(), strict=True)),
        "discernibility": release.loss.discernibility,
        "sensitive": {
            name: {"l": one.l, "entropy_l": one.entropy_l, "alpha": one.alpha, "t": one.t}
            for name, one in release.given_away.items()
        },
        "left_out": list(release.dropped),
        "still_known": list(release.still_known),
        "naming_texts": {name: list(labels) for name, labels in release.naming_texts.items()},
    }
    return json_format.dumps(found, indent=2)
