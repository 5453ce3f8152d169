"""What a model is made of: components, where each comes from, under which licence, and what is known to be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ComponentKind = Literal["machine-learning-model", "data", "file", "library", "framework", "application", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One thing that the model is made of or needs.

    Attributes
    ----------
    ref
        Names it within its bill.
    version
        Empty where it has none.
    purl
        Package URL; empty where it is no package.
    licences
        SPDX identifiers or expressions where they are known, else words.
    hashes
        Hexadecimal digest by algorithm, as CycloneDX spells it (``SHA-256``).
    needs
        Refs of what it needs itself.
    loose
        Why version and digests do not fix its content; empty where they do.
    properties
        Anything else, by name.
    """

    ref: str
    kind: ComponentKind
    name: str
    version: str = ""
    purl: str = ""
    licences: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    loose: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_package(self) -> bool:
        """Whether it is software that somebody distributes, so that it has a licence and a version."""
        return self.kind in {"library", "framework", "application"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """One known fault of components, under all of its names.

    Attributes
    ----------
    id, aliases
        The name to use (CVE before GHSA before others), and the rest, in order.
    affects
        Refs of the components, in order.
    fixed
        First versions without it, in order; empty where none is known.
    severity
        ``critical``, ``high``, ``medium``, ``low`` or empty.
    vectors
        CVSS vectors.
    """

    id: str
    aliases: tuple[str, ...] = ()
    affects: tuple[str, ...]
    summary: str = ""
    fixed: tuple[str, ...] = ()
    severity: str = ""
    vectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisorySource:
    """Where advisories came from.

    Attributes
    ----------
    digest
        Of all records that were read.
    records, withdrawn
        How many were read, and how many of them are withdrawn and count no more.
    unreadable
        Ranges with a version that no rule orders; components that they may concern are judged by listed versions only.
    """

    digest: str
    records: int
    withdrawn: int
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A bill of materials.

    Attributes
    ----------
    source
        Name of the file it was read from, or ``environment``.
    components, vulnerabilities
        In the order of their refs and ids.
    advisories
        What the vulnerabilities were looked up in; ``None`` where nothing was.
    model_digest
        SHA-256 of the model that the bill is of, with ``sha256:``; empty where it does not say.
    is_of_model
        Whether that is the model at hand; ``None`` where nobody can tell.
    """

    source: str
    components: tuple[Component, ...]
    vulnerabilities: tuple[Vulnerability, ...] = ()
    advisories: AdvisorySource | None = None
    model_digest: str = ""
    is_of_model: bool | None = None
