"""What is the model made of, under which licences, and is anything in it known to be vulnerable?

**What it answers.** A model that is loaded brings the software that loads it, and what that software needs. Each
piece has a version, a licence and a history of faults. This check counts the pieces of the bill of materials named
under ``bill_of_materials`` in ``holdfast.yaml``, those whose licence nobody states, those whose content no version
and digest fixes, and those with a known vulnerability, by the bill's own word and by the advisories named under
``advisories``.

**How.** The bill is a file in CycloneDX, as ``holdfast bom`` and many other tools write it. Where there is none, that
of the environment of the audit is taken: the distributions that load the model's format, and whatever they require.
The advisories are OSV records on your disk; nothing is fetched. Versions are compared by the rules of PEP 440, ranges
are walked as the OSV format says. Withdrawn records count for nothing; records that name one fault differently are
joined.

**How to read it.** All numbers are complete counts of the bill; ``n_vulnerable`` is a lower bound, because an
advisory must have been written, and must be in what you gave. ``n_vulnerable`` is absent when the bill states no
vulnerabilities and no advisories were given: nobody looked. ``n_other_model`` is 1 when the bill is of another model
than the one audited.

- *Good:* 7 components, no vulnerability, every licence stated, everything fixed.
- *Bad:* one vulnerable component, *fixed in 2.4.1*: the service runs an older one.
- *Misleading:* a vulnerability in a part of a library that the service never calls. The count stays; say in the
  policy, with a waiver, why it does not matter and until when.

**When it misleads.** A library that is compiled into another is in no bill that is made from metadata. A licence is
what its authors write about it. An advisory for a distribution of the operating system is not matched.

**What to do about a bad one.** Update to a version in which the fault is fixed, sign and audit again. Install what
comes from a folder from a package with a version instead. Ask whoever ships a component without a licence for one, or
replace it.

References: Ecma International, ECMA-424 (CycloneDX 1.6); OSV format 1.7; PEP 440; PEP 639; NIST SP 800-218A (2024),
PW.4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome, counted
from holdfast.core.context import Context
from holdfast.core.errors import NotRun
from holdfast.core.materials import Bill, Component
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import polars as pl

SPEC = {
    "title": "Bill of materials",
    "question": "What is the model made of, and is anything in it known to be vulnerable?",
    "needs": ["materials"],
    "measures": [
        {
            "id": "n_components",
            "name": "Software components",
            "unit": "components",
            "direction": "neither",
            "range": [0, None],
        },
        {
            "id": "n_vulnerable",
            "name": "Components with a known vulnerability",
            "unit": "components",
            "direction": "lower_is_better",
            "bound": "lower",
            "range": [0, None],
        },
        {
            "id": "n_without_licence",
            "name": "Components without a licence",
            "unit": "components",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "n_loose",
            "name": "Components that no version and digest fixes",
            "unit": "components",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "n_other_model",
            "name": "Bills that are of another model",
            "unit": "bills",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
    ],
    "evidence_codes": ["BOM"],
    "references": ["ECMA-424 CycloneDX 1.6", "OSV format 1.7", "NIST SP 800-218A PW.4.1"],
    "cost": "light",
}

SHOWN = 3
REMEDIATION = (
    "Update vulnerable components to a version in which the fault is fixed, then write the bill and audit again. "
    "Install from packages with a version rather than from folders, and ask for licences that are not stated."
)


def run(subject: Subject, ctx: Context) -> Outcome:
    """Count the components of the bill by what is amiss with them."""
    bill = subject.materials
    if bill is None:
        raise NotRun(
            "neither a bill of materials nor advisories were given",
            hint="write one with `holdfast bom`, and name bill_of_materials or advisories in holdfast.yaml",
        )
    packages = [one for one in bill.components if one.is_package]
    n = len(packages)
    measurements = [
        _measured("n_components", n, n, f"{n:,} software components load and run the model."),
        _among("n_without_licence", [one for one in packages if not one.licences], n, "state no licence"),
        _among("n_loose", [one for one in packages if one.loose], n, "are fixed by no version and digest"),
    ]
    if bill.advisories is not None or bill.vulnerabilities:
        hit = {ref for one in bill.vulnerabilities for ref in one.affects}
        found = [one for one in bill.components if one.ref in hit]
        named = ", ".join(f"{one.name} {one.version}".strip() for one in found[:SHOWN])
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        words = "have a known vulnerability" + (f": {named}{more}" if found else "")
        measurements.append(_among("n_vulnerable", found, n, words))
    if bill.is_of_model is not None:
        words = "is of this model" if bill.is_of_model else "is of another model than the one audited"
        measurements.append(_measured("n_other_model", int(not bill.is_of_model), 1, f"The bill {words}."))
    return Outcome(
        measurements=tuple(measurements),
        tables={"components": _components(bill), "vulnerabilities": _vulnerabilities(bill)},
        remediation=REMEDIATION,
        assumptions=tuple(_assumptions(bill)),
        work={"components": len(bill.components), "advisories": bill.advisories.records if bill.advisories else 0},
    )


def _among(name: str, found: Sequence[Component], n: int, words: str) -> Measured:
    return _measured(name, len(found), n, f"{len(found):,} of {n:,} components {words}.")


def _measured(name: str, count: int, n: int, plain: str) -> Measured:
    return counted(name, count, of="the bill given", n=n, plain=plain)


def _assumptions(bill: Bill) -> list[str]:
    said = []
    if bill.source == "environment":
        said.append("The software is that of the environment of this audit; the one that serves the model may differ.")
    if bill.advisories is None:
        said.append("No advisories were given, so no component was looked up.")
    elif bill.advisories.unreadable:
        said.append(f"{bill.advisories.unreadable} ranges of versions in the advisories could not be read.")
    return said


def _components(bill: Bill) -> pl.DataFrame:
    import polars as pl

    hit = {ref for one in bill.vulnerabilities for ref in one.affects}
    rows = [
        (
            one.kind,
            one.name,
            one.version,
            " | ".join(one.licences),
            one.hashes.get("SHA-256", ""),
            one.loose,
            one.ref in hit,
        )
        for one in bill.components
    ]
    names = ("kind", "name", "version", "licence", "sha256", "loose")
    return pl.DataFrame(rows, schema={**dict.fromkeys(names, pl.String), "vulnerable": pl.Boolean}, orient="row")


def _vulnerabilities(bill: Bill) -> pl.DataFrame:
    import polars as pl

    names = {one.ref: f"{one.name} {one.version}".strip() for one in bill.components}
    rows = [
        (one.id, ", ".join(one.aliases), names.get(ref, ref), one.severity, ", ".join(one.fixed), one.summary)
        for one in bill.vulnerabilities
        for ref in one.affects
    ]
    columns = ("id", "also", "component", "severity", "fixed_in", "summary")
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
