"""Every estimator of scikit-learn, fitted to a little data, in every protocol and compression in turn."""

from __future__ import annotations

import contextlib
import io
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.scan_corpus.case import Case

COMPRESSIONS: tuple[Any, ...] = (0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3))
ROWS = 60


def saved(value: object, number: int) -> tuple[str, bytes]:
    """Return an object as pickle or joblib would save it; protocol or compression go by the number."""
    import joblib

    if number % 2:
        protocol = (2, 3, 4, 5)[number // 2 % 4]
        return f"p{protocol}.pkl", pickle.dumps(value, protocol)
    compress = COMPRESSIONS[number // 2 % len(COMPRESSIONS)]
    buffer = io.BytesIO()
    joblib.dump(value, buffer, compress=compress)
    return f"{compress[0] if compress else 'plain'}.joblib", buffer.getvalue()


def cases() -> Iterator[Case]:
    """Yield a file per estimator."""
    from sklearn.utils import all_estimators

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, (name, estimator) in enumerate(all_estimators()):
            fitted = _made(estimator)
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                fitted = _fitted(name, fitted)
            ending, content = saved(fitted, number)
            yield Case(f"estimator_{name}.{ending}", content, False)


def _fitted(name: str, made: Any) -> object:
    """Return an estimator fitted to data that suit it; the few that want others are saved as they were made."""
    rng = np.random.default_rng(len(name))
    X = rng.random((ROWS, 4))
    label, value = (X[:, 0] + X[:, 1] > 1).astype(int), X @ [1.0, -2.0, 0.5, 0.1] + 3
    if name in ("MultiOutputClassifier", "ClassifierChain"):
        return made.fit(X, np.column_stack([label, 1 - label]))
    if name in ("MultiOutputRegressor", "RegressorChain") or name.startswith("MultiTask"):
        return made.fit(X, np.column_stack([value, value * 2]))
    if name in ("CCA", "PLSCanonical", "PLSSVD"):
        made.set_params(n_components=1)
        return made.fit(X, np.column_stack([value, label]))
    texts = ["a small red house", "a large blue car", "the sea", "red wine and blue cheese"] * 5
    special: dict[str, Any] = {
        "CountVectorizer": texts,
        "TfidfVectorizer": texts,
        "HashingVectorizer": texts,
        "PatchExtractor": rng.random((4, 8, 8)),
        "DictVectorizer": [{"a": 1.0, "b": "x"}, {"a": 2.0}],
        "FeatureHasher": [{"a": 1.0}],
        "LabelBinarizer": label,
        "LabelEncoder": label,
        "MultiLabelBinarizer": [("a", "b"), ("b",)],
    }
    if name == "IsotonicRegression":
        return made.fit(X[:, 0], value)
    if name in special:
        return made.fit(special[name])
    is_regressor = name.endswith(("Regressor", "Regression"))
    if name == "FrozenEstimator":
        made.estimator.fit(X, label)
    return made.fit(X, np.abs(value) + 0.1 if is_regressor and name != "LogisticRegression" else label)


def _made(estimator: Any) -> Any:
    """Return an instance with the parts that its class asks for."""
    import inspect

    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import StandardScaler

    is_regressor = "Regressor" in estimator.__name__ or estimator.__name__ == "RegressorChain"
    inner = Ridge() if is_regressor else LogisticRegression()
    given = {
        "estimator": inner,
        "base_estimator": inner,
        "estimators": [("a", inner), ("b", type(inner)())],
        "param_grid": {"C": [0.1, 1.0]},
        "param_distributions": {"C": [0.1, 1.0, 10.0]},
        "transformers": [("scale", StandardScaler(), [0, 1])],
        "transformer_list": [("pca", PCA(2))],
        "steps": [("scale", StandardScaler()), ("model", inner)],
        "dictionary": np.eye(4),
        "threshold": None,
    }
    needed = {
        name: given[name]
        for name, parameter in inspect.signature(estimator).parameters.items()
        if parameter.default is inspect.Parameter.empty and name in given
    }
    return estimator(**needed)
