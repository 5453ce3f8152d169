"""Where a model comes from: records of data sets, manifests of training runs, and what an audit knows of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DATA_RECORD_SCHEMA = "https://holdfast.dev/schema/data-record/1"
MANIFEST_SCHEMA = "https://holdfast.dev/schema/training-manifest/1"
LawfulBasis = Literal[
    "consent",
    "contract",
    "legal obligation",
    "vital interests",
    "public task",
    "legitimate interests",
    "not personal",
]
RunState = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStatement:
    """What a person states of a data set, and no program can measure. Names of people are no part of it.

    Attributes
    ----------
    origin
        Where the rows come from: a URL, a system, an organisation.
    licence
        An SPDX identifier or the address of a licence.
    collection
        How the rows came about.
    collected_from, collected_to
        First and last day of that, ISO 8601.
    lawful_basis
        Basis of processing under GDPR Article 6 (1), or ``not personal``.
    retention
        Day until which the rows may be kept, ISO 8601, or the rule in words.
    transformations
        What was done to the rows before they stood in this table, in order.
    made_from
        Names or digests of the registered data sets it was made from.
    """

    origin: str = ""
    licence: str = ""
    collection: str = ""
    collected_from: str = ""
    collected_to: str = ""
    lawful_basis: LawfulBasis | None = None
    retention: str = ""
    transformations: tuple[str, ...] = ()
    made_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRecord:
    """Name and type of a column, its cells without a value, and how many different values it has."""

    name: str
    type: str
    missing: int
    distinct: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A registered data set from which another was made: its name, the digests of its record and of its content."""

    name: str
    record: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRecord:
    """A registered data set.

    Attributes
    ----------
    name, statement
        What it is called, and what was stated of it.
    digest
        Digest of the parsed content, whatever the format.
    file, file_digest, n_bytes
        The file: its name, the digest of its bytes, its size.
    rows, columns, id_column
        The table, and the column whose values tell its rows apart, where one was named.
    schema_digest, profile_digest
        Digests of names and types of the columns, and of its profile (``holdfast profile``).
    row_root
        Root of the Merkle tree over the commitments to its rows, which are keyed with a salt that is kept apart.
    made_from
        The data sets that ``statement.made_from`` names, as they were registered.
    registered
        When, ISO 8601.
    replaces
        Digest of the record that this one takes the place of.
    record
        Digest of all of the above: of this record without this field.
    """

    name: str
    statement: DataStatement
    digest: str
    file: str
    file_digest: str
    n_bytes: int
    rows: int
    columns: tuple[ColumnRecord, ...]
    id_column: str | None
    schema_digest: str
    profile_digest: str
    row_root: str
    made_from: tuple[Source, ...]
    registered: str
    replaces: str | None
    version: str
    schema: str = DATA_RECORD_SCHEMA
    record: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file inside a folder."""

    path: str
    digest: str
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """A file or folder at one moment.

    Attributes
    ----------
    kind
        ``absent`` where nothing was there.
    digest
        Of the bytes; of a folder, of the names and digests of everything in it.
    content
        Digest of the parsed content where it is a table.
    n_bytes, n_files
        Size and number of files.
    link
        Where a link points to; what it leads to was digested.
    members
        The files of a folder, where they are few.
    """

    kind: Literal["file", "folder", "absent"]
    digest: str | None = None
    content: str | None = None
    n_bytes: int = 0
    n_files: int = 0
    link: str = ""
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """What a training run was said to read or write, before and after it; ``after`` is ``None`` until it ends.

    ``path`` is relative to the folder in which the command ran, where it lies in that.
    """

    path: str
    before: FileState
    after: FileState | None = None

    @property
    def is_changed(self) -> bool:
        """Whether it was another file after the run than before."""
        return self.after is not None and self.after.digest != self.before.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The code that ran.

    Attributes
    ----------
    commit
        Commit of the git repository around the working folder; ``None`` without one.
    is_dirty
        Whether tracked files differed from the commit; ``diff`` is the digest of the difference.
    n_untracked
        Files that git neither tracks nor ignores.
    files
        Digests of the files that the command names as arguments, such as the script.
    """

    commit: str | None = None
    is_dirty: bool = False
    diff: str | None = None
    n_untracked: int = 0
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """An installed distribution; ``record`` is the digest of its list of installed files, which holds theirs."""

    name: str
    version: str
    record: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The interpreter of the command and what is installed for it; ``note`` says why nothing is known of it."""

    implementation: str = ""
    python: str = ""
    distributions: tuple[Distribution, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The hardware, without a name of the machine."""

    system: str
    release: str
    machine: str
    processor: str
    cpus: int
    memory_mb: int | None
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingManifest:
    """A training run.

    Attributes
    ----------
    run
        Its id, a UUID.
    state
        ``running`` until the command has ended: a manifest that stays so was never finished, because whoever recorded
        the run was killed. ``interrupted``: the command was ended by a signal.
    command
        Program and arguments, without what looks like a secret.
    seeds
        As they were stated.
    variables
        Settings of threads and determinism from the environment; nothing else is taken from it.
    started, ended
        ISO 8601.
    exit_code, signal
        How the command ended.
    beside
        Where this manifest lies, from the folder in which the command ran; empty without outputs.
    record
        Digest of all of the above: of this manifest without this field.
    """

    run: str
    state: RunState
    command: tuple[str, ...]
    inputs: tuple[Artefact, ...]
    outputs: tuple[Artefact, ...]
    seeds: tuple[int, ...]
    code: Code
    environment: Environment
    machine: Machine
    variables: Mapping[str, str]
    started: str
    ended: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    beside: str = ""
    notes: tuple[str, ...] = ()
    version: str
    schema: str = MANIFEST_SCHEMA
    record: str = ""

    def written(self) -> dict[str, str]:
        """Return path to digest of every file that the run wrote, those inside folders included.

        A file that was there before and did not change counts where the command finished, because writing it again may
        give the same bytes; where it failed, it wrote nothing.
        """
        found: dict[str, str] = {}
        for output in self.outputs:
            after = output.after
            if after is not None and after.digest and (output.is_changed or self.state == "finished"):
                found[output.path] = after.digest
                found |= {f"{output.path}/{member.path}": member.digest for member in after.members}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceSettings:
    """Where an audit finds what is recorded of its model: ``provenance`` in ``holdfast.yaml``.

    Attributes
    ----------
    manifest
        Training manifest; otherwise the one beside the model that names its digest.
    records
        Folder of records of data sets; ``.holdfast/records`` in the working folder otherwise.
    since
        Folder of an earlier audit, to say what has changed since.
    """

    manifest: str | None = None
    records: str | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierAudit:
    """Digests of what an earlier audit looked at: its model, and its tables by name."""

    model: str | None
    tables: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What an audit knows of where its model comes from.

    Attributes
    ----------
    manifest
        Of the run that wrote the model, found by the model's digest or named.
    model
        Digest of the model under evaluation.
    tables
        Digests of the content of the audit's own tables, by name.
    records
        The registered data sets.
    now
        What lies today where the manifest's inputs lay, by their path: the digests it is known by, none when nothing
        is there. Without a path where nobody could look.
    since
        The audit to compare with.
    folder
        Folder in which the command ran, where it is known; no part of what a finding depends on.
    allow_code
        Whether the user lets the command of the manifest run.
    """

    manifest: TrainingManifest
    model: str | None
    tables: Mapping[str, str] = field(default_factory=dict)
    records: tuple[DataRecord, ...] = ()
    now: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    since: EarlierAudit | None = None
    folder: str = ""
    allow_code: bool = False
