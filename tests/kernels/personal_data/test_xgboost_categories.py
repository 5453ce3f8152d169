"""Categories that XGBoost writes as numbers are read."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.kernels.personal_data.xgboost_categories import category_texts


def test_bytes_of_signed_and_unsigned_numbers_are_decoded() -> None:
    held = list("Zoë".encode())
    signed = [number - 256 if number > 127 else number for number in held]
    assert list(category_texts({"offsets": [0, 4], "values": held})) == ["Zoë"]
    assert list(category_texts({"offsets": [0, 4], "values": signed})) == ["Zoë"]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"offsets": [0, 2], "values": [1]},
        {"offsets": [0, 5, 2], "values": [65, 66]},
        {"offsets": [0, 2], "values": [65, 300]},
        {"offsets": [0, 2], "values": [65, "B"]},
        {"offsets": [0], "values": []},
    ],
)
def test_other_objects_give_nothing(value: dict[str, Any]) -> None:
    assert list(category_texts(value)) == []


def test_categories_of_a_real_model_are_found() -> None:
    xgboost = pytest.importorskip("xgboost")
    pandas = pytest.importorskip("pandas")
    import json

    import numpy as np

    mails = pandas.Series([f"user{i}@example.org" for i in (1, 2, 3)] * 4, dtype="category")
    data = xgboost.DMatrix(pandas.DataFrame({"mail": mails}), label=np.arange(12) % 2, enable_categorical=True)
    model = json.loads(xgboost.train({}, data, 1).save_raw("json"))
    held = [enc for enc in model["learner"]["gradient_booster"]["model"]["cats"]["enc"] if enc]
    assert sorted(text for enc in held for text in category_texts(enc)) == sorted(mails.cat.categories)
