"""Settle everything that an audit depends on before its first check runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from holdfast.adapters.tables.images import LABEL
from holdfast.auditing.catalogue import CheckEntry, catalogue
from holdfast.auditing.config import AuditConfig, seconds_of
from holdfast.auditing.guessing import apply_guesses, guess_roles
from holdfast.auditing.inputs import Inputs
from holdfast.auditing.jobs import ModelSource
from holdfast.auditing.keys import adapters_digest, library_versions
from holdfast.auditing.network_quality import FIRST, doubts
from holdfast.auditing.planning import available_needs, choose_effort, make_plan
from holdfast.auditing.population import check_population
from holdfast.auditing.settling import settle
from holdfast.auditing.store import Store, read_back
from holdfast.auditing.subject import Facts
from holdfast.core.canonical import canonical_json, digest_bytes, digest_of
from holdfast.core.check import Effort, Need
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError
from holdfast.core.record import PlanItem
from holdfast.policy.rules import Policy

LOGGER = logging.getLogger(__name__)
GUESSED = {
    "sensitive": "protected attributes, going by their names",
    "immutable": "inputs that people cannot change, going by their names",
    "text": "free text, going by the cells",
}
CONTEXT = ("population", "current", "decisions")  # what the audited tables are held against, no part of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One audit, ready to run.

    Attributes
    ----------
    config
        What the user asked for, with the guesses filled in; ``guesses`` says which.
    offered
        What this subject offers of what checks may need.
    subject_digests
        Digests of inputs, settled facts and adapters: the part of every finding's key that concerns the subject.
    """

    config: AuditConfig
    guesses: tuple[str, ...]
    policy: Policy
    inputs: Inputs
    facts: Facts
    model: ModelSource | None
    entries: Mapping[str, CheckEntry]
    plan: tuple[PlanItem, ...]
    offered: frozenset[Need]
    effort: Effort
    budget_s: float | None
    seed: int
    subject_digests: Mapping[str, str]

    def digests_for(self, entry: CheckEntry) -> Mapping[str, str]:
        """Return the digests that a check's finding depends on: what only some checks see, where it does."""
        digests = dict(self.subject_digests)
        if "population" not in entry.spec.reads:
            digests.pop("population", None)
        for name in ("current", "decisions"):
            if name not in (*entry.spec.needs, *entry.spec.takes):
                digests.pop(name, None)
        if self.inputs.provenance is not None and "provenance" in (*entry.spec.needs, *entry.spec.takes):
            digests["provenance"] = digest_of(replace(self.inputs.provenance, folder=""))
        if "artefacts" in entry.spec.needs:
            digests["artefacts"] = digest_of(self.inputs.artefacts)
        if "signature" in entry.spec.needs:
            digests["signature"] = digest_of(self.inputs.signature)
        if "materials" in entry.spec.needs:
            digests["materials"] = digest_of(self.inputs.materials)
        return digests


def prepare(config: AuditConfig, policy: Policy, inputs: Inputs, store: Store | None) -> Prepared:
    """Guess roles, settle the subject, choose the effort and plan.

    Raises
    ------
    InputError
        When inputs and configuration contradict each other.
    """
    config = with_images(config, inputs)
    seed = config.seed if config.seed is not None else _derived_seed(inputs, config)
    config, guesses = _with_guesses(config, inputs)
    if inputs.model is not None:
        inputs = replace(inputs, model=replace(inputs.model, row_shape=config.deployment.image_shape))
    check_population(config.deployment, inputs.tables)
    facts, model = _settled(config, inputs, store)
    for note in facts.assumptions:
        if note.startswith(FIRST):
            LOGGER.warning("%s", note)
    budget_s = seconds_of(config.budget)
    effort, why = choose_effort(config.deployment, budget_s=budget_s)
    if config.effort is not None:
        effort, why = config.effort, f"{config.effort} effort, as asked"
    entries = catalogue()
    offered = frozenset(
        available_needs(
            facts,
            tables=inputs.tables,
            model_file=inputs.model_file is not None,
            others=inputs.offers,
        )
    )
    return Prepared(
        config=config,
        guesses=guesses,
        policy=policy,
        inputs=inputs,
        facts=facts,
        model=model,
        entries=entries,
        plan=make_plan(entries, facts, config, offered=offered, effort=effort, why=why),
        offered=offered,
        effort=effort,
        budget_s=budget_s,
        seed=seed,
        subject_digests={**inputs.digests, "facts": _facts_digest(facts), "adapters": adapters_digest()},
    )


