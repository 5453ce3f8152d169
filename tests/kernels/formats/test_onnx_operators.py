from onnx import defs

from holdfast.kernels.formats.onnx_operators import OPERATORS


def test_every_operator_that_onnx_ever_had_is_listed() -> None:
    missing = {(one.domain, one.name) for one in defs.get_all_schemas_with_history() if one.domain != "ai.onnx.preview"}
    assert not {(domain, name) for domain, name in missing if name not in OPERATORS[domain]}


def test_operators_that_load_compiled_code_are_not() -> None:
    assert not {"EPContext", "Snpe", "PythonOp", "ATen"} & OPERATORS["com.microsoft"]
