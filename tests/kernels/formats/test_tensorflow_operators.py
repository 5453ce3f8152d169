import pytest

from holdfast.kernels.formats.tensorflow_operators import CHECKPOINT, PURE


@pytest.mark.parametrize(
    "operator",
    ["PyFunc", "PyFuncStateless", "EagerPyFunc", "ReadFile", "WriteFile", "MatchingFiles", "PrintV2", "DecodeProtoV2",
     "InitializeTableFromTextFileV2", "LoadAndRemapMatrix", "RpcCall", "XlaCallModule", "DebugIdentityV3", "SqlDataset",
     "GenerateVocabRemapping", "RemoteCall", "DumpTensor", "SaveSlices", "LoadDataset"],
)  # fmt: skip
def test_operators_that_reach_outside_are_not_pure(operator: str) -> None:
    assert operator not in PURE
    assert operator not in CHECKPOINT


def test_ordinary_operators_are_pure() -> None:
    assert {"MatMul", "Conv2D", "ReadVariableOp", "StatefulPartitionedCall", "Softmax", "Const", "Placeholder"} <= PURE
