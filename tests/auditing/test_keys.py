"""The key of a finding changes with everything it depends on, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.auditing import keys
from holdfast.auditing.catalogue import CheckEntry, read_check
from holdfast.core.deployment import Deployment
from tests.auditing.scratch_checks import Scratch

FILES = {
    "checks/data/one.py": (
        "from holdfast.kernels.data import one\n"
        "SPEC = {'title': 't', 'question': 'q', 'needs': [], 'measures': [], 'reads': ['sensitive']}\n"
        "def run(subject, ctx):\n    from holdfast.kernels.stats.late import late\n"
    ),
    "checks/data/two.py": "SPEC = {'title': 't', 'question': 'q', 'needs': [], 'measures': []}\n",
    "kernels/data/one.py": "from holdfast.kernels.stats.interval import interval\nimport numpy\n",
    "kernels/stats/interval.py": "import holdfast.kernels.stats.deep as deep\n",
    "kernels/stats/deep.py": "from holdfast.kernels.stats.interval import interval  # a circle\n",
    "kernels/stats/late.py": "late = 1\n",
    "kernels/stats/other.py": "other = 1\n",
    "adapters/models/onnx.py": "from holdfast.kernels.stats.other import other\n",
    "auditing/settling.py": "from holdfast.auditing.subject import Facts\n",
    "auditing/subject.py": "Facts = 1\n",
    "auditing/execution.py": "from holdfast.auditing.context import RunContext\n",
    "auditing/context.py": "RunContext = 1\n",
    "auditing/running.py": "x = 1\n",
    "reports/html.py": "x = 1\n",
}


class Tree:
    """A package tree whose files a test may change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def touch(self, name: str) -> None:
        self.write(name, FILES[name] + "# changed\n")

    def digests(self) -> tuple[str, str, str]:
        """Return the digests of check one, check two and the adapters, as a fresh process would."""
        for function in (keys.code_digest, keys.adapters_digest, keys._imported_files):
            function.cache_clear()
        checks = self.root / "checks" / "data"
        return keys.code_digest(checks / "one.py"), keys.code_digest(checks / "two.py"), keys.adapters_digest()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(keys, "PACKAGE", tmp_path / "holdfast")
    yield Tree(tmp_path / "holdfast")
    keys.code_digest.cache_clear()
    keys.adapters_digest.cache_clear()
    keys._imported_files.cache_clear()


@pytest.mark.parametrize(
    ("changed", "one", "two", "adapters"),
    [
        ("checks/data/one.py", True, False, False),
        ("checks/data/two.py", False, True, False),
        ("kernels/data/one.py", True, False, False),
        ("kernels/stats/interval.py", True, False, False),
        ("kernels/stats/deep.py", True, False, False),
        ("kernels/stats/late.py", True, False, False),
        ("kernels/stats/other.py", False, False, True),
        ("adapters/models/onnx.py", False, False, True),
        ("auditing/settling.py", False, False, True),
        ("auditing/subject.py", False, False, True),
        ("auditing/execution.py", False, False, True),
        ("auditing/context.py", False, False, True),
        ("reports/html.py", False, False, False),
        ("auditing/running.py", False, False, False),
    ],
)
def test_digests_change_with_the_code_they_stand_for(
    tree: Tree, changed: str, one: bool, two: bool, adapters: bool
) -> None:
    before = tree.digests()
    tree.touch(changed)
    assert [old != new for old, new in zip(before, tree.digests(), strict=True)] == [one, two, adapters]


