"""Which adapter an object in memory gets; frameworks are recognised by their loaded modules, never imported for it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from holdfast.adapters.models.adapter import Adapter
from holdfast.core.errors import InputError
from holdfast.core.network import NetworkSettings

PLAIN = NetworkSettings()
SUPPORTED = (
    "a scikit-learn estimator or pipeline, a LightGBM or XGBoost booster or estimator, "
    "an onnxruntime InferenceSession, a PyTorch module, or a callable from a table to scores or labels"
)


def adapter_for(
    loaded: Any,
    *,
    notes: Iterable[str] = (),
    format: str = "sklearn",
    network: NetworkSettings = PLAIN,
    row_shape: tuple[int, ...] = (),
) -> Adapter:
    """Wrap an object of the user's; ``network`` and ``row_shape`` say what a PyTorch module does not.

    Raises
    ------
    InputError
        When it is none of the kinds that are supported.
    """
    from holdfast.adapters.models import callable as callables
    from holdfast.adapters.models import lightgbm, onnx, sklearn, xgboost

    if _is(loaded, "onnxruntime", "InferenceSession"):
        return onnx.wrap(loaded)
    if _is(loaded, "torch.nn", "Module"):
        from holdfast.adapters.models import torch

        return torch.of_module(loaded, network, row_shape=row_shape)
    if _is(loaded, "lightgbm", "Booster"):
        return lightgbm.LightgbmModel(loaded)
    if _is(loaded, "xgboost", "Booster"):
        return xgboost.XgboostModel(loaded)
    if isinstance(loaded, type):
        raise InputError(
            f"expected a fitted model, got the class {loaded.__qualname__}", hint="fit it, then give the object"
        )
    if callable(getattr(loaded, "predict", None)):
        special = _with_categories(loaded)
        return special or sklearn.SklearnModel(loaded, notes=tuple(notes), format=format)
    if callable(loaded):
        return callables.CallableModel(loaded)
    raise InputError(
        f"expected {SUPPORTED}, got {type(loaded).__module__}.{type(loaded).__qualname__}",
        hint="save or give the estimator itself, not a dictionary or list around it",
    )


def _with_categories(loaded: Any) -> Adapter | None:
    """Ask boosting estimators with category columns through their booster: it knows the coding of the categories."""
    from holdfast.adapters.models import answers, lightgbm, xgboost

    if _is(loaded, "lightgbm", "LGBMModel") and hasattr(loaded, "booster_") and loaded.booster_.pandas_categorical:
        classes = answers.plain_classes(getattr(loaded, "classes_", ()))
        return lightgbm.LightgbmModel(loaded.booster_, classes=classes, estimator=loaded)
    if _is(loaded, "xgboost", "XGBModel") and "c" in (loaded.get_booster().feature_types or ()):
        classes = answers.plain_classes(getattr(loaded, "classes_", ()))
        return xgboost.XgboostModel(loaded.get_booster(), classes=classes, estimator=loaded)
    return None


def _is(loaded: object, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(loaded, kind)
