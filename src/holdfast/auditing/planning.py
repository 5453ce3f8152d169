"""Which checks run on this subject, in which order, at which effort, and why the others do not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from holdfast.auditing.catalogue import CheckEntry
from holdfast.auditing.config import AuditConfig
from holdfast.auditing.subject import Facts
from holdfast.core.check import Effort, Need
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.finding import State
from holdfast.core.record import PlanItem
from holdfast.policy.rules import Policy, matches

NEEDED: Mapping[Need, tuple[str, str]] = {
    "train": ("there is no training table", "give --train"),
    "test": ("there is no test table", "give --test"),
    "current": ("there is no table of what the model meets today", "give --current"),
    "target": ("there is no target column", "give --target"),
    "predictions": ("there are no predictions", "give --model or --predictions"),
    "scores": ("the model returns labels without probabilities", "give a model with class probabilities"),
    "query": ("the model cannot be asked about new inputs", "give the model itself with --model"),
    "refit": ("the model cannot be trained again from here", "give a scikit-learn estimator or pipeline"),
    "internals": (
        "the model shows neither decision trees nor the operators of a neural network",
        "give a tree model of scikit-learn, LightGBM, XGBoost or ONNX, or a network in ONNX or PyTorch",
    ),
    "gradients": ("the model is no neural network that can be read", "give a network in ONNX or PyTorch with --model"),
    "model_file": ("there is no model file", "give --model"),
    "artefacts": ("there are no model files", "give --model, or list artefacts in holdfast.yaml"),
    "provenance": (
        "no training manifest names this model",
        "train it with holdfast run, or name its manifest under provenance in holdfast.yaml",
    ),
    "signature": (
        "neither a signature of the model nor a signer to trust was given",
        "sign the model with `holdfast sign`, and name signature and trusted_keys in holdfast.yaml",
    ),
    "materials": (
        "neither a bill of materials nor advisories were given",
        "write one with `holdfast bom`, and name bill_of_materials or advisories in holdfast.yaml",
    ),
    "decisions": ("no decisions were logged", "name the log of decisions under decisions in holdfast.yaml"),
}
OUT_OF_REACH: frozenset[Need] = frozenset({"refit", "internals", "gradients", "model_file"})


def available_needs(
    facts: Facts, *, tables: Collection[str], model_file: bool, others: Collection[Need] = ()
) -> set[Need]:
    """Return what this subject offers of what checks may need; ``others`` is what does not follow from the rest."""
    capabilities = facts.info.capabilities if facts.info else frozenset()
    offered: set[Need] = {name for name in ("train", "test", "current", "decisions") if name in tables}
    offered |= {"target"} if facts.target else set()
    offered |= {"predictions"} if facts.info and "test" in tables else set()
    offered |= {name for name in ("scores", "query", "refit", "gradients") if name in capabilities}
    offered |= {"internals"} if capabilities & {"trees", "gradients"} else set()
    offered |= set(others)
    return offered | ({"model_file"} if model_file else set())


def choose_effort(deployment: Deployment, *, budget_s: float | None) -> tuple[Effort, str]:
    """Choose how much work to spend from the deployment and the time there is.

    Examples
    --------
    >>> choose_effort(Deployment(exposure="public_api", sensitivity="special"), budget_s=None)[0]
    'thorough'
    """
    if budget_s is not None and budget_s < 60:
        return "quick", f"quick effort, because the time budget is {budget_s:.0f} s"
    if deployment.exposure == "public_api" and deployment.sensitivity == "special":
        return "thorough", "thorough effort, because anyone can query a model trained on special categories of data"
    return "default", "default effort"


def make_plan(
    entries: Mapping[str, CheckEntry],
    facts: Facts,
    config: AuditConfig,
    *,
    offered: Collection[Need],
    effort: Effort,
    why: str,
) -> tuple[PlanItem, ...]:
    """Decide for every check, in an order in which each stands behind those whose findings it reads.

    Raises
    ------
    InputError
        When the configuration names a check or a parameter that does not exist.
    """
    _refuse_unknown(entries, config)
    return tuple(_item(entries[check], facts, config, offered, effort, why) for check in in_order(entries))


def in_order(entries: Mapping[str, CheckEntry]) -> list[str]:
    """Sort checks so that each comes after those it uses; alphabetical otherwise, so that the order is stable."""
    graph = {check: [used for used in entry.spec.uses if used in entries] for check, entry in sorted(entries.items())}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise InputError(f"checks use each other in a circle: {' -> '.join(error.args[1])}") from None


def why_not(
    entry: CheckEntry, facts: Facts, offered: Collection[Need], config: AuditConfig
) -> tuple[State, str, str] | None:
    """Return state, reason and what is needed when a check cannot run; ``None`` when it can."""
    if entry.id in config.skip:
        return "not_run", "left out by --skip", f"run without --skip {entry.id}"
    if config.check and entry.id not in config.check:
        return "not_run", "left out by --check, which names other checks", f"add --check {entry.id}"
    if entry.spec.on_request and entry.id not in config.check and config.effort != "thorough":
        return "not_run", "it takes minutes, so it runs only when asked for", f"add --check {entry.id}"
    if facts.task not in entry.spec.tasks:
        tasks = ", ".join(entry.spec.tasks)
        return "not_applicable", f"the task is {facts.task}; this question is about {tasks}", f"a task among {tasks}"
    missing = [need for need in entry.spec.needs if need not in offered]
    if facts.info is not None and facts.info.format == "endpoint" and set(missing) & OUT_OF_REACH:
        return "not_applicable", "the model stands behind an endpoint, which shows its answers only", "the model's file"
    if missing:
        reasons, steps = zip(*(NEEDED[need] for need in missing), strict=True)
        return "not_run", "; ".join(reasons), "; ".join(dict.fromkeys(steps))
    return None


def policy_limits(policy: Policy, entry: CheckEntry) -> dict[str, float]:
    """Return the limits that a policy sets on the measurements whose thresholds a check reads, by short id."""
    limits: dict[str, float] = {}
    for measurement in entry.spec.thresholds:
        for rule in policy.rules:
            limit = rule.max if rule.max is not None else rule.min
            if limit is not None and matches(rule.measurement, f"{entry.id}.{measurement}"):
                limits.setdefault(measurement, limit)
    return limits


def _item(
    entry: CheckEntry, facts: Facts, config: AuditConfig, offered: Collection[Need], effort: Effort, why: str
) -> PlanItem:
    obstacle = why_not(entry, facts, offered, config)
    return PlanItem(
        check=entry.id,
        title=entry.title,
        action="skip" if obstacle else "run",
        effort=effort,
        reason=obstacle[1] if obstacle else why,
        needed=obstacle[2] if obstacle else "",
        uses=tuple(used for used in entry.spec.uses),
    )


def _refuse_unknown(entries: Mapping[str, CheckEntry], config: AuditConfig) -> None:
    named: Sequence[str] = (*config.check, *config.skip, *config.parameters)
    for check in named:
        if check not in entries:
            raise InputError(f"there is no check {check!r}", hint=did_you_mean(check, entries))
    for check, parameters in config.parameters.items():
        for name, value in parameters.items():
            known = entries[check].parameters
            if name not in known:
                raise InputError(f"the check {check} has no parameter {name!r}", hint=did_you_mean(name, known))
            if known[name] is not None and value is not None and not _same_kind(value, known[name]):
                raise InputError(f"expected {_kind(known[name])} for the parameter {name!r} of {check}, got {value!r}")


def _kind(default: object) -> str:
    return "a list of texts" if isinstance(default, tuple) else type(default).__name__


def _same_kind(value: object, default: object) -> bool:
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    if isinstance(default, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is type(default)
