import collections
import copyreg
import functools
import pathlib
import pickle
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import Delaunay
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression
from sklearn.metrics._scorer import _Scorer
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import Bunch
from sklearn.utils.validation import check_array

from holdfast.kernels.scan.worklist import Scan
from tests.kernels.scan.conftest import ScanFile
from tests.kernels.scan.gadgets import PROTO, RIDGE, made, name, text

Rules = Callable[[Scan], set[str]]
ATTRIBUTE = "unknown pickle.attribute"
TABLE = pd.DataFrame({"a": [1]})


class Made:
    """Saved as an instance of a class with a state, whatever the class saves itself."""

    def __init__(self, kind: type, state: Any) -> None:
        self.saved = copyreg._reconstructor, (kind, object, None), state  # type: ignore[attr-defined]

    def __reduce__(self) -> Any:
        return self.saved


def stacked(estimators: Any, methods: Any) -> Made:
    state = {"estimators": [("a", LogisticRegression())], "estimators_": estimators, "stack_method_": methods}
    return Made(StackingClassifier, state)


def objects(*items: object) -> np.ndarray:
    array = np.empty(len(items), object)
    array[:] = items
    return array


BYPASSES = {
    "table as an estimator": stacked([TABLE], ["predict"]),
    "table in a long tuple": stacked((*[LogisticRegression()] * 20, TABLE), ["predict"]),
    "table in an array": stacked(objects(TABLE, LogisticRegression()), ["predict"]),
    "table in a bunch": Made(VotingClassifier, {"estimators_": Bunch(a=TABLE)}),
    "table inside of tuples": Made(Pipeline, {"steps": [("a", (("b", TABLE),))]}),
    "table in a chain of dicts": Made(VotingClassifier, {"estimators_": collections.ChainMap({"a": TABLE})}),
    "path in an index": Made(VotingClassifier, {"estimators_": pd.Index(objects(pathlib.Path("x")))}),
    "path as a key": Made(VotingClassifier, {"estimators_": {pathlib.Path("x"): 1}}),
    "path as an estimator": Made(FrozenEstimator, {"estimator": pathlib.Path("x")}),
    "array as an estimator, with a method": stacked([np.arange(3)], ["dump"]),
    "method in an array": stacked([LogisticRegression()], objects("eval")),
    "method of a scorer": Made(_Scorer, {"_score_func": np.equal, "_response_method": "eval", "_kwargs": {}}),
    "method that is a tuple": Made(_Scorer, {"_score_func": np.equal, "_response_method": ("predict", "eval")}),
    "method of a chain": Made(ClassifierChain, {"estimators_": [LogisticRegression()], "chain_method_": "fit"}),
    "function that picks an item": FunctionTransformer(np.max),
    "function that picks an item, with arguments": FunctionTransformer(functools.partial(np.take, indices=0)),
    "texts that name files": Made(TfidfVectorizer, {"input": "filename"}),
    "function in the place of a method": Made(Delaunay, {"close": np.equal}),
    "function under another name": Made(LogisticRegression, {"sqrt": np.equal}),
    "estimator among arguments": Made(_Scorer, {"_score_func": np.equal, "_kwargs": {"dtype": LogisticRegression()}}),
    "table among arguments": FunctionTransformer(np.sum, kw_args={"initial": TABLE}),
    "kernel as a zone": Made(pd.DatetimeTZDtype, {"tz": RBF(), "unit": "ns"}),
    "function in a namespace": types.SimpleNamespace(astype=np.equal),
    "estimator in a namespace": types.SimpleNamespace(astype=LogisticRegression()),
    "partial of a namespace": functools.partial(check_array, array=types.SimpleNamespace(a=1)),
    "partial of an estimator": functools.partial(check_array, dtype=LogisticRegression()),
    "partial with an attribute": Made(
        functools.partial, (check_array, (), {}, {"method": np.equal})
    ),
}  # fmt: skip


@pytest.mark.parametrize("bypass", BYPASSES.values(), ids=BYPASSES)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_attribute_that_holds_something_else_fails(bypass: object, protocol: int, scan_file: ScanFile) -> None:
    assert scan_file(pickle.dumps(bypass, protocol)).verdict == "fail"


def annotated() -> Any:
    model = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
    vars(model).update(columns_=["a", "b"], trained_on=TABLE, scaler_=StandardScaler(), threshold_=0.5)
    return model


ORDINARY: dict[str, Callable[[], Any]] = {
    "stacked": lambda: StackingClassifier([("a", LogisticRegression())], cv=2).fit(np.eye(8), [0, 1] * 4),
    "boosted": lambda: GradientBoostingClassifier(n_estimators=2).fit(np.eye(8), [0, 1] * 4),
    "with attributes of one's own": annotated,
    "columns": lambda: ColumnTransformer(
        [("a", StandardScaler(), pd.Index(["u"])), ("b", "drop", slice(1)), ("c", FunctionTransformer(np.log1p), [0])]
    ),
    "function": lambda: FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": np.ones(2), "dtype": np.float32}),
    "words": lambda: TfidfVectorizer(tokenizer=str.split, preprocessor=str.lower, token_pattern=None),
    "partial": lambda: SelectKBest(functools.partial(mutual_info_classif, random_state=0), k=2),
    "namespace": lambda: types.SimpleNamespace(a=1, b=np.arange(3), c=[{"d": "e"}]),
    "class": lambda: {"kind": LogisticRegression},
}  # fmt: skip


@pytest.mark.parametrize("make", ORDINARY.values(), ids=ORDINARY)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_ordinary_object_passes(make: Callable[[], Any], protocol: int, scan_file: ScanFile) -> None:
    assert scan_file(pickle.dumps(make(), protocol)).observations == ()


def test_container_that_is_filled_after_it_was_set_is_judged(scan_file: ScanFile, rules: Rules) -> None:
    frozen = made("sklearn.frozen._frozen", "FrozenEstimator") + b"}" + text("estimator") + b"]\x94" + b"sb0"
    late = b"h\x00" + made("types", "SimpleNamespace").replace(b")\x81", b")R") + b"a."
    assert ATTRIBUTE in rules(scan_file(PROTO + frozen + late))


def test_state_that_is_changed_after_it_was_set_misleads(scan_file: ScanFile, rules: Rules) -> None:
    data = PROTO + made(*RIDGE) + b"}\x94b0h\x00" + text("close") + name("numpy", "equal") + b"s."
    assert "suspicious pickle.late-state" in rules(scan_file(data))


def test_list_that_is_no_longer_known_is_no_place_for_an_object(scan_file: ScanFile) -> None:
    memoized = b"N\x940" * 120_010 + b"]\x94"
    put = made("sklearn.frozen._frozen", "FrozenEstimator") + b"}" + text("estimator")
    at = b"j" + (120_010).to_bytes(4, "little")
    assert scan_file(PROTO + memoized + b"0" + put + at + b"sb.").verdict == "fail"
    assert scan_file(PROTO + memoized + made(*RIDGE) + b"a.").verdict != "fail"
    assert scan_file(PROTO + memoized + b"0" + at + made(*RIDGE) + b"a.").verdict == "fail"
