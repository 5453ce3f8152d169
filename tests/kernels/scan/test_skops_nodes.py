import collections
import datetime
import decimal
import fractions
import json
import pathlib
import warnings
import zoneinfo
from importlib.metadata import version

import numpy as np
import pytest
from packaging.version import Version
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skops.io import dumps

from holdfast.kernels.scan.allow_list import AllowList, Rule, shipped_allow_list
from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.skops_nodes import is_skops_node, judge_skops_identities, judge_skops_node
from tests.kernels.scan.conftest import ScanFile

INSTANCE = Rule(news=((),))
ALLOWED = AllowList({"sklearn.svm._classes": {"SVC": INSTANCE}, "numpy": {"float64": Rule(is_reference=True)}})
X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] > 0


def found(loader: str, path: str, allow: AllowList = ALLOWED, **more: object) -> set[str]:
    module, _, name = path.rpartition(".")
    node = {"__loader__": loader, "__module__": module, "__class__": name, **more}
    assert is_skops_node(node)
    record = Record(Place(("f",), 0, 1))
    judge_skops_node(record, node, allow)
    return {f"{one.kind} {one.rule}" for one in record.observations}


@pytest.mark.parametrize(
    ("loader", "path"),
    [
        ("DictNode", "builtins.dict"),
        ("ListNode", "builtins.list"),
        ("JsonNode", "builtins.str"),
        ("NdArrayNode", "numpy.ndarray"),
        ("NdArrayNode", "numpy.float64"),
        ("SparseMatrixNode", "scipy.sparse._csr.csr_matrix"),
        ("ObjectNode", "sklearn.svm._classes.SVC"),
        ("TypeNode", "numpy.float64"),
        ("TypeNode", "builtins.str"),
        ("FunctionNode", "numpy.log1p"),
        ("FunctionNode", "scipy.special.expit"),
        ("TreeNode", "sklearn.tree._tree.Tree"),
        ("DictNode", "sklearn.utils._bunch.Bunch"),
    ],
)
def test_plain_values_and_allowed_classes_pass(loader: str, path: str) -> None:
    assert found(loader, path) == set()


@pytest.mark.parametrize(
    ("loader", "path"),
    [
        ("ObjectNode", "os._wrap_close"),
        ("ObjectNode", "sklearn.evil.SVC"),
        ("ConstructorFromReduceNode", "subprocess.Popen"),
        ("FunctionNode", "os.system"),
        ("FunctionNode", "numpy.load"),
        ("FunctionNode", "numpy.f2py.crackfortran.getlincoef"),
        ("TypeNode", "subprocess.Popen"),
        ("MethodNode", "sklearn.svm._classes.SVC"),
        ("PartialNode", "functools.partial"),
        ("OperatorFuncNode", "operator.methodcaller"),
        ("DictNode", "evil.dict"),
        ("NdArrayNode", "evil.ndarray"),
        ("WhateverNode", "builtins.dict"),
        ("TreeNode", "evil.Tree"),
    ],
)
def test_anything_else_is_unknown(loader: str, path: str) -> None:
    assert found(loader, path) == {"unknown skops.node"}


def test_old_form_of_a_function_is_read() -> None:
    content = {"module_path": "os", "function": "system"}
    assert found("FunctionNode", "numpy.log", content=content) == {"unknown skops.node"}


def test_bit_generator_that_is_none_of_numpy_is_unknown() -> None:
    good = {"bit_generator": {"content": {"bit_generator": {"content": '"PCG64"'}}}}
    bad = {"bit_generator": {"content": {"bit_generator": {"content": '"test"'}}}}
    assert found("RandomGeneratorNode", "numpy.random._generator.Generator", content=good) == set()
    assert found("RandomGeneratorNode", "numpy.random._generator.Generator", content=bad) == {"unknown skops.node"}


def test_node_without_a_name_is_malformed() -> None:
    record = Record(Place(("f",), 0, 1))
    judge_skops_node(record, {"__loader__": "DictNode"}, ALLOWED)
    assert [one.kind for one in record.observations] == ["malformed"]


