"""The tables and arrays of the corpus can be made."""

from __future__ import annotations

import numpy as np

from tests.tools.loading import load_tool

load_tool("generate_allow_list")
data = load_tool("allow_list_data")


def test_what_cannot_be_made_is_left_out() -> None:
    assert dict(data.attempts({"good": lambda: 1, "bad": lambda: 1 / 0})) == {"good": 1}


def test_arrays_of_every_type_are_made() -> None:
    made = dict(data.numpy_objects())
    assert isinstance(made["O"][0], np.ndarray)
    assert len(made) > 40


def test_each_interpolation_has_its_own_kind() -> None:
    made = dict(data.scipy_objects())
    assert type(made["CubicSpline"]) is not type(made["PchipInterpolator"])
