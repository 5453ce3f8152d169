"""Read a bill of materials that came with a model: CycloneDX in JSON, versions 1.2 to 1.7.

References
----------
Ecma International (2024), ECMA-424, CycloneDX Bill of Materials specification, version 1.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from holdfast.core.errors import InputError
from holdfast.core.materials import Bill, Component, ComponentKind, Vulnerability
from holdfast.kernels.formats.strict_json import JsonError, read_json

VERSIONS = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
LARGEST_BILL = 128 << 20
DEEPEST = 20
LOOSE = "holdfast:loose"
ROOT_DIGEST = "holdfast:root-digest"
HINT = "give a bill of materials in CycloneDX JSON, as `holdfast bom` writes it"
SETTLED = {"not_affected", "false_positive", "resolved", "resolved_with_pedigree"}


def read_bill(path: Path) -> Bill:
    """Read a bill that may be hostile.

    Returns
    -------
    Bill
        Its components, nested ones too, and the vulnerabilities that it states and does not say to be settled.

    Raises
    ------
    InputError
        When it is absent, too large, or in another form.
    """
    value = _read(path)
    components = [one for top in _tops(value, path) for one in _components(top, path, 0)]
    model = next((one for one in components if one.kind == "machine-learning-model"), None)
    digest = "" if model is None else model.hashes.get("SHA-256") or model.properties.get(ROOT_DIGEST, "")
    stated = [_vulnerability(_object(one, path), path) for one in _list(value, "vulnerabilities", path)]
    return Bill(
        source=path.name,
        components=tuple(sorted(components, key=lambda one: one.ref)),
        vulnerabilities=tuple(sorted((one for one in stated if one is not None), key=lambda one: one.id)),
        model_digest=f"sha256:{digest.removeprefix('sha256:')}" if digest else "",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise InputError(f"expected a bill of materials in {path}, found none", hint=HINT)
        if path.stat().st_size > LARGEST_BILL:
            raise InputError(f"expected a bill of at most {LARGEST_BILL >> 20} MiB, {path} is longer", hint=HINT)
        document = read_json(memoryview(path.read_bytes()))
    except OSError as error:
        raise InputError(f"cannot read the bill of materials {path}: {error.strerror}", hint=HINT) from None
    except JsonError as error:
        raise InputError(f"{path} is no bill of materials: {error}", hint=HINT) from None
    if document.duplicate_keys:
        raise InputError(f"{path} states {document.duplicate_keys[0]!r} twice in one place", hint=HINT)
    value = _object(document.value, path)
    if value.get("bomFormat") != "CycloneDX" or value.get("specVersion") not in VERSIONS:
        got = f"{value.get('bomFormat')!r:.40} {value.get('specVersion')!r:.20}"
        raise InputError(f"expected CycloneDX {VERSIONS[0]} to {VERSIONS[-1]} in {path}, got {got}", hint=HINT)
    return value


def _tops(value: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    metadata = _object(value.get("metadata", {}), path)
    if "component" in metadata:
        yield _object(metadata["component"], path)
    yield from (_object(one, path) for one in _list(value, "components", path))


def _components(one: dict[str, Any], path: Path, depth: int) -> Iterator[Component]:
    if depth > DEEPEST:
        raise InputError(f"components in {path} nest more than {DEEPEST} deep", hint=HINT)
    kind: ComponentKind = next((known for known in get_args(ComponentKind) if known == one.get("type")), "other")
    name, version, purl = (_text(one, key, path) for key in ("name", "version", "purl"))
    hashes = {_text(each, "alg", path): _text(each, "content", path).lower() for each in _objects(one, "hashes", path)}
    properties = {_text(each, "name", path): _text(each, "value", path) for each in _objects(one, "properties", path)}
    component = Component(
        ref=_text(one, "bom-ref", path) or purl or f"{name}@{version}",
        kind=kind,
        name=name,
        version=version,
        purl=purl,
        licences=tuple(_licences(one, path)),
        hashes=hashes,
        properties=properties,
    )
    reason = properties.get(LOOSE, "") or ("no version" if not version else "" if hashes else "no digest")
    yield replace(component, loose=reason) if component.is_package and reason else component
    for inner in _objects(one, "components", path):
        yield from _components(inner, path, depth + 1)


def _licences(one: dict[str, Any], path: Path) -> Iterator[str]:
    for choice in _objects(one, "licenses", path):
        named = _object(choice.get("license", {}), path)
        text = _text(choice, "expression", path) or _text(named, "id", path) or _text(named, "name", path)
        if text:
            yield text


def _vulnerability(one: dict[str, Any], path: Path) -> Vulnerability | None:
    if _object(one.get("analysis", {}), path).get("state") in SETTLED:
        return None
    return Vulnerability(
        id=_text(one, "id", path) or "unnamed",
        affects=tuple(sorted(_text(each, "ref", path) for each in _objects(one, "affects", path))),
        aliases=tuple(sorted(_text(each, "id", path) for each in _objects(one, "references", path))),
        summary=_text(one, "description", path)[:300],
        severity=next((_text(each, "severity", path) for each in _objects(one, "ratings", path)), ""),
    )


def _objects(value: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    return [_object(one, path) for one in _list(value, key, path)]


def _list(value: dict[str, Any], key: str, path: Path) -> list[Any]:
    found = value.get(key, [])
    if not isinstance(found, list):
        raise InputError(f"expected a list of {key} in {path}, got {found!r:.60}", hint=HINT)
    return found


def _object(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"expected an object in {path}, got {value!r:.60}", hint=HINT)
    return value


def _text(value: dict[str, Any], key: str, path: Path) -> str:
    found = value.get(key, "")
    if not isinstance(found, str):
        raise InputError(f"expected text as {key} in {path}, got {found!r:.60}", hint=HINT)
    return found
