"""The option ``--trust-pickle``, whose value may be left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import typer

NAME, PLAIN, UNCONFINED = "--trust-pickle", "confined", "unconfined"
TRUST_PICKLE = typer.Option(
    NAME,
    metavar=f"[={UNCONFINED}]",
    help="Load a pickle, confined, although its scan did not pass; =unconfined also where nothing keeps it from the "
    "network. It runs its code.",
)


def with_value(arguments: Sequence[str]) -> list[str]:
    """Give the option its value where it stands alone.

    Examples
    --------
    >>> with_value(["audit", "--trust-pickle", "--model", "m.pkl"])
    ['audit', '--trust-pickle=confined', '--model', 'm.pkl']
    """
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    return [
        f"{NAME}={PLAIN}" if argument == NAME and place < end else argument for place, argument in enumerate(arguments)
    ]


def trust_of(value: str | None) -> bool | Literal["unconfined"]:
    """Read the option's value.

    Raises
    ------
    InputError
        When it is neither left out nor ``unconfined``.
    """
    from holdfast.core.errors import InputError, did_you_mean

    if value in (None, PLAIN):
        return value is not None
    if value == UNCONFINED:
        return "unconfined"
    raise InputError(
        f"expected {NAME} or {NAME}={UNCONFINED}, got {value!r}", hint=did_you_mean(str(value), [UNCONFINED])
    )
