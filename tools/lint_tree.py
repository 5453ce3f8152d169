"""Hold the shape of the source tree: what stands where, what may import what, how long things may grow.

Run ``python tools/lint_tree.py [ROOT]``; prints one line per fault and exits with 1 if there is any. The floors
themselves are held by import-linter (``lint-imports``).
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

LONGEST_FILE = 450
LONGEST_FUNCTION = 60
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
KERNEL_IMPORTS = {"numpy", "scipy", "phonenumbers"}
KERNEL_USERS = ("checks", "adapters", "policy", "evidence", "reports", "redaction", "auditing", "records", "interfaces")
SPEC_KEYS = {"title", "question", "needs", "measures"}
FRAGMENT = re.compile(r"[a-z0-9][a-z0-9-]*\.(added|changed|fixed|removed|security)\.md")
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")


@dataclass(frozen=True)
class Import:
    """One imported module; whether it is imported when the file is loaded, later, or for type checkers only."""

    name: str
    line: int
    when: Literal["loading", "later", "checking"]


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root of the repository, and what it imports."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def imports(self) -> list[Import]:
        found: list[Import] = []
        _collect(self.tree, "loading", found)
        return found

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts of the path under ``src/holdfast``."""
        return self.path.parts[2:]

    @property
    def module(self) -> str:
        names = (*self.path.parts[1:-1], self.path.stem)
        return ".".join(names[:-1] if self.path.stem == "__init__" else names)


@dataclass(frozen=True)
class Repository:
    """The files the rules look at."""

    root: Path

    @cached_property
    def package(self) -> list[Source]:
        return self._read("src/holdfast")

    @cached_property
    def others(self) -> list[Source]:
        return [source for folder in ("tests", "tools", "benchmarks", "examples") for source in self._read(folder)]

    def floor(self, name: str) -> list[Source]:
        return [source for source in self.package if source.parts[0] == name and source.path.stem != "__init__"]

    def _read(self, folder: str) -> list[Source]:
        paths = sorted((self.root / folder).rglob("*.py"))
        return [Source(path.relative_to(self.root), path.read_text(encoding="utf-8")) for path in paths]


