"""The objects that the allow list is made from: what users of each installed library save."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from allow_list_data import attempts, numpy_objects, pandas_objects, scipy_objects
from allow_list_given import given_objects
from allow_list_parts import part_objects

SMALL = {
    "n_estimators": 3,
    "max_iter": 7,
    "n_init": 1,
    "cv": 2,
    "n_components": 2,
    "n_clusters": 2,
    "max_depth": 2,
    "random_state": 0,
    "n_neighbors": 3,
    "min_resources": 8,
    "hidden_layer_sizes": (3,),
    "perplexity": 3,
}
COSTLY = {"verbose", "copy", "copy_X", "n_jobs", "memory", "warm_start", "output_distribution"}


def objects() -> Iterator[tuple[str, Any]]:
    """Yield named objects of every library that is installed; what cannot be made is left out."""
    for name, make in (
        ("numpy", numpy_objects),
        ("scipy", scipy_objects),
        ("pandas", pandas_objects),
        ("sklearn", sklearn_objects),
        ("lightgbm", lightgbm_objects),
        ("xgboost", xgboost_objects),
        ("torch", torch_objects),
    ):
        if importlib.util.find_spec(name) is not None:
            for label, value in make():
                yield f"{name}: {label}", value


def _data() -> dict[str, tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    X = np.abs(rng.normal(size=(40, 4))) + 0.1
    two = (X[:, 0] > np.median(X[:, 0])).astype(int)
    three = np.arange(40) % 3
    value = X @ [1.0, -2.0, 0.5, 0.0] + 3
    names = np.array(["no", "yes"])[two]
    texts = [f"word{i % 5} other{i % 3} common" for i in range(40)]
    dicts = [{"a": float(i), "b": str(i % 3)} for i in range(40)]
    return {
        "two classes": (X, two),
        "value": (X, value),
        "three classes": (X, three),
        "named classes": (X, names),
        "labels": (X, np.stack([two, 1 - two], axis=1)),
        "values": (X, np.stack([value, -value], axis=1)),
        "one column": (X[:, 0], value),
        "texts": (texts, two),
        "dicts": (dicts, two),
        "label column": (names, None),
        "label sets": ([["a"], ["a", "b"]] * 20, None),
        "square": (X @ X.T, two),
        "blocks": (rng.random((6, 8, 8)), None),
        "positive": (X, np.abs(value) + 0.1),
    }


def sklearn_objects() -> Iterator[tuple[str, Any]]:
    """Every estimator, as it is made, fitted on what it accepts, with every option that it names; then combinations."""
    for experiment in ("enable_iterative_imputer", "enable_halving_search_cv"):
        with contextlib.suppress(ImportError):
            importlib.import_module(f"sklearn.experimental.{experiment}")
    from sklearn.utils import all_estimators

    data = _data()
    for name, kind in all_estimators():
        yield from estimator_objects(name, kind, data)
    yield from _combinations(*data["two classes"], data["value"][1], data["texts"][0])
    yield from part_objects(*data["two classes"])
    yield from given_objects(*data["two classes"])


def estimator_objects(name: str, kind: Any, data: dict[str, tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    """One estimator: nothing that can be made is left out because a fit of it fails."""
    made = list(_made(kind))
    for parameters in made:
        yield f"{name} with {list(parameters)}, not fitted", kind(**parameters)
    is_fitted = False
    for parameters in made:
        for label, fitted in _fits(kind, parameters, data):
            is_fitted = True
            yield f"{name} with {list(parameters)} {label}", fitted
        if is_fitted:
            break


def _fits(kind: Any, parameters: dict[str, Any], data: dict[str, tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    for options in ({}, *_options(kind)):
        for label in [*[*data][:4], "positive"] if options else [*data]:
            for small in (SMALL, {}):
                fitted = None
                with warnings.catch_warnings(), contextlib.suppress(Exception):
                    warnings.simplefilter("ignore")
                    fitted = _fitted(kind(**parameters), {**small, **options}, options, *data[label])
                if fitted is not None:
                    yield f"{options} on {label}", fitted
                    break
            if options and fitted is not None:
                break


def _options(kind: Any) -> Iterator[dict[str, Any]]:
    for name, constraints in getattr(kind, "_parameter_constraints", {}).items():
        if name in COSTLY or not isinstance(constraints, list):
            continue
        for constraint in constraints:
            for option in sorted(map(str, getattr(constraint, "options", ()))):
                if getattr(constraint, "type", None) is str:
                    yield {name: option}
            if constraint == "boolean":
                yield from ({name: True}, {name: False})


def _fitted(made: Any, wanted: dict[str, Any], options: dict[str, Any], X: Any, y: Any) -> Any:
    known = made.get_params(deep=False)
    made.set_params(**{name: value for name, value in wanted.items() if name in known or name in options})
    if wanted != options and isinstance(known.get("n_iter"), int):
        made.set_params(n_iter=2)
    return made.fit(X, y) if y is not None else made.fit(X)


def _made(kind: Any) -> Iterator[dict[str, Any]]:
    """Parameters with which an estimator can be made."""
    from sklearn.linear_model import LogisticRegression, Ridge

    X, y = np.eye(4), np.arange(4) % 2
    parameters: list[dict[str, Any]] = [
        {},
        {"estimator": LogisticRegression()},
        {"estimator": LogisticRegression().fit(X, y)},
        {"estimator": Ridge()},
        {"estimators": [("a", LogisticRegression()), ("b", LogisticRegression(C=2.0))]},
        {"estimators": [("a", Ridge()), ("b", Ridge(2.0))]},
        {"estimator": LogisticRegression(), "param_grid": {"C": [0.1, 1.0]}},
        {"estimator": LogisticRegression(), "param_distributions": {"C": [0.1, 1.0]}},
        {"transformers": [("a", "passthrough", [0, 1])]},
        {"transformer_list": [("a", "passthrough")]},
        {"steps": [("a", LogisticRegression())]},
        {"dictionary": X},
    ]
    for given in parameters:
        with contextlib.suppress(TypeError):
            kind(**given)
            yield given


def _combinations(X: Any, y: Any, value: Any, texts: Any) -> Iterator[tuple[str, Any]]:
    from sklearn import (
        calibration,
        compose,
        ensemble,
        feature_extraction,
        feature_selection,
        impute,
        linear_model,
        model_selection,
        multiclass,
        multioutput,
        naive_bayes,
        neighbors,
        pipeline,
        preprocessing,
        svm,
        tree,
    )

    forest = ensemble.RandomForestClassifier(3)
    logistic = linear_model.LogisticRegression
    scaled = pipeline.make_pipeline(preprocessing.StandardScaler(), logistic())
    log = preprocessing.FunctionTransformer(np.log1p, inverse_func=np.expm1)
    columns = compose.ColumnTransformer(
        [
            ("n", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.RobustScaler()), [0, 1]),
            ("k", "drop", [2]),
        ],
        remainder="passthrough",
    )
    pairs = [("a", forest), ("b", logistic()), ("c", naive_bayes.GaussianNB())]
    grid = {"C": [0.1, 1.0]}
    makers = {
        "pipeline": lambda: scaled.fit(X, y),
        "columns": lambda: pipeline.make_pipeline(columns, forest).fit(X, y),
        "union": lambda: pipeline.make_union(preprocessing.StandardScaler(), log).fit(X, y),
        "log": lambda: pipeline.make_pipeline(log, linear_model.Ridge()).fit(X, value),
        "target": lambda: compose.TransformedTargetRegressor(
            linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1
        ).fit(X, y),
        "grid": lambda: model_selection.GridSearchCV(logistic(), grid, cv=2).fit(X, y),
        "grid with folds": lambda: model_selection.GridSearchCV(
            scaled, {"logisticregression__C": [0.1]}, cv=model_selection.StratifiedKFold(2), scoring="roc_auc"
        ).fit(X, y),
        "many scores": lambda: model_selection.GridSearchCV(
            logistic(), grid, cv=2, scoring=["accuracy", "f1", "neg_log_loss"], refit="f1"
        ).fit(X, y),
        "random": lambda: model_selection.RandomizedSearchCV(logistic(), {"C": _uniform()}, n_iter=2, cv=2).fit(X, y),
        "stacking": lambda: ensemble.StackingClassifier(pairs, cv=2).fit(X, y),
        "voting": lambda: ensemble.VotingClassifier(pairs, voting="soft").fit(X, y),
        "calibrated": lambda: calibration.CalibratedClassifierCV(forest, cv=2, method="isotonic").fit(X, y),
        "calibrated svm": lambda: calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2).fit(X, y),
        "bagging": lambda: ensemble.BaggingClassifier(neighbors.KNeighborsClassifier(), 3).fit(X, y),
        "boosted": lambda: ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=1), n_estimators=3).fit(
            X, y
        ),
        "one against rest": lambda: multiclass.OneVsRestClassifier(svm.SVC(probability=True)).fit(X, np.arange(40) % 3),
        "chain": lambda: multioutput.ClassifierChain(logistic()).fit(X, np.stack([y, 1 - y], axis=1)),
        "text": lambda: pipeline.make_pipeline(
            feature_extraction.text.TfidfVectorizer(), naive_bayes.MultinomialNB()
        ).fit(texts, y),
        "hashed text": lambda: pipeline.make_pipeline(
            feature_extraction.text.HashingVectorizer(n_features=16), linear_model.SGDClassifier()
        ).fit(texts, y),
        "selected": lambda: pipeline.make_pipeline(
            feature_selection.SelectKBest(feature_selection.f_classif, k=2), logistic()
        ).fit(X, y),
        "mutual": lambda: feature_selection.SelectKBest(feature_selection.mutual_info_classif, k=2).fit(X, y),
        "frame": lambda: _on_frame(columns, forest, X, y),
        "boosted categories": lambda: _on_categories(ensemble.HistGradientBoostingClassifier, X, y),
        "boosted categories of values": lambda: _on_categories(ensemble.HistGradientBoostingRegressor, X, value),
    }  # fmt: skip
    yield from attempts(makers)


def _uniform() -> Any:
    from scipy.stats import loguniform

    return loguniform(0.1, 1.0)


def _on_categories(kind: Any, X: Any, y: Any) -> Any:
    import pandas as pd

    frame = pd.DataFrame(X, columns=list("abcd")).assign(e=pd.Categorical(np.where(X[:, 1] > 1, "p", "q")))
    return kind(max_iter=3, categorical_features="from_dtype").fit(frame, y)


def _on_frame(columns: Any, forest: Any, X: Any, y: Any) -> Any:
    import pandas as pd
    from sklearn import compose, pipeline, preprocessing

    frame = pd.DataFrame(X, columns=list("abcd")).assign(
        e=np.where(y, "u", "v"), f=pd.Categorical(np.where(y, "p", "q"))
    )
    encoder = preprocessing.OneHotEncoder(handle_unknown="ignore")
    numbers = compose.make_column_selector(dtype_include=np.number)
    mixed = compose.ColumnTransformer([("n", preprocessing.StandardScaler(), numbers), ("c", encoder, ["e", "f"])])
    return pipeline.make_pipeline(mixed, forest).fit(frame, y)


def lightgbm_objects() -> Iterator[tuple[str, Any]]:
    """The estimators with every boosting type, and boosters."""
    import lightgbm as lgb

    data = _data()
    X, y = data["two classes"]
    quiet: dict[str, Any] = {"n_estimators": 3, "verbose": -1, "min_child_samples": 2}
    for boosting in ("gbdt", "dart", "rf"):
        extra = {"boosting_type": boosting, "subsample": 0.5, "subsample_freq": 1, **quiet}
        yield from attempts(
            {
                f"{boosting} classes": partial(lambda e: lgb.LGBMClassifier(**e).fit(X, y), extra),
                f"{boosting} names": partial(lambda e: lgb.LGBMClassifier(**e).fit(*data["named classes"]), extra),
                f"{boosting} three": partial(lambda e: lgb.LGBMClassifier(**e).fit(*data["three classes"]), extra),
                f"{boosting} value": partial(lambda e: lgb.LGBMRegressor(**e).fit(*data["value"]), extra),
                f"{boosting} ranks": partial(lambda e: lgb.LGBMRanker(**e).fit(X, y, group=[20, 20]), extra),
            }
        )
    yield from attempts(
        {
            "unfitted": lambda: [lgb.LGBMClassifier(), lgb.LGBMRegressor(), lgb.LGBMRanker()],
            "booster": lambda: lgb.train({"objective": "binary", "verbose": -1}, lgb.Dataset(X, y), 3),
            "watched": lambda: lgb.LGBMClassifier(**quiet).fit(X, y, eval_set=[(X, y)]),
            "folds": lambda: lgb.cv(
                {"objective": "binary", "verbose": -1}, lgb.Dataset(X, y), 2, return_cvbooster=True
            ),
        }
    )


def xgboost_objects() -> Iterator[tuple[str, Any]]:
    """The estimators with every booster, and boosters."""
    import xgboost as xgb

    data = _data()
    X, y = data["two classes"]
    for booster in ("gbtree", "gblinear", "dart"):
        extra = {"booster": booster, "n_estimators": 3}
        yield from attempts(
            {
                f"{booster} classes": partial(lambda e: xgb.XGBClassifier(**e).fit(X, y), extra),
                f"{booster} three": partial(lambda e: xgb.XGBClassifier(**e).fit(*data["three classes"]), extra),
                f"{booster} value": partial(lambda e: xgb.XGBRegressor(**e).fit(*data["value"]), extra),
                f"{booster} ranks": partial(lambda e: xgb.XGBRanker(**e).fit(X, y, group=[20, 20]), extra),
            }
        )
    yield from attempts(
        {
            "forests": lambda: [
                xgb.XGBRFClassifier(n_estimators=3).fit(X, y),
                xgb.XGBRFRegressor(n_estimators=3).fit(X, y),
            ],
            "unfitted": lambda: [xgb.XGBClassifier(), xgb.XGBRegressor(), xgb.XGBRanker(), xgb.XGBRFClassifier()],
            "booster": lambda: xgb.train({"objective": "binary:logistic"}, xgb.DMatrix(X, y), 3),
            "watched": lambda: xgb.XGBClassifier(n_estimators=3, eval_metric="auc").fit(
                X, y, eval_set=[(X, y)], verbose=False
            ),
            "stopped": lambda: xgb.XGBClassifier(n_estimators=3, early_stopping_rounds=2).fit(
                X, y, eval_set=[(X, y)], verbose=False
            ),
            "monitor": lambda: xgb.XGBClassifier(callbacks=[xgb.callback.EvaluationMonitor()]),
            "measure": lambda: xgb.XGBClassifier(eval_metric=importlib.import_module("sklearn.metrics").log_loss),
            "callbacks": lambda: xgb.XGBClassifier(n_estimators=3, callbacks=[xgb.callback.EarlyStopping(2)]).fit(
                X, y, eval_set=[(X, y)], verbose=False
            ),
        }
    )


def torch_objects() -> Iterator[tuple[str, Any]]:
    """Tensors, state dicts, optimizers, and whole modules."""
    import inspect

    torch: Any = importlib.import_module("torch")

    for name, kind in sorted(vars(torch.nn).items()):
        if inspect.isclass(kind) and issubclass(kind, torch.nn.Module):
            for given in ((), (4,), (4, 4), (4, 4, 2), (4, 4, 4), (1, 4), (4, 2, 8)):
                yield from attempts({f"{name} {given}": partial(lambda kind, given: kind(*given), kind, given)})
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    dtypes = [value for value in vars(torch).values() if isinstance(value, torch.dtype)]
    tensors = {str(dtype): partial(lambda dtype: torch.zeros(2, 3).to(dtype), dtype) for dtype in dtypes}
    for name, kind in sorted(vars(torch.optim).items()):
        if inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer):
            yield from attempts(
                {f"{name} state": partial(lambda kind: kind(model.parameters(), lr=0.1).state_dict(), kind)}
            )
    yield from attempts(
        {
            **tensors,
            "state": model.state_dict,
            "model": lambda: model,
            "parameter": lambda: torch.nn.Parameter(torch.zeros(2)),
            "sparse": lambda: torch.eye(3).to_sparse(),
            **{
                f"quantized {name}": partial(lambda name: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, name), name)
                for name in (torch.qint8, torch.quint8, torch.qint32)
            },
            "quantized channels": lambda: torch.quantize_per_channel(
                torch.ones(2, 3), torch.ones(2), torch.zeros(2), 0, torch.qint8
            ),
            "dtypes": lambda: dtypes,
            "device and size": lambda: [torch.device("cpu"), torch.Size([1, 2])],
            "layouts": lambda: [torch.strided, torch.sparse_coo],
            "checkpoint": lambda: {"epoch": 3, "model": model.state_dict(), "best": 0.5},
        }
    )