MODELS = [
    LogisticRegression(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(
        ColumnTransformer([("a", StandardScaler(), [0, 1])]), FunctionTransformer(np.log1p), RandomForestClassifier(3)
    ),
    HistGradientBoostingClassifier(max_iter=3),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_file_that_skops_writes_passes(scan_file, model) -> None:  # type: ignore[no-untyped-def]
    with np.errstate(all="ignore"):
        fitted = model.fit(np.abs(X), Y)
    assert scan_file(dumps(fitted)).verdict == "pass"


def json_node(value: object, **more: object) -> dict[str, object]:
    return {
        "__loader__": "JsonNode",
        "__module__": "builtins",
        "__class__": "str",
        "content": json.dumps(value),
        **more,
    }


def node(loader: str, path: str, content: object, **more: object) -> dict[str, object]:
    module, _, name = path.rpartition(".")
    return {"__loader__": loader, "__module__": module, "__class__": name, "content": content, **more}


def types(*paths: str) -> dict[str, object]:
    return node("ListNode", "builtins.list", [node("TypeNode", path, None) for path in paths])


def identities(*nodes: dict[str, object]) -> list[str]:
    record = Record(Place(("f",), 0, 1))
    judge_skops_identities(record, nodes)
    return [f"{one.kind} {one.rule}" for one in record.observations]


def test_different_nodes_of_one_number_are_suspicious() -> None:
    assert identities(json_node("a", __id__=7), json_node("b", __id__=7)) == ["suspicious skops.identity"]


def test_nodes_that_differ_deep_inside_are_suspicious() -> None:
    one, other = (node("TupleNode", "builtins.tuple", [json_node(value)], __id__=7) for value in "ab")
    assert identities(one, other) == ["suspicious skops.identity"]


def test_numbers_that_are_equal_to_python_are_one_number() -> None:
    assert identities(json_node("a", __id__=1), json_node("b", __id__=1.0)) == ["suspicious skops.identity"]


def test_node_that_stands_twice_passes() -> None:
    one, other = (node("TupleNode", "builtins.tuple", [json_node("a", __id__=n)], __id__=7) for n in (3, 4))
    assert identities(one, other) == []


def test_copies_of_bytes_that_are_stored_twice_pass() -> None:
    one, other = (
        node("ListNode", "builtins.list", [node("BytesNode", "builtins.bytes", None, file=name)], __id__=7)
        for name in ("a.bin", "b.bin")
    )
    assert identities(one, other) == []


def test_node_that_stands_for_another_one_is_unknown() -> None:
    assert found("CachedNode", "builtins.dict") == {"unknown skops.node"}


def test_text_that_scipy_does_not_write_executes() -> None:
    content = {"_parse_arg_template": json_node("print(1)")}
    assert found("DictNode", "builtins.dict", content=content) == {"executes skops.template"}


def test_text_that_is_no_constant_executes() -> None:
    content = {"_parse_arg_template": node("BytesNode", "builtins.bytes", None)}
    assert found("DictNode", "builtins.dict", content=content) == {"executes skops.template"}


def test_text_that_scipy_writes_passes() -> None:
    content = {"_parse_arg_template": json_node(vars(stats.norm)["_parse_arg_template"])}
    assert found("DictNode", "builtins.dict", content=content) == set()


@pytest.mark.parametrize("key", ["__setstate__", "__class__", "_build_f"])
def test_attribute_that_is_called_while_loading_executes(key: str) -> None:
    state = node("DictNode", "builtins.dict", {key: json_node("a")})
    assert "executes skops.state" in found("ObjectNode", "sklearn.svm._classes.SVC", STATES, content=state)


def test_attribute_that_is_called_executes_inside_a_state_with_slots() -> None:
    state = node("TupleNode", "builtins.tuple", [json_node(None), node("DictNode", "builtins.dict", {"__del__": {}})])
    assert "executes skops.state" in found("ObjectNode", "sklearn.svm._classes.SVC", STATES, content=state)


STATES = AllowList({"sklearn.svm._classes": {"SVC": Rule(news=((),), states=frozenset({"dict", "slots"}))}})


@pytest.mark.parametrize(
    "state",
    [
        None,
        json_node(None),
        node("DictNode", "builtins.dict", {"C": json_node(1)}),
        node("TupleNode", "builtins.tuple", [json_node(None), node("DictNode", "builtins.dict", {})]),
    ],
)
def test_state_of_a_kind_that_the_rule_names_passes(state: object) -> None:
    assert found("ObjectNode", "sklearn.svm._classes.SVC", STATES, content=state) == set()


@pytest.mark.parametrize(
    "state",
    [
        json_node({"C": 1}),
        node("ListNode", "builtins.list", []),
        node("DictNode", "collections.OrderedDict", {}),
        node("CachedNode", "builtins.dict", None),
        [],
    ],
)
def test_state_of_another_kind_is_unknown(state: object) -> None:
    assert found("ObjectNode", "sklearn.svm._classes.SVC", STATES, content=state) == {"unknown skops.node"}


def test_recurrent_layer_that_counts_far_is_unknown() -> None:
    allow = AllowList({"torch.nn.modules.rnn": {"LSTM": Rule(news=((),), states=frozenset({"dict"}))}})
    few, many = (node("DictNode", "builtins.dict", {"num_layers": json_node(count)}) for count in (2, 10**12))
    assert found("ObjectNode", "torch.nn.modules.rnn.LSTM", allow, content=few) == set()
    assert found("ObjectNode", "torch.nn.modules.rnn.LSTM", allow, content=many) == {"unknown skops.node"}


@pytest.mark.parametrize("path", ["builtins.str", "builtins.int", "numpy.int64"])
def test_keys_of_a_dict_may_be_texts_and_numbers(path: str) -> None:
    assert found("DictNode", "builtins.dict", content={"1": json_node(1)}, key_types=types(path)) == set()


def test_key_that_is_handed_to_a_class_of_the_list_is_unknown() -> None:
    odd = types("sklearn.svm._classes.SVC")
    assert found("DictNode", "builtins.dict", content={"1": json_node(1)}, key_types=odd) == {"unknown skops.node"}


def test_types_of_keys_that_are_not_written_out_are_unknown() -> None:
    odd = node("TupleNode", "builtins.tuple", [])
    assert found("DictNode", "builtins.dict", content={}, key_types=odd) == {"unknown skops.node"}


def test_generator_that_mixes_a_large_pool_is_unknown() -> None:
    bits = {"content": {"bit_generator": {"content": '"PCG64"'}}}
    few, many = (
        {"bit_generator": bits, "seed_seq": node("DictNode", "builtins.dict", {"pool_size": json_node(size)})}
        for size in (4, 10**6)
    )
    assert found("RandomGeneratorNode", "numpy.random._generator.Generator", content=few) == set()
    assert found("RandomGeneratorNode", "numpy.random._generator.Generator", content=many) == {"unknown skops.node"}


def constructed(path: str, *arguments: object) -> set[str]:
    content = node("TupleNode", "builtins.tuple", list(arguments))
    return found("ConstructorFromReduceNode", path, shipped_allow_list(), content=content)


def test_constructor_with_arguments_of_its_rule_passes() -> None:
    assert constructed("builtins.range", json_node(0), json_node(9), json_node(1)) == set()


def test_constructor_that_is_given_bytes_passes_where_its_rule_takes_them() -> None:
    assert constructed("datetime.date", node("BytesNode", "builtins.bytes", None)) == set()


def test_constructor_with_other_arguments_is_unknown() -> None:
    assert constructed("builtins.range", json_node("a")) == {"unknown skops.node"}


def test_constructor_whose_argument_would_be_computed_with_for_ever_is_unknown() -> None:
    assert constructed("fractions.Fraction", json_node("1e999999999")) == {"unknown skops.node"}


def test_constructor_of_a_class_that_is_made_without_arguments_is_unknown() -> None:
    assert constructed("sklearn.svm._classes.SVC", json_node("a")) == {"unknown skops.node"}


def test_constructor_whose_arguments_are_not_written_out_is_unknown() -> None:
    assert found("ConstructorFromReduceNode", "builtins.range", shipped_allow_list(), content="x") == {
        "unknown skops.node"
    }


@pytest.mark.parametrize("name", ["Parallel", "delayed", "clone", "plain_sgd"])
def test_what_else_a_module_of_losses_holds_is_unknown(name: str) -> None:
    assert found("LossNode", f"sklearn.linear_model._stochastic_gradient.{name}") == {"unknown skops.node"}


reads_time_zones = pytest.mark.skipif(
    Version(version("skops")) < Version("0.16"), reason="skops before 0.16 writes time zones that it cannot read"
)
VALUES = [
    datetime.timedelta(1, 2, 3),
    pytest.param(datetime.timezone(datetime.timedelta(hours=2)), marks=reads_time_zones),
    pytest.param(zoneinfo.ZoneInfo("UTC"), marks=reads_time_zones),
    decimal.Decimal("1.5"),
    fractions.Fraction(1, 3),
    range(9),
    pathlib.PurePosixPath("a/b"),
    {1: "a", 2.5: "b", "d": None, np.int64(4): 5},
    collections.OrderedDict(a=1),
    collections.defaultdict(list, a=[1]),
    np.random.default_rng(0),
    np.random.RandomState(0),
    stats.norm(0, 1),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_value_that_skops_writes_passes(value: object, scan_file: ScanFile) -> None:
    assert scan_file(dumps({"a": value, "b": [value, value]})).verdict == "pass"


@pytest.mark.parametrize("model", [KNeighborsClassifier(), SGDClassifier(), MLPClassifier(max_iter=3)], ids=repr)
def test_model_of_compiled_parts_that_skops_writes_passes(scan_file: ScanFile, model: BaseEstimator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert scan_file(dumps(model.fit(X, Y))).verdict == "pass"
