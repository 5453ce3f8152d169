"""What was the model made from, is that still there and the same, and is every link recorded?

**What it answers.** A model is only as good as what it was trained on, and a year later nobody remembers which file
that was. ``holdfast run`` writes a manifest beside a model: which files went in and what came out, by digest, with
the commit, the packages and the seeds. ``holdfast data register`` records where a table comes from, under which
licence and on what lawful basis. This check holds the model under evaluation against both.

**How.** The manifest is the one beside the model that names the model's digest, or the one that ``holdfast.yaml``
names under ``provenance``. Each input of the run is looked up by digest among the registered data sets, and looked at
where it lay: it may be gone, or hold something else. A table counts as the same when it holds the same rows and
columns, whatever the file. With ``provenance: {since: DIR}`` the model and the tables are also compared with those of
an earlier audit.

**How to read it.** The table ``inputs`` has a line for each input: its data set, licence, lawful basis, and what
became of it. The table ``links`` says which links hold. ``n_broken_links`` counts those that do not: the run wrote
this model; it finished; the training table of this audit went into it; its code was committed. ``n_unregistered``
counts input tables without a record, ``n_missing`` and ``n_changed`` inputs that are gone or hold something else
today.

- *Good:* four links hold, both inputs are registered, nothing has changed.
- *Bad:* ``train.csv`` has changed since the run: whatever is measured on it now, the model was not trained on that.
- *Misleading:* everything is recorded, and the script read one more file that nobody named. The manifest lists what
  was declared; it does not watch the command.

**When it misleads.** Digests say that a file is the same, not that it is right. A record states what somebody wrote
of the data; no program can know whether the licence is true. Inputs that are no tables cannot be registered and do
not count as unregistered.

**What to do about a bad one.** Register the inputs that are not, restore what has changed or train again on what is
there, with ``holdfast run`` and committed code, and audit that model. ``holdfast lineage MODEL`` draws the whole way.

References: EU AI Act Articles 10 and 12; ISO/IEC 42001 A.7.5; MITRE ATLAS AML.M0025.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

from holdfast.core.check import Outcome, counted
from holdfast.core.context import Context
from holdfast.core.errors import NotRun
from holdfast.core.provenance import Artefact, DataRecord, Provenance
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import polars as pl

SPEC = {
    "title": "Provenance",
    "question": "What was the model made from, is that still there and the same, and is every link recorded?",
    "needs": ["provenance"],
    "measures": [
        {"id": "n_broken_links", "name": "Links between model, run, data and code that do not hold", "unit": "links",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "n_unregistered", "name": "Input tables that no registered data set covers", "unit": "inputs",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "n_missing", "name": "Inputs that are gone", "unit": "inputs", "direction": "lower_is_better",
         "range": [0, None]},
        {"id": "n_changed", "name": "Inputs that hold something else today", "unit": "inputs",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "n_changed_since", "name": "Of model and tables, those that are others than in the earlier audit",
         "unit": "inputs", "direction": "neither", "range": [0, None]},
    ],
    "evidence_codes": ["PROV", "REPRO"],
    "references": ["EU AI Act, Articles 10 (2) (b) and 12", "ISO/IEC 42001:2023, A.7.5", "MITRE ATLAS AML.M0025"],
    "cost": "light",
}  # fmt: skip

BROKEN = {
    "the run wrote this model": "the run did not write this model",
    "the run finished": "the run did not finish",
    "the training table went into the run": "the training table did not go into the run",
    "the code was committed": "the code was not committed",
}
REMEDIATION = (
    "Register inputs that are not registered (`holdfast data register`), restore those that changed or train again on "
    "what is there, with `holdfast run` and committed code; `holdfast lineage` draws the whole way."
)


def run(subject: Subject, ctx: Context) -> Outcome:
    """Hold the model against its manifest, and the inputs against records and what lies there today."""
    origin = subject.provenance
    if origin is None:
        raise NotRun("no training manifest names this model", hint="train it with `holdfast run`")
    links = _links(origin)
    states = [_state(one, origin) for one in origin.manifest.inputs]
    records = [_record_of(one, origin.records) for one in origin.manifest.inputs]
    unregistered = [
        one for one, record in zip(origin.manifest.inputs, records, strict=True) if one.before.content and not record
    ]
    broken = [f"{BROKEN[link]} ({why})" for link, (holds, why) in links.items() if holds is False]
    counts = {
        "n_broken_links": (
            len(broken),
            len(links),
            ("links does not hold" if len(broken) == 1 else "links do not hold")
            + (f": {'; '.join(broken)}" if broken else ""),
        ),
        "n_unregistered": (len(unregistered), len(states), "inputs are tables that nobody registered"),
        "n_missing": (states.count("gone"), len(states), "inputs are gone"),
        "n_changed": (states.count("changed"), len(states), "inputs hold something else today"),
    }
    if origin.since is not None:
        compared = _since(origin)
        changed = sum(then != now for then, now in compared.values())
        counts["n_changed_since"] = (changed, len(compared), "are others than in the earlier audit")
    return Outcome(
        measurements=tuple(
            counted(name, count, of="what is recorded", n=n, plain=f"{count:,} of {n:,} {words}.")
            for name, (count, n, words) in counts.items()
        ),
        tables={"inputs": _inputs(origin, states, records), "links": _link_table(links)},
        remediation=REMEDIATION,
        assumptions=(
            "The manifest lists the inputs that were declared; a file that the command read besides is not seen.",
            *(("Where the inputs lay is not known, so nobody could look whether they have changed.",)
              if states and not origin.now else ()),
        ),
    )  # fmt: skip


def _links(origin: Provenance) -> dict[str, tuple[bool | None, str]]:
    """Say of each link whether it holds, ``None`` where that cannot be known, and why."""
    manifest = origin.manifest
    code = manifest.code
    known = {digest for one in manifest.inputs for digest in _digests_of(one)}
    train = origin.tables.get("train")
    return {
        "the run wrote this model": (
            (None, "the model has no digest") if origin.model is None
            else (origin.model in manifest.written().values(), "by the digest of its file")
        ),
        "the run finished": (manifest.state == "finished", f"it is {manifest.state}"),
        "the training table went into the run": (
            (None, "there is no training table") if train is None else (train in known, "by the digest of its content")
        ),
        "the code was committed": (
            code.commit is not None and not code.is_dirty,
            "no repository" if code.commit is None
            else "tracked files differed" if code.is_dirty else f"commit {code.commit[:10]}",
        ),
    }  # fmt: skip


def _digests_of(artefact: Artefact) -> set[str]:
    before = artefact.before
    return {each for each in (before.digest, before.content) if each} | {one.digest for one in before.members}


def _state(artefact: Artefact, origin: Provenance) -> str:
    """Say what became of an input: the same, changed, gone, or not looked at."""
    if artefact.path not in origin.now:
        return "not looked at"
    now = origin.now[artefact.path]
    if _digests_of(artefact) & set(now):
        return "the same"
    return "changed" if now else "gone"


def _record_of(artefact: Artefact, records: tuple[DataRecord, ...]) -> DataRecord | None:
    """Return the newest record of what an input holds."""
    known = _digests_of(artefact)
    return next((one for one in reversed(records) if {one.digest, one.file_digest} & known), None)


def _since(origin: Provenance) -> Mapping[str, tuple[str, str]]:
    """Return the digests of the earlier audit and of this one, by what both have."""
    assert origin.since is not None
    then = {**origin.since.tables, "model": origin.since.model}
    now = {**origin.tables, "model": origin.model}
    return {name: (each, today) for name, each in then.items() if each and (today := now.get(name))}


def _inputs(origin: Provenance, states: list[str], records: list[DataRecord | None]) -> pl.DataFrame:
    import polars as pl

    names = ("input", "digest", "state", "data_set", "licence", "lawful_basis", "retention")
    rows = []
    for one, state, record in zip(origin.manifest.inputs, states, records, strict=True):
        said = record.statement if record else None
        shown = one.path if not PurePath(one.path).is_absolute() else PurePath(one.path).name
        stated = (said.licence, said.lawful_basis or "", said.retention) if said else ("", "", "")
        rows.append((shown, one.before.digest, state, record.name if record else "", *stated))
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _link_table(links: Mapping[str, tuple[bool | None, str]]) -> pl.DataFrame:
    import polars as pl

    rows = [(name, holds, why) for name, (holds, why) in links.items()]
    return pl.DataFrame(rows, schema={"link": pl.String, "holds": pl.Boolean, "why": pl.String}, orient="row")