def _with_guesses(config: AuditConfig, inputs: Inputs) -> tuple[AuditConfig, tuple[str, ...]]:
    """Where the user described no deployment, guess the roles that change no input of the model, and say so."""
    if config.deployment != Deployment():
        return config, ()
    table = inputs.tables.get("test") or inputs.tables["train"]
    guesses = [guess for guess in guess_roles(table, target=config.target) if guess.role in GUESSED]
    deployment = apply_guesses(config.deployment, guesses, roles=tuple(GUESSED))
    columns = {role: [guess.column for guess in guesses if guess.role == role] for role in GUESSED}
    notes = [f"Taken to be {GUESSED[role]}: {', '.join(names)}." for role, names in columns.items() if names]
    return replace(config, deployment=deployment), tuple(notes)


def with_images(config: AuditConfig, inputs: Inputs) -> AuditConfig:
    """Where the tables hold images, complete what the user did not say: their shape, and the column of their class.

    Raises
    ------
    InputError
        When the stated shape is not that of the images.
    """
    table = inputs.tables.get("test") or inputs.tables.get("train")
    stated = config.deployment.image_shape
    if table is None or not table.image_shape:
        return config
    if stated and stated != table.image_shape:
        raise InputError(
            f"deployment.image_shape is {list(stated)}, but the images of {table.source or table.name} are "
            f"{list(table.image_shape)} (channels, height, width)",
            hint="leave image_shape out, or resize the images",
        )
    deployment = replace(config.deployment, image_shape=table.image_shape, modality="image")
    is_labelled = config.target is None and LABEL in table.frame.columns
    return replace(config, deployment=deployment, target=LABEL if is_labelled else config.target)


def _settled(config: AuditConfig, inputs: Inputs, store: Store | None) -> tuple[Facts, ModelSource | None]:
    """Settle the subject, from the store when the same inputs were settled before: then no model is opened."""
    deployment = replace(config.deployment, ignore=(*config.deployment.ignore, *inputs.reserved))
    settings = (deployment, config.target, config.label_column, config.score_column, config.training)
    key = digest_of([dict(inputs.digests), settings, adapters_digest(), library_versions()])
    kept = read_back(Facts, store.get("settled", key).get("facts")) if store and inputs.has_content_digest else None
    if kept is not None:
        return kept, inputs.model
    source = replace(inputs.model, opened=inputs.model.open()) if inputs.model else None
    tables = inputs.tables
    try:
        facts = settle(
            deployment,
            target=config.target,
            train=tables.get("train"),
            test=tables.get("test"),
            model=source.opened if source else None,
            training=config.training,
        )
        test = tables.get("test")
        if source is not None and source.opened is not None and test is not None and config.target:
            notes = doubts(facts, test, source.opened, stated=config.network.accuracy)
            facts = replace(facts, assumptions=(*notes, *facts.assumptions))
    except BaseException:
        if source is not None and source.opened is not None:
            source.opened.close()
        raise
    if store and inputs.has_content_digest:
        store.put("settled", key, {"facts": canonical_json(facts)})
    return facts, source


def _facts_digest(facts: Facts) -> str:
    """Digest what was settled, without what a clock or the machine said while the model was loaded."""
    if facts.info is not None:
        facts = replace(facts, info=replace(facts.info, load_s=None, memory_mb=None, confinement={}))
    return digest_of(facts)


def _derived_seed(inputs: Inputs, config: AuditConfig) -> int:
    """Derive the seed from what is audited, so that nobody shops for a lucky one."""
    audited = {name: digest for name, digest in inputs.digests.items() if name not in CONTEXT}
    digest = digest_bytes(canonical_json([audited, config.target]))
    return int(digest.removeprefix("sha256:")[:12], 16)
