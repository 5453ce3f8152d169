from __future__ import annotations

from types import FunctionType

import pytest

from holdfast.kernels.compiled_numba import compiled, entrance, name_by_content


def functions(constant: int) -> tuple[FunctionType, FunctionType]:
    scope: dict[str, FunctionType] = {}
    exec(f"def inner():\n    return {constant}\n\ndef outer():\n    return inner()\n", scope)
    return scope["inner"], scope["outer"]


def test_the_name_on_disk_changes_with_a_function_called() -> None:
    names = []
    for constant in (1, 1, 2):
        inner, outer = functions(constant)
        name_by_content(inner)
        inner.py_func = inner  # type: ignore[attr-defined]
        name_by_content(outer)
        names.append(outer.__qualname__)
    assert names[0] == names[1] != names[2]


def test_a_function_defined_after_its_caller_is_refused() -> None:
    _, outer = functions(1)
    del outer.__globals__["inner"]
    with pytest.raises(NameError, match="'inner' to be defined before 'outer'"):
        compiled(outer)


def test_a_function_that_cannot_be_kept_on_disk_is_compiled_all_the_same() -> None:
    inner, _ = functions(7)  # no file to keep it beside
    assert entrance(inner)() == 7
