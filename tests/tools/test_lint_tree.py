"""Each rule of the tree lint finds the fault it is for, and a tree in order has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.loading import load_tool

lint_tree = load_tool("lint_tree")

CHECK = '''"""Is it so?"""
from holdfast.kernels.stats.mean import mean

SPEC = {"title": "T", "question": "Q?", "needs": ["test"], "measures": []}


def run(subject, ctx, *, bins: int = 10):
    return mean(subject)
'''
CHECK_PATH = "src/holdfast/checks/data/schema.py"
KERNEL_PATH = "src/holdfast/kernels/stats/mean.py"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree in order: one kernel, one check, their tests, one core module, one fragment."""
    put(tmp_path, KERNEL_PATH, "import math\nimport numpy as np\n\n\ndef mean(x):\n    return np.mean(x)\n")
    put(tmp_path, "tests/kernels/stats/test_mean.py", "")
    put(tmp_path, CHECK_PATH, CHECK)
    put(tmp_path, "tests/checks/data/test_schema.py", "")
    put(tmp_path, "src/holdfast/core/types.py", "import json\n")
    put(tmp_path, "changelog.d/first.added.md", "The first thing.\n")
    return tmp_path


def put(root: Path, place: str, text: str) -> None:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def only(root: Path) -> str:
    found = lint_tree.faults(root)
    assert len(found) == 1, found
    return str(found[0])


def test_tree_in_order_has_no_faults(tree: Path) -> None:
    assert lint_tree.faults(tree) == []


def test_kernel_without_a_test_is_found(tree: Path) -> None:
    (tree / "tests/kernels/stats/test_mean.py").unlink()
    assert "tests/kernels/stats/test_mean.py" in only(tree)


def test_check_without_a_test_is_found(tree: Path) -> None:
    (tree / "tests/checks/data/test_schema.py").unlink()
    assert "tests/checks/data/test_schema.py" in only(tree)


def test_kernel_that_nothing_reaches_is_found(tree: Path) -> None:
    put(tree, "src/holdfast/kernels/stats/alone.py", "")
    put(tree, "tests/kernels/stats/test_alone.py", "from holdfast.kernels.stats import alone\n")
    assert only(tree).startswith("src/holdfast/kernels/stats/alone.py: no check")


@pytest.mark.parametrize(
    "line", ["from holdfast.kernels.stats.deep import f", "from holdfast.kernels.stats import deep"]
)
def test_kernel_reached_through_a_kernel_is_reached(tree: Path, line: str) -> None:
    put(tree, "src/holdfast/kernels/stats/deep.py", "")
    put(tree, "tests/kernels/stats/test_deep.py", "")
    put(tree, KERNEL_PATH, f"{line}\n")
    assert lint_tree.faults(tree) == []


@pytest.mark.parametrize("module", ["sklearn.metrics", "polars", "holdfast.core.errors", "torch", "yaml"])
def test_kernel_that_imports_more_than_numbers_is_found(tree: Path, module: str) -> None:
    put(tree, KERNEL_PATH, f"def f():\n    import {module}\n")
    assert f"mean.py:2: a kernel may not import {module}" in only(tree)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from typing_extensions import TypeVar\n", 0),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import json\nelse:\n    import yaml\n", 1),
    ],
)
def test_import_for_type_checkers_does_not_count(tree: Path, text: str, found: int) -> None:
    put(tree, KERNEL_PATH, text)
    assert len(lint_tree.faults(tree)) == found


def test_torch_is_allowed_in_folders_named_for_it(tree: Path) -> None:
    put(tree, "src/holdfast/kernels/torch_attacks/pgd.py", "import torch\n")
    put(tree, "tests/kernels/torch_attacks/test_pgd.py", "")
    put(tree, CHECK_PATH, CHECK + "\n\nimport holdfast.kernels.torch_attacks.pgd\n")
    assert lint_tree.faults(tree) == []


def test_numba_outside_files_named_for_it_is_found(tree: Path) -> None:
    put(tree, "src/holdfast/adapters/fast.py", "from numba import njit\n")
    assert "numba" in only(tree)


def test_compiled_parts_are_tested_through_the_module_they_belong_to(tree: Path) -> None:
    put(tree, "src/holdfast/kernels/stats/mean_sum_numba.py", "from numba import njit\n")
    both = "from holdfast.kernels.stats.mean import mean\nfrom holdfast.kernels.stats.mean_sum_numba import njit\n"
    put(tree, CHECK_PATH, CHECK.replace("from holdfast.kernels.stats.mean import mean\n", both))
    assert lint_tree.faults(tree) == []


