import lightgbm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

X = np.random.default_rng(0).normal(size=(300, 3))


def model(**parameters: object) -> bytes:
    data = lightgbm.Dataset(X, X[:, 0] > 0)
    return lightgbm.train({"verbose": -1, "objective": "binary", **parameters}, data, 3).model_to_string().encode()


MODEL = model()


@pytest.mark.parametrize(
    "parameters",
    [{}, {"boosting": "dart"}, {"linear_tree": True}, {"objective": "regression"}, {"monotone_constraints": [1, 0, 0]}],
)
def test_model_of_the_library_passes(scan_file, parameters) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(model(**parameters))
    assert (result.verdict, result.format) == ("pass", "lightgbm")


def test_model_with_categories_of_pandas_passes(scan_file) -> None:  # type: ignore[no-untyped-def]
    frame = pd.DataFrame({"a": X[:, 0], "b": pd.Categorical(["x", "y", "z"] * 100)})
    booster = lightgbm.train({"verbose": -1}, lightgbm.Dataset(frame, X[:, 0]), 3)
    assert scan_file(booster.model_to_string().encode()).verdict == "pass"


def test_line_that_the_library_does_not_write_is_malformed(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert "malformed lightgbm.line" in rules(scan_file(MODEL + b"import os; os.system('ls')\n"))


def test_truncated_model_is_malformed(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert "malformed lightgbm.end" in rules(scan_file(MODEL[:600]))


def test_missing_tree_is_malformed(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert "malformed lightgbm.trees" in rules(scan_file(MODEL.replace(b"Tree=1\n", b"Trex=1\n")))


@settings(max_examples=50)
@given(st.data())
def test_any_damage_is_walked(scan_file, draw) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(MODEL)
    for _ in range(draw.draw(st.integers(1, 5))):
        data[draw.draw(st.integers(30, len(data) - 1))] = draw.draw(st.integers(0, 255))
    scan_file(bytes(data))
