"""Known vulnerabilities from OSV records that the user has on disk, and which of them concern a component.

References
----------
Open Source Security Foundation (2024), Open Source Vulnerability format, version 1.7, section "Evaluation".
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.adapters.environment.distributions import normalised
from holdfast.core.errors import InputError
from holdfast.core.materials import AdvisorySource, Component, Vulnerability
from holdfast.kernels.scan.printable import printable

if TYPE_CHECKING:
    from packaging.version import Version

LARGEST_RECORD = 64 << 20
LARGEST_ARCHIVE = 4 << 30
MOST_RECORDS = 1_000_000
PREFERRED = ("CVE-", "GHSA-", "PYSEC-")
SEVERITIES = {"moderate": "medium", "medium": "medium", "low": "low", "high": "high", "critical": "critical"}
HINT = "give OSV records as JSON: one, a list, a folder or a zip archive, such as the one of PyPI that osv.dev exports"


@dataclass(slots=True)
class Advisories:
    """Records that count, by the normalised name of the distribution that they concern."""

    source: AdvisorySource
    by_name: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def read_advisories(path: Path) -> Advisories:
    """Read OSV records; nothing is fetched.

    Parameters
    ----------
    path
        A JSON file with one record, a list of them or an object with ``vulns``; a folder or a zip archive of such.

    Raises
    ------
    InputError
        When there is nothing of this name, something in it is no OSV record, or it is too large.
    """
    digest, names = hashlib.sha256(), defaultdict(list)
    n_records = n_withdrawn = 0
    for place, data in _documents(path):
        digest.update(hashlib.sha256(data).digest())
        for record in _records(data, place):
            n_records += 1
            if record.get("withdrawn"):
                n_withdrawn += 1
                continue
            for name in {one[0] for one in _packages(record)}:
                names[name].append(record)
    if not n_records:
        raise InputError(f"there is no advisory in {path}", hint=HINT)
    source = AdvisorySource(digest=f"sha256:{digest.hexdigest()}", records=n_records, withdrawn=n_withdrawn)
    return Advisories(source=source, by_name=dict(names))


def vulnerabilities(
    components: Iterable[Component], advisories: Advisories
) -> tuple[tuple[Vulnerability, ...], AdvisorySource]:
    """Find what is known against components from PyPI; records under several names for one fault are joined.

    Returns
    -------
    tuple
        The vulnerabilities in the order of their ids, and the source with the count of ranges that could not be read.
    """
    from packaging.version import InvalidVersion, Version

    hits: dict[str, list[str]] = defaultdict(list)
    records: dict[str, dict[str, Any]] = {}
    unreadable = 0
    for component in components:
        if not component.purl.startswith("pkg:pypi/"):
            continue
        try:
            version = Version(component.version)
        except InvalidVersion:
            version = None
        for record in advisories.by_name.get(normalised(component.name), ()):
            affected, faults = _affects(record, component, version)
            unreadable += faults
            if affected:
                hits[str(record["id"])].append(component.ref)
                records[str(record["id"])] = record
    joined = [_joined([records[one] for one in group], hits) for group in _groups(records)]
    found = tuple(sorted(joined, key=lambda one: one.id))
    source = advisories.source
    return found, AdvisorySource(
        digest=source.digest, records=source.records, withdrawn=source.withdrawn, unreadable=unreadable
    )


def _documents(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*.json")):
                yield str(file), _read(file)
        elif path.is_file() and zipfile.is_zipfile(path):
            yield from _members(path)
        elif path.is_file():
            yield str(path), _read(path)
        else:
            raise InputError(f"there are no advisories at {path}", hint=HINT)
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(f"cannot read the advisories {path}: {error}", hint=HINT) from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(LARGEST_RECORD + 1)
    return _small(data, str(path))


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    total = 0
    with zipfile.ZipFile(path) as archive:
        members = sorted(
            (one for one in archive.infolist() if one.filename.endswith(".json")), key=lambda m: m.filename
        )
        if len(members) > MOST_RECORDS:
            raise InputError(f"expected at most {MOST_RECORDS} records in {path}, got {len(members)}")
        for member in members:
            place = f"{path}!{printable(member.filename)}"
            with archive.open(member) as file:
                data = _small(file.read(LARGEST_RECORD + 1), place)
            total += len(data)
            if total > LARGEST_ARCHIVE:
                raise InputError(f"expected at most {LARGEST_ARCHIVE >> 30} GiB of records in {path}, it holds more")
            yield place, data


def _small(data: bytes, place: str) -> bytes:
    if len(data) > LARGEST_RECORD:
        raise InputError(f"expected at most {LARGEST_RECORD >> 20} MiB of advisories in {place}, it holds more")
    return data


def _records(data: bytes, place: str) -> Iterator[dict[str, Any]]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place} is no JSON: {error}", hint=HINT) from None
    if isinstance(value, dict) and isinstance(value.get("vulns"), list):
        value = value["vulns"]
    for record in value if isinstance(value, list) else [value]:
        if not _is_record(record):
            raise InputError(f"{place} holds something that is no OSV record: {str(record)[:80]!r}", hint=HINT)
        yield record


def _is_record(record: Any) -> bool:
    """Whether what is read of a record has its form, so that reading it fails here or nowhere."""
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        return False
    lists = [record.get(name, []) for name in ("aliases", "affected", "severity")]
    if not all(isinstance(one, list) for one in lists) or not all(isinstance(name, str) for name in lists[0]):
        return False
    return all(isinstance(one, dict) for one in (*lists[1], *lists[2])) and all(map(_is_affected, lists[1]))


def _is_affected(affected: dict[str, Any]) -> bool:
    package, ranges, versions = affected.get("package", {}), affected.get("ranges", []), affected.get("versions", [])
    if not isinstance(package, dict) or not isinstance(ranges, list) or not isinstance(versions, list):
        return False
    return all(
        isinstance(one, dict)
        and isinstance(one.get("events", []), list)
        and all(isinstance(event, dict) for event in one.get("events", []))
        for one in ranges
    )


def _packages(record: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a record says of distributions of PyPI, by normalised name."""
    for affected in record.get("affected", []):
        package = affected.get("package", {})
        if str(package.get("ecosystem", "")).partition(":")[0].casefold() == "pypi":
            yield normalised(str(package.get("name", ""))), affected


