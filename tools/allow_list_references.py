"""The functions and types that people put into models as values, by the names a pickle has for them."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import types
from collections.abc import Iterator
from typing import Any

PLAIN_FUNCTIONS = ("vstack", "hstack", "column_stack", "concatenate", "stack", "where", "reshape", "ravel", "dot",
                   "mean", "quantile", "percentile", "nanquantile", "digitize", "interp", "full_like", "zeros_like",
                   "ones_like", "array", "asarray", "flip", "roll", "sort", "argsort", "searchsorted")  # fmt: skip
PANDAS_FUNCTIONS = ("to_numeric", "to_datetime", "to_timedelta", "get_dummies", "cut", "qcut", "factorize", "isna",
                    "notna", "concat", "unique")  # fmt: skip


def references() -> Iterator[tuple[str, str]]:
    """Yield plain numeric functions and types that people put into models as values."""
    import numpy as np

    for name, value in vars(np).items():
        if isinstance(value, np.ufunc) or (isinstance(value, type) and issubclass(value, np.generic)):
            yield "numpy", value.__name__
            for core in ("core", "_core"):
                yield f"numpy.{core}._multiarray_umath", value.__name__
            yield "numpy", name
    yield from (("numpy", name) for name in PLAIN_FUNCTIONS if hasattr(np, name))
    yield from estimator_classes()
    for name in PANDAS_FUNCTIONS:
        with contextlib.suppress(ImportError, AttributeError):
            value = getattr(importlib.import_module("pandas"), name)
            yield value.__module__, value.__qualname__
    yield from functions_of("scipy.spatial.distance", "scipy.spatial.distance")
    for module in ("sklearn.metrics", "sklearn.feature_selection", "sklearn.metrics.pairwise"):
        yield from functions_of(module, "sklearn.metrics", "sklearn.feature_selection")
    yield from scipy_functions()
    if importlib.util.find_spec("torch"):
        torch: Any = importlib.import_module("torch")
        yield from functions_of("torch.nn.functional", "torch.nn.functional")
        yield from (("torch", name) for name in ("relu", "sigmoid", "tanh", "selu", "celu"))
        yield from (
            ("torch._C._nn", name) for name in ("gelu", "silu", "mish", "elu_", "hardtanh", "leaky_relu", "softplus")
        )
        yield from (("torch.storage", name) for name in ("UntypedStorage", "TypedStorage"))
        for name, value in vars(torch).items():
            is_type = isinstance(value, type) and name.endswith(("Storage", "Tensor"))
            if is_type or isinstance(value, torch.dtype | torch.qscheme):
                yield "torch", name


def estimator_classes() -> Iterator[tuple[str, str]]:
    """Yield the classes of estimators, which people keep beside a model to say what it is."""
    with contextlib.suppress(ImportError):
        from sklearn.utils import all_estimators

        yield from ((kind.__module__, kind.__qualname__) for _, kind in all_estimators())


def scipy_functions() -> Iterator[tuple[str, str]]:
    """Yield the functions that compute numbers item by item, under each module that a pickle may name for them."""
    import numpy as np

    for module in ("scipy.special", "scipy.special._ufuncs", "scipy.special._special_ufuncs"):
        with contextlib.suppress(ImportError):
            found = vars(importlib.import_module(module)).items()
            yield from ((module, name) for name, value in found if isinstance(value, np.ufunc))


def functions_of(module: str, *prefixes: str) -> Iterator[tuple[str, str]]:
    """Yield the functions that a module offers and that were written in one of some packages."""
    with contextlib.suppress(ImportError):
        for value in vars(importlib.import_module(module)).values():
            is_public = isinstance(value, types.FunctionType) and not value.__name__.startswith("_")
            if is_public and value.__module__.startswith(prefixes):
                yield value.__module__, value.__qualname__
