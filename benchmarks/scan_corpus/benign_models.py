"""Models as people save them: pipelines, searches, boosted trees, frames, arrays and what scipy leaves behind."""

from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.scan_corpus.benign_estimators import COMPRESSIONS, saved
from benchmarks.scan_corpus.case import Case


def cases() -> Iterator[Case]:
    """Yield a file per model, then the same model in every protocol and compression."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        number = 0
        for group in (_pipelines, _boosted, _values):
            for name, make in group().items():
                ending, content = saved(make(), number)
                yield Case(f"model_{name}.{ending}", content, False)
                number += 1
        yield from _every_way()


def _data() -> tuple[Any, Any, Any]:
    import pandas

    rng = np.random.default_rng(3)
    frame = pandas.DataFrame(rng.random((80, 3)), columns=["age", "income", "rate"])
    frame["town"] = pandas.Categorical(rng.choice(["north", "south", "east"], 80))
    frame["since"] = pandas.date_range("2024-01-01", periods=80, freq="D")
    label = (frame["age"] + frame["rate"] > 1).map({True: "yes", False: "no"})
    return frame, label, frame["income"] * 3 + frame["age"]


def _pipelines() -> dict[str, Callable[[], Any]]:
    from scipy import stats
    from sklearn import (
        calibration,
        compose,
        ensemble,
        feature_extraction,
        feature_selection,
        gaussian_process,
        impute,
        linear_model,
        metrics,
        model_selection,
        multiclass,
        neighbors,
        neural_network,
        pipeline,
        preprocessing,
        svm,
        tree,
    )

    frame, label, value = _data()
    numbers = frame[["age", "income", "rate"]]
    kernels = gaussian_process.kernels
    columns = compose.ColumnTransformer(
        [
            (
                "scale",
                pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.PowerTransformer()),
                ["age", "rate"],
            ),
            ("town", preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=True), ["town"]),
            ("rank", preprocessing.OrdinalEncoder(), compose.make_column_selector(dtype_include="category")),
            ("log", preprocessing.FunctionTransformer(np.log1p, inverse_func=np.expm1), ["income"]),
        ],
        remainder="drop",
    )
    search = model_selection.RandomizedSearchCV(
        linear_model.LogisticRegression(), {"C": stats.loguniform(0.1, 10), "tol": stats.uniform(1e-5, 1e-3)}, n_iter=3,
        random_state=np.random.RandomState(0), scoring=metrics.make_scorer(metrics.f1_score, pos_label="yes"),
        cv=model_selection.StratifiedKFold(3, shuffle=True, random_state=1),
    )  # fmt: skip
    grid = model_selection.GridSearchCV(
        pipeline.Pipeline(
            [("columns", columns), ("model", ensemble.RandomForestClassifier(n_estimators=5, random_state=0))]
        ),
        {"model__max_depth": [2, None]},
        cv=2,
    )
    stack = ensemble.StackingClassifier(
        [("knn", neighbors.KNeighborsClassifier()), ("svm", svm.SVC(probability=False))],
        linear_model.LogisticRegression(),
    )
    process = gaussian_process.GaussianProcessRegressor(
        kernels.ConstantKernel(2.0) * kernels.Matern(nu=1.5) + kernels.WhiteKernel() + kernels.RationalQuadratic() ** 2
    )
    text = pipeline.make_pipeline(
        feature_extraction.text.TfidfVectorizer(ngram_range=(1, 2), stop_words="english", dtype=np.float32),
        feature_selection.SelectKBest(feature_selection.chi2, k=5), linear_model.SGDClassifier(loss="modified_huber"),
    )  # fmt: skip
    words = ["cheap watches today", "meeting at noon", "win a prize", "see you at lunch", "prize money today"] * 4
    return {
        "columns": lambda: pipeline.make_pipeline(columns, linear_model.LogisticRegression()).fit(frame, label),
        "pandas-output": lambda: (
            pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVC())
            .set_output(transform="pandas")
            .fit(numbers, label)
        ),
        "random-search": lambda: search.fit(numbers, label),
        "grid-search": lambda: grid.fit(frame, label),
        "stacking": lambda: stack.fit(numbers, label),
        "gaussian-process": lambda: process.fit(numbers, value),
        "text": lambda: text.fit(words, [0, 1] * 10),
        "calibrated": lambda: calibration.CalibratedClassifierCV(svm.LinearSVC(), method="isotonic").fit(
            numbers, label
        ),
        "one-vs-one": lambda: multiclass.OneVsOneClassifier(svm.SVC(kernel="poly")).fit(numbers, frame["town"]),
        "target-encoder": lambda: pipeline.make_pipeline(
            preprocessing.TargetEncoder(), tree.DecisionTreeClassifier()
        ).fit(frame[["town"]], label),
        "kbins": lambda: pipeline.make_pipeline(preprocessing.KBinsDiscretizer(n_bins=3), linear_model.Ridge()).fit(
            numbers, value
        ),
        "log-target": lambda: compose.TransformedTargetRegressor(
            linear_model.Lasso(), func=np.log, inverse_func=np.exp
        ).fit(numbers, value + 1),
        "hist-boosting": lambda: ensemble.HistGradientBoostingClassifier(
            max_iter=5, categorical_features="from_dtype", early_stopping=True
        ).fit(frame[["age", "town"]], label),
        "hist-quantile": lambda: ensemble.HistGradientBoostingRegressor(
            loss="quantile", quantile=0.9, max_iter=4, monotonic_cst=[1, 0, -1]
        ).fit(numbers, value),
        "boosting-huber": lambda: ensemble.GradientBoostingRegressor(
            loss="huber", n_estimators=4, init=linear_model.LinearRegression()
        ).fit(numbers, value),
        "mlp": lambda: neural_network.MLPClassifier(hidden_layer_sizes=(8, 4), max_iter=20, early_stopping=True).fit(
            numbers, label == "yes"
        ),
        "ball-tree": lambda: neighbors.KNeighborsRegressor(algorithm="ball_tree", metric="manhattan").fit(
            numbers, value
        ),
        "haversine": lambda: neighbors.NearestNeighbors(metric="haversine", algorithm="ball_tree").fit(
            numbers[["age", "rate"]]
        ),
        "isolation": lambda: ensemble.IsolationForest(n_estimators=8, random_state=np.random.RandomState(3)).fit(
            numbers
        ),
        "iterative": lambda: impute.KNNImputer().fit(numbers.mask(numbers > 0.9)),
        "spline": lambda: pipeline.make_pipeline(preprocessing.SplineTransformer(), linear_model.HuberRegressor()).fit(
            numbers, value
        ),
        "voting": lambda: ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", tree.ExtraTreeRegressor())]).fit(
            numbers, value
        ),
        "bagging": lambda: ensemble.BaggingClassifier(
            tree.DecisionTreeClassifier(max_depth=2), n_estimators=4, random_state=0
        ).fit(numbers, label),
        "adaboost": lambda: ensemble.AdaBoostRegressor(n_estimators=3).fit(numbers, value),
        "union": lambda: pipeline.make_union(
            preprocessing.MinMaxScaler(), preprocessing.QuantileTransformer(n_quantiles=20)
        ).fit(numbers),
        "rfecv": lambda: feature_selection.RFECV(linear_model.LogisticRegression(), cv=2).fit(numbers, label),
        "list": lambda: [linear_model.Ridge().fit(numbers, value), {"threshold": 0.5, "features": list(numbers)}],
        "bundle": lambda: {
            "model": tree.DecisionTreeClassifier().fit(numbers, label),
            "columns": numbers.columns,
            "classes": np.array(["no", "yes"]),
            "created": "2026-11-24",
        },
    }


def _boosted() -> dict[str, Callable[[], Any]]:
    import lightgbm
    import xgboost

    frame, label, value = _data()
    numbers, target = frame[["age", "income", "rate"]], (label == "yes").astype(int)
    quiet: dict[str, Any] = {"verbose": -1, "num_leaves": 4, "min_child_samples": 5}
    table = xgboost.DMatrix(numbers, target)
    return {
        "lightgbm-classifier": lambda: lightgbm.LGBMClassifier(n_estimators=4, **quiet).fit(numbers, label),
        "lightgbm-regressor": lambda: lightgbm.LGBMRegressor(n_estimators=4, objective="quantile", **quiet).fit(
            numbers, value
        ),
        "lightgbm-ranker": lambda: lightgbm.LGBMRanker(n_estimators=3, **quiet).fit(numbers, target, group=[40, 40]),
        "lightgbm-categories": lambda: lightgbm.LGBMClassifier(n_estimators=3, **quiet).fit(
            frame[["age", "town"]], label
        ),
        "lightgbm-booster": lambda: lightgbm.train(
            {"objective": "binary", **quiet}, lightgbm.Dataset(numbers, target), 3
        ),
        "lightgbm-stopping": lambda: lightgbm.LGBMClassifier(n_estimators=8, **quiet).fit(
            numbers, target, eval_set=[(numbers, target)], callbacks=[lightgbm.early_stopping(2, verbose=False)]
        ),
        "xgboost-classifier": lambda: xgboost.XGBClassifier(n_estimators=4, max_depth=2).fit(numbers, target),
        "xgboost-regressor": lambda: xgboost.XGBRegressor(n_estimators=4, objective="count:poisson").fit(
            numbers, value + 1
        ),
        "xgboost-ranker": lambda: xgboost.XGBRanker(n_estimators=3).fit(numbers, target, group=[40, 40]),
        "xgboost-forest": lambda: xgboost.XGBRFClassifier(n_estimators=4).fit(numbers, target),
        "xgboost-booster": lambda: xgboost.train({"objective": "binary:logistic"}, table, 3),
        "xgboost-stopping": lambda: xgboost.XGBClassifier(
            n_estimators=8, early_stopping_rounds=2, eval_metric="auc"
        ).fit(numbers, target, eval_set=[(numbers, target)], verbose=False),
        "xgboost-categories": lambda: xgboost.XGBClassifier(n_estimators=3, enable_categorical=True).fit(
            frame[["age", "town"]], target
        ),
    }


def _values() -> dict[str, Callable[[], Any]]:
    import pandas
    from scipy import interpolate, sparse, stats

    frame, label, _ = _data()
    rng = np.random.default_rng(0)
    structured = np.zeros(4, dtype=[("name", "U8"), ("value", "<f8"), ("inside", [("a", "i4"), ("b", "u1", (3,))])])
    return {
        "frame": lambda: frame,
        "series": lambda: label,
        "multi-index": lambda: frame.groupby(["town", frame["age"] > 0.5], observed=True)["rate"].agg(["mean", "std"]),
        "nullable": lambda: pandas.DataFrame(
            {
                "a": pandas.array([1, None], "Int64"),
                "b": pandas.array(["x", None], "string"),
                "c": pandas.array([True, None], "boolean"),
            }
        ),
        "zones": lambda: pandas.date_range("2026-01-01", periods=4, tz="Europe/Vienna"),
        "intervals": lambda: pandas.cut([1, 5, 9], 3),
        "periods": lambda: pandas.period_range("2026-01", periods=5, freq="M"),
        "arrow": lambda: pandas.Series(["a", "b", None], dtype="string[pyarrow]"),
        "sparse": lambda: sparse.random(20, 20, 0.1, format="csr", random_state=0),
        "sparse-array": lambda: sparse.coo_array(sparse.eye(5)),
        "distribution": lambda: stats.gamma(2.0, scale=3.0),
        "discrete": lambda: stats.nbinom(3, 0.4),
        "density": lambda: stats.gaussian_kde(rng.random(30)),
        "spline": lambda: interpolate.CubicSpline([0.0, 1.0, 2.0], [0.0, 1.0, 0.0]),
        "interp1d": lambda: interpolate.interp1d([0.0, 1.0, 2.0], [0.0, 1.0, 0.0]),
        "rbf": lambda: interpolate.RBFInterpolator(rng.random((9, 2)), rng.random(9)),
        "generator": lambda: [rng, np.random.RandomState(1), np.random.Generator(np.random.MT19937(2))],
        "structured": lambda: structured,
        "record": lambda: structured.view(np.recarray),
        "masked": lambda: np.ma.masked_greater(np.arange(6.0), 3),
        "objects": lambda: np.array(["a", 1, None, {"x": 2.0}], dtype=object),
        "scalars": lambda: [
            np.float32(1),
            np.int64(2),
            np.str_("x"),
            np.datetime64("2026-01-01"),
            np.bool_(True),
            np.complex64(1),
        ],
        "dates": lambda: np.arange("2026-01", "2026-03", dtype="M8[D]"),
        "half": lambda: rng.random((5, 5)).astype(np.float16),
        "fortran": lambda: np.asfortranarray(rng.random((6, 7))),
        "empty": lambda: np.empty((0, 4)),
        "polynomial": lambda: np.polynomial.Polynomial([1.0, 2.0]),
    }


def _every_way() -> Iterator[Case]:
    """Yield one model in all protocols and compressions, and several times in one file."""
    import joblib
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng(1)
    forest = RandomForestClassifier(n_estimators=4, random_state=0).fit(rng.random((50, 3)), rng.integers(0, 2, 50))
    for protocol in range(6):
        yield Case(f"way_protocol-{protocol}.pkl", pickle.dumps(forest, protocol), False)
        yield Case(f"way_python-{protocol}.pkl", _dumped_in_python(forest, protocol), False)
    for compress in (*COMPRESSIONS[1:], 1, 9):
        for protocol in (2, 4, 5):
            buffer = io.BytesIO()
            joblib.dump([forest, rng.random((30, 30))], buffer, compress=compress, protocol=protocol)
            name = compress[0] if isinstance(compress, tuple) else f"zlib{compress}"
            yield Case(f"way_{name}-{protocol}.joblib", buffer.getvalue(), False)
    yield Case("way_three.pkl", b"".join(pickle.dumps(value) for value in ({"a": 1}, [1.5], forest)), False)


def _dumped_in_python(value: object, protocol: int) -> bytes:
    buffer = io.BytesIO()
    pickle._Pickler(buffer, protocol).dump(value)
    return buffer.getvalue()
