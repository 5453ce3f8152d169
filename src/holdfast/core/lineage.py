"""Where a model comes from and what became of it, as a graph: from data to run to model to audit to decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NodeKind = Literal["data", "file", "run", "model", "audit", "decision"]
NodeState = Literal["known", "unregistered", "unrecorded", "missing", "changed", "failed", "unfinished"]
LINEAGE_SCHEMA = "https://holdfast.dev/schema/lineage/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageNode:
    """A thing or an event.

    Attributes
    ----------
    id
        Of the kind and what tells it apart: a digest, or the id of a run.
    kind
        ``file`` is something a run read or wrote that is neither a table nor an audited model.
    title, facts
        What it is called, and what there is to say of it, one line each.
    state
        ``unregistered``: data without a record; ``unrecorded``: nothing that was recorded names it; ``missing``:
        nothing is recorded here, though something must have been; ``changed``: the file is another today, or gone;
        ``failed`` and ``unfinished`` are runs.
    digest
        Of its content; empty where none is known.
    """

    id: str
    kind: NodeKind
    title: str
    facts: tuple[str, ...] = ()
    state: NodeState = "known"
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageEdge:
    """From what came first to what came of it; ``is_known`` is false where one of both is not recorded."""

    source: str
    target: str
    label: str = ""
    is_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The graph around one thing: ``focus`` is its node."""

    focus: str
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    notes: tuple[str, ...] = ()
    schema: str = LINEAGE_SCHEMA

    @property
    def missing(self) -> tuple[LineageNode, ...]:
        """What is not recorded, not registered, changed, failed or unfinished."""
        return tuple(node for node in self.nodes if node.state != "known")
