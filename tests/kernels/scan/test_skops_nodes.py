import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skops.io import dumps

from holdfast.kernels.scan.allow_list import AllowList, Rule
from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.skops_nodes import is_skops_node, judge_skops_node

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
