"""Put what is recorded together into the graph from raw data to decision, joined by digests alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from holdfast.core.errors import InputError
from holdfast.core.lineage import Lineage, LineageEdge, LineageNode, NodeState
from holdfast.core.provenance import Artefact, FileState
from holdfast.evidence.fingerprints import file_state
from holdfast.evidence.record_store import BESIDE, find_data_record, read_manifest, short
from holdfast.records.foreign_events import ForeignData, ForeignRun
from holdfast.records.known import FINDINGS, Known, KnownAudit, KnownRun, read_audit_folder
from holdfast.records.node_facts import audit_facts, audit_title, decision_facts, run_facts, run_state, thing_facts
from holdfast.records.things import Thing, Things

LARGEST_LOOKED_AT = 1 << 32
MODELS = (
    ".onnx", ".joblib", ".pkl", ".pickle", ".skops", ".ubj", ".safetensors", ".pt", ".pth", ".h5", ".keras", ".gguf",
)  # fmt: skip
"""What a run writes under such a name is taken for a model before any audit says so."""


def trace(what: str, known: Known) -> Lineage:
    """Draw the graph around one thing: what came of it, and everything that any of that came from.

    Parameters
    ----------
    what
        A model or table file, a folder of an audit, a manifest of a run, or the name or digest of a data set.

    Raises
    ------
    InputError
        When there is no such thing.
    """
    if not what.strip():
        raise InputError("expected a model, table, audit or data set, got an empty name")
    path = Path(what)
    is_file = path.exists() and not (path / FINDINGS).is_file() and not what.endswith(BESIDE)
    state = file_state(path) if is_file else None
    graph = _Graph(known, {state.digest} if state is not None and state.digest else set())
    return graph.around(graph.find(what) if state is None else graph.of_file(path, state))


class _Graph:
    """Nodes and edges while they are put together."""

    def __init__(self, known: Known, asked_for: set[str]) -> None:
        self.known = known
        self.things = Things()
        self.events: dict[str, LineageNode] = {}
        self.edges: dict[tuple[str, str], LineageEdge] = {}
        self._join_digests()
        self.mentioned = asked_for | self._mentioned()  # of the files inside folders, only these are drawn
        self._enter_records()
        for run in known.runs:
            self._enter_run(run)
        for audit in known.audits:
            self._enter_audit(audit)
        for foreign in known.foreign:
            self._enter_foreign(foreign)

    def find(self, what: str) -> str:
        """Return the id of the node of an audit, a manifest or a data set."""
        path = Path(what)
        if (path / FINDINGS).is_file():
            audit = read_audit_folder(path)
            if _audit_id(audit) not in self.events:
                raise InputError(f"the audit in {path} was not read", hint=f"add --within {path}")
            return _audit_id(audit)
        if what.endswith(BESIDE) and path.is_file():
            run = f"run:{read_manifest(path).run}"
            if run not in self.events:
                raise InputError(f"the manifest {path} was not read", hint=f"add --within {path.parent}")
            return run
        try:
            record = find_data_record(what, self.known.records)
        except InputError as error:
            raise InputError(f"there is no file, folder or data set {what!r}", hint=error.hint) from None
        return _id(self.things.of(record.digest))

    def of_file(self, path: Path, state: FileState) -> str:
        """Return the id of the node of a file, which is added when nothing recorded names it."""
        from holdfast.adapters.tables.reading import read_table

        assert state.digest is not None
        digest = state.digest
        if not self.things.known(digest) and state.kind == "file":
            try:
                content = read_table(path, name="table").digest
            except InputError:
                content = digest
            if content != digest:  # it is a table
                thing = self.things.of(content)
                thing.roles.add("table")
                digest = content
        thing = self.things.of(digest)
        thing.called(path.name)
        return _id(thing)

    def around(self, focus: str) -> Lineage:
        """Keep what the focus leads to and everything that leads there; draw what is missing in it."""
        notes = list(self.known.notes)
        kept = self._reached(self._reached({focus}, forward=True), forward=False)
        self._tell_entries()
        nodes = {id: self.events[id] for id in self.events if id in kept}
        edges = [edge for edge in self.edges.values() if edge.source in kept and edge.target in kept]
        for thing in self.things:
            if _id(thing) in kept:
                node, added = self._drawn(thing, edges)
                nodes[node.id] = node
                for missing, edge in added:
                    nodes[missing.id] = missing
                    edges.append(edge)
                notes += _disagreements(thing)
        if nodes[focus].kind == "model" and not any(edge.source == focus for edge in edges):
            lost = LineageNode(id="missing:audit", kind="audit", title="no audit", state="missing")
            nodes[lost.id] = lost
            edges.append(LineageEdge(source=focus, target=lost.id, is_known=False))
        if not edges:
            notes.append(f"nothing that was recorded names {nodes[focus].title}")
            if nodes[focus].state == "known" and nodes[focus].kind != "data":
                nodes[focus] = replace(nodes[focus], state="unrecorded")
        notes += _same_names(list(nodes.values()))
        order = sorted(nodes.values(), key=lambda node: (_ORDER.index(node.kind), node.title, node.id))
        return Lineage(
            focus=focus,
            nodes=tuple(order),
            edges=tuple(sorted(edges, key=lambda edge: (edge.source, edge.target))),
            notes=tuple(dict.fromkeys(notes)),
        )

    def _tell_entries(self) -> None:
        """Say of each model what the ledger holds of its signature and its bill of materials."""
        for digest, said in self.known.entered.of_models.items():
            if self.things.known(digest):
                thing = self.things.of(digest)
                thing.roles.add("model")
                thing.facts += said

    def _reached(self, start: set[str], *, forward: bool) -> set[str]:
        following: dict[str, list[str]] = {}
        for source, target in self.edges:
            here, there = (source, target) if forward else (target, source)
            following.setdefault(here, []).append(there)
        reached, waiting = set(start), list(start)
        while waiting:
            for each in following.get(waiting.pop(), ()):
                if each not in reached:
                    reached.add(each)
                    waiting.append(each)
        return reached

    def _drawn(
        self, thing: Thing, edges: Sequence[LineageEdge]
    ) -> tuple[LineageNode, list[tuple[LineageNode, LineageEdge]]]:
        """Make the node of a thing, and nodes for what should be recorded before it and is not."""
        is_made = any(edge.target == _id(thing) for edge in edges)
        kind = "model" if "model" in thing.roles else "data" if "table" in thing.roles or thing.records else "file"
        state: NodeState = "known"
        if kind == "data" and not thing.records and not is_made:
            state = "unregistered"
        today = _today(thing)
        node = LineageNode(
            id=_id(thing),
            kind=kind,  # type: ignore[arg-type]
            title=thing.names[0] if thing.names else short(thing.key),
            facts=thing_facts(thing, today=today),
            state="changed" if today else state,
            digest=thing.key,
        )
        if kind != "model" or is_made:
            return node, []
        lost = LineageNode(
            id=f"missing:{node.id}", kind="run", title="no training run", facts=("none is recorded",), state="missing"
        )
        return node, [(lost, LineageEdge(source=lost.id, target=node.id, is_known=False))]

    def _join_digests(self) -> None:
        for record in self.known.records:
            self.things.join((record.digest, record.file_digest))
        for run in self.known.runs:
            for artefact in (*run.manifest.inputs, *run.manifest.outputs):
                self.things.join_state(artefact.before)
                self.things.join_state(artefact.after)
        for audit in self.known.audits:
            for name, table in audit.findings.subject.tables.items():
                self.things.join((table.digest, audit.inputs.digests.get(name)))

    def _mentioned(self) -> set[str]:
        """Return every digest that a record, an audit, or the input or output of a run goes by."""
        told: set[str | None] = set()
        for record in self.known.records:
            told |= {record.digest, record.file_digest}
        for audit in self.known.audits:
            told |= {audit.findings.subject.model_digest, *audit.inputs.digests.values()}
        for run in self.known.runs:
            for artefact in (*run.manifest.inputs, *run.manifest.outputs):
                states = [state for state in (artefact.before, artefact.after) if state is not None]
                told |= {digest for state in states for digest in (state.digest, state.content)}
        return {digest for digest in told if digest is not None}

    def _enter_records(self) -> None:
        by_digest = {record.record: record for record in self.known.records}
        for record in self.known.records:
            thing = self.things.of(record.digest)
            thing.called(record.name)
            thing.records.append(record)
            for source in record.made_from:
                label = "; ".join(record.statement.transformations)
                if source.record in by_digest:
                    self._edge(_id(self.things.of(source.digest)), _id(thing), label)
                else:
                    lost = LineageNode(
                        id=f"missing:{source.record}", kind="data", title=source.name, state="missing",
                        facts=(f"its record {short(source.record)} is not here",), digest=source.digest,
                    )  # fmt: skip
                    self.events[lost.id] = lost
                    self._edge(lost.id, _id(thing), label, is_known=False)

    def _enter_run(self, run: KnownRun) -> None:
        manifest = run.manifest
        node = LineageNode(
            id=f"run:{manifest.run}",
            kind="run",
            title=Path(manifest.command[0]).name + "".join(f" {word}" for word in manifest.command[1:2]),
            facts=run_facts(run),
            state=run_state(run),
            digest=manifest.record,
        )
        self.events[node.id] = node
        for artefact in manifest.inputs:
            self._enter_artefact(artefact, run, node.id)
        written = manifest.written()
        for artefact in manifest.outputs:
            after = artefact.after
            if after is None or artefact.path not in written or after.digest is None:
                continue
            members = [member for member in after.members if member.digest in self.mentioned]
            for member in members:
                self._edge(node.id, _id(self.things.of(member.digest)), f"{artefact.path}/{member.path}")
            if not members:
                thing = self._met(artefact.path, after.digest, run, is_table=after.content is not None)
                thing.roles |= {"model"} if PurePath(artefact.path).suffix.lower() in MODELS else set()
                unchanged = "" if artefact.is_changed else "same bytes as before"
                self._edge(node.id, _id(thing), unchanged)

    def _enter_artefact(self, artefact: Artefact, run: KnownRun, node: str) -> None:
        state = artefact.before
        if state.digest is None:
            return
        members = [member for member in state.members if member.digest in self.mentioned]
        for member in members:
            self._edge(_id(self.things.of(member.digest)), node, f"{artefact.path}/{member.path}")
        if not members:
            thing = self._met(artefact.path, state.digest, run, is_table=state.content is not None)
            self._edge(_id(thing), node, "changed while it ran" if artefact.is_changed else "")

    def _met(self, path: str, digest: str, run: KnownRun, *, is_table: bool) -> Thing:
        thing = self.things.of(digest)
        thing.called(Path(path).name)
        thing.roles |= {"table"} if is_table else set()
        place = Path(path) if Path(path).is_absolute() else run.folder / path if run.folder else None
        if place is not None:
            thing.places[place] = digest
        return thing

    def _enter_audit(self, audit: KnownAudit) -> None:
        subject = audit.findings.subject
        node = LineageNode(
            id=_audit_id(audit), kind="audit", title=audit_title(audit), facts=audit_facts(audit), digest=audit.digest
        )
        self.events[node.id] = node
        for name, table in subject.tables.items():
            thing = self.things.of(table.digest)
            thing.roles.add("table")
            thing.called(table.source)
            self._edge(_id(thing), node.id, name)
        if subject.model_digest is not None and subject.model_format != "predictions":
            thing = self.things.of(subject.model_digest)
            thing.roles.add("model")
            thing.called(subject.name)
            if subject.model_description and subject.model_description not in thing.facts:
                thing.facts.append(subject.model_description)
            self._edge(_id(thing), node.id, "model")
        decision = audit.decision
        if decision is None:
            lost = LineageNode(id=f"missing:{node.id}", kind="decision", title="no decision", state="missing")
            self.events[lost.id] = lost
            self._edge(node.id, lost.id, is_known=False)
            return
        verdict = LineageNode(
            id=f"decision:{audit.digest} {decision.date} {decision.policy_digest}",
            kind="decision",
            title=decision.outcome.replace("_", " "),
            facts=decision_facts(decision),
            digest=audit.digest,
        )
        self.events[verdict.id] = verdict
        self._edge(node.id, verdict.id)

    def _enter_foreign(self, run: ForeignRun) -> None:
        failed, ended = run.state in ("FAIL", "ABORT"), run.state == "COMPLETE"
        node = LineageNode(
            id=f"run:{run.run}",
            kind="run",
            title=run.job,
            facts=(f"{run.state} {run.time[:19]}", "from OpenLineage events"),
            state="failed" if failed else "known" if ended else "unfinished",
        )
        if node.id not in self.events:  # of our own runs the manifests say more
            self.events[node.id] = node
        for data in run.inputs.values():
            self._edge(_id(self._foreign(data)), node.id)
        for data in run.outputs.values():
            self._edge(node.id, _id(self._foreign(data)))

    def _foreign(self, data: ForeignData) -> Thing:
        thing = self.things.of(data.digest or f"{data.namespace}/{data.name}")
        thing.called(data.name)
        if data.digest is None:
            thing.roles.add("table")
            thing.facts.append("known by its name only")
        return thing

    def _edge(self, source: str, target: str, label: str = "", *, is_known: bool = True) -> None:
        self.edges.setdefault(
            (source, target), LineageEdge(source=source, target=target, label=label, is_known=is_known)
        )


_ORDER = ("data", "file", "run", "model", "audit", "decision")


def _id(thing: Thing) -> str:
    return f"content:{thing.key}"


def _audit_id(audit: KnownAudit) -> str:
    return f"audit:{audit.digest}"


def _today(thing: Thing) -> str:
    """Say in words when no file that held a thing holds it still; empty when one does, or none is known."""
    gone: list[str] = []
    changed: list[str] = []
    for place, digest in thing.places.items():
        try:
            if place.is_file() and place.stat().st_size > LARGEST_LOOKED_AT:
                return ""
            now = file_state(place).digest
        except (InputError, OSError):
            now = None
        if now == digest:
            return ""
        (gone if now is None else changed).append(place.name)
    if changed:
        return f"the file {changed[0]} is another today"
    return f"the file {gone[0]} is gone" if gone else ""


def _disagreements(thing: Thing) -> Iterable[str]:
    replaced = {record.replaces for record in thing.records}
    stated = [record for record in thing.records if record.record not in replaced]
    for field in ("licence", "lawful_basis", "origin", "retention"):
        values = {str(getattr(record.statement, field) or "not stated") for record in stated}
        if len(values) > 1:
            yield f"records of {thing.names[0]} disagree on its {field.replace('_', ' ')}: {' / '.join(sorted(values))}"


def _same_names(nodes: Sequence[LineageNode]) -> Iterable[str]:
    titles = [node.title for node in nodes if node.kind in ("data", "model", "file") and node.state != "missing"]
    for title in sorted({title for title in titles if titles.count(title) > 1}):
        yield f"{titles.count(title)} versions of {title} with different content"
