from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.kernels.scan.allow_list import AllowList, shipped_allow_list
from holdfast.kernels.scan.observation import Budget, Place, Walked
from holdfast.kernels.scan.worklist import Limits, Scan, scan_bytes

DATA = Path(__file__).parent / "data"
ScanFile = Callable[..., Scan]


@pytest.fixture(scope="session")
def sample() -> Callable[[str], bytes]:
    """Read a file of ``data``."""
    return lambda name: (DATA / name).read_bytes()


@pytest.fixture(scope="session")
def scan_file() -> ScanFile:
    """Scan bytes with the shipped rules and no limit on time."""

    def scan(data: bytes, *, limits: Limits | None = None, allow: AllowList | None = None) -> Scan:
        return scan_bytes(
            memoryview(data),
            name="file",
            limits=limits or Limits(),
            allow=allow or shipped_allow_list(),
            expired=lambda: False,
        )

    return scan


@pytest.fixture(scope="session")
def walk() -> Callable[..., Walked]:
    """Call a walker on bytes with a budget that ordinary files do not exhaust."""

    def call(walker: Callable[..., Walked], data: bytes, **options: object) -> Walked:
        budget = Budget(64 << 20, 1_000_000, 10_000, lambda: False)
        return walker(memoryview(data), Place(("file",), 0, len(data)), budget, **options)

    return call


@pytest.fixture(scope="session")
def rules() -> Callable[[Scan | Walked], set[str]]:
    """Name the rules of what was observed, as ``kind rule``."""
    return lambda result: {f"{one.kind} {one.rule}" for one in result.observations}
