"""Write a first ``holdfast.yaml``: what the data and the model suggest, with the reason on every line."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from holdfast.adapters.models.opening import TrustPickle
from holdfast.auditing.config import AuditConfig
from holdfast.auditing.guessing import Guess, apply_guesses, guess_roles
from holdfast.auditing.guessing_constraints import Constraint, guess_constraints
from holdfast.auditing.inputs import read_inputs
from holdfast.auditing.population import guess_population
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import Facts
from holdfast.core.endpoint import is_endpoint
from holdfast.core.errors import InputError
from holdfast.core.subject import Table
from holdfast.policy.presets import load_policy

ROLES = ("id", "time", "group", "sensitive", "immutable", "text")
TARGET_NAMES = ("target", "label", "class", "y", "outcome", "income", "default")


def first_config(config: AuditConfig, *, folder: Path, trust_pickle: TrustPickle = False) -> str:
    """Return the text of a configuration for this model and data.

    Parameters
    ----------
    folder
        Folder the file will stand in; paths are written relative to it where they lie beneath.

    Raises
    ------
    InputError
        When the inputs cannot be read or contradict each other.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-") as scratch:
        policy = load_policy(config.policy)
        inputs = read_inputs(config, scratch=Path(scratch), objects={}, policy=policy, trust_pickle=trust_pickle)
        table = inputs.tables.get("test") or inputs.tables["train"]
        target, target_reason = _target(config, table)
        pixels = {f"x{place}" for place in range(math.prod(table.image_shape))} if table.image_shape else set()
        table = replace(table, frame=table.frame.drop(pixels, strict=False))
        guesses = guess_roles(table, target=target)
        model = inputs.model.open() if inputs.model else None
        try:
            usable = tuple(
                guess
                for guess in guesses
                if not (guess.role in {"id", "time", "group"} and model and guess.column in model.info.inputs)
            )
            deployment = apply_guesses(config.deployment, usable, roles=ROLES)
            facts = settle(
                deployment, target=target, train=inputs.tables.get("train"), test=inputs.tables.get("test"), model=model
            )
        finally:
            if model is not None:
                model.close()
        tables = [inputs.tables[name] for name in ("train", "test") if name in inputs.tables]
        described = [name for name in facts.features if name not in pixels]
        constraints = guess_constraints(tables, inputs=described, text=deployment.text)
        population = guess_population(table, deployment.sensitive)
    lines = [*_lines(config, folder, target, target_reason, facts), *_images(table)]
    lines += [*_roles(usable), *_population(population)]
    lines += _constraints(constraints)
    lines += [f"# assumed: {_printable(' '.join(assumption.split()))}" for assumption in facts.assumptions]
    return "\n".join(lines) + "\n"


def _target(config: AuditConfig, table: Table) -> tuple[str | None, str]:
    if config.target is not None:
        return config.target, "as given"
    columns = {name.lower(): name for name in table.frame.columns}
    for name in TARGET_NAMES:
        if name in columns:
            return columns[name], "going by its name"
    raise InputError(
        "it is not clear which column is the target", hint=f"give --target; columns: {', '.join(table.frame.columns)}"
    )


def _lines(config: AuditConfig, folder: Path, target: str | None, target_reason: str, facts: Facts) -> Iterable[str]:
    yield "# What is evaluated, and where it runs. Everything below is a guess with its reason: correct what is wrong."
    for name in ("model", "train", "test", "predictions", "population", "current"):
        path = getattr(config, name)
        if path:
            yield f"{name}: {_quoted(path if is_endpoint(path) else _relative(path, folder))}"
    yield f"target: {_quoted(target)}  # {target_reason}"
    if config.label_column:
        yield f"label_column: {_quoted(config.label_column)}"
    if config.score_column:
        yield f"score_column: [{', '.join(map(_quoted, config.score_column))}]"
    yield "policy: baseline  # or regulated, research, or the path of a policy of yours"
    yield "deployment:"
    yield '  purpose: ""  # which decision does the model serve?'
    yield '  affected: ""  # who lives with it?'
    yield f"  task: {facts.task}"
    yield "  exposure: internal  # public_api, internal, batch, edge: who can send queries?"
    yield "  returns: probabilities  # label, probabilities, gradients: what does a query return?"
    yield "  sensitivity: personal  # public, internal, personal, special: how sensitive is the training data?"
    yield "  # threat: applicant  # or measurement, control: who would change inputs? see relations, directions"
    if facts.classes:
        yield f"  classes: [{', '.join(map(_quoted, facts.classes))}]  # in the order of the model's scores"
        yield f"  positive: {_quoted(facts.classes[facts.positive])}  # the favourable outcome"


def _images(table: Table) -> Iterable[str]:
    if table.image_shape:
        yield "  modality: image"
        yield f"  image_shape: {list(table.image_shape)}  # channels, height, width; the inputs are their pixels"


def _roles(guesses: Iterable[Guess]) -> Iterable[str]:
    by_role: dict[str, list[Guess]] = {}
    for guess in guesses:
        by_role.setdefault(guess.role, []).append(guess)
    for role in ROLES:
        found = by_role.get(role, [])
        if role in {"id", "time", "group"}:
            yield f"  {role}: {_quoted(found[0].column)}  # {found[0].reason}" if found else f"  # {role}: none found"
        elif found:
            yield f"  {role}:"
            yield from (f"    - {_quoted(guess.column)}  # {guess.reason}" for guess in found)
        else:
            yield f"  {role}: []"


def _population(shares: dict[str, dict[str, float]]) -> Iterable[str]:
    """Whom the model is for: that no table can say, so that what it holds is left for the reader to correct."""
    if shares:
        yield "  # population:  # whom is the model for? put their shares in place of the table's, and take the # away"
    for column, parts in shares.items():
        stated = ", ".join(f"{_quoted(category)}: {share:g}" for category, share in parts.items())
        yield f"  #   {_quoted(column)}: {{{stated}}}"


def _constraints(guesses: Iterable[Constraint]) -> Iterable[str]:
    """What flips must keep to; ranges that were only seen are left for the reader to correct and to let in."""
    by_field: dict[str, list[Constraint]] = {}
    for guess in guesses:
        by_field.setdefault(guess.field, []).append(guess)
    ranges = by_field.pop("ranges", [])
    if ranges:
        mark = "" if any(guess.is_fact for guess in ranges) else "# "
        yield f"  {mark}ranges:  # those behind a # were only seen: correct them to what is possible, take the # away"
    for guess in sorted(ranges, key=lambda guess: not guess.is_fact):
        name, ends = guess.value
        yield f"    {'' if guess.is_fact else '# '}{_quoted(name)}: [{ends[0]}, {ends[1]}]  # {guess.reason}"
    for field in ("integer", "one_hot", "relations"):
        found = by_field.get(field, [])
        if found:
            yield f"  {field}:"
        for guess in found:
            value = guess.value if isinstance(guess.value, str) else list(guess.value)
            yield f"    - {_quoted(value)}  # {guess.reason}"


def _relative(path: str, folder: Path) -> str:
    absolute = Path(path).resolve()
    return str(absolute.relative_to(folder.resolve())) if absolute.is_relative_to(folder.resolve()) else str(absolute)


def _quoted(value: object) -> str:
    """Write a scalar as YAML: JSON's quoting is valid YAML, and keeps hostile names inside their quotes."""
    return _printable(json.dumps(value, ensure_ascii=False))


def _printable(text: str) -> str:
    """Escape what YAML refuses or takes for a line break, inside quotes and in comments."""
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text
    )
