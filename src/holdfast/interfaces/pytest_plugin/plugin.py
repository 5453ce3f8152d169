"""``pytest --holdfast holdfast.yaml``: every threshold of the policy is a test, and so is every finding without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from holdfast.core.decision import Verdict
    from holdfast.core.finding import Finding

SKIPPED = {"not_applicable", "waived"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("holdfast")
    group.addoption(
        "--holdfast", metavar="CONFIG", help="audit what this holdfast.yaml describes; each finding is a test"
    )
    group.addoption("--holdfast-out", metavar="DIR", help="folder for the report and the evidence")


def pytest_collection(session: pytest.Session) -> None:
    """Collect the configuration beside whatever else was asked for."""
    config = session.config.getoption("--holdfast")
    if config:
        session.config.args = [*_explicit(session.config), config]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the one file that the option names."""
    config = parent.config.getoption("--holdfast")
    if config and file_path == Path(config).resolve():
        return AuditFile.from_parent(parent, path=file_path)
    return None


class AuditFile(pytest.File):
    """The configuration as a collection of tests."""

    def collect(self) -> Iterator[pytest.Item]:
        """Run the audit once and yield one item per verdict, and per finding that no threshold is about."""
        from holdfast.auditing.api import audit
        from holdfast.core.errors import HoldfastError

        try:
            self.result = audit(config=self.path, out=self.config.getoption("--holdfast-out"))
        except HoldfastError as error:
            raise self.CollectError(str(error)) from None
        judged = set()
        for verdict in self.result.decision.verdicts:
            judged.add(verdict.check)
            yield VerdictItem.from_parent(self, name=verdict.measurement, verdict=verdict)
        for finding in self.result.findings:
            if finding.check not in judged:
                yield FindingItem.from_parent(self, name=finding.check, finding=finding)


class AuditFailure(Exception):
    """A threshold that does not hold, or a check that could not run."""


class _Item(pytest.Item):
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, AuditFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


class VerdictItem(_Item):
    """One threshold."""

    def __init__(self, *, verdict: Verdict, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.verdict = verdict

    def runtest(self) -> None:
        """Pass, skip or fail as the verdict says; what could not be told fails only where the policy requires it."""
        verdict = self.verdict
        text = f"{verdict.measurement}: {verdict.verdict.replace('_', ' ')}; {verdict.reason}"
        if verdict.verdict in SKIPPED:
            pytest.skip(text)
        if verdict.verdict in {"inconclusive", "could_not_evaluate"} and not verdict.required:
            pytest.skip(text)
        if verdict.verdict not in {"pass", "not_broken"}:
            raise AuditFailure(f"{text} ({verdict.because})")


class FindingItem(_Item):
    """One finding that no threshold is about."""

    def __init__(self, *, finding: Finding, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.finding = finding

    def runtest(self) -> None:
        """Fail when the check itself failed; a number without a threshold passes."""
        finding = self.finding
        text = f"{finding.check}: {finding.reason}; needed: {finding.needed}"
        if finding.state == "error":
            raise AuditFailure(text)
        if finding.state != "measured":
            pytest.skip(text)


def _explicit(config: pytest.Config) -> list[str]:
    """Return the paths the user named; without any, only the audit is collected."""
    return [] if config.args_source is not pytest.Config.ArgsSource.ARGS else list(config.args)
