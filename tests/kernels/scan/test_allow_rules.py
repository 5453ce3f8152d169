import pathlib
import pickle
import sys

import numpy as np
import pytest
from scipy.interpolate import interp1d
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 IterativeImputer is imported through it
from sklearn.impute import IterativeImputer
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeRegressor

from holdfast.kernels.scan.allow_list import parse_allow_list, parse_rule, shipped_allow_list
from holdfast.kernels.scan.allow_rules import NEVER_ROOTS, WRITTEN, is_never_allowed, is_template

DANGEROUS = [
    "partial",
    "methodcaller",
    "attrgetter",
    "eval",
    "exec",
    "compile",
    "__import__",
    "open",
    "CodeType",
    "FunctionType",
]


@pytest.mark.parametrize("path", WRITTEN)
def test_written_rule_can_be_read(path: str) -> None:
    rule = parse_rule(WRITTEN[path])
    assert rule.is_reference or rule.news or rule.calls or rule.states


@pytest.mark.parametrize(
    "path",
    ["os:system", "builtins:eval", "__main__:f", "numpy.f2py.capi_maps:x", "joblib.numpy_pickle:load", "numpy:load",
     "pandas.io.pickle:x", "sklearn.datasets._base:fetch_file", "torch.hub:help", "numpy.testing:x", "torch:load"],
)  # fmt: skip
def test_dangerous_name_is_never_allowed(path: str) -> None:
    module, _, name = path.partition(":")
    assert is_never_allowed(module, name)


@pytest.mark.parametrize("path", ["sklearn.linear_model._ridge:Ridge", "numpy:log1p", "torch.nn.modules.linear:Linear"])
def test_model_name_may_be_allowed(path: str) -> None:
    module, _, name = path.partition(":")
    assert not is_never_allowed(module, name)


def test_shipped_list_allows_no_name_of_the_standard_library_but_the_written_ones() -> None:
    rules = shipped_allow_list().rules
    listed = {f"{module}:{name}" for module in rules if module.split(".")[0] in NEVER_ROOTS for name in rules[module]}
    assert listed <= WRITTEN.keys()


def test_shipped_list_allows_nothing_that_reaches_other_code() -> None:
    names = {name.rpartition(".")[2] for names in shipped_allow_list().rules.values() for name in names}
    assert names & set(DANGEROUS) <= {"partial"}


def test_partial_is_made_of_numeric_functions_only() -> None:
    rule = shipped_allow_list().rule("functools", "partial")
    assert rule is not None
    assert not rule.is_reference
    assert not rule.is_class
    assert rule.calls == ((("@numeric",),),)
    assert {shape[0] for shape in rule.shapes} == {("@numeric",)}
    assert not rule.states


def test_attribute_of_an_object_is_got_in_named_patterns_only() -> None:
    rule = shipped_allow_list().rule("builtins", "getattr")
    assert rule is not None
    assert not rule.is_reference
    assert not any("*" in argument for call in rule.calls for argument in call)


def test_every_generated_global_passes_the_filter_again() -> None:
    written = parse_allow_list('{"versions": {}, "globals": {}}').rules
    for module, names in shipped_allow_list().rules.items():
        for name in names:
            assert name in written.get(module, {}) or not is_never_allowed(module, name)


def test_template_of_scipy_is_recognised() -> None:
    stats = pytest.importorskip("scipy.stats")
    kinds = [getattr(stats, name) for name in dir(stats)]
    texts = [kind._parse_arg_template for kind in kinds if hasattr(kind, "_parse_arg_template")]
    assert len(texts) > 50
    assert all(map(is_template, texts))


@pytest.mark.parametrize("inside", ["x=print(1)", "loc=0, scale=1):\n    pass\nimport os #", "a, *b", "a.b"])
def test_template_with_anything_else_is_not(inside: str) -> None:
    text = (
        f"\ndef _parse_args(self, {inside},  loc=0, scale=1):\n    return ({inside},), loc, scale\n"
        f"\ndef _parse_args_rvs(self, {inside},  loc=0, scale=1, size=None):\n"
        f"    return self._argcheck_rvs({inside}, loc, scale, size=size)\n"
        f"\ndef _parse_args_stats(self, {inside},  loc=0, scale=1, moments='mv'):\n"
        f"    return ({inside},), loc, scale, moments\n"
    )
    assert not is_template(text)


def test_all_of_the_standard_library_is_a_root_that_no_list_holds() -> None:
    assert sys.stdlib_module_names <= NEVER_ROOTS


@pytest.mark.filterwarnings("ignore:.*Early stopping")
def test_imputer_may_hold_any_estimator_and_nothing_else(scan_file) -> None:  # type: ignore[no-untyped-def]
    imputer = IterativeImputer(DecisionTreeRegressor(), max_iter=1).fit([[1.0, 2.0], [np.nan, 3.0], [2.0, 4.0]])
    assert scan_file(pickle.dumps(imputer)).verdict == "pass"
    imputer.imputation_sequence_[0] = imputer.imputation_sequence_[0]._replace(estimator=pathlib.Path("x"))
    assert scan_file(pickle.dumps(imputer)).verdict == "fail"


def test_models_that_users_save_pass(scan_file) -> None:  # type: ignore[no-untyped-def]
    rows = np.arange(8.0).reshape(8, 1)
    splits = [(np.arange(4), np.arange(4, 8)), (np.arange(4, 8), np.arange(4))]
    search = GridSearchCV(DecisionTreeRegressor(), {"max_depth": [1, 2]}, cv=splits).fit(rows, rows[:, 0])
    for model in (search, interp1d([0, 1, 2], [0, 1, 4], fill_value="extrapolate")):
        assert scan_file(pickle.dumps(model)).verdict == "pass"
