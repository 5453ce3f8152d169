"""A bill of materials in CycloneDX 1.6, JSON: the same bill gives the same bytes, so it holds no date.

References
----------
Ecma International (2024), ECMA-424, CycloneDX Bill of Materials specification, version 1.6.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.core.materials import Bill, Component, Vulnerability

VERSION = "1.6"
SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://holdfast.dev/bill-of-materials")
LOOSE = "holdfast:loose"
ECOSYSTEMS = {
    "CVE-": ("NVD", "https://nvd.nist.gov/vuln/detail/"),
    "GHSA-": ("GitHub Advisories", "https://github.com/advisories/"),
}
METHODS = {"CVSS:3.1": "CVSSv31", "CVSS:3.0": "CVSSv3", "CVSS:4.0": "CVSSv4"}
_EXPRESSION = re.compile(r"[A-Za-z0-9.+ ()-]+")


def render_cyclonedx(
    bill: Bill, *, tool_version: str, card: Mapping[str, Any] | None = None, spdx: Sequence[str] = ()
) -> bytes:
    """Write a bill.

    Parameters
    ----------
    tool_version
        Version of Holdfast.
    card
        The model card of the component that is the model.
    spdx
        Licence identifiers of the SPDX list; others are written as names, or as expressions where they combine some.

    Returns
    -------
    bytes
        Its serial number is derived from all that it says.
    """
    model, *others = sorted(bill.components, key=lambda one: (one.kind != "machine-learning-model", one.ref))
    head = _component(model, spdx)
    if card:
        head["modelCard"] = dict(card)
    tool = {"type": "application", "name": "holdfast", "version": tool_version, "bom-ref": "holdfast"}
    content: dict[str, Any] = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": VERSION,
        "version": 1,
        "metadata": {"tools": {"components": [tool]}, "component": head},
        "components": [_component(one, spdx) for one in others],
        "dependencies": [_dependency(one) for one in (model, *others)],
    }
    if bill.advisories is not None:
        content["vulnerabilities"] = [_vulnerability(one, bill) for one in bill.vulnerabilities]
        read = {"holdfast:advisories": bill.advisories.digest, "holdfast:advisories-read": str(bill.advisories.records)}
        content["metadata"]["properties"] = _properties(read)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    content["serialNumber"] = f"urn:uuid:{uuid.uuid5(NAMESPACE, digest)}"
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _component(one: Component, spdx: Sequence[str]) -> dict[str, Any]:
    written: dict[str, Any] = {
        "bom-ref": one.ref,
        "type": "file" if one.kind == "other" else one.kind,
        "name": one.name,
    }
    if one.version:
        written["version"] = one.version
    if one.purl:
        written["purl"] = one.purl
    if one.hashes:
        written["hashes"] = [{"alg": name, "content": digest} for name, digest in sorted(one.hashes.items())]
    if one.licences:
        written["licenses"] = _licences(one.licences, spdx)
    if one.kind == "data":
        written["data"] = [{"type": "dataset", "name": one.name}]
    properties = {**one.properties, **({LOOSE: one.loose} if one.loose else {})}
    if properties:
        written["properties"] = _properties(properties)
    return written


def _licences(licences: Sequence[str], spdx: Sequence[str]) -> list[dict[str, Any]]:
    combined = [one for one in licences if any(f" {word} " in one for word in ("AND", "OR", "WITH"))]
    if len(licences) == 1 and combined and _EXPRESSION.fullmatch(licences[0]):
        return [{"expression": licences[0]}]
    return [{"license": {"id" if one in spdx else "name": one}} for one in licences]


def _dependency(one: Component) -> dict[str, Any]:
    return {"ref": one.ref, "dependsOn": sorted(one.needs)} if one.needs else {"ref": one.ref}


def _vulnerability(one: Vulnerability, bill: Bill) -> dict[str, Any]:
    versions = {component.ref: component.version for component in bill.components}
    affects = [_affected(ref, versions.get(ref, "")) for ref in one.affects]
    written: dict[str, Any] = {"bom-ref": one.id, "id": one.id, "source": _source(one.id), "affects": affects}
    if one.aliases:
        written["references"] = [{"id": name, "source": _source(name)} for name in one.aliases]
    ratings = [_rating(vector) for vector in one.vectors if vector]
    if one.severity:
        ratings = [{**rating, "severity": one.severity} for rating in ratings] or [{"severity": one.severity}]
    if ratings:
        written["ratings"] = ratings
    if one.summary:
        written["description"] = one.summary
    if one.fixed:
        written["recommendation"] = f"Fixed in {', '.join(one.fixed)}."
    return written


def _affected(ref: str, version: str) -> dict[str, Any]:
    return {"ref": ref, "versions": [{"version": version, "status": "affected"}]} if version else {"ref": ref}


def _rating(vector: str) -> dict[str, Any]:
    return {"method": METHODS.get(vector.partition("/")[0], "other"), "vector": vector}


def _source(name: str) -> dict[str, str]:
    found = next((source for prefix, source in ECOSYSTEMS.items() if name.startswith(prefix)), None)
    words, place = found or ("OSV", "https://osv.dev/vulnerability/")
    return {"name": words, "url": f"{place}{name}"}


def _properties(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(values.items())]
