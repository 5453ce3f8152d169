"""The distributions that are installed here, and which of them something needs."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions, packages_distributions
from typing import Any

from holdfast.adapters.environment.licences import licence_of
from holdfast.core.errors import InputError
from holdfast.core.materials import Component

# files of an installation that differ from machine to machine although the same wheel was installed
_MADE_HERE = re.compile(r"(?:^|/)(?:[^/]+\.dist-info/(?:RECORD|INSTALLER|REQUESTED|direct_url\.json)|[^/]+\.pyc)$")
HASH_NAME = "holdfast:hash"
HASH_WORDS = "SHA-256 over the sorted lines 'path,digest' of RECORD, without what installing adds"


def normalised(name: str) -> str:
    """Return the name by which a package index knows a distribution (PEP 503).

    Examples
    --------
    >>> normalised("ruamel.YAML_clib")
    'ruamel-yaml-clib'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> dict[str, Distribution]:
    """Return every distribution that can be imported from here, by normalised name; the first on the path counts."""
    found: dict[str, Distribution] = {}
    for one in distributions():
        name = one.metadata["Name"] if one.metadata else None
        if name:
            found.setdefault(normalised(name), one)
    return dict(sorted(found.items()))


def providers(modules: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return the distributions that modules come from, by normalised name, and the modules that come from none."""
    known = packages_distributions()
    found = {module: {normalised(name) for name in known.get(module.partition(".")[0], ())} for module in modules}
    return set().union(*found.values()), {module for module, names in found.items() if not names}


def closure(roots: Iterable[str], among: Mapping[str, Distribution]) -> dict[str, set[str]]:
    """Follow what distributions require, down to the last one that is installed.

    Markers are evaluated for this interpreter, and extras where they are named. What is not installed is left out.

    Returns
    -------
    dict
        What each one needs itself, by normalised name.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    needs: dict[str, set[str]] = {}
    waiting: list[tuple[str, str]] = [(root, "") for root in roots if root in among]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        needs.setdefault(name, set())
        for line in among[name].requires or ():
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue
            other = normalised(requirement.name)
            if other not in among or (requirement.marker and not requirement.marker.evaluate({"extra": extra})):
                continue
            needs[name] |= {other} - {name}
            added = [(other, wanted) for wanted in ("", *sorted(requirement.extras)) if (other, wanted) not in seen]
            seen.update(added)
            waiting += added
    return needs


def components(names: Mapping[str, Iterable[str]], among: Mapping[str, Distribution]) -> list[Component]:
    """Describe distributions, with what each of them needs, in the order of their names."""
    return [_component(name, among[name], needs, among) for name, needs in sorted(names.items())]


def ref_of(name: str, version: str) -> str:
    """Return the package URL of a distribution, which is also its ref.

    References
    ----------
    Package URL specification, type ``pypi``: lower case, dashes for underscores.
    """
    from urllib.parse import quote

    return f"pkg:pypi/{quote(normalised(name), safe='')}@{quote(version, safe='')}"


def _component(name: str, one: Distribution, needs: Iterable[str], among: Mapping[str, Distribution]) -> Component:
    loose, source = _origin(one)
    digest = "" if loose else _record_digest(one)
    purl = ref_of(name, one.version)
    return Component(
        ref=purl,
        kind="library",
        name=name,
        version=one.version,
        purl=purl,
        licences=licence_of(one.metadata),
        hashes={"SHA-256": digest} if digest else {},
        needs=tuple(sorted(ref_of(other, among[other].version) for other in needs)),
        loose=loose or ("" if digest else "its installation lists no digests (RECORD)"),
        properties={HASH_NAME: HASH_WORDS, **source} if digest else source,
    )


def _origin(one: Distribution) -> tuple[str, dict[str, str]]:
    """Say why a version may not fix what is installed, and where it came from if not from an index (PEP 610)."""
    text = one.read_text("direct_url.json")
    if not text:
        return "", {}
    try:
        value: dict[str, Any] = json.loads(text)
        if "dir_info" in value:
            return "installed from a folder, whose content no version fixes", {}
        if "vcs_info" in value:
            return "", {"holdfast:commit": str(value["vcs_info"]["commit_id"])}
        hashes = value["archive_info"].get("hashes") or {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return "its direct_url.json cannot be read", {}
    return "", {f"holdfast:archive-{name}": str(digest) for name, digest in sorted(hashes.items())}


def _record_digest(one: Distribution) -> str:
    """Digest what an installation lists, so that two of the same wheel agree wherever they are."""
    text = one.read_text("RECORD") or ""
    try:
        rows = [row for row in csv.reader(text.splitlines()) if len(row) == 3 and row[1]]
    except csv.Error as error:
        raise InputError(
            f"the RECORD of {one.metadata['Name']} cannot be read: {error}", hint="install it again"
        ) from None
    kept = sorted(f"{path},{digest}" for path, digest, _ in rows if not _MADE_HERE.search(path) and ".." not in path)
    return hashlib.sha256("\n".join(kept).encode("utf-8", "surrogateescape")).hexdigest() if kept else ""
