"""The globals that may stand in a model file, and how each may be used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

Pattern = tuple[tuple[str, ...], ...]
"""Alternatives per argument: a kind such as ``int``, ``module:name`` for an instance, ``module:`` for one of any class
of a module, ``@module:name`` for the global itself, ``@class`` for any class that may be instantiated, ``=text`` for a
constant, ``@numeric`` for a function that computes numbers, ``estimator`` for an instance of a class that is one,
``*`` for anything; a last ``...`` repeats the one before,
a last ``named`` stands for arguments by name.
``empty`` is the empty tuple, ``(0)`` the tuple of a zero, ``ratio`` a text of digits with or without a second ``/``
number."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one global may be used.

    Attributes
    ----------
    is_reference
        It may stand as a value, without being called.
    news, calls
        Patterns of the arguments with which it may be instantiated without ``__init__``, or called.
    states, shapes
        Kinds of value that may be set as the state of its instances, and patterns of a tuple that may.
    methods
        Of ``append``, ``setitem`` and ``add``, those that may fill its instances.
    result
        What a call returns: a kind, or ``module:name`` for an instance; empty for an instance of itself, ``first`` for
        one of its first argument, ``attribute`` for the attribute of a global that its arguments name.
    family
        What a class is for the attributes that may hold its instances (``estimator``, ``module``), ``type`` for one
        that makes numbers.
    """

    is_reference: bool = False
    news: tuple[Pattern, ...] = ()
    calls: tuple[Pattern, ...] = ()
    states: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    result: str = ""
    shapes: tuple[Pattern, ...] = ()
    family: str = ""

    @property
    def is_class(self) -> bool:
        """Whether instances may be made."""
        return bool(self.news)

    def joined(self, other: Rule) -> Rule:
        """Return the rule that allows what either allows."""
        return Rule(
            self.is_reference or other.is_reference,
            tuple(dict.fromkeys((*self.news, *other.news))),
            tuple(dict.fromkeys((*self.calls, *other.calls))),
            self.states | other.states,
            self.methods | other.methods,
            self.result or other.result,
            tuple(dict.fromkeys((*self.shapes, *other.shapes))),
            self.family or other.family,
        )


@dataclass(frozen=True, slots=True)
class AllowList:
    """Rules by module and qualified name, and the versions of each library they were collected from.

    Attributes
    ----------
    rules
        By module, then by qualified name.
    versions
        Versions seen, by library.
    digest
        SHA-256 of the generated data and of the rules that are written by hand.
    slots
        Attributes that hold more than data: by library, then by name, the families seen there.
    names
        All names in ``rules``, of whatever module.
    """

    rules: Mapping[str, Mapping[str, Rule]]
    versions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    digest: str = ""
    slots: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    def rule(self, module: str, name: str) -> Rule | None:
        """Return how a global may be used; None where it may not be used at all."""
        return self.rules.get(module, {}).get(name)

    def constants(self) -> set[str]:
        """Return the texts that some rule asks for as an argument."""
        rules = (rule for names in self.rules.values() for rule in names.values())
        alternatives = (text for rule in rules for call in rule.calls for argument in call for text in argument)
        return {text[1:] for text in alternatives if text.startswith("=")}

    def attributes(self) -> set[str]:
        """Return the names of the attributes that hold more than data."""
        return {name for names in self.slots.values() for name in names}

    def is_name(self, name: str) -> bool:
        """Whether the list knows something of this name in any module."""
        return name in self.names

    def knows_package(self, module: str) -> bool:
        """Whether a class of the module, or of its package such as ``sklearn.linear_model``, stands in the list."""
        package = module.rpartition(".")[0]
        return any(
            (known == module or (package and known.rpartition(".")[0] == package))
            and any(rule.is_class for rule in names.values())
            for known, names in self.rules.items()
        )

    def is_framework(self, module: str) -> bool:
        """Whether a module belongs to a library whose versions the list knows."""
        return module.partition(".")[0] in self.versions


def parse_rule(tokens: Iterable[str]) -> Rule:
    """Read a rule as it stands in the data: ``ref``, ``new``, ``new(int)``, ``call(a|b, c)``, ``state:dict``, ``add``.

    ``state(int, str)`` allows a tuple of an integer and a text as the state.

    Examples
    --------
    >>> parse_rule(["call(int, none|numpy:ndarray)", "state:dict"]).calls
    ((('int',), ('none', 'numpy:ndarray')),)
    """
    parts: dict[str, list[str]] = {}
    calls: dict[str, list[Pattern]] = {"new": [], "call": [], "state": []}
    for token in tokens:
        head, _, rest = token.partition("(")
        if head in calls:
            calls[head].append(parse_pattern(rest.removesuffix(")")))
        else:
            head, _, rest = token.partition(":")
            parts.setdefault(head, []).append(rest)
    methods = frozenset(parts) & {"append", "setitem", "add"}
    return Rule(
        is_reference="ref" in parts,
        news=tuple(calls["new"]),
        calls=tuple(calls["call"]),
        states=frozenset(parts.get("state", ())),
        methods=methods,
        result=(parts.get("result") or [""])[0],
        shapes=tuple(calls["state"]),
        family=(parts.get("is") or [""])[0],
    )


def parse_pattern(text: str) -> Pattern:
    """Read the alternatives of each argument."""
    return tuple(tuple(argument.split("|")) for argument in text.split(", ")) if text else ()


def parse_allow_list(text: str) -> AllowList:
    """Read the generated data, and join it with the rules that are written by hand."""
    from holdfast.kernels.scan.allow_rules import WRITTEN, is_never_allowed, source

    data = json.loads(text)
    rules = {
        module: {name: parse_rule(tokens) for name, tokens in names.items() if not is_never_allowed(module, name)}
        for module, names in data["globals"].items()
    }
    for path, tokens in WRITTEN.items():
        module, _, name = path.partition(":")
        written = parse_rule(tokens)
        known = rules.setdefault(module, {}).get(name)
        rules[module][name] = written.joined(known) if known else written
    versions = {library: frozenset(seen) for library, seen in data["versions"].items()}
    slots = {
        library: {name: frozenset(families) for name, families in names.items()}
        for library, names in data.get("slots", {}).items()
    }
    digest = hashlib.sha256(f"{text}\n{source()}".encode()).hexdigest()
    return AllowList(rules, versions, digest, slots, frozenset().union(*rules.values()))


@cache
def shipped_allow_list() -> AllowList:
    """Return the list that comes with this version."""
    return parse_allow_list(resources.files(__package__).joinpath("allow_list.json").read_text(encoding="utf-8"))
