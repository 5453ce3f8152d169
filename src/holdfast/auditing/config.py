"""What the user asked for: ``holdfast.yaml`` and the options that override it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from holdfast.core.check import Effort
from holdfast.core.decision_log import DecisionLog
from holdfast.core.deployment import Deployment
from holdfast.core.endpoint import Endpoint, check_endpoint, is_endpoint
from holdfast.core.errors import InputError
from holdfast.core.network import NetworkSettings
from holdfast.core.parse import from_mapping, parse_yaml
from holdfast.core.provenance import ProvenanceSettings
from holdfast.core.signature import SignerIdentity
from holdfast.core.training import NetworkTraining

PATHS = (
    "model", "train", "test", "predictions", "population", "current", "signature", "signed", "bill_of_materials",
    "advisories", "trusted_root",
)  # fmt: skip
PATH_LISTS = ("artefacts", "trusted_keys")
ParameterValue = bool | int | float | str | tuple[bool | int | float | str, ...] | None
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """The content of ``holdfast.yaml``. It is data: nothing in it makes code run.

    Attributes
    ----------
    model, train, test, predictions
        Paths, relative to the file they stand in; the model may also be the URL of an endpoint.
    population
        Path of a table that stands for the people the model is for: rows drawn from them, or counts with a column
        ``count``, ``share`` or ``weight``. Instead of ``population`` under ``deployment``.
    current
        Path of a table of what the model meets today, with or without outcomes.
    decisions
        The table that logs the decisions that were taken, and what its columns are.
    provenance
        The training manifest of the model, records of data sets, an earlier audit; paths, like the others.
    endpoint
        How to ask the endpoint.
    network
        What a PyTorch network does not say of itself: its factory, the shape of its rows, its classes, its scaling.
    artefacts
        Further files and folders that belong to the model: scanned with it, never loaded.
    signature, signed
        The signature of the model, and the file or folder that it is of; where that is not said, the model's file when
        one file was signed, else the folder in which it lies.
    trusted_keys
        Public keys of those who may sign it.
    trusted_identities
        Accounts that may sign it without a key, each with its identity provider.
    trusted_root
        What to trust of the services by which they sign (JSON); the copy of the package ``sigstore`` otherwise.
    unsigned
        Paths in what was signed that need no signature.
    bill_of_materials
        A bill of materials (CycloneDX, JSON) of the model; that of this environment otherwise.
    advisories
        Known vulnerabilities: a file, folder or archive of OSV records.
    target
        Name of the column with the true outcome.
    label_column, score_column
        In a table of predictions: the predicted label, and the score of the positive class (or one score per class).
    training
        How the model was trained, where it is a neural network: by this recipe copies of it are.
    deployment
        Where and for whom the model runs.
    policy
        A preset (``baseline``, ``regulated``, ``research``) or the path of a policy file.
    effort
        How much work to spend; chosen from the deployment when absent.
    budget
        Time budget, such as ``5m`` or ``90s``; only caps the work.
    seed
        Seed of the audit; derived from the digests of the inputs when absent.
    level
        Confidence level of the intervals.
    check, skip
        Ids of the checks to run, or to leave out.
    parameters
        Parameters per check id.
    """

    model: str | None = None
    train: str | None = None
    test: str | None = None
    predictions: str | None = None
    population: str | None = None
    current: str | None = None
    decisions: DecisionLog = field(default_factory=DecisionLog)
    provenance: ProvenanceSettings = field(default_factory=ProvenanceSettings)
    endpoint: Endpoint = field(default_factory=Endpoint)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    artefacts: tuple[str, ...] = ()
    signature: str | None = None
    signed: str | None = None
    trusted_keys: tuple[str, ...] = ()
    trusted_identities: tuple[SignerIdentity, ...] = ()
    trusted_root: str | None = None
    unsigned: tuple[str, ...] = ()
    bill_of_materials: str | None = None
    advisories: str | None = None
    target: str | None = None
    label_column: str | None = None
    score_column: tuple[str, ...] = ()
    training: NetworkTraining | None = None
    deployment: Deployment = field(default_factory=Deployment)
    policy: str = "baseline"
    effort: Effort | None = None
    budget: str | None = None
    seed: int | None = None
    level: float = 0.95
    check: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    parameters: dict[str, dict[str, ParameterValue]] = field(default_factory=dict)


def load_config(path: Path) -> AuditConfig:
    """Read ``holdfast.yaml``; its paths become relative to the working folder.

    Raises
    ------
    InputError
        When the file is missing or too long, is no YAML mapping, has an unknown key or a value of the wrong type.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"expected a configuration file, got a folder, pipe or device: {path}")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"cannot read the configuration {path}: {error.strerror}", hint="holdfast init writes one"
        ) from None
    if len(content) > MOST_BYTES:
        raise InputError(f"expected at most {MOST_BYTES} bytes of configuration, {path} is longer")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"expected UTF-8 text in {path}, got other bytes at position {error.start}") from None
    try:
        parsed = parse_yaml(text, source=str(path))
    except ValueError as error:  # a date or a number that is well-formed YAML and impossible
        raise InputError(f"{path} holds a value that is none: {error}", hint="put it in quotes") from None
    config = from_mapping(AuditConfig, parsed or {}, source=str(path))
    given = {name: place for name in PATHS if (place := getattr(config, name)) and not is_endpoint(place)}
    moved: dict[str, Any] = {name: str(path.parent / place) for name, place in given.items()}
    for name in PATH_LISTS:
        moved[name] = tuple(str(path.parent / item) for item in getattr(config, name))
    recorded = {name: getattr(config.provenance, name) for name in ("manifest", "records", "since")}
    moved["provenance"] = ProvenanceSettings(**{k: v and str(path.parent / v) for k, v in recorded.items()})
    if config.decisions.table:
        moved["decisions"] = replace(config.decisions, table=str(path.parent / config.decisions.table))
    place, colon, function = config.network.factory.rpartition(":")
    if place.endswith(".py"):
        moved["network"] = replace(config.network, factory=f"{path.parent / place}{colon}{function}")
    if config.policy.endswith((".yaml", ".yml")):
        moved["policy"] = str(path.parent / config.policy)
    return replace(config, **moved)


