import copy
import json
import pathlib
import zipfile
from io import BytesIO

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import StackingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import ClassifierChain

X = np.random.default_rng(0).normal(size=(20, 2))
Y = (X > 0).astype(int)
STACK = StackingRegressor([("a", LinearRegression())], LinearRegression(), cv=2).fit(X, X[:, 0])


def changed(model, **attributes):  # type: ignore[no-untyped-def]
    vars(model).update(attributes)
    return skops.io.dumps(model)


def stack(**attributes):  # type: ignore[no-untyped-def]
    return changed(copy.deepcopy(STACK), **attributes)


def test_ordinary_models_pass(scan_file) -> None:  # type: ignore[no-untyped-def]
    search = GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, cv=2).fit(X, Y[:, 0])
    chain = ClassifierChain(LogisticRegression(), chain_method="predict_proba").fit(X, Y)
    for model in (STACK, search, chain, CountVectorizer().fit(["two words"])):
        assert scan_file(skops.io.dumps(model)).verdict == "pass"


@pytest.mark.parametrize(
    "held",
    [
        [pathlib.Path("x")],
        (pathlib.Path("x"),),
        {"a": [pathlib.Path("x")]},
        np.array([pathlib.Path("x"), None], dtype=object),
        np.ma.MaskedArray(np.array([pathlib.Path("x"), None], dtype=object), [0, 1]),
    ],
)
def test_path_in_the_place_of_an_estimator_is_unknown(scan_file, rules, held) -> None:  # type: ignore[no-untyped-def]
    assert "unknown skops.attribute" in rules(scan_file(stack(estimators_=held)))


def test_name_of_no_method_of_estimators_is_unknown(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert "unknown skops.attribute" in rules(scan_file(stack(stack_method_=["write_bytes"])))
    chain = ClassifierChain(LogisticRegression()).fit(X, Y)
    assert "unknown skops.attribute" in rules(scan_file(changed(chain, chain_method_="fit")))


def test_transformer_that_opens_files_is_unknown(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert "unknown skops.attribute" in rules(scan_file(changed(CountVectorizer(), input="filename")))


def test_node_that_only_repeats_a_number_stands_for_the_other(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    archive = zipfile.ZipFile(BytesIO(stack(estimators_=[pathlib.Path("x")])))
    schema = json.loads(archive.read("schema.json"))
    items = schema["content"]["content"]
    whole = items["estimators_"]["content"][0]
    items["estimators_"]["content"][0] = {"__id__": whole["__id__"]}
    items["aside"] = whole
    schema["content"]["key_types"]["content"].append(schema["content"]["key_types"]["content"][0])
    assert "unknown skops.attribute" in rules(scan_file(json.dumps(schema).encode()))
