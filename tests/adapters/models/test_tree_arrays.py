from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from holdfast.adapters.models import wire
from holdfast.adapters.models.limits import Limits
from holdfast.adapters.models.opening import open_model, wrap_model
from holdfast.adapters.models.tree_arrays import assembled, checked, from_message, to_message
from holdfast.core.errors import ModelError, NotRun
from holdfast.core.subject import Model, RawTrees
from tests.tree_rows import assert_composes


def stump(**changes: object) -> RawTrees:
    """One split on a number, whose left child is a split on codes."""
    fields = {
        "column": np.array([0, 1, -1, -1, -1], dtype=np.int32),
        "threshold": np.array([0.5, 0.0, 0.0, 0.0, 0.0]),
        "levels": np.array([-1, 0, -1, -1, -1], dtype=np.int32),
        "missing_left": np.array([True, False, False, False, False]),
        "left": np.array([1, 3, -1, -1, -1], dtype=np.int32),
        "right": np.array([2, 4, -1, -1, -1], dtype=np.int32),
        "value": np.arange(5.0)[:, None],
        "roots": np.array([0], dtype=np.int32),
        "base": np.zeros(1),
        "level_sets": np.array([[True, False]]),
        "n_columns": 2,
        "link": "sigmoid",
    }
    return RawTrees(**(fields | changes))  # type: ignore[arg-type]


def assert_equal(first: RawTrees, second: RawTrees) -> None:
    for name in RawTrees.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_a_threshold_may_be_infinite() -> None:
    assert checked(replace(stump(), threshold=np.array([np.inf, 0, 0, 0, 0]))).threshold[0] == np.inf


def test_trees_survive_the_message() -> None:
    assert_equal(from_message(*to_message(stump())), stump())


def changed(name: str, place: tuple[int, ...], value: float) -> dict[str, np.ndarray]:
    array = getattr(stump(), name).copy()
    array[place] = value
    return {name: array}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (changed("left", (1,), 0), "children"),
        (changed("left", (0,), 0), "children"),
        (changed("right", (0,), 5), "children"),
        (changed("right", (0,), -1), "children"),
        (changed("left", (4,), 2), "children"),
        (changed("column", (0,), 2), "columns"),
        (changed("column", (0,), -5), "columns"),
        ({"n_columns": 0}, "columns"),
        (changed("levels", (1,), 1), "level sets"),
        ({"level_sets": np.zeros((1, 0), dtype=bool)}, "level sets"),
        (changed("threshold", (0,), np.nan), "thresholds"),
        (changed("value", (2, 0), np.inf), "values"),
        (changed("base", (0,), np.nan), "values"),
        ({"roots": np.array([5], dtype=np.int32)}, "roots"),
        ({"roots": np.array([-1], dtype=np.int32)}, "roots"),
        ({"roots": np.zeros(0, dtype=np.int32)}, "roots"),
        ({"threshold": np.zeros(4)}, "lengths"),
        ({"base": np.zeros(2)}, "lengths"),
        ({"base": np.zeros(2), "value": np.zeros((5, 2))}, "link"),
        ({"link": "softmax"}, "link"),
    ],
    ids=str,
)
def test_arrays_that_are_no_trees_are_refused(changes: dict, what: str) -> None:
    with pytest.raises(ModelError, match=what):
        checked(stump(**changes))


@pytest.mark.parametrize(
    "header",
    [{"link": "eval", "n_columns": 2}, {"link": "sigmoid", "n_columns": True}, {"link": [], "n_columns": 2}, {}],
)
def test_a_header_with_other_words_is_refused(header: dict) -> None:
    with pytest.raises(ModelError, match="sent trees with the link"):
        from_message(header, to_message(stump())[1])


@given(st.data())
def test_messages_with_changed_bytes_are_trees_or_refused(data: st.DataObject) -> None:
    header, parts = to_message(stump())
    part = data.draw(st.integers(0, len(parts) - 1))
    body = bytearray(parts[part])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    parts[part] = bytes(body)
    try:
        read = from_message(header, parts)
    except ModelError:
        return
    inner = read.column >= 0
    assert (read.left[inner] > np.flatnonzero(inner)).all()
    assert (read.right < read.column.size).all()


