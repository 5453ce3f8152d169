"""A package of scratch checks for each test that asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.auditing.scratch_checks import Scratch, scratch_package


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """An empty package of checks."""
    return scratch_package(tmp_path, monkeypatch)
