"""The sample audit, built once per test in a folder of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from holdfast.core.record import Audit


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    """The module that builds the sample."""
    spec = importlib.util.spec_from_file_location("reports_sample", Path(__file__).with_name("sample.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def audit(sample: ModuleType, tmp_path: Path) -> Audit:
    """A finished audit with its evidence."""
    return sample.build_audit(tmp_path)  # type: ignore[no-any-return]
