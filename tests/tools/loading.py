"""Load a script of ``tools/`` as a module; the folder is no package."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def load_tool(name: str) -> ModuleType:
    """Return ``tools/<name>.py``, loaded once."""
    module_name = f"holdfast_tools_{name}"
    if module_name not in sys.modules:
        spec = spec_from_file_location(module_name, ROOT / "tools" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
    return sys.modules[module_name]
