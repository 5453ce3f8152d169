import json

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 3))


def booster(**parameters: object) -> xgboost.Booster:
    return xgboost.train(parameters, xgboost.DMatrix(X, (X[:, 0] > 0).astype(int)), 3)


@pytest.mark.parametrize("form", ["json", "ubj"])
@pytest.mark.parametrize("kind", ["gbtree", "gblinear", "dart"])
def test_model_of_the_library_passes(scan_file, form, kind) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(bytes(booster(booster=kind).save_raw(form)))
    assert (result.verdict, result.format) == ("pass", "xgboost")


def test_classifier_of_scikit_learn_style_passes(scan_file, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "model.json"
    xgboost.XGBClassifier(n_estimators=3).fit(X, X[:, 0] > 0).save_model(path)
    assert scan_file(path.read_bytes()).verdict == "pass"


def test_bytes_behind_the_model_are_reported(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert "suspicious ledger.gap" in rules(scan_file(bytes(booster().save_raw("ubj")) + b"payload"))


def test_truncated_model_is_malformed(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert rules(scan_file(bytes(booster().save_raw("ubj"))[:-10])) == {"malformed ubj.structure"}


def test_document_that_is_no_model_is_not_examined(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert rules(scan_file(b"{i\x03abcSi\x05hello}")) == {"not_examined ubj.content"}


def test_unknown_booster_is_not_examined(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    document = {"version": [3, 0, 0], "learner": {"gradient_booster": {"name": "new"}}}
    assert rules(scan_file(json.dumps(document).encode())) == {"not_examined xgboost.booster"}


def test_learner_without_a_booster_is_malformed(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert rules(scan_file(b'{"learner": {}}')) == {"malformed xgboost.structure"}


@settings(max_examples=50)
@given(st.data())
def test_any_damage_is_walked(scan_file, draw) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(MODEL)
    for _ in range(draw.draw(st.integers(1, 5))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    scan_file(bytes(data))


MODEL = bytes(booster().save_raw("ubj"))
