"""Under which key a finding is kept: the digest of everything that it depends on."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from holdfast.auditing.catalogue import CheckEntry
from holdfast.core.canonical import digest_bytes, digest_of
from holdfast.core.deployment import Deployment

PACKAGE = Path(__file__).resolve().parent.parent
NUMERICAL = (
    "numpy", "scipy", "scikit-learn", "polars", "numba", "onnxruntime", "lightgbm", "xgboost", "xgboost-cpu", "torch",
    "foolbox", "adversarial-robustness-toolbox",
)  # fmt: skip


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of the numerical libraries that are installed, and of Python."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in NUMERICAL:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def installation() -> dict[str, str]:
    """Return what two machines must have in common to give the same numbers: the libraries, and our code by digest."""
    code = {_name(file): digest_bytes(file.read_bytes()) for file in sorted(PACKAGE.rglob("*.py"))}
    return {**library_versions(), "holdfast": digest_of(code)}


def finding_digests(
    entry: CheckEntry,
    *,
    subject: Mapping[str, str],
    deployment: Deployment,
    parameters: Mapping[str, Any],
    thresholds: Mapping[str, float],
    effort: Mapping[str, int],
    seed: int,
    level: float,
    used: Mapping[str, str],
) -> dict[str, str]:
    """Digest each thing a finding depends on, and all of them together as ``key``.

    Parameters
    ----------
    subject
        Digests of the model, the tables and what was settled about them.
    used
        Keys of the findings that the check reads.
    """
    digests = {
        **subject,
        "deployment": digest_of({name: getattr(deployment, name) for name in sorted(entry.spec.reads)}),
        "code": code_digest(entry.path),
        "settings": digest_of(
            {
                "check": entry.id,
                "parameters": parameters,
                "thresholds": thresholds,
                "effort": effort,
                "seed": seed,
                "level": level,
            }
        ),
        "used": digest_of(used),
        "versions": digest_of(library_versions()),
    }
    return {**digests, "key": digest_of(digests)}


@cache
def code_digest(path: Path) -> str:
    """Digest a source file together with every module of ours that it imports, directly or not."""
    files = sorted(_closure([path]))
    return digest_of({_name(file): digest_bytes(file.read_bytes()) for file in files})


@cache
def adapters_digest() -> str:
    """Digest the code that stands between a check and the model, the tables and the finding."""
    around = [PACKAGE / "auditing" / name for name in ("settling.py", "execution.py")]
    files = sorted(_closure([*(PACKAGE / "adapters").rglob("*.py"), *around]))
    return digest_of({_name(file): digest_bytes(file.read_bytes()) for file in files})


def _name(file: Path) -> str:
    return file.relative_to(_package_of(file)).as_posix()


def _package_of(file: Path) -> Path:
    """Return the outermost package around a file: ours, or that of somebody else's check."""
    if file.is_relative_to(PACKAGE):
        return PACKAGE
    folder = file.parent
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _closure(start: Sequence[Path]) -> set[Path]:
    seen: set[Path] = set()
    waiting = list(start)
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting += _imported_files(file)
    return seen


@cache
def _imported_files(file: Path) -> tuple[Path, ...]:
    package = _package_of(file)
    places = {"holdfast": PACKAGE, package.name: package}
    names = _imported_names(ast.parse(file.read_text(encoding="utf-8")), within=_module_of(file, package))
    found = (_source_of(name, places) for name in names)
    return tuple(path for path in found if path is not None)


def _module_of(file: Path, package: Path) -> list[str]:
    return [package.name, *file.relative_to(package).parent.parts]


def _imported_names(tree: ast.AST, *, within: list[str]) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            around = within[: len(within) - node.level + 1] if node.level else []
            module = ".".join([*around, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _source_of(module: str, places: Mapping[str, Path]) -> Path | None:
    top, *rest = module.split(".")
    if top not in places or not rest:
        return None
    path = places[top].joinpath(*rest).with_suffix(".py")
    return path if path.is_file() else None