def _affects(record: dict[str, Any], component: Component, version: Version | None) -> tuple[bool, int]:
    """Say whether a record concerns a component, and how many of its ranges cannot be read."""
    is_affected, unreadable = False, 0
    for name, affected in _packages(record):
        if name != normalised(component.name):
            continue
        is_affected |= _is_listed(affected.get("versions", []), component.version, version)
        for one in affected.get("ranges", []):
            if str(one.get("type", "")).upper() == "GIT":
                continue
            inside = None if version is None else _is_inside(one.get("events", []), version)
            unreadable += inside is None
            is_affected |= inside is True
    return is_affected, unreadable


def _is_listed(listed: Sequence[Any], text: str, version: Version | None) -> bool:
    from packaging.version import InvalidVersion, Version

    if text in listed:
        return True
    for one in listed:
        try:
            if version is not None and Version(str(one)) == _public(version):
                return True
        except InvalidVersion:
            continue
    return False


def _is_inside(events: Sequence[dict[str, Any]], version: Version) -> bool | None:
    """Walk the events of a range in the order of versions; ``None`` where one of them has no place in that order.

    A local build such as ``2.1.0+cpu`` is judged as the release that it was built from. ``limit`` ends a range as
    ``fixed`` does.
    """
    from packaging.version import InvalidVersion, Version

    at, steps = _public(version), []
    try:
        for event in events:
            for kind, text in event.items():
                # behind each other at one version: what begins there, what ends before it, what ends after it
                order = {"introduced": 1, "fixed": 0, "limit": 0, "last_affected": 2}.get(kind)
                if order is not None and text != "*":
                    start = Version("0.dev0") if text == "0" else Version(str(text))
                    steps.append((start, order))
    except InvalidVersion:
        return None
    is_inside = False
    for place, order in sorted(steps):
        if order == 1 and at >= place:
            is_inside = True
        elif (order == 0 and at >= place) or (order == 2 and at > place):
            is_inside = False
    return is_inside


def _public(version: Version) -> Version:
    from packaging.version import Version

    return Version(version.public)


def _groups(records: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Join records that share a name, directly or through others."""
    names = {one: {one, *record.get("aliases", [])} for one, record in records.items()}
    groups: list[tuple[set[str], list[str]]] = []
    for one in sorted(names):
        mine, members, rest = set(names[one]), [one], []
        for known, others in groups:
            if known & mine:
                mine |= known
                members += others
            else:
                rest.append((known, others))
        groups = [*rest, (mine, sorted(members))]
    return [members for _, members in groups]


def _joined(records: Sequence[dict[str, Any]], hits: dict[str, list[str]]) -> Vulnerability:
    names = {name for record in records for name in (str(record["id"]), *record.get("aliases", []))}
    first, *others = sorted(names, key=_preference)
    concerned = {
        normalised(ref.rpartition("/")[2].partition("@")[0]) for record in records for ref in hits[str(record["id"])]
    }
    named = next((record for record in records if record["id"] == first), records[0])
    words = [str(record.get("database_specific", {}).get("severity", "")).lower() for record in records if _has(record)]
    severities = [SEVERITIES[word] for word in words if word in SEVERITIES]
    return Vulnerability(
        id=first,
        aliases=tuple(others),
        affects=tuple(sorted({ref for record in records for ref in hits[str(record["id"])]})),
        summary=printable(str(named.get("summary") or named.get("details") or ""), 300),
        fixed=tuple(sorted({text for record in records for text in _fixes(record, concerned)}, key=_in_order)),
        severity=min(severities, key=("critical", "high", "medium", "low").index, default=""),
        vectors=tuple(sorted({str(one.get("score", "")) for record in records for one in record.get("severity", [])})),
    )


def _has(record: dict[str, Any]) -> bool:
    return isinstance(record.get("database_specific"), dict)


def _preference(name: str) -> tuple[int, str]:
    return next((rank for rank, prefix in enumerate(PREFERRED) if name.startswith(prefix)), len(PREFERRED)), name


def _fixes(record: dict[str, Any], names: set[str]) -> Iterator[str]:
    for name, affected in _packages(record):
        for one in affected.get("ranges", []):
            if name in names and str(one.get("type", "")).upper() != "GIT":
                yield from (str(event["fixed"]) for event in one.get("events", []) if "fixed" in event)


def _in_order(text: str) -> tuple[bool, Version | str]:
    from packaging.version import InvalidVersion, Version

    try:
        return False, Version(text)
    except InvalidVersion:
        return True, text
