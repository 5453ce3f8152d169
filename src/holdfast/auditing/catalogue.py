"""The checks there are, read from their files without importing them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard, get_args

from holdfast.core.check import CheckSpec, MeasureSpec, Need
from holdfast.core.errors import InputError, did_you_mean

CHECKS = Path(__file__).resolve().parent.parent / "checks"
ENTRY_POINTS = "holdfast.checks"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckEntry:
    """One check: its id, literal spec, documentation page and where its function lives."""

    id: str
    module: str
    path: Path
    spec: CheckSpec
    page: str

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameters of ``run`` with their defaults."""
        return _parameters(self.path)


@cache
def catalogue() -> dict[str, CheckEntry]:
    """Return all checks by id, sorted; those of other packages come through the entry-point group ``holdfast.checks``.

    An entry point names a package whose modules ``family/name.py`` are laid out as ours.
    """
    entries = {entry.id: entry for entry in _in_folder(CHECKS, "holdfast.checks")}
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    for point in entry_points(group=ENTRY_POINTS):
        found = find_spec(point.value)
        for location in (found.submodule_search_locations or ()) if found else ():
            entries.update(
                {entry.id: entry for entry in _in_folder(Path(location), point.value) if entry.id not in entries}
            )
    return dict(sorted(entries.items()))


def entry_for(check: str) -> CheckEntry:
    """Return one check.

    Raises
    ------
    InputError
        For an unknown id, with the closest known one.
    """
    known = catalogue()
    if check not in known:
        raise InputError(f"there is no check {check!r}", hint=did_you_mean(check, known))
    return known[check]


def read_check(path: Path, check: str, module: str) -> CheckEntry:
    """Read one check file: docstring and ``SPEC``, by parsing alone, and no further than they go.

    Raises
    ------
    InputError
        When the file does not parse, or its ``SPEC`` is no literal of the known form.
    """
    try:
        tree = ast.parse(_head(path.read_text(encoding="utf-8")), filename=str(path))
        literal = next(ast.literal_eval(node.value) for node in tree.body if _assigns_spec(node))
        return CheckEntry(
            id=check, module=module, path=path, spec=spec_from_literal(literal), page=ast.get_docstring(tree) or ""
        )
    except (SyntaxError, ValueError, TypeError, KeyError, AttributeError, StopIteration) as error:
        raise InputError(
            f"{path} has no literal SPEC of the known form: {error}", hint="start from another check file"
        ) from error


def _head(source: str) -> str:
    """Cut a check file off where its first class or function behind the SPEC begins; the page stands before that."""
    found = re.compile(r"^(?:@|class |def )", re.MULTILINE).search(source, max(source.find("\nSPEC"), 0))
    return source[: found.start()] if found else source


def _assigns_spec(node: ast.stmt) -> TypeGuard[ast.Assign]:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "SPEC" for t in node.targets)


@cache
def _parameters(path: Path) -> Mapping[str, Any]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        runs = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run"]
        pairs = [pair for run in runs for pair in zip(run.args.kwonlyargs, run.args.kw_defaults, strict=True)]
        return {argument.arg: ast.literal_eval(default) for argument, default in pairs if default is not None}
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"{path} has a function `run` whose defaults are no literals: {error}", hint="start from another check file"
        ) from error


def spec_from_literal(literal: Mapping[str, Any]) -> CheckSpec:
    """Build the typed spec from the literal, lists becoming tuples."""
    values = _with_tuples(literal)
    for need in values.get("needs", ()):
        if need not in get_args(Need):
            raise InputError(
                f"a check needs {need!r}, which no subject can offer", hint=did_you_mean(need, get_args(Need))
            )
    values["measures"] = tuple(MeasureSpec(**_with_tuples(measure)) for measure in literal["measures"])
    return CheckSpec(**values)


def _with_tuples(literal: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in literal.items()}


def _in_folder(folder: Path, package: str) -> list[CheckEntry]:
    files = sorted(path for path in folder.glob("*/*.py") if path.stem != "__init__")
    return [
        read_check(path, f"{path.parent.name}.{path.stem}", f"{package}.{path.parent.name}.{path.stem}")
        for path in files
    ]
