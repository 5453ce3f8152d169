"""How functions are compiled: kept on disk, and without counting references to arrays.

Compiled code on disk belongs to the source file of its function; that a function it calls has changed in another file
goes unnoticed. So the name under which a function is kept holds a digest of all it is made of.
"""

from __future__ import annotations

import builtins
import dis
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


# How compiled functions are called from Python: for functions with many arrays a fifth of all that is compiled.
WITHOUT_PYTHON = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: Function) -> Function:
    """Compile a function that allocates no arrays and that only compiled functions call.

    Handing on tuples of arrays would otherwise spend most of the time on counting references to them.
    """
    return _compile(function, **WITHOUT_PYTHON)


def entrance(function: Function) -> Function:
    """Compile a function that allocates no arrays and that Python calls."""
    return _compile(function)


def inlined(function: Function) -> Function:
    """Compile a function into those that call it."""
    return _compile(function, forceinline=True, **WITHOUT_PYTHON)


def _compile(function: Function, **options: bool) -> Function:
    name_by_content(function)
    # Without the runtime that counts references arrays can be read and written, not made.
    every: dict[str, bool] = {"nogil": True, "_nrt": False, **options}
    decorate: Callable[..., Any] = njit
    try:
        return cast(Function, decorate(cache=True, **every)(function))
    except RuntimeError:  # no folder for compiled code can be written: it is compiled once per process
        return cast(Function, decorate(**every)(function))


def name_by_content(function: Callable[..., Any]) -> None:
    """Put a digest of a function's code, and of all compiled functions it calls, into its name."""
    parts: list[object] = [function.__code__.co_code, function.__code__.co_consts]
    for name in (step.argval for step in dis.get_instructions(function) if step.opname == "LOAD_GLOBAL"):
        if name not in function.__globals__ and not hasattr(builtins, name):
            raise NameError(
                f"expected {name!r} to be defined before {function.__name__!r}, which calls it, got it after"
            )
        used: Any = function.__globals__.get(name)
        parts.append(used.py_func.__qualname__ if hasattr(used, "py_func") else used)
    function.__qualname__ += "_" + hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
