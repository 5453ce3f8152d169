from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from holdfast.adapters.models.front_onnx import read_front
from holdfast.adapters.models.onnx_trees import find_trees
from holdfast.core.subject import NOTHING, RUNS, Front

OPSET = {"": 17, "ai.onnx.ml": 3}
BINS = {"encode": "onehot-dense", "quantile_method": "averaged_inverted_cdf"}


def front_of(step: Any) -> Front:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80), "c": rng.choice(["x", "y"], 80)})
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    front = ColumnTransformer([("n", step, ["a", "b"]), ("c", encoder, ["c"])])
    fitted = make_pipeline(front, DecisionTreeClassifier(random_state=0)).fit(X, (X["a"] > 0) & (X["c"] == "x"))
    types = [("a", FloatTensorType([None, 1])), ("b", FloatTensorType([None, 1])), ("c", StringTensorType([None, 1]))]
    data = convert_sklearn(fitted, initial_types=types, target_opset=OPSET).SerializeToString()
    node = find_trees(data)
    assert node is not None
    return read_front(data, node.source, n_features=2)


@pytest.mark.parametrize("step", [StandardScaler(), make_pipeline(SimpleImputer(), StandardScaler()), "passthrough"])
def test_scalers_imputers_and_encoders_of_texts_run_one_way(step: Any) -> None:
    found = front_of(step)
    assert (found.motion.tolist(), found.doubt) == ([RUNS, RUNS], "")


@pytest.mark.parametrize("step", [KBinsDiscretizer(4, **BINS), PolynomialFeatures(2)])
def test_bins_and_products_are_not_known(step: Any) -> None:
    found = front_of(step)
    assert set(found.motion.tolist()) == {NOTHING}
    assert "is not known" in found.doubt


def test_a_number_that_stands_for_missing_is_not_known() -> None:
    assert "Imputer" in front_of(SimpleImputer(missing_values=0.0)).doubt
