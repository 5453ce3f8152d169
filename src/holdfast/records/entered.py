"""What the ledger of this place holds of runs, audits, signatures and bills of materials.

It is read and not verified here: ``holdfast ledger verify`` does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.evidence.entering import ledger_place
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.record_store import short
from holdfast.evidence.statement import Statement, parse_statement

KINDS = ("training-run", "audit", "signature", "bill-of-materials")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Entries by what they are about.

    Attributes
    ----------
    indices
        First entry of a run, by the digest of its manifest, and of an audit, by that of its findings.
    of_models
        Newest entries on the signature and the bill of materials of a model, in words, by its digest.
    """

    indices: Mapping[str, int] = field(default_factory=dict)
    of_models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_entered(place: str = "") -> Entered:
    """Read the ledger of this place; nothing is entered where there is none.

    Parameters
    ----------
    place
        As for :func:`holdfast.evidence.entering.ledger_place`.

    Raises
    ------
    InputError
        When the ledger cannot be read.
    """
    found = ledger_place(place)
    if not found:
        return Entered()
    indices: dict[str, int] = {}
    told: dict[str, dict[str, str]] = {}
    with Ledger.open(found) as ledger:
        entries = [entry for kind in KINDS for entry in ledger.entries(kind=kind)]
    for entry in sorted(entries, key=lambda entry: entry.position):
        statement = parse_statement(entry.payload, source=f"entry {entry.position} of the ledger {found}")
        digest = _about(statement)
        if digest is not None:
            indices.setdefault(digest, entry.position)
            continue
        topic, said = _said(statement.kind, statement.predicate)
        for model in statement.subjects.values():
            told.setdefault(model, {})[topic] = f"{said} (ledger {entry.position})"
    return Entered(indices=indices, of_models={model: tuple(said.values()) for model, said in told.items()})


def _about(statement: Statement) -> str | None:
    """Return the digest of the manifest of a run or of the findings of an audit; ``None`` for other kinds."""
    if statement.kind == "training-run":
        return statement.subjects.get("manifest", "")
    if statement.kind == "audit":
        return str(statement.predicate["files"]["findings.json"])
    return None


def _said(kind: str, predicate: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a statement on a model is about, and what it says in words."""
    if kind == "bill-of-materials":
        faults = predicate["vulnerabilities"]
        known = "not looked up" if faults is None else f"{len(faults)} known vulnerabilities"
        return kind, f"bill: {predicate['components']} components, {known}"
    if predicate["event"] == "made":
        return "made", f"signed with key {short(str(predicate['key']))}"
    holds = "holds" if predicate["holds"] else "does not hold"
    return "checked", f"signature {holds}"
