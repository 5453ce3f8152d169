"""Evaluate and protect machine-learning deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.core.version import __version__

if TYPE_CHECKING:
    from holdfast.auditing.api import Result as Result
    from holdfast.auditing.api import audit as audit
    from holdfast.auditing.api import load as load
    from holdfast.auditing.scanning import scan as scan

__all__ = ["Result", "__version__", "audit", "load", "scan"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: `import holdfast` must cost little, in scripts that only want the version or one function.
    if name in {"Result", "audit", "load"}:
        from holdfast.auditing import api

        return getattr(api, name)
    if name == "scan":
        from holdfast.auditing.scanning import scan

        return scan
    raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
