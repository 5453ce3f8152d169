"""The catalogue: checks are read from their files, never run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.auditing.catalogue import CHECKS, CheckEntry, catalogue, entry_for, read_check
from holdfast.core.errors import InputError
from tests.auditing.scratch_checks import ONE, Scratch


def test_every_check_file_is_in_the_catalogue() -> None:
    files = {f"{path.parent.name}.{path.stem}" for path in CHECKS.glob("*/*.py") if path.stem != "__init__"}
    assert files <= set(catalogue())


def test_catalogue_is_sorted() -> None:
    assert list(catalogue()) == sorted(catalogue())


def test_reading_the_catalogue_imports_no_check() -> None:
    code = (
        "import sys; from holdfast.auditing.catalogue import catalogue; catalogue(); "
        "print([name for name in sys.modules if name.startswith('holdfast.checks.')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_unknown_check_names_the_one_that_was_meant() -> None:
    known = next(iter(catalogue()))
    with pytest.raises(InputError, match="there is no check") as caught:
        entry_for(known[:-1])
    assert caught.value.hint == f"did you mean {known!r}?"


def test_check_is_read_with_its_page_spec_and_parameters(scratch: Scratch) -> None:
    entry = scratch.check("one", f"return {ONE}", signature="digits: int = 3, name: str | None = None", alone=True)
    assert (entry.page, entry.title, entry.spec.alone) == ("Page of one.", "A scratch check", True)
    assert entry.parameters == {"digits": 3, "name": None}


def test_code_of_a_check_does_not_run_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "loud.py"
    path.write_text("raise SystemExit\nSPEC = {'title': 't', 'question': 'q', 'needs': [], 'measures': []}\n")
    assert isinstance(read_check(path, "a.loud", "loud"), CheckEntry)


def test_a_page_may_hold_lines_that_begin_as_code_does(tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    spec = "SPEC = {'title': 't', 'question': 'q', 'needs': [], 'measures': []}"
    path.write_text(f'"""Odd.\n\nclass of people, or\ndef inition.\n"""\n{spec}\ndef run(): ...\n')
    assert "class of people" in read_check(path, "a.odd", "odd").page


def test_check_without_a_literal_spec_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "empty.py"
    path.write_text("def run(subject, ctx): ...\n")
    with pytest.raises(InputError, match=r"empty\.py has no literal SPEC"):
        read_check(path, "a.empty", "empty")


@pytest.mark.parametrize(
    "text",
    [
        "SPEC = make()\n",
        "SPEC = {'title': 't', 'question': 'q', 'needs': [], 'measures': [], 'colour': 'red'}\n",
        "SPEC = {'title': 't'}\n",
        "SPEC = {\n",
        "SPEC = ['title']\n",
    ],
)
def test_check_with_a_malformed_spec_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(InputError, match=r"broken\.py"):
        read_check(path, "a.broken", "broken")
