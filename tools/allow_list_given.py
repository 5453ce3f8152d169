"""Parts that users hand to estimators: functions, splitters, kernels, distributions, estimators as parameters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from allow_list_data import attempts


def given_objects(X: Any, y: Any) -> Iterator[tuple[str, Any]]:
    """Estimators and searches that were given more than numbers and names."""
    yield from attempts(_with_functions(X, y))
    yield from attempts(_searches(X, y))
    yield from attempts(_with_parts(X, y))


def _with_functions(X: Any, y: Any) -> dict[str, Any]:
    from scipy.spatial import distance
    from sklearn import (
        cluster,
        decomposition,
        feature_extraction,
        feature_selection,
        kernel_approximation,
        neighbors,
        preprocessing,
        svm,
    )
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.linear_model import Ridge
    from sklearn.metrics import pairwise

    text = feature_extraction.text
    near: list[Any] = [
        neighbors.KNeighborsClassifier, neighbors.KNeighborsRegressor, neighbors.RadiusNeighborsClassifier,
        neighbors.NearestNeighbors, neighbors.LocalOutlierFactor,
    ]  # fmt: skip
    return {
        **{
            f"{kind.__name__} of a distance": partial(lambda k: k(metric=distance.canberra).fit(X, y), kind)
            for kind in near
        },
        "neighbors with weights": lambda: neighbors.KNeighborsClassifier(weights=np.log1p),
        "clusters of a distance": lambda: cluster.DBSCAN(metric=distance.cosine),
        "svm of a kernel": lambda: [
            svm.SVC(kernel=pairwise.chi2_kernel).fit(X, y),
            svm.SVR(kernel=pairwise.chi2_kernel),
        ],
        "components of a kernel": lambda: [
            decomposition.KernelPCA(kernel=pairwise.rbf_kernel),
            decomposition.FastICA(fun=np.tanh),
        ],
        "approximated kernel": lambda: kernel_approximation.Nystroem(kernel=pairwise.chi2_kernel).fit(X, y),
        "ridge of a kernel": lambda: KernelRidge(kernel=pairwise.rbf_kernel).fit(X, y),
        "scores": lambda: [
            feature_selection.SelectKBest(partial(feature_selection.mutual_info_classif, random_state=0), k=2).fit(
                X, y
            ),
            feature_selection.SelectPercentile(feature_selection.chi2).fit(X, y),
            feature_selection.GenericUnivariateSelect(feature_selection.f_regression).fit(X, y),
        ],
        "words": lambda: [
            kind(tokenizer=str.split, preprocessor=str.lower, token_pattern=None, analyzer=analyzer)
            for kind in (text.CountVectorizer, text.TfidfVectorizer, text.HashingVectorizer)
            for analyzer in ("word", str.split)
        ],
        "functions": lambda: [
            preprocessing.FunctionTransformer(np.log1p, np.expm1, feature_names_out="one-to-one"),
            preprocessing.FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": np.ones(2), "dtype": np.float32}),
        ],
        "target": lambda: TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1).fit(X, y),
        "process": lambda: GaussianProcessRegressor(normalize_y=True).fit(X, y),
    }


def _searches(X: Any, y: Any) -> dict[str, Any]:
    from scipy import stats
    from sklearn import ensemble, gaussian_process, linear_model, metrics, model_selection, pipeline, preprocessing, svm

    logistic, forest = linear_model.LogisticRegression, ensemble.RandomForestClassifier
    steps = pipeline.Pipeline([("scale", preprocessing.StandardScaler()), ("model", logistic())])
    kernels = gaussian_process.kernels
    grid = [
        {"model": [logistic(), svm.SVC()], "scale": ["passthrough", preprocessing.MinMaxScaler()]},
        {"model": [forest(3)], "model__max_depth": [1, 2]},
    ]
    drawn = {"C": stats.loguniform(0.1, 1.0), "class_weight": [None, {0: 1, 1: 2}]}
    search = model_selection.GridSearchCV
    scores: dict[str, Any] = {"auc": "roc_auc", "f": metrics.make_scorer(metrics.fbeta_score, beta=2)}
    splits: list[Any] = [
        model_selection.KFold(2), model_selection.StratifiedKFold(2), model_selection.ShuffleSplit(2),
        model_selection.TimeSeriesSplit(2), model_selection.RepeatedKFold(n_splits=2),
    ]  # fmt: skip
    return {
        "search over estimators": lambda: search(steps, grid, cv=2).fit(X, y),
        "search over estimators, not fitted": lambda: search(steps, grid, cv=2),
        "search over kernels": lambda: search(
            gaussian_process.GaussianProcessClassifier(), {"kernel": [kernels.RBF(), 2.0 * kernels.Matern()]}, cv=2
        ).fit(X, y),
        "search over functions": lambda: search(
            pipeline.make_pipeline(preprocessing.FunctionTransformer(), logistic()),
            {"functiontransformer__func": [np.log1p, np.sqrt, None]},
            cv=2,
        ).fit(X, y),
        "search with scores": lambda: search(logistic(), {"C": [1.0]}, scoring=scores, refit="auc", cv=2).fit(X, y),
        "search with a scorer": lambda: search(
            logistic(), {"C": [1.0]}, scoring=metrics.make_scorer(metrics.f1_score, average="macro"), cv=2
        ).fit(X, y),
        "drawn": lambda: model_selection.RandomizedSearchCV(logistic(), drawn, n_iter=2, cv=2).fit(X, y),
        "drawn numbers": lambda: model_selection.RandomizedSearchCV(
            forest(), {"n_estimators": stats.randint(2, 5), "max_features": stats.uniform(0.1, 0.8)}, n_iter=2, cv=2
        ).fit(X, y),
        "halving": lambda: model_selection.HalvingGridSearchCV(logistic(), {"C": [0.1, 1.0]}, cv=2).fit(X, y),
        "halving, drawn": lambda: model_selection.HalvingRandomSearchCV(logistic(), drawn, cv=2).fit(X, y),
        **{
            f"search with {type(split).__name__}": partial(
                lambda split: search(logistic(), {"C": [0.1, 1.0]}, cv=split).fit(X, y), split
            )
            for split in splits
        },
    }


def _with_parts(X: Any, y: Any) -> dict[str, Any]:
    import sklearn
    from sklearn import (
        calibration,
        compose,
        ensemble,
        feature_selection,
        impute,
        linear_model,
        multiclass,
        neural_network,
        pipeline,
        preprocessing,
        svm,
    )

    logistic = linear_model.LogisticRegression
    folds = sklearn.model_selection.StratifiedKFold(2)
    scale, numbers = preprocessing.StandardScaler, compose.make_column_selector(dtype_include=np.number)
    return {
        "columns": lambda: compose.ColumnTransformer(
            [
                ("a", scale(), numbers),
                ("b", "drop", np.array([1])),
                ("c", pipeline.make_pipeline(scale()), slice(0, 2)),
                ("d", preprocessing.FunctionTransformer(np.log1p), [True, False, False, False]),
            ],
            remainder=scale(),
        ),
        "stack": lambda: ensemble.StackingClassifier(
            [
                ("a", pipeline.make_pipeline(scale(), svm.SVC(probability=True))),
                ("b", ensemble.RandomForestClassifier(3)),
            ],
            ensemble.GradientBoostingClassifier(n_estimators=2),
            cv=folds,
            stack_method="auto",
        ).fit(X, y),
        "stack of values": lambda: ensemble.StackingRegressor([("a", linear_model.Ridge()), ("b", svm.SVR())]).fit(
            X, y
        ),
        "vote": lambda: ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", "drop")]).fit(X, y),
        "boosted": lambda: ensemble.GradientBoostingRegressor(n_estimators=2, init=linear_model.Ridge()).fit(X, y),
        "calibrated": lambda: calibration.CalibratedClassifierCV(logistic(), cv=folds).fit(X, y),
        "imputed": lambda: impute.IterativeImputer(linear_model.BayesianRidge(), max_iter=2).fit(X),
        "eliminated": lambda: feature_selection.RFECV(logistic(), cv=folds).fit(X, y),
        "selected": lambda: [
            feature_selection.SelectFromModel(linear_model.Lasso(0.01)).fit(X, y),
            feature_selection.SequentialFeatureSelector(logistic(), cv=folds).fit(X, y),
        ],
        "one against one": lambda: multiclass.OneVsOneClassifier(svm.LinearSVC()).fit(X, y),
        "network": lambda: [
            neural_network.MLPClassifier((3,), solver=solver, max_iter=3, early_stopping=solver != "lbfgs").fit(X, y)
            for solver in ("adam", "sgd", "lbfgs")
        ],
        "random": lambda: ensemble.RandomForestClassifier(2, random_state=np.random.RandomState(1)).fit(X, y),
        "class": lambda: {"kind": logistic, "model": logistic().fit(X, y)},
    }
