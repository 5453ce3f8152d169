"""The parts of scikit-learn that users name or that fitted models hold: losses, distances, kernels, splits, scorers."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from allow_list_data import attempts


def part_objects(X: Any, y: Any) -> Iterator[tuple[str, Any]]:
    """Every class of the modules that hold such parts, made with whatever arguments it takes."""
    from sklearn import metrics, model_selection
    from sklearn.gaussian_process import kernels
    from sklearn.utils import Bunch

    yield "bunch", Bunch(data=np.eye(2), names=["a", "b"])
    for name in metrics.get_scorer_names():
        yield from attempts({f"scorer {name}": partial(metrics.get_scorer, name)})
    splits = [kind for kind in vars(model_selection).values() if inspect.isclass(kind) and hasattr(kind, "split")]
    yield from _made("split", splits, [(), (2,), (y,)], [{}, {"random_state": 0}])
    base = kernels.RBF()
    kinds = [kind for kind in _classes("sklearn.gaussian_process.kernels") if issubclass(kind, kernels.Kernel)]
    joined = [kind for kind in kinds if {"k1", "kernel", "kernels"} & inspect.signature(kind).parameters.keys()]
    yield from _made("kernel", kinds, [()], [{}])
    yield from _made("kernel", joined, [(base,), (base, base), (base, 2.0), ([base],)], [{}])
    numbers: dict[str, Any] = {"quantile": 0.3, "power": 1.7, "n_classes": 3, "delta": 1.5}
    for module in ("sklearn._loss.loss", "sklearn._loss.link", "sklearn._loss._loss", "_loss"):
        given = [{}, {"power": 0.0}, *({name: value} for name, value in numbers.items())]
        yield from _made("loss", _classes(module), [(), (0.5,)], given)
    yield from distances(X[:, :2])


def distances(X: Any) -> Iterator[tuple[str, Any]]:
    """Every distance in both precisions, alone and in both trees; one that has no name is made as a class."""
    from sklearn.metrics import DistanceMetric
    from sklearn.neighbors import BallTree, KDTree

    names = {name for kind in (BallTree, KDTree) for name in _names(kind.valid_metrics)}
    given: list[dict[str, Any]] = [{}, {"p": 3}, {"p": 3, "w": np.ones(2)}, {"V": np.ones(2)}, {"VI": np.eye(2)}]
    for name in sorted({*names, "haversine", "mahalanobis", "seuclidean", "minkowski"}):
        for options in given:
            for dtype in (np.float64, np.float32):
                yield from attempts(
                    {
                        f"distance {name} {list(options)} {dtype.__name__}": partial(
                            DistanceMetric.get_metric, name, dtype, **options
                        )
                    }
                )
            for tree in (BallTree, KDTree):
                label = f"{tree.__name__} {name} {list(options)}"
                yield from attempts({label: partial(tree, X, metric=name, **options)})
    kinds = _classes("sklearn.metrics._dist_metrics")
    yield from _made("distance", kinds, [(), (3,), (np.ones(2),)], [{}, {"V": np.eye(2)}])


def _names(metrics: Any) -> list[str]:
    return list(metrics() if callable(metrics) else metrics)


def _classes(module: str) -> list[Any]:
    with contextlib.suppress(ImportError):
        kinds = filter(inspect.isclass, vars(importlib.import_module(module)).values())
        return [kind for kind in kinds if kind.__module__.startswith(("sklearn", "_loss"))]
    return []


def _made(
    what: str, kinds: list[Any], given: list[tuple[Any, ...]], named: list[dict[str, Any]]
) -> Iterator[tuple[str, Any]]:
    for kind in kinds:
        for arguments in given:
            for options in named:
                label = f"{what} {kind.__name__} with {len(arguments)}, {list(options)}"
                yield from attempts({label: partial(kind, *arguments, **options)})