def test_numba_is_allowed_in_files_named_for_it(tree: Path) -> None:
    put(tree, "src/holdfast/kernels/stats/mean_numba.py", "from numba import njit\n")
    put(tree, "tests/kernels/stats/test_mean_numba.py", "")
    put(tree, CHECK_PATH, CHECK.replace("stats.mean ", "stats.mean_numba "))
    put(tree, "src/holdfast/adapters/user.py", "from holdfast.kernels.stats.mean import mean\n")
    assert lint_tree.faults(tree) == []


def test_heavy_import_of_core_is_found(tree: Path) -> None:
    put(tree, "src/holdfast/core/types.py", "import numpy\n")
    assert "core may not import numpy" in only(tree)


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    import yaml\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy\n",
        "from holdfast.core.errors import InputError\n",
    ],
)
def test_core_may_import_late_for_types_and_itself(tree: Path, text: str) -> None:
    put(tree, "src/holdfast/core/types.py", text)
    assert lint_tree.faults(tree) == []


def test_check_that_imports_a_check_is_found(tree: Path) -> None:
    put(tree, CHECK_PATH, CHECK + "\n\nfrom holdfast.checks.data import leakage\n")
    assert "may not import a check" in only(tree)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"""Is it so?"""\n', "", "docstring"),
        ("SPEC = ", "SPEC = dict() or ", "literal"),
        ("SPEC = ", "OTHER = ", "expected one SPEC"),
        ('"question": "Q?", ', "", "SPEC lacks question"),
        ("def run", "def go", "expected one function run"),
        ("subject, ctx, *", "subject, context, *", "expected run(subject, ctx"),
        ("*, bins: int = 10", "bins: int = 10", "expected run(subject, ctx"),
        ("bins: int = 10", "bins: int", "'bins' needs a type and a default"),
        ("bins: int = 10", "bins=10", "'bins' needs a type and a default"),
    ],
)
def test_check_out_of_form_is_found(tree: Path, old: str, new: str, message: str) -> None:
    assert old in CHECK
    put(tree, CHECK_PATH, CHECK.replace(old, new))
    assert message in only(tree)


def test_check_outside_a_family_is_found(tree: Path) -> None:
    put(tree, "src/holdfast/checks/schema.py", CHECK)
    put(tree, "tests/checks/test_schema.py", "")
    assert "checks/<family>/<name>.py" in only(tree)


@pytest.mark.parametrize("place", ["adapters/utils.py", "adapters/common/x.py", "policy/helpers.py"])
def test_drawer_for_everything_is_found(tree: Path, place: str) -> None:
    put(tree, f"src/holdfast/{place}", "")
    assert "says nothing" in only(tree)


@pytest.mark.parametrize("place", ["src/holdfast/policy/rules.py", "tests/test_x.py", "tools/x.py"])
def test_unfinished_work_is_found(tree: Path, place: str) -> None:
    put(tree, place, "x = 1\n# TO" + "DO later\n")
    assert only(tree).startswith(f"{place}:2")


def test_long_file_is_found(tree: Path) -> None:
    put(tree, "src/holdfast/policy/rules.py", "x = 1\n" * 451)
    assert "451 lines" in only(tree)


def test_long_function_is_found(tree: Path) -> None:
    put(tree, "src/holdfast/policy/rules.py", "def f():\n" + "    x = 1\n" * 61)
    assert "f has 61 lines" in only(tree)


def test_docstring_does_not_count_to_the_length_of_a_function(tree: Path) -> None:
    docstring = '    """' + "Words.\n" * 80 + '    """\n'
    put(tree, "src/holdfast/policy/rules.py", "def f():\n" + docstring + "    x = 1\n" * 60)
    assert lint_tree.faults(tree) == []


@pytest.mark.parametrize("name", ["new.md", "New Thing.added.md", "x.feature.md", "x.added.txt"])
def test_fragment_with_another_name_is_found(tree: Path, name: str) -> None:
    put(tree, f"changelog.d/{name}", "One line.\n")
    assert "expected <slug>" in only(tree)


@pytest.mark.parametrize("text", ["", "One.\nTwo.\n"])
def test_fragment_that_is_not_one_line_is_found(tree: Path, text: str) -> None:
    put(tree, "changelog.d/x.added.md", text)
    assert "one line" in only(tree)
