"""Read what is under evaluation: tables parsed and digested, the model's bytes copied and digested, nothing loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.adapters.models.opening import TrustPickle, require_factory
from holdfast.auditing.admission import admit
from holdfast.auditing.config import AuditConfig
from holdfast.auditing.decisions import read_decisions
from holdfast.auditing.jobs import ModelSource
from holdfast.auditing.origin import read_provenance
from holdfast.auditing.scanning import NO_POLICY, scan
from holdfast.auditing.supplying import materials_given, signature_given
from holdfast.core.canonical import digest_bytes, digest_of
from holdfast.core.check import Need
from holdfast.core.endpoint import is_endpoint, shown_url
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.materials import Bill
from holdfast.core.network import NetworkSettings
from holdfast.core.provenance import Provenance
from holdfast.core.scan import ScannedFile
from holdfast.core.signature import SignatureRecord
from holdfast.core.subject import Table
from holdfast.policy.rules import Policy

if TYPE_CHECKING:
    import polars as pl

LABEL_NAMES = ("prediction", "predicted", "pred", "y_pred", "predicted_label", "label_pred")
SCORE_NAMES = ("score", "probability", "proba", "p", "y_score", "y_prob", "prob")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What was read.

    Attributes
    ----------
    digests
        Content digest per input; the model's is absent when it has none (an object of this process, an endpoint).
    artefacts
        What the scan says of the model's file, and then of every file that belongs to it.
    signature, materials
        What came of checking the model's signature, and what the model is made of; ``None`` where nobody gave any.
    notes
        On what grounds the model is loaded, where that is not the scan.
    provenance
        What is recorded of where the model comes from.
    """

    name: str
    tables: Mapping[str, Table]
    model: ModelSource | None
    model_file: Path | None
    digests: Mapping[str, str]
    reserved: tuple[str, ...] = ()
    artefacts: tuple[ScannedFile, ...] = ()
    signature: SignatureRecord | None = None
    materials: Bill | None = None
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None

    @property
    def offers(self) -> set[Need]:
        """What of the needs of checks was given beside model and tables."""
        offered: set[Need] = {"artefacts"} if self.artefacts else set()
        offered |= {"signature"} if self.signature else set()
        offered |= {"provenance"} if self.provenance else set()
        return offered | ({"materials"} if self.materials else set())

    @property
    def has_content_digest(self) -> bool:
        """Whether every input is known by its content, so that findings may be reused by a later process."""
        return self.model is None or "model" in self.digests


def read_inputs(
    config: AuditConfig,
    *,
    scratch: Path,
    objects: Mapping[str, Any],
    policy: Policy = NO_POLICY,
    trust_pickle: TrustPickle = False,
    allow_code: bool = False,
) -> Inputs:
    """Read tables and model; scan the model's file and those beside it.

    Parameters
    ----------
    scratch
        Private folder for the copy of the model.
    objects
        ``model``, ``train``, ``test``, ``population``, ``current`` and ``decisions`` as objects of this process, in
        place of the configuration's
        configuration's paths; and ``trainer``, a function that trains a model like ``model`` anew.
    policy
        Whose approvals of model files count.
    trust_pickle
        Whether a pickle is loaded although its scan did not pass.
    allow_code
        Whether the command of the model's training manifest may run.

    Raises
    ------
    InputError
        When something is missing, unreadable or contradicts something else, or the model's scan did not pass.
    """
    _require_something(config, objects)
    inputs = _read(config, scratch=scratch, objects=objects, policy=policy, trust_pickle=trust_pickle)
    inputs = with_network(inputs, config.network, allow_code=allow_code)
    origin = read_provenance(
        config.provenance,
        model=inputs.model_file,
        digests=inputs.digests,
        tables=tuple(inputs.tables),
        allow_code=allow_code,
    )
    beside = scan(*config.artefacts, policy=policy).files if config.artefacts else ()
    digest = inputs.digests.get("model") if inputs.model_file else None
    return replace(
        inputs,
        provenance=origin,
        artefacts=(*inputs.artefacts, *beside),
        signature=signature_given(config, model_file=inputs.model_file, model_digest=digest, beside=beside),
        materials=materials_given(
            bill=Path(config.bill_of_materials) if config.bill_of_materials else None,
            advisories=Path(config.advisories) if config.advisories else None,
            model_digest=digest,
            model_format=inputs.artefacts[0].format if inputs.artefacts else "",
        ),
    )


