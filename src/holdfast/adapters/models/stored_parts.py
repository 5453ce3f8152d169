"""The fitted parts of a scikit-learn model, each with what it is given of a table."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

# Where estimators keep the fitted estimators they are made of.
ENSEMBLES = ("estimators_", "calibrated_classifiers_")
SINGLES = ("best_estimator_", "base_estimator_", "regressor_", "classifier_", "estimator_", "estimator")


class Part(NamedTuple):
    """A fitted estimator, and the inputs it is given; ``None`` where these are not known."""

    estimator: Any
    given: Any


def parts_of(estimator: Any, given: Any) -> Iterator[Part]:
    """Walk through pipelines, column transformers and ensembles; the data flows along."""
    if hasattr(estimator, "steps"):
        yield from _steps(estimator.steps, given)
    elif hasattr(estimator, "transformers_"):
        for _, transformer, chosen in estimator.transformers_:
            if _is_fitted_part(transformer):
                yield from parts_of(transformer, _chosen(given, chosen))
    elif hasattr(estimator, "transformer_list"):
        for _, transformer in estimator.transformer_list:
            if _is_fitted_part(transformer):
                yield from parts_of(transformer, given)
    else:
        yield Part(estimator, given)
        yield from _inside(estimator, given)


def _steps(steps: Iterable[tuple[str, Any]], given: Any) -> Iterator[Part]:
    for _, step in steps:
        if _is_fitted_part(step):
            yield from parts_of(step, given)
            given = transformed(step, given)


def _inside(estimator: Any, given: Any) -> Iterator[Part]:
    found = [member for name in ENSEMBLES for member in np.ravel(np.array(getattr(estimator, name, ()), dtype=object))]
    if not found:
        found = [vars(estimator)[name] for name in SINGLES if name in getattr(estimator, "__dict__", {})][:1]
    choices = getattr(estimator, "estimators_features_", [None] * len(found))
    for member, chosen in zip(found, choices, strict=False):
        if _is_fitted_part(member):
            yield from parts_of(member, given if chosen is None else _chosen(given, chosen))


def transformed(step: Any, given: Any) -> Any:
    """Apply one step; ``None`` where it cannot be applied."""
    if given is None or not hasattr(step, "transform"):
        return None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return step.transform(given)
        except Exception:  # a part that cannot be followed is shown without comparison
            return None


def _is_fitted_part(part: Any) -> bool:
    return part is not None and not isinstance(part, str)


def _chosen(given: Any, columns: Any) -> Any:
    """Take the columns that a part is given, as a column transformer states them."""
    if given is None or callable(columns):
        return None
    by_name = isinstance(columns, str) or (np.ndim(columns) == 1 and np.asarray(columns).dtype.kind in "OUT")
    if not hasattr(given, "columns"):
        return None if by_name else given[:, columns]
    if by_name or not hasattr(given, "iloc"):
        return given[columns]
    return given.iloc[:, columns]
