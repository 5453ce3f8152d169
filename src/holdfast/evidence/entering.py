"""Enter events into the ledger of this place, where there is one.

``HOLDFAST_LEDGER`` names it; otherwise it is ``.holdfast/ledger.db`` of the working folder, if that file is there.
Without a ledger nothing is entered, and nothing else changes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.core.errors import InputError
from holdfast.evidence.keys import own_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdfast.evidence.commitment import Commitment
    from holdfast.evidence.ledger import Ledger
    from holdfast.evidence.receipt import Receipt
    from holdfast.evidence.statement import Statement

VARIABLE = "HOLDFAST_LEDGER"
USUAL = Path(".holdfast") / "ledger.db"
NONE = "none"


def ledger_place(given: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Place of the ledger to use: the one given, the one in the environment, the usual one; empty where there is none.

    ``none`` for no ledger although there is one.
    """
    chosen = given or (os.environ if environment is None else environment).get(VARIABLE, "")
    if chosen:
        return "" if chosen == NONE else chosen
    return str(USUAL) if USUAL.is_file() else ""


@contextmanager
def open_to_write(place: str) -> Iterator[Ledger]:
    """Open a ledger with the user's own key.

    Raises
    ------
    InputError
        When there is no key, the key is not the one in force, or the ledger cannot be written.
    """
    from holdfast.evidence.ledger import Ledger

    key = own_key()
    if key is None:
        raise InputError(f"entering into the ledger {place} needs a key", hint="make one with `holdfast keys init`")
    with Ledger.open(place, key) as ledger:
        ledger.check_writable()
        yield ledger


def check_ledger(place: str) -> None:
    """Refuse a ledger that cannot be written before there is something to enter; an empty place is fine.

    Raises
    ------
    InputError
        As :func:`open_to_write`.
    """
    if place:
        with open_to_write(place):
            pass


def enter(
    statements: Sequence[Statement], *, commitments: Sequence[Commitment] = (), place: str = ""
) -> Receipt | None:
    """Enter statements into the ledger of this place; ``None`` where there is no ledger.

    Parameters
    ----------
    place
        As for :func:`ledger_place`.

    Returns
    -------
    Receipt
        Proof that they stand there.
    """
    found = ledger_place(place)
    if not found:
        return None
    with open_to_write(found) as ledger:
        where = ledger.enter(statements, commitments=commitments)
        return ledger.receipt(range(where.first, where.first + where.count))
