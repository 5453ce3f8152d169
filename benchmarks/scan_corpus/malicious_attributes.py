"""Models of classes that every allow list knows, whose attributes hold what an ordinary model never holds there.

A table stands where an estimator belongs and the method to call on it is ``eval``; a chain of such estimators is put
where ``__del__``, ``hash`` or ``repr`` looks a method up. Nothing is named in the file that a scanner could object to.
"""

from __future__ import annotations

import copyreg
import functools
import io
import pathlib
import pickle
import types
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.scan_corpus.case import COMMAND, MARKER, Case

EXPRESSION = f"@np.ctypeslib._ctypeslib.os.system({COMMAND!r})"
"""What pandas evaluates: Python behind a name of its own module."""
PREDICTS, PRINTS = "joblib-predict", "joblib-print"


def cases() -> Iterator[Case]:
    """Yield models that run something when they are loaded, printed or asked to predict."""
    import joblib
    import skops.io

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model in _predicting():
            held = io.BytesIO()
            joblib.dump(model, held)
            yield Case(f"attribute_{name}.joblib", held.getvalue(), True, PREDICTS)
        held = io.BytesIO()
        joblib.dump(_reading(), held)
        yield Case("attribute_text-files.joblib", held.getvalue(), True)
        held = io.BytesIO()
        joblib.dump(_picking(), held)
        yield Case("attribute_picked-path.joblib", held.getvalue(), True)
        for name, model in (
            ("path-writes", _chain("x", pathlib.Path(MARKER), "write_text")),
            ("chain-fits", _fitting()),
        ):
            yield Case(f"attribute_{name}.skops", skops.io.dumps(model), True, "skops-predict")
        yield from _loading()


def _predicting() -> Iterator[tuple[str, Any]]:
    import pandas as pd
    from sklearn.frozen import FrozenEstimator

    table, numbers = pd.DataFrame({"a": ["x"]}), np.arange(3)
    for name, estimator, method, value in (
        ("table-eval", table, "eval", EXPRESSION),
        ("table-query", table, "query", EXPRESSION),
        ("table-writes", table, "to_csv", MARKER),
        ("table-pickles", table, "to_pickle", MARKER),
        ("path-writes", pathlib.Path(MARKER), "write_text", "x"),
        ("array-dumps", numbers, "dump", MARKER),
        ("array-writes", numbers, "tofile", MARKER),
        ("booster-saves", _booster(), "save_model", MARKER),
    ):
        if estimator is not table:
            yield name, _chain(value, estimator, method)
        yield f"{name}-frozen", _chain(value, FrozenEstimator(estimator), method)
    yield "chain-fits", _fitting()


def _booster() -> Any:
    import lightgbm

    X = np.random.default_rng(0).random((60, 2))
    return lightgbm.train({"verbose": -1, "num_leaves": 3}, lightgbm.Dataset(X, (X[:, 0] > 0.5).astype(int)), 2)


def _chain(value: str, estimator: Any, method: str) -> Any:
    """Return a pipeline that predicts by calling a method of something with a text."""
    from sklearn.ensemble import StackingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    constant = FunctionTransformer(np.sum, kw_args={"axis": None, "dtype": object, "initial": value, "where": False})
    stack = StackingClassifier([("a", LogisticRegression())])
    stack.estimators_, stack.stack_method_ = [estimator], [method]
    stack.classes_, stack.final_estimator_ = np.array([0, 1]), LogisticRegression()
    return Pipeline([("a", constant), ("b", stack)])


def _fitting() -> Any:
    """Return a chain that predicts by fitting a pipeline, which writes what it computes into a folder of its choice."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.multioutput import ClassifierChain
    from sklearn.pipeline import Pipeline

    X, Y = np.eye(4)[:, :2], np.array([[0, 1], [1, 0], [0, 0], [1, 1]])
    chain = ClassifierChain(LogisticRegression()).fit(X, Y)
    chain.estimators_ = [Pipeline([("a", PCA(1)), ("b", PCA(1))], memory=MARKER), LogisticRegression()]
    chain.chain_method_ = "fit"
    return chain


def _picking() -> Any:
    """Return a pipeline that makes every cell the name of a file and hands one of them to what reads tables."""
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer
    from xgboost import XGBRegressor

    named = FunctionTransformer(np.full_like, kw_args={"fill_value": "/etc/passwd", "dtype": "O"})
    model = XGBRegressor(n_estimators=1).fit(np.eye(2), [0, 1])
    return Pipeline([("a", named), ("b", FunctionTransformer(np.max)), ("c", model)])


def _reading() -> Any:
    """Return a pipeline that makes every row the name of a file, and predicts from what is in it."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    words = CountVectorizer().fit(["root bin"])
    words.input = "filename"
    named = FunctionTransformer(np.full_like, kw_args={"fill_value": "/etc/passwd", "dtype": "U11"})
    return Pipeline([("a", named), ("b", FunctionTransformer(np.ravel)), ("c", words)])


def _called() -> Any:
    """Return something without arguments that runs the chain when it is called."""
    import pandas as pd
    from sklearn.frozen import FrozenEstimator
    from sklearn.gaussian_process.kernels import CompoundKernel
    from sklearn.metrics._scorer import _Scorer
    from sklearn.utils.validation import check_array

    scorer = _Scorer.__new__(_Scorer)
    vars(scorer).update(_score_func=np.equal, _sign=1, _kwargs={}, _response_method="predict", _metadata_request=None)
    reached = types.SimpleNamespace(dtype=pd.Int64Dtype(), iloc=1, astype=CompoundKernel([scorer]))
    chain = _chain(EXPRESSION, FrozenEstimator(pd.DataFrame({"a": [1]})), "eval")
    return functools.partial(check_array, array=reached, dtype=chain)


class _Made:
    """An object that is saved as an instance of a class with a state, whatever the class saves itself."""

    def __init__(self, kind: type, state: dict[str, Any]) -> None:
        self.saved = copyreg._reconstructor, (kind, object, None), state  # type: ignore[attr-defined]

    def __reduce__(self) -> Any:
        return self.saved


def _loading() -> Iterator[Case]:
    import lightgbm
    from pandas import DatetimeTZDtype
    from scipy.spatial import Delaunay
    from sklearn.gaussian_process.kernels import ConstantKernel

    network = {"_network": True, "free_network": _called(), "_handle": None}
    for name, kind, state in (("booster", lightgbm.Booster, network), ("triangles", Delaunay, {"close": _called()})):
        content = pickle.dumps(_Made(kind, state), 2)[:-1] + b"0N."
        yield Case(f"attribute_deleted-{name}.pkl", content, True, "pickle")
    number = {"constant_value": types.SimpleNamespace(sqrt=_called()), "constant_value_bounds": "fixed"}
    kernel = _Made(ConstantKernel, number)
    key = pickle.dumps(_Made(DatetimeTZDtype, {"tz": kernel, "unit": "ns"}), 2)
    yield Case("attribute_hashed-zone.pkl", b"\x80\x02}" + key[2:-1] + b"Ns.", True, "pickle")
    yield Case("attribute_printed-kernel.joblib", pickle.dumps(kernel, 2), True, PRINTS)