def test_digest_does_not_depend_on_where_the_package_lies(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree.digests()
    monkeypatch.setattr(keys, "PACKAGE", tmp_path / "elsewhere" / "holdfast")
    assert Tree(tmp_path / "elsewhere" / "holdfast").digests() == before


@pytest.mark.parametrize("line", ["from {}.kernel import value", "from ..kernel import value", "from .. import kernel"])
def test_kernels_of_an_outside_package_count(scratch: Scratch, line: str) -> None:
    kernel = scratch.folder / "kernel.py"
    kernel.write_text("value = 1\n")
    entry = scratch.check("one", line.format(scratch.package))
    before = keys.code_digest(entry.path)
    kernel.write_text("value = 2\n")
    keys.code_digest.cache_clear()
    keys._imported_files.cache_clear()
    assert keys.code_digest(entry.path) != before


@pytest.fixture
def entry(tmp_path: Path) -> CheckEntry:
    path = tmp_path / "one.py"
    path.write_text(FILES["checks/data/one.py"])
    return read_check(path, "data.one", "one")


def key_of(entry: CheckEntry, **changes: Any) -> str:
    settings: dict[str, Any] = {
        "subject": {"model": "sha256:m", "test": "sha256:t"},
        "deployment": Deployment(),
        "parameters": {"digits": 6},
        "thresholds": {},
        "effort": {"points": 100},
        "seed": 1,
        "level": 0.95,
        "used": {},
    }
    return keys.finding_digests(entry, **{**settings, **changes})["key"]


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": {"model": "sha256:m", "test": "sha256:u"}},
        {"subject": {"model": "sha256:t", "test": "sha256:m"}},
        {"subject": {"model": "sha256:m", "train": "sha256:t"}},
        {"deployment": Deployment(sensitive=("age",))},
        {"parameters": {"digits": 5}},
        {"parameters": {}},
        {"thresholds": {"data.one.a": 0.1}},
        {"effort": {"points": 200}},
        {"seed": 2},
        {"level": 0.9},
        {"used": {"data.two": "sha256:f"}},
    ],
)
def test_key_changes_with_what_the_finding_depends_on(entry: CheckEntry, changes: dict[str, Any]) -> None:
    assert key_of(entry, **changes) != key_of(entry)


def test_key_changes_with_the_check_that_asks(entry: CheckEntry) -> None:
    assert key_of(replace(entry, id="data.two")) != key_of(entry)


def test_key_changes_with_a_library_version(entry: CheckEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of(entry)
    monkeypatch.setattr(keys, "library_versions", lambda: {"numpy": "0.1"})
    assert key_of(entry) != before


@pytest.mark.parametrize(
    "deployment",
    [
        Deployment(purpose="credit"),
        Deployment(exposure="public_api"),
        Deployment(immutable=("age",), id="key", positive="yes", ranges={"age": (0.0, 1.0)}),
    ],
)
def test_key_does_not_change_with_deployment_fields_the_check_does_not_read(
    entry: CheckEntry, deployment: Deployment
) -> None:
    assert key_of(entry, deployment=deployment) == key_of(entry)


def test_key_does_not_depend_on_the_order_of_mappings(entry: CheckEntry) -> None:
    backwards = {"test": "sha256:t", "model": "sha256:m"}
    assert key_of(entry, subject=backwards) == key_of(entry)


def test_versions_name_the_numerical_libraries_that_are_installed() -> None:
    assert {"python", "numpy", "scipy", "polars"} <= set(keys.library_versions())


@pytest.mark.parametrize("package", ["foolbox", "adversarial-robustness-toolbox", "torch"])
def test_key_changes_with_the_version_of_a_package_whose_attacks_may_run(
    entry: CheckEntry, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for version in ("9.8.7", "9.8.8"):
        folder = tmp_path / version / f"{package.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        monkeypatch.syspath_prepend(folder.parent)
        keys.library_versions.cache_clear()
        found.append(key_of(entry))
        assert keys.library_versions()[package] == version
    monkeypatch.undo()
    keys.library_versions.cache_clear()
    assert len({*found, key_of(entry)}) == 3


def test_installations_differ_where_any_of_our_files_does(tree: Tree) -> None:
    keys.installation.cache_clear()
    before = keys.installation()
    tree.touch("reports/html.py")
    keys.installation.cache_clear()
    after = keys.installation()
    keys.installation.cache_clear()
    assert before.keys() == after.keys() == {*keys.library_versions(), "holdfast"}
    assert [name for name in before if before[name] != after[name]] == ["holdfast"]
