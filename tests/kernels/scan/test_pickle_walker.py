import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.kernels.scan.conftest import ScanFile
from tests.kernels.scan.gadgets import PROTO, made, text

joblib = pytest.importorskip("joblib")
X = np.abs(np.random.default_rng(0).normal(size=(30, 3)))
Y = (X[:, 0] > np.median(X[:, 0])).astype(int)


def mixed() -> Any:
    from sklearn import compose, ensemble, pipeline, preprocessing

    columns = compose.ColumnTransformer(
        [("a", preprocessing.StandardScaler(), [0]), ("b", preprocessing.FunctionTransformer(np.log1p), [1])]
    )
    return pipeline.make_pipeline(columns, ensemble.RandomForestClassifier(3)).fit(X, Y)


def boosted() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=3).fit(X, Y)


def searched() -> Any:
    from sklearn import linear_model, model_selection

    return model_selection.GridSearchCV(
        linear_model.LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, scoring="roc_auc"
    ).fit(X, Y)


def calibrated() -> Any:
    from sklearn import calibration, svm

    return calibration.CalibratedClassifierCV(svm.SVC(), cv=2).fit(X, Y)


def worded() -> Any:
    from sklearn import feature_extraction, naive_bayes, pipeline

    return pipeline.make_pipeline(feature_extraction.text.TfidfVectorizer(), naive_bayes.MultinomialNB()).fit(
        ["good word", "other text"], [0, 1]
    )


def near() -> Any:
    from sklearn import gaussian_process, neighbors

    kernel = gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel()
    return [
        neighbors.KNeighborsClassifier(algorithm="kd_tree").fit(X, Y),
        gaussian_process.GaussianProcessClassifier(kernel, optimizer=None).fit(X, Y),
    ]


def light() -> Any:
    lightgbm = pytest.importorskip("lightgbm")
    return lightgbm.LGBMClassifier(n_estimators=2, verbose=-1, min_child_samples=2).fit(X, Y)


def extreme() -> Any:
    xgboost = pytest.importorskip("xgboost")
    return xgboost.XGBClassifier(n_estimators=2).fit(X, Y)


def tables() -> Any:
    import pandas as pd

    days = pd.date_range("2020", periods=3, tz="UTC")
    return pd.DataFrame(
        {"n": [1, 2, 3], "t": ["a", None, "c"], "d": days, "c": pd.Categorical(["u", "v", "u"])}, index=[3, 4, 5]
    )


def numbers() -> Any:
    from scipy import sparse, stats

    return [
        stats.norm(0, 1),
        stats.binom(3, 0.5),
        sparse.csr_matrix(np.eye(3)),
        np.random.default_rng(0),
        np.ma.array([1, 2], mask=[False, True]),
    ]


MODELS = [mixed, boosted, searched, calibrated, worded, near, light, extreme, tables, numbers]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_ordinary_model_passes_however_it_is_saved(make: Callable[[], Any], scan_file: ScanFile) -> None:
    model = make()
    saved = [pickle.dumps(model, protocol) for protocol in range(6)]
    for options in (
        {},
        {"protocol": 2},
        *({"compress": (codec, 3)} for codec in ("zlib", "gzip", "bz2", "xz", "lzma")),
    ):
        held = io.BytesIO()
        joblib.dump(model, held, **options)
        saved.append(held.getvalue())
    assert [scan_file(data).observations for data in saved] == [()] * len(saved)


def test_array_compressed_with_lz4_passes(scan_file: ScanFile) -> None:
    pytest.importorskip("lz4")
    held = io.BytesIO()
    joblib.dump([np.arange(5000), "x"], held, compress=("lz4", 1))
    assert scan_file(held.getvalue()).verdict == "pass"


def test_arrays_after_a_great_vocabulary_pass(scan_file: ScanFile) -> None:
    words = {f"word{i}": i for i in range(130_000)}
    arrays = [
        np.arange(3.0),
        np.ones((2, 2), "f4"),
        np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
        np.array(["a", None], object),
    ]
    assert scan_file(pickle.dumps([words, *arrays], 4)).observations == ()


def test_payload_behind_a_great_array_is_found_without_reading_the_array(scan_file: ScanFile) -> None:
    held = io.BytesIO()
    joblib.dump([np.zeros(4_000_000), 1], held)
    data = held.getvalue()
    assert scan_file(data).verdict == "pass"
    assert scan_file(data[:-4] + b"0cos\nsystem\n.").verdict == "fail"


def test_several_pickles_in_one_stream_are_followed(scan_file: ScanFile) -> None:
    assert scan_file(pickle.dumps(1) + pickle.dumps([2])).verdict == "pass"
    assert scan_file(pickle.dumps(1) + b"cposix\nsystem\n(Vls\ntR.").verdict == "fail"


def test_bytes_that_are_loaded_in_turn_are_handed_on(scan_file: ScanFile) -> None:
    load = text("torch.storage") + text("_load_from_bytes") + b"\x93"
    inside = pickle.dumps({"a": 1}, 2)
    assert scan_file(PROTO + load + b"C" + bytes([len(inside)]) + inside + b"\x85R.").verdict == "pass"


def test_state_of_a_model_may_hold_any_plain_value(scan_file: ScanFile) -> None:
    ridge = made("sklearn.linear_model._ridge", "Ridge")
    assert scan_file(PROTO + ridge + b"}(" + text("alpha") + b"G" + bytes(8) + text("x") + b"]ub.").verdict == "pass"