def _read(
    config: AuditConfig, *, scratch: Path, objects: Mapping[str, Any], policy: Policy, trust_pickle: TrustPickle
) -> Inputs:
    tables = _read_tables(config, objects)
    if config.predictions:
        return _from_predictions(config, tables)
    digests = {name: table.digest for name, table in tables.items()}
    if objects.get("model") is not None:
        from holdfast.adapters.models.opening import wrap_model

        shape = config.deployment.image_shape or _image_shape(tables)
        opened = wrap_model(objects["model"], trainer=objects.get("trainer"), network=config.network, row_shape=shape)
        stated = {"model": opened.info.digest} if opened.info.digest else {}
        source = ModelSource(opened=opened, name=opened.info.description)
        return Inputs(
            name=opened.info.description, tables=tables, model=source, model_file=None, digests={**digests, **stated}
        )
    if config.model is None:
        return Inputs(name=_name_of(config), tables=tables, model=None, model_file=None, digests=digests)
    if is_endpoint(config.model):
        shown = shown_url(config.model)
        seed = int(digest_of(digests).removeprefix("sha256:")[:12], 16)
        model = ModelSource(address=config.model, endpoint=config.endpoint, seed=seed, name=shown)
        return Inputs(name=shown, tables=tables, model=model, model_file=None, digests=digests)
    path = Path(config.model)
    data = _read_file(path)
    copy = scratch / "model"
    copy.write_bytes(data)
    digest = digest_bytes(data)
    admitted = admit(copy, data, name=path.name, digest=digest, policy=policy, trust_pickle=trust_pickle)
    model = ModelSource(path=copy, name=path.name, digest=digest, trust_pickle=trust_pickle, vouched=admitted.vouched)
    return Inputs(
        name=path.name,
        tables=tables,
        model=model,
        model_file=path,
        digests={**digests, "model": digest},
        artefacts=(admitted.file,),
        notes=admitted.notes,
    )


def with_network(inputs: Inputs, network: NetworkSettings, *, allow_code: bool) -> Inputs:
    """Add what was said of a PyTorch network, and the file that makes it: they are part of what is audited.

    Raises
    ------
    InputError
        When that file cannot be read.
    """
    if network == NetworkSettings() or inputs.model is None:
        return inputs
    if network.factory and inputs.model_file is not None:
        # said here too, because finished findings would be reused without running anything
        require_factory(network, inputs.name, allow_code=allow_code)
    place = network.factory.rpartition(":")[0]
    source = _read_file(Path(place)) if place.endswith(".py") else b""
    model = replace(inputs.model, network=network, factory_source=source, allow_code=allow_code)
    digest = digest_of([replace(network, factory=Path(network.factory).name), digest_bytes(source)])
    return replace(inputs, model=model, digests={**inputs.digests, "network": digest})


def _image_shape(tables: Mapping[str, Table]) -> tuple[int, ...]:
    return next((tables[name].image_shape for name in ("test", "train") if name in tables), ())


def _require_something(config: AuditConfig, objects: Mapping[str, Any]) -> None:
    if config.predictions and (config.model or objects.get("model") is not None):
        raise InputError("expected either a model or a table of its predictions, got both", hint="leave one out")
    if not (config.predictions or config.test or config.train or objects.get("test") is not None):
        raise InputError(
            "there is nothing to evaluate: no test table, no predictions",
            hint="holdfast audit --model MODEL --test TEST.csv --target COLUMN",
        )


