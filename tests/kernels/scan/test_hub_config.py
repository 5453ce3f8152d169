import pytest

from holdfast.kernels.scan.hub_config import judge_hub_config
from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.record import Record


def found(node: dict[str, object]) -> set[str]:
    record = Record(Place(("f",), 0, 1))
    judge_hub_config(record, node)
    return {f"{one.kind} {one.rule}" for one in record.observations}


@pytest.mark.parametrize(
    "node",
    [
        {"auto_map": {"AutoModel": "modeling.Model"}},
        {"trust_remote_code": True},
        {"loader_module": "my_loader"},
        {"_class_name": "Pipeline", "unet": ["my_module", "UNet"]},
    ],
)
def test_code_of_the_repository_is_unknown(node: dict[str, object]) -> None:
    assert found(node) == {"unknown config.remote-code"}


@pytest.mark.parametrize(
    "node",
    [
        {"auto_map": {}},
        {"trust_remote_code": False},
        {"loader_module": "mlflow.sklearn"},
        {"_class_name": "Pipeline", "unet": ["diffusers", "UNet2DConditionModel"], "safety_checker": [None, None]},
    ],
)
def test_ordinary_configuration_passes(node: dict[str, object]) -> None:
    assert found(node) == set()


@pytest.mark.parametrize("key", ["py/object", "py/reduce", "py/type", "py/function"])
def test_keys_of_jsonpickle_execute(key: str) -> None:
    assert found({key: "os.system"}) == {"executes config.jsonpickle"}


@pytest.mark.parametrize("target", ["os.system", "builtins.eval", "subprocess.Popen"])
def test_target_in_the_standard_library_is_unknown(target: str) -> None:
    assert found({"_target_": target}) == {"unknown config.target"}


def test_target_in_a_framework_is_ordinary() -> None:
    assert found({"_target_": "torch.optim.Adam", "lr": 0.1}) == set()
