import json
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.kernels.scan.torch_export import is_expression
from holdfast.kernels.scan.worklist import Scan
from tests.kernels.scan.conftest import ScanFile

Rules = Callable[[Scan], set[str]]


@pytest.mark.parametrize(
    "text",
    ["Symbol('s77', positive=True, integer=True)", "Mul(Integer(4), Symbol('s77', positive=True, integer=True))",
     "s0*s1 + 2",      "FloorDiv(s0, 2)", "Max(1, u0)", "Eq(Mod(s0, 4), 0)", "s0**2", "-1",
     "Float('1.5', precision=53)", "s0 >= 2", "2*s77"],
)  # fmt: skip
def test_expression_of_sizes_is_plain(text: str) -> None:
    assert is_expression(text)


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('ls')", "Symbol.__class__", "lambdify(s0, s0)", "S('1')", "sympify('1')",
     "[x for x in (1,)]",      "Symbol('__import__')", "Function('f')", "eval('1')", "s0.subs(1, 2)", "Mul(*[1])",
     "10**10**10", "9**9999999", "f'{1}'",
     "(lambda: 1)()", "Symbol(**{})", "s0[0]", "", "Integer('__import__(1)')", 5, None, "1" * 30_000],
)  # fmt: skip
def test_anything_else_is_not(text: object) -> None:
    assert not is_expression(text)


def program(**more: Any) -> bytes:
    return json.dumps({"graph_module": {"graph": {}, **more.pop("inside", {})}, **more}).encode()


def test_program_that_torch_writes_passes(scan_file: ScanFile) -> None:
    leaf = {"type": None, "context": None, "children_spec": []}
    tree = json.dumps([1, {"type": "builtins.dict", "context": '["a"]', "children_spec": [leaf]}])
    nodes = [{"target": name} for name in ("torch.ops.aten.add.Tensor", "_operator.mul", "torch.sym_max", "forward")]
    size = {"as_expr": {"expr_str": "Symbol('s0')"}}
    inside = {"nodes": nodes, "sizes": [size], "signature": {"in_spec": tree, "out_spec": ""}}
    found = scan_file(program(inside=inside, guards_code=[], range_constraints={"s0": {"min_val": 2}}))
    assert found.observations == ()


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (program(inside={"sizes": [{"expr_str": "open('x')"}]}), "executes torch.expression"),
        (json.dumps({"expr_str": "open('x')"}).encode(), "executes torch.expression"),
        (program(range_constraints={"open('x')": {}}), "executes torch.expression"),
        (program(inside={"nodes": [{"target": "torch.hub.os.system"}]}), "executes torch.target"),
        (program(inside={"nodes": [{"target": "_operator.attrgetter"}]}), "executes torch.target"),
        (program(inside={"nodes": [{"as_operator": "torch.ops.load_library"}]}), "executes torch.target"),
        (program(guards_code=["open('x')"]), "not_examined torch.guards"),
        (
            program(inside={"in_spec": json.dumps([1, {"type": "collections.defaultdict", "context": "{}"}])}),
            "not_examined torch.structure",
        ),
        (
            program(inside={"in_spec": '[1, {"type": "builtins.dict", "context": "{\\"\\\\u005f_enum__\\": 1}"}]'}),
            "not_examined torch.structure",
        ),
    ],
)
def test_text_that_torch_runs_or_imports_does_not_pass(
    data: bytes, rule: str, scan_file: ScanFile, rules: Rules
) -> None:
    assert rule in rules(scan_file(data))