def override(config: AuditConfig, options: Mapping[str, Any]) -> AuditConfig:
    """Let every option that was given (is not ``None`` or empty) replace what the file says.

    Examples
    --------
    >>> override(AuditConfig(target="a"), {"target": "y", "seed": None}).target
    'y'
    """
    given = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in options.items()
        if not (value is None or (isinstance(value, (tuple, list, dict)) and not value))
    }
    checked = from_mapping(AuditConfig, given, source="the settings")
    return validated(replace(config, **{name: getattr(checked, name) for name in given}))


def validated(config: AuditConfig) -> AuditConfig:
    """Check the values that types cannot."""
    if not 0.5 < config.level < 1:
        raise InputError(f"expected a confidence level between 0.5 and 1, got {config.level}", hint="usual: 0.95")
    if config.seed is not None and config.seed < 0:
        raise InputError(f"expected a seed of 0 or more, got {config.seed}")
    for name, (low, high) in config.deployment.ranges.items():
        if not -math.inf < low <= high < math.inf:
            raise InputError(f"expected deployment.ranges of {name!r} as [low, high], got [{low}, {high}]")
    if len(set(config.deployment.classes)) < len(config.deployment.classes):
        raise InputError(f"expected each class once in deployment.classes, got {list(config.deployment.classes)}")
    for check, values in config.parameters.items():
        for name, value in values.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"expected a finite number as {name} of {check}, got {value}")
    check_endpoint(config.endpoint)
    seconds_of(config.budget)
    return config


def seconds_of(budget: str | None) -> float | None:
    """Read a duration such as ``90s``, ``5m`` or ``1.5h``; a bare number is seconds.

    Examples
    --------
    >>> seconds_of("5m")
    300.0
    """
    if budget is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h)?\s*", budget)
    if not match or float(match[1]) <= 0:
        raise InputError(f"expected a duration such as 90s, 5m or 1h as the budget, got {budget!r}")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2] or "s"]
