"""The oldest supported versions are the lower bounds."""

from __future__ import annotations

import pytest

from tests.tools.loading import load_tool

tool = load_tool("oldest")
oldest = tool.oldest


def test_every_lower_bound_is_pinned_once() -> None:
    project = {
        "dependencies": ["numpy>=1.26", "PyYAML>=6.0.1"],
        "optional-dependencies": {"boosting": ["lightgbm>=4.3"], "all": ["holdfast[boosting]"]},
    }
    groups = {"test": ["pytest>=8"], "check": ["ruff"]}
    assert oldest(project, groups) == ["lightgbm==4.3", "numpy==1.26", "pytest==8", "PyYAML==6.0.1"]


def test_extras_go_and_markers_stay_as_pip_wants_constraints() -> None:
    found = oldest({"dependencies": ["psycopg[binary]>=3.2"]}, {"test": ["server>=0.5; platform_system == 'Linux'"]})
    assert found == ["psycopg==3.2", "server==0.5; platform_system == 'Linux'"]


def test_the_bounds_of_the_project_itself_can_be_pinned(capsys: pytest.CaptureFixture[str]) -> None:
    tool.main()
    assert "psycopg==" in capsys.readouterr().out


def test_dependency_without_a_lower_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="numpy"):
        oldest({"dependencies": ["numpy"]}, {"test": []})
