"""List what a model is made of: its files, its data, the distributions it needs, and what is known against them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast import __version__
from holdfast.adapters.artefacts.hashing import hash_tree
from holdfast.adapters.artefacts.listing import artefacts
from holdfast.adapters.artefacts.scanner import ScanLimits, Scanner
from holdfast.adapters.environment.bill_file import ROOT_DIGEST
from holdfast.adapters.environment.distributions import closure, components, installed, providers
from holdfast.adapters.environment.licences import IDENTIFIERS
from holdfast.auditing.folder import read_audit
from holdfast.auditing.supplying import ENVIRONMENT, MODULES, looked_up
from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.core.materials import Bill, Component
from holdfast.core.record import Audit
from holdfast.evidence.model_signature import Serialization, SignedModel
from holdfast.evidence.statement import Statement
from holdfast.kernels.scan.printable import printable
from holdfast.reports.cyclonedx import VERSION, render_cyclonedx
from holdfast.reports.cyclonedx_card import model_card

FORMAT = f"CycloneDX {VERSION}"
GRAVEST = ("fail", "not_examined", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """A bill that was made.

    Attributes
    ----------
    document
        What stands in the file.
    missing
        Modules that the model names and that nothing installed here provides.
    statement
        The event, for a ledger.
    """

    bill: Bill
    document: bytes
    missing: tuple[str, ...]
    statement: Statement


@dataclass(slots=True)
class _Model:
    """What was found in the files of a model."""

    name: str
    digests: dict[str, str] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    verdict: str = "pass"

    @property
    def root_digest(self) -> str:
        return SignedModel(name=self.name, entries=self.digests, serialization=Serialization()).root_digest


def make_bill(
    path: Path,
    *,
    data: Mapping[str, Path] | None = None,
    environment: bool = False,
    advisories: Path | None = None,
    audit: Path | None = None,
) -> Billed:
    """Make the bill of a model in this environment.

    Parameters
    ----------
    path
        File or folder; it is scanned, in a confined process, and never loaded.
    data
        Data sets by what they are for, such as ``train``.
    environment
        Whether to list everything that is installed, not only what the model needs.
    advisories
        OSV records to look the components up in.
    audit
        Folder of an audit of this model, from which its card is filled.

    Raises
    ------
    InputError
        When a file is missing, changed while it was read or has another form, or the audit is of another model.
    """
    model = _examined(path)
    among = installed()
    roots, missing = providers(sorted(model.modules))
    needed = closure(among if environment else roots, among)
    found = components(needed, among)
    refs = {one.name: one.ref for one in found}
    sets = [_data_set(role, place) for role, place in sorted((data or {}).items())]
    files = [] if path.is_file() else [_file(name, digest) for name, digest in sorted(model.digests.items())]
    direct = [one.ref for one in (*files, *sets)] + [refs[name] for name in roots if name in refs]
    whole = _model_component(path, model, needs=direct)
    bill = Bill(
        source=ENVIRONMENT,
        components=(whole, *files, *sets, *found),
        model_digest=_digest(path, model),
        is_of_model=True,
    )
    bill = looked_up(bill, advisories)
    card = None if audit is None else model_card(_audit_of(bill, audit), datasets=[one.ref for one in sets])
    document = render_cyclonedx(bill, tool_version=__version__, card=card, spdx=sorted(IDENTIFIERS))
    return Billed(
        bill=bill, document=document, missing=tuple(sorted(missing)), statement=_statement(bill, model, document)
    )


def _examined(path: Path) -> _Model:
    """Scan every file: its digest, what it would load, and what the scan says of it, in one pass."""
    model = _Model(name=path.absolute().name)
    limits = ScanLimits()
    with Scanner(limits) as scanner:
        for artefact in artefacts(str(path)):
            if artefact.kind != "file":
                raise InputError(f"{artefact.path} cannot be listed: {artefact.reason}", hint="put a copy in its place")
            name = Path(artefact.real).relative_to(path).as_posix() if path.is_dir() else path.name
            found = scanner.scan(artefact.descriptor, name=printable(name), seconds=limits.seconds)
            if not found["ok"] or found["changed"] or found["digest"] is None:
                why = found.get("why") or "it changed while it was read, or took too long"
                raise InputError(f"{artefact.path} cannot be listed: {why}", hint="holdfast scan says more")
            model.digests[printable(name)] = str(found["digest"]).removeprefix("sha256:")
            model.modules |= _modules(found, name)
            model.verdict = min(model.verdict, str(found["scan"]["verdict"]), key=GRAVEST.index)
    if not model.digests:
        raise InputError(f"there is no file in {path}", hint="give the file or folder of a model")
    return model


def _modules(found: Mapping[str, Any], name: str) -> set[str]:
    """Return the outermost modules that a file names, and the one that loads its format; not those of Python."""
    form = "skops" if name.endswith(".skops") else str(found["scan"]["format"])
    named = {str(module).partition(".")[0] for module in found["modules"]} | {MODULES.get(form, "builtins")}
    return named - sys.stdlib_module_names


def _model_component(path: Path, model: _Model, *, needs: Sequence[str]) -> Component:
    digest = _digest(path, model).removeprefix("sha256:")
    return Component(
        ref=f"model:{digest}",
        kind="machine-learning-model",
        name=model.name,
        hashes={"SHA-256": digest} if path.is_file() else {},
        needs=tuple(sorted(needs)),
        properties={"holdfast:scan": model.verdict, ROOT_DIGEST: model.root_digest},
    )


def _file(name: str, digest: str) -> Component:
    return Component(ref=f"file:{name}", kind="file", name=name, hashes={"SHA-256": digest})


def _data_set(role: str, path: Path) -> Component:
    tree = hash_tree(str(path))
    if len(tree.files) != 1 or tree.refused or tree.unstable:
        raise InputError(
            f"expected one file as the data set {role}, got {path}", hint="give a table, such as train.csv"
        )
    digest = tree.files[0].digests[0]
    used = {"holdfast:used-for": role}
    return Component(ref=f"data:{role}", kind="data", name=path.name, hashes={"SHA-256": digest}, properties=used)


def _digest(path: Path, model: _Model) -> str:
    """Return the digest by which audits, signatures and ledgers know the model."""
    return f"sha256:{next(iter(model.digests.values()))}" if path.is_file() else model.root_digest


def _audit_of(bill: Bill, folder: Path) -> Audit:
    audit = read_audit(folder)
    if audit.findings.subject.model_digest != bill.model_digest:
        got = audit.findings.subject.model_digest or "one without a digest"
        hint = "give the folder of an audit of exactly this model"
        raise InputError(f"the audit in {folder} is of another model: {got}, not {bill.model_digest}", hint=hint)
    return audit


def _statement(bill: Bill, model: _Model, document: bytes) -> Statement:
    predicate = {
        "event": "made",
        "format": FORMAT,
        "document": digest_bytes(document),
        "components": len(bill.components),
        "scan": model.verdict,
        "advisories": bill.advisories.digest if bill.advisories else None,
        "vulnerabilities": [one.id for one in bill.vulnerabilities] if bill.advisories else None,
    }
    subjects = {printable(model.name): bill.model_digest}
    return Statement(kind="bill-of-materials", subjects=subjects, predicate=predicate)
