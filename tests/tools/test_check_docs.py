"""Links in the documentation lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.loading import load_tool

check_docs = load_tool("check_docs")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# The index\n\n## Exit codes, in short\n")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "[a](docs/index.md)",
        "[a](docs/index.md#exit-codes-in-short)",
        "# Here\n[a](#here)",
        "[a](https://example.com/x)",
        "`[a](nowhere.md)`",
        "```\n[a](nowhere.md)\n```",
    ],
)
def test_link_that_leads_somewhere_is_no_fault(root: Path, text: str) -> None:
    (root / "README.md").write_text(text)
    assert list(check_docs.dead_links(root)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a](docs/absent.md)", "README.md: docs/absent.md leads nowhere"),
        ("[a](../outside)", "README.md: ../outside leads nowhere"),
        ("[a](docs/index.md#absent)", "README.md: docs/index.md#absent names no heading"),
        ("[a](#absent)", "README.md: #absent names no heading"),
    ],
)
def test_dead_link_is_found(root: Path, text: str, message: str) -> None:
    (root / "README.md").write_text(text)
    assert list(check_docs.dead_links(root)) == [message]
