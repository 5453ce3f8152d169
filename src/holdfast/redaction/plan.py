"""A plan says what happens to which kind of personal data. It is data: YAML, JSON or a mapping.

::

    purpose: share                 # keys are derived for it: tokens of different purposes cannot be joined
    default: replace               # labels that are not named
    labels:
      PERSON: replace
      CREDIT_CARD: {transform: mask, keep_last: 4}
      EMAIL_ADDRESS: {transform: token, keep_domain: true}
    columns:                       # of tables: whole cells, whatever they look like
      name: {transform: hash, label: PERSON}
    paths:                         # of JSON: whole values; ``items[].card``, ``*`` for any key
      user.email: token
    subject: customer_id           # column or path of who a record is about
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from typing import Any

from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.parse import from_mapping, parse_yaml
from holdfast.core.redaction import METHODS

PRESETS = ("share", "train", "log", "display")
GENERALISATIONS = {
    "AGE": "age_band",
    "ZIP_CODE": "zip_prefix",
    "POSTAL": "zip_prefix",
    "DATE_TIME": "year",
    "DATE_OF_BIRTH": "year",
    "DOB": "year",
    "IP_ADDRESS": "network",
}
OPTIONS: dict[str, frozenset[str]] = {
    "keep": frozenset(),
    "drop": frozenset(),
    "suppress": frozenset(),
    "replace": frozenset(),
    "mask": frozenset({"keep_first", "keep_last", "keep_domain", "character"}),
    "generalise": frozenset({"to", "width", "digits"}),
    "hash": frozenset({"digits", "keep_domain"}),
    "shift_date": frozenset({"days", "day_first"}),
    "token": frozenset({"keep_domain"}),
    "vault": frozenset({"keep_domain"}),
    "encrypt": frozenset({"keep_first", "keep_last", "keep_domain"}),
}
KEYED = frozenset(name for name, method in METHODS.items() if method.standing in ("pseudonymised", "reversible"))
REVERSIBLE = frozenset(name for name, method in METHODS.items() if method.standing == "reversible")
_LABEL = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_PURPOSE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What happens to a value.

    Attributes
    ----------
    transform
        A name of `METHODS`.
    label
        Of a column or path: what it holds, where its name does not say it.
    keep_first, keep_last
        ``mask``: letters and digits that stay readable. ``encrypt``: characters that stay; of cards six, where the plan
        does not say.
    keep_domain
        The part of an e-mail address from its last "@" stays.
    character
        ``mask``: what covers.
    to
        ``generalise``: ``age_band``, ``zip_prefix``, ``year`` or ``network``; the label's own otherwise.
    width, digits
        Years of an age band; digits of a ZIP code that stay (at most 3 by HIPAA), or of a hash (hexadecimal).
    days
        ``shift_date``: the largest shift in either direction.
    day_first
        ``shift_date``: whether 03/04/1980 is the third of April.
    """

    transform: str
    label: str = ""
    keep_first: int | None = None
    keep_last: int = 0
    keep_domain: bool = False
    character: str = "*"
    to: str = ""
    width: int = 10
    digits: int | None = None
    days: int = 365
    day_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Rules by label, column and path; ``default`` for every other label."""

    name: str
    purpose: str
    labels: Mapping[str, Rule] = field(default_factory=dict)
    default: Rule = field(default_factory=lambda: Rule(transform="replace"))
    columns: Mapping[str, Rule] = field(default_factory=dict)
    paths: Mapping[str, Rule] = field(default_factory=dict)
    subject: str = ""

    def rule_of(self, label: str) -> Rule:
        """Return what happens to values of a label."""
        return self.labels.get(label, self.default)

    def named(self, name: str) -> Rule | None:
        """Return the rule of a column or path, by the name that it has in the plan."""
        return self.columns.get(name) or self.paths.get(name)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules."""
        return (*self.labels.values(), self.default, *self.columns.values(), *self.paths.values())

    @property
    def needs_key(self) -> bool:
        """Whether a rule hashes, encrypts or shifts."""
        return any(rule.transform in KEYED for rule in self.rules)

    @property
    def needs_vault(self) -> bool:
        """Whether a rule keeps values in a vault."""
        return any(rule.transform == "vault" for rule in self.rules)

    @property
    def is_reversible(self) -> bool:
        """Whether a rule can be undone."""
        return any(rule.transform in REVERSIBLE for rule in self.rules)


def preset_plan(name: str) -> Plan:
    """Return one of the plans that come with Holdfast.

    Raises
    ------
    InputError
        When there is none of this name.
    """
    if name not in PRESETS:
        raise InputError(f"there is no redaction plan {name!r}", hint=did_you_mean(name, PRESETS))
    file = resources.files("holdfast.redaction").joinpath("presets", f"{name}.yaml")
    return parse_plan(file.read_text(encoding="utf-8"), source=f"the plan {name!r}", name=name)