def _collect(node: ast.AST, when: Literal["loading", "later", "checking"], found: list[Import]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            found += [Import(alias.name, child.lineno, when) for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            module = child.module or ""
            found += [Import(f"{module}.{alias.name}", child.lineno, when) for alias in child.names]
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for part in child.body:
                _collect(ast.Module([part], []), "checking", found)
            for part in child.orelse:
                _collect(ast.Module([part], []), when, found)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            _collect(child, "later" if when == "loading" else when, found)
        else:
            _collect(child, when, found)


def kernels_are_tested(repository: Repository) -> Iterator[str]:
    """A kernel has a test file at the mirrored path."""
    yield from _untested(repository, "kernels")


def checks_are_tested(repository: Repository) -> Iterator[str]:
    """A check has a test file at the mirrored path."""
    yield from _untested(repository, "checks")


def _untested(repository: Repository, floor: str) -> Iterator[str]:
    for source in repository.floor(floor):
        folder = Path("tests", *source.parts[:-1])
        if not any((repository.root / folder / f"test_{stem}.py").is_file() for stem in _tested_as(source.path.stem)):
            yield f"{source.path}: expected its test at {folder / f'test_{source.path.stem}.py'}"


def _tested_as(stem: str) -> Iterator[str]:
    """A module; compiled parts of one, such as ``trees_box_numba``, are tested through it (``trees``)."""
    yield stem
    if stem.endswith("_numba"):
        words = stem.split("_")[:-1]
        yield from ("_".join(words[:end]) for end in range(len(words), 0, -1))


def kernels_are_reached(repository: Repository) -> Iterator[str]:
    """A kernel is imported, directly or through other kernels, by something above."""
    modules = {source.module: source for source in repository.package}
    pending = [source for floor in KERNEL_USERS for source in repository.floor(floor)]
    reached = {source.module for source in pending}
    while pending:
        source = pending.pop()
        for imported in source.imports:
            for name in (imported.name, imported.name.rpartition(".")[0]):
                if name in modules and name not in reached:
                    reached.add(name)
                    pending.append(modules[name])
    for source in repository.floor("kernels"):
        if source.module not in reached:
            yield f"{source.path}: no check, adapter or command reaches this kernel"


def kernels_import_numbers_only(repository: Repository) -> Iterator[str]:
    """A kernel imports numpy, scipy, phonenumbers, the standard library, kernels; numba and torch where so named."""
    for source in repository.floor("kernels"):
        allowed = KERNEL_IMPORTS | set(sys.stdlib_module_names)
        allowed |= {"numba"} if source.path.stem.endswith("_numba") else set()
        allowed |= {"torch"} if any(part.startswith("torch_") for part in source.parts) else set()
        for imported in source.imports:
            known = imported.name.split(".")[0] in allowed or imported.name.startswith("holdfast.kernels.")
            if not known and imported.when != "checking":
                yield f"{source.path}:{imported.line}: a kernel may not import {imported.name}"


def numba_is_named(repository: Repository) -> Iterator[str]:
    """Only files ending in ``_numba.py`` import numba."""
    for source in repository.package:
        for imported in source.imports:
            if imported.name.split(".")[0] == "numba" and not source.path.stem.endswith("_numba"):
                yield f"{source.path}:{imported.line}: numba is imported in files ending in _numba.py only"


def core_is_light(repository: Repository) -> Iterator[str]:
    """The data model imports nothing but the standard library when it is loaded."""
    for source in repository.floor("core"):
        for imported in source.imports:
            known = imported.name.split(".")[0] in sys.stdlib_module_names or imported.name.startswith("holdfast.core.")
            if not known and imported.when == "loading":
                yield f"{source.path}:{imported.line}: core may not import {imported.name} when it is loaded"


def checks_are_independent(repository: Repository) -> Iterator[str]:
    """A check imports no other check."""
    for source in repository.floor("checks"):
        for imported in source.imports:
            if imported.name.startswith("holdfast.checks"):
                yield f"{source.path}:{imported.line}: a check may not import a check ({imported.name})"


def checks_have_their_form(repository: Repository) -> Iterator[str]:
    """A check has a page (its docstring), a literal ``SPEC`` and ``run(subject, ctx, *, ...)``."""
    for source in repository.floor("checks"):
        if len(source.parts) != 3:
            yield f"{source.path}: expected checks/<family>/<name>.py"
        if not ast.get_docstring(source.tree):
            yield f"{source.path}: expected a docstring, which is the page of the check"
        yield from _faults_of_spec(source)
        yield from _faults_of_run(source)


def _faults_of_spec(source: Source) -> Iterator[str]:
    values = [node.value for node in source.tree.body if isinstance(node, ast.Assign) and _names(node) == ["SPEC"]]
    if len(values) != 1:
        yield f"{source.path}: expected one SPEC = {{...}}"
        return
    try:
        spec = ast.literal_eval(values[0])
    except ValueError:
        yield f"{source.path}:{values[0].lineno}: expected SPEC to be a literal"
        return
    missing = SPEC_KEYS - set(spec)
    if missing:
        yield f"{source.path}:{values[0].lineno}: SPEC lacks {', '.join(sorted(missing))}"


def _names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def _faults_of_run(source: Source) -> Iterator[str]:
    functions = [node for node in source.tree.body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    if len(functions) != 1:
        yield f"{source.path}: expected one function run(subject, ctx, *, ...)"
        return
    arguments = functions[0].args
    if [argument.arg for argument in arguments.args] != ["subject", "ctx"] or arguments.vararg or arguments.kwarg:
        yield f"{source.path}:{functions[0].lineno}: expected run(subject, ctx, *, named parameters)"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is None or argument.annotation is None:
            yield f"{source.path}:{functions[0].lineno}: parameter {argument.arg!r} needs a type and a default"


def names_say_what_is_inside(repository: Repository) -> Iterator[str]:
    """No module or package is a drawer for everything."""
    for source in repository.package:
        for part in (*source.path.parts[:-1], source.path.stem):
            if part in FORBIDDEN_NAMES:
                yield f"{source.path}: {part!r} says nothing about what is inside"


def nothing_is_unfinished(repository: Repository) -> Iterator[str]:
    """No marker of unfinished work."""
    for source in (*repository.package, *repository.others):
        for number, line in enumerate(source.text.splitlines(), start=1):
            if UNFINISHED.search(line):
                yield f"{source.path}:{number}: finish it or open an issue"


def files_are_short(repository: Repository) -> Iterator[str]:
    """A file of the package has at most 450 lines."""
    for source in repository.package:
        lines = source.text.count("\n")
        if lines > LONGEST_FILE:
            yield f"{source.path}: {lines} lines, at most {LONGEST_FILE}; look whether two things live in it"


def functions_are_short(repository: Repository) -> Iterator[str]:
    """The body of a function, without its docstring, has at most 60 lines."""
    for source in repository.package:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
                if lines > LONGEST_FUNCTION:
                    yield f"{source.path}:{node.lineno}: {node.name} has {lines} lines, at most {LONGEST_FUNCTION}"


def fragments_are_well_formed(repository: Repository) -> Iterator[str]:
    """A changelog fragment is ``changelog.d/<slug>.<kind>.md`` with one line."""
    for path in sorted((repository.root / "changelog.d").glob("*")):
        place = path.relative_to(repository.root)
        if path.name == "README.md" or path.name.startswith("."):
            continue
        if not FRAGMENT.fullmatch(path.name):
            yield f"{place}: expected <slug>.<added|changed|fixed|removed|security>.md"
        elif len(path.read_text(encoding="utf-8").strip().splitlines()) != 1:
            yield f"{place}: expected one line that states the outcome for the user"


RULES: tuple[Callable[[Repository], Iterator[str]], ...] = (
    kernels_are_tested,
    kernels_are_reached,
    kernels_import_numbers_only,
    numba_is_named,
    core_is_light,
    checks_are_tested,
    checks_are_independent,
    checks_have_their_form,
    names_say_what_is_inside,
    nothing_is_unfinished,
    files_are_short,
    functions_are_short,
    fragments_are_well_formed,
)


def faults(root: Path) -> list[str]:
    """Apply every rule to a repository."""
    repository = Repository(root)
    return [fault for rule in RULES for fault in rule(repository)]


def main() -> int:
    """Print the faults of the repository."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = faults(root)
    print("\n".join(found) if found else f"the tree keeps its shape ({len(RULES)} rules)")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