@pytest.mark.parametrize("drop", range(7))
def test_messages_with_missing_parts_are_refused(drop: int) -> None:
    header, parts = to_message(stump())
    with pytest.raises(ModelError, match="expected the seven arrays"):
        from_message(header, parts[:drop] + parts[drop + 1 :])


def test_numbers_of_another_width_are_refused() -> None:
    header, parts = to_message(stump())
    with pytest.raises(ModelError, match="expected the seven arrays"):
        from_message(header, [wire.encode_array(stump().column.astype(np.int64)[:, None]), *parts[1:]])


def test_nodes_are_put_behind_their_parents() -> None:
    order = np.array([3, 0, 4, 1, 2])
    back = np.argsort(order).astype(np.int32)
    given = stump()
    mixed = {name: getattr(given, name)[order] for name in ("column", "threshold", "levels", "missing_left", "value")}
    children = {
        side: np.where(getattr(given, side) < 0, -1, back[getattr(given, side)])[order] for side in ("left", "right")
    }
    made = checked(assembled(stump(**mixed, **children, roots=back[[0]])))
    assert made.column.tolist() == [0, 1, -1, -1, -1]
    assert made.value[2:, 0].tolist() == [2.0, 3.0, 4.0]


@pytest.mark.parametrize("changes", [changed("right", (1,), 2), changed("left", (1,), 0), changed("left", (1,), 9)])
def test_nodes_that_form_no_trees_are_refused(changes: dict) -> None:
    with pytest.raises(NotRun, match="model"):
        assembled(stump(**changes))


@pytest.fixture(scope="module")
def forest(numbers: pl.DataFrame, is_positive: np.ndarray) -> bytes:
    fitted = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0))
    return pickle.dumps(fitted.fit(numbers.to_pandas(), is_positive))


@pytest.fixture(scope="module")
def confined(forest: bytes) -> Iterator[Model]:
    limits = Limits(threads=1)
    model = open_model(forest, name="model.pkl", digest="sha256:0", trust_pickle=True, limits=limits)
    yield model
    model.close()


def test_trees_and_features_come_from_the_confined_process(confined: Model, numbers: pl.DataFrame) -> None:
    assert_composes(confined, numbers)


def test_features_are_computed_in_batches(confined: Model, numbers: pl.DataFrame, monkeypatch) -> None:
    whole = confined.features(numbers)
    monkeypatch.setattr("holdfast.adapters.models.tree_arrays.MOST_CELLS", 60)
    np.testing.assert_array_equal(confined.features(numbers), whole)


def test_no_rows_have_no_features(confined: Model, numbers: pl.DataFrame) -> None:
    assert confined.features(numbers.clear()).shape == (0, 3)


def test_a_model_without_trees_says_so(numbers: pl.DataFrame, is_positive: np.ndarray) -> None:
    model = wrap_model(LogisticRegression().fit(numbers.to_pandas(), is_positive))
    with pytest.raises(NotRun, match="this sklearn model is no ensemble of decision trees"):
        model.features(numbers)


HOSTILE = """
import dataclasses
from holdfast.adapters.models import tree_arrays, trees_sklearn
message, features = tree_arrays.to_message, trees_sklearn.features
def endless(trees):
    left = trees.left.copy()
    left[left >= 0] = 0
    trees_sklearn.features = lambda *given: features(*given)[:, :2]
    tree_arrays.to_message = message
    return message(dataclasses.replace(trees, left=left))
tree_arrays.to_message = endless
"""


class _First:
    """Runs code when it is unpickled, then is the object behind it."""

    def __init__(self, code: str, behind: bytes) -> None:
        self.code, self.behind = code, behind

    def __reduce__(self):
        return eval, (f"(exec({self.code!r}, {{}}), __import__('pickle').loads({self.behind!r}))[1]",)


def test_what_a_hostile_process_sends_is_refused(opened, forest: bytes, numbers: pl.DataFrame) -> None:
    model = opened(pickle.dumps(_First(HOSTILE, forest)), "model.pkl", trust_pickle=True)
    with pytest.raises(ModelError, match="their children are out of bounds"):
        model.trees()
    with pytest.raises(ModelError, match="expected features of shape"):
        model.features(numbers)
