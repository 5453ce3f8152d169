"""Small real models, and pickles that do what they are told when they are loaded or asked."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.limits import Limits
from holdfast.adapters.models.opening import open_model
from holdfast.core.subject import Model


class _Evaluated:
    """Becomes, when unpickled, the value of an expression: code execution as a hostile pickle has it."""

    def __init__(self, expression: str) -> None:
        self.expression = expression

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, (self.expression,)


def pickled(expression: str) -> bytes:
    return pickle.dumps(_Evaluated(expression))


def estimator(predict: str, *, first: str = "pass") -> bytes:
    """A pickle that runs ``first`` and then is an estimator whose ``predict`` is an expression of ``X``."""
    methods = f"{{'predict': lambda self, X: {predict}, 'classes_': [0, 1]}}"
    return pickled(f"(exec({first!r}), type('Estimator', (), {methods})())[1]")


@pytest.fixture(scope="session")
def make_estimator() -> Callable[..., bytes]:
    return estimator


@pytest.fixture(scope="session")
def make_pickle() -> Callable[[str], bytes]:
    return pickled


@pytest.fixture
def opened() -> Iterator[Callable[..., Model]]:
    """Open models that are closed when the test ends."""
    models: list[Model] = []

    def opener(data: bytes, name: str, *, limits: Limits | None = None, **trust: Any) -> Model:
        model = open_model(data, name=name, digest="sha256:0", limits=limits or Limits(threads=1), **trust)
        models.append(model)
        return model

    yield opener
    for model in models:
        model.close()


@pytest.fixture(scope="session")
def numbers() -> pl.DataFrame:
    """Three numeric columns, 200 rows."""
    X = np.random.default_rng(7).normal(size=(200, 3))
    return pl.DataFrame({name: X[:, i] for i, name in enumerate("abc")})


@pytest.fixture(scope="session")
def mixed() -> pl.DataFrame:
    """A text column with missing cells, whole numbers, and decimals with missing cells."""
    rng = np.random.default_rng(8)
    job = rng.choice(["cook", "clerk", "pilot"], 200).astype(object)
    job[::17] = None
    pay = rng.normal(100, 20, 200).round(2).tolist()
    pay[5] = None
    return pl.DataFrame({"job": job.tolist(), "age": rng.integers(18, 80, 200), "pay": pay})


@pytest.fixture(scope="session")
def is_positive(numbers: pl.DataFrame) -> np.ndarray:
    return (numbers["a"] + numbers["b"] > 0).to_numpy()


@pytest.fixture(scope="session")
def is_old(mixed: pl.DataFrame) -> np.ndarray:
    return (mixed["age"] > 50).to_numpy()