def parse_plan(document: str | Mapping[str, Any], *, source: str, name: str = "own") -> Plan:
    """Read a plan.

    Parameters
    ----------
    document
        YAML (JSON is YAML), or a mapping.
    source
        Where it comes from, for messages.

    Raises
    ------
    InputError
        Naming the place, what was expected and the closest valid name.
    """
    content = parse_yaml(document, source=source) if isinstance(document, str) else dict(document)
    if not isinstance(content, dict):
        raise InputError(f"expected a mapping in {source}, got {type(content).__name__}")
    valid = ("purpose", "labels", "default", "columns", "paths", "subject")
    for key in content:
        if key not in valid:
            raise InputError(f"{source}: unknown key {key!r}", hint=did_you_mean(str(key), valid))
    purpose, subject = content.get("purpose", name), content.get("subject", "")
    if not isinstance(purpose, str) or not _PURPOSE.fullmatch(purpose):
        raise InputError(
            f"{source}, at purpose: expected up to 32 lower-case letters, digits and dashes, got {purpose!r:.60}",
            hint="name what the data is for, such as `purpose: share`",
        )
    if not isinstance(subject, str):
        raise InputError(f"{source}, at subject: expected the name of a column or path, got {subject!r:.60}")
    rules = {part: _rules(content.get(part, {}), f"{source}, at {part}") for part in ("labels", "columns", "paths")}
    for label in rules["labels"]:
        if not _LABEL.fullmatch(label):
            raise InputError(
                f"{source}, at labels: expected a label of capitals, digits and _, got {label!r:.60}",
                hint="labels are written as `holdfast pii scan` prints them, such as EMAIL_ADDRESS",
            )
    default = _rule(content.get("default", "replace"), f"{source}, at default")
    for part, named in rules.items():
        for key, rule in named.items():
            if rule.transform == "generalise" and not rule.to and label_of(rule, key) not in GENERALISATIONS:
                ways = ", ".join(sorted(set(GENERALISATIONS.values())))
                raise InputError(
                    f"{source}, at {part}.{key}: nothing coarser is known for it", hint=f"add `to:` {ways}"
                )
    return Plan(name=name, purpose=purpose, subject=subject, default=default, **rules)


def label_of(rule: Rule, name: str) -> str:
    """Return the label of a column's or path's values: the rule's own, or its name in capitals."""
    if rule.label:
        return rule.label
    capitals = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")[:60]
    return capitals if _LABEL.fullmatch(capitals) else f"FIELD_{capitals}".rstrip("_")


def _rules(content: Any, source: str) -> dict[str, Rule]:
    if not isinstance(content, dict):
        raise InputError(f"{source}: expected a mapping of names to transforms, got {type(content).__name__}")
    return {str(name): _rule(value, f"{source}.{name}") for name, value in content.items()}


def _rule(content: Any, source: str) -> Rule:
    if isinstance(content, str):
        content = {"transform": content}
    if not isinstance(content, dict) or "transform" not in content:
        raise InputError(
            f"{source}: expected a transform or a mapping with `transform`, got {content!r:.60}",
            hint=f"valid transforms: {', '.join(METHODS)}",
        )
    rule = from_mapping(Rule, content, source=source)
    if rule.transform not in METHODS:
        raise InputError(f"{source}: unknown transform {rule.transform!r}", hint=did_you_mean(rule.transform, METHODS))
    known = {option.name for option in fields(Rule)} - {"transform", "label"}
    for option in known & set(content) - OPTIONS[rule.transform]:
        valid = ", ".join(sorted(OPTIONS[rule.transform])) or "none"
        raise InputError(f"{source}: {rule.transform!r} has no option {option!r}", hint=f"its options: {valid}")
    _check_ranges(rule, source)
    return rule


def _check_ranges(rule: Rule, source: str) -> None:
    most_digits = 64 if rule.transform == "hash" else 3
    least_digits = 8 if rule.transform == "hash" else 0
    faults = {
        "label, capitals, digits and _": not rule.label or _LABEL.fullmatch(rule.label),
        "keep_first of 0 or more": rule.keep_first is None or rule.keep_first >= 0,
        "keep_last of 0 or more": rule.keep_last >= 0,
        "character, one that is no letter or digit": len(rule.character) == 1 and not rule.character.isalnum(),
        f"to, one of {', '.join(sorted(set(GENERALISATIONS.values())))}": not rule.to
        or rule.to in GENERALISATIONS.values(),
        "width from 2 to 50": 2 <= rule.width <= 50,
        f"digits from {least_digits} to {most_digits}": rule.digits is None
        or least_digits <= rule.digits <= most_digits,
        "days from 1 to 36500": 1 <= rule.days <= 36500,
    }
    for expected, holds in faults.items():
        if not holds:
            name = expected.split()[0].rstrip(",")
            raise InputError(f"{source}: expected {expected}; got {getattr(rule, name)!r:.60}")
