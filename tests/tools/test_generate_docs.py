"""Generated pages say what the source says, and stale ones are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.auditing.catalogue import CheckEntry, read_check
from tests.tools.loading import load_tool

generate_docs = load_tool("generate_docs")

CHECK = '''"""Whether it is so.

Compare ``a`` with ``b``.

References
----------
Somebody (1999).
"""

SPEC = {
    "title": "Schema",
    "question": "Is it so | or not?",
    "needs": ["test"],
    "measures": [
        {"id": "gap.*", "name": "Gap", "unit": "share", "direction": "lower_is_better", "range": [0, None]},
    ],
    "evidence_codes": ["DATAQ"],
    "effort": {"quick": {"points": 1000}, "default": {"points": 20000}},
}


def run(subject, ctx, *, bins: int = 10, name: str = "x"):
    """Do it.

    Parameters
    ----------
    bins : int
        Number of ``bins``,
        at least one.
    name
        A name.
    """
'''


@pytest.fixture
def entry(tmp_path: Path) -> CheckEntry:
    path = tmp_path / "schema.py"
    path.write_text(CHECK)
    return read_check(path, "data.schema", "holdfast.checks.data.schema")


def test_page_holds_the_docstring_as_markdown(entry: CheckEntry) -> None:
    page = generate_docs.check_page(entry)
    assert page.startswith(
        "# Schema\n\n`data.schema`: Is it so | or not?\n\nWhether it is so.\n\nCompare `a` with `b`.\n"
    )
    assert "\n## References\n\nSomebody (1999).\n" in page


def test_page_holds_every_part_of_the_spec(entry: CheckEntry) -> None:
    page = generate_docs.check_page(entry)
    assert "| `gap.*` | Gap | share | lower | 0 to ∞ | estimate |" in page
    assert "- evidence codes: DATAQ" in page
    assert "| default | 20,000 |" in page


def test_page_holds_every_parameter_with_its_meaning(entry: CheckEntry) -> None:
    page = generate_docs.check_page(entry)
    assert "| `bins` | `10` | Number of `bins`, at least one. |" in page
    assert "| `name` | `'x'` | A name. |" in page


def test_index_links_every_check_under_its_family(entry: CheckEntry) -> None:
    index = generate_docs.check_index([entry])
    assert "## Data\n" in index
    assert "| [data.schema](data.schema.md) | Is it so \\| or not? |" in index


def test_commands_page_holds_every_command() -> None:
    page = generate_docs.commands_page()
    for name in ("holdfast", "holdfast audit", "holdfast verify", "holdfast keys init"):
        assert f"\n## {name}\n" in page


def test_written_pages_differ_in_nothing(tmp_path: Path) -> None:
    generate_docs.write(tmp_path, {"docs/checks/a.md": "A\n"})
    assert generate_docs.differences(tmp_path, {"docs/checks/a.md": "A\n"}) == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"docs/checks/a.md": "B\n"}, ["docs/checks/a.md: out of date"]),
        ({"docs/checks/a.md": "A\n", "docs/checks/b.md": "B\n"}, ["docs/checks/b.md: out of date"]),
        ({}, ["docs/checks/a.md: nothing generates this page"]),
    ],
)
def test_stale_pages_are_found(tmp_path: Path, written: dict[str, str], expected: list[str]) -> None:
    generate_docs.write(tmp_path, {"docs/checks/a.md": "A\n"})
    assert generate_docs.differences(tmp_path, written) == expected


def test_page_of_a_removed_check_is_removed(tmp_path: Path) -> None:
    generate_docs.write(tmp_path, {"docs/checks/a.md": "A\n"})
    generate_docs.write(tmp_path, {"docs/checks/b.md": "B\n"})
    assert [path.name for path in (tmp_path / "docs" / "checks").iterdir()] == ["b.md"]
