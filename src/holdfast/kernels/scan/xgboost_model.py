"""Walk XGBoost models in UBJSON, and check the structure that both of its forms share."""

from __future__ import annotations

from typing import Any

from holdfast.kernels.formats.ubjson import Reader, UbjError
from holdfast.kernels.scan.observation import Budget, Kind, Place, Walked
from holdfast.kernels.scan.record import Record

MOST_VALUES = 400_000
BOOSTERS = frozenset({"gbtree", "gblinear", "dart"})


def walk_ubj(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk a UBJSON document."""
    record, reader = Record(place), Reader(data, min(MOST_VALUES, budget.opcodes))
    try:
        value = reader.value()
    except UbjError as error:
        kind: Kind = "not_examined" if reader.values_left < 0 else "malformed"
        record.add(kind, "ubj.structure", f"this UBJSON was not read: {error}", start=reader.position)
        return record.walked("ubj")
    except RecursionError:
        record.add("not_examined", "ubj.structure", "this UBJSON nests too deeply to be read")
        return record.walked("ubj")
    record.cover(0, reader.position)
    if reader.duplicate_keys:
        message = "an object holds a key twice: readers differ in which value they take"
        record.add("suspicious", "ubj.duplicate-key", message)
    if isinstance(value, dict) and "learner" in value:
        check_xgboost(record, value)
        return record.walked("xgboost")
    record.add("not_examined", "ubj.content", "this is UBJSON, but no XGBoost model")
    return record.walked("ubj")


def check_xgboost(record: Record, value: dict[str, Any]) -> None:
    """Check that a document is a model: version, learner, and a booster that XGBoost has."""
    learner = value.get("learner")
    booster = learner.get("gradient_booster") if isinstance(learner, dict) else None
    name = booster.get("name") if isinstance(booster, dict) else None
    if "version" not in value or not isinstance(learner, dict) or not isinstance(booster, dict):
        message = "the document is not built like an XGBoost model"
        record.add("malformed", "xgboost.structure", message)
    elif name not in BOOSTERS:
        message = "a booster that no known version of XGBoost has"
        record.add("not_examined", "xgboost.booster", message, detail=str(name))