def _read_tables(config: AuditConfig, objects: Mapping[str, Any]) -> dict[str, Table]:
    from holdfast.adapters.tables.reading import read_table

    sources = {
        name: objects.get(name) if objects.get(name) is not None else getattr(config, name)
        for name in ("train", "test", "population", "current")
    }
    tables = {name: read_table(source, name=name) for name, source in sources.items() if source is not None}
    log = objects["decisions"] if objects.get("decisions") is not None else config.decisions.table
    return tables if log is None else {**tables, "decisions": read_decisions(config.decisions, log)}


def _from_predictions(config: AuditConfig, tables: dict[str, Table]) -> Inputs:
    from holdfast.adapters.models.predictions import predictions_model
    from holdfast.adapters.tables.digest import table_digest
    from holdfast.adapters.tables.reading import read_table

    predictions = read_table(config.predictions, name="test")
    frame = predictions.frame
    labels, scores, notes = _prediction_columns(config, frame)
    reserved = (*([labels] if labels else []), *scores)
    if "test" in tables:
        frame = _beside(tables["test"].frame, frame.select(reserved))
    now = tables["current"].frame if "current" in tables else None
    answered = now if now is not None and set(reserved) <= set(now.columns) else None
    model = predictions_model(frame, labels=labels, scores=scores, current=answered)
    table = Table(
        name="test",
        frame=frame,
        digest=table_digest(frame),
        source=predictions.source,
        notes=(*predictions.notes, *notes),
    )
    tables = {**tables, "test": table}
    digests = {name: table.digest for name, table in tables.items()}
    return Inputs(
        name=Path(str(config.predictions)).name,
        tables=tables,
        model=ModelSource(opened=model, name="predictions"),
        model_file=None,
        digests={**digests, "model": digests["test"]},
        reserved=reserved,
    )


def _beside(test: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    if test.height != predictions.height:
        raise InputError(
            f"expected one prediction per test row, got {predictions.height} predictions for {test.height} rows"
        )
    twice = [name for name in predictions.columns if name in test.columns]
    if twice:
        raise InputError(f"columns {twice} stand in both the predictions and the test table", hint="rename one of them")
    return test.hstack(predictions)


def _prediction_columns(
    config: AuditConfig, frame: pl.DataFrame
) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    for name in (*config.score_column, *([config.label_column] if config.label_column else [])):
        if name not in frame.columns:
            raise InputError(f"no column {name!r} in the table of predictions", hint=did_you_mean(name, frame.columns))
    if config.label_column or config.score_column:
        return config.label_column, config.score_column, ()
    lowered = {name.lower(): name for name in frame.columns}
    labels = next((lowered[name] for name in LABEL_NAMES if name in lowered), None)
    scores = tuple(
        lowered[name] for name in SCORE_NAMES if name in lowered and frame[lowered[name]].dtype.is_numeric()
    )[:1]
    if labels is None and not scores:
        raise InputError(
            "it is not clear which column holds the predictions",
            hint=f"name it with --score-column or --label-column; columns: {', '.join(frame.columns)}",
        )
    taken = ", ".join(repr(name) for name in (*([labels] if labels else []), *scores))
    return labels, scores, (f"The predictions are taken from {taken}, going by the name.",)


def _read_file(path: Path) -> bytes:
    if not path.is_file():
        folder = path.parent if path.parent.is_dir() else Path()
        names = sorted(item.name for item in folder.iterdir() if item.is_file())
        what = "a folder" if path.is_dir() else "a pipe or device" if path.exists() else "no such file"
        raise InputError(f"cannot read the model {path}: {what}", hint=did_you_mean(path.name, names))
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the model {path}: {error.strerror}") from None


def _name_of(config: AuditConfig) -> str:
    return Path(config.test or config.train or "table").name
