"""What is under evaluation is read once, digested, and refused where it contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.auditing.config import AuditConfig
from holdfast.auditing.inputs import Inputs, read_inputs, with_network
from holdfast.auditing.jobs import ModelSource
from holdfast.core.canonical import digest_bytes
from holdfast.core.errors import InputError
from holdfast.core.network import NetworkSettings

FRAME = pl.DataFrame({"age": [1, 2, 3], "y": ["a", "b", "a"]})


@pytest.fixture
def read(tmp_path: Path) -> Any:
    (tmp_path / "scratch").mkdir()
    FRAME.write_csv(tmp_path / "test.csv")
    (tmp_path / "model.onnx").write_bytes(b"bytes of a model")

    def read(*, objects: dict[str, Any] | None = None, **config: Any) -> Inputs:
        placed = {
            name: str(tmp_path / value) if name in ("model", "train", "test", "predictions") else value
            for name, value in config.items()
        }
        return read_inputs(AuditConfig(**placed), scratch=tmp_path / "scratch", objects=objects or {})

    return read


def predictions(folder: Path, **columns: Any) -> str:
    pl.DataFrame(columns).write_csv(folder / "predictions.csv")
    return "predictions.csv"


def test_nothing_to_evaluate_shows_a_command(read: Any) -> None:
    with pytest.raises(InputError, match="nothing to evaluate") as caught:
        read()
    assert "holdfast audit" in caught.value.hint


def test_model_alone_is_nothing_to_evaluate(read: Any) -> None:
    with pytest.raises(InputError, match="nothing to evaluate"):
        read(model="model.onnx")


def test_model_and_predictions_contradict_each_other(read: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got both"):
        read(model="model.onnx", predictions=predictions(tmp_path, p=[0.1]))


def test_model_is_copied_and_digested_but_not_loaded(read: Any) -> None:
    inputs = read(model="model.onnx", test="test.csv")
    assert inputs.model is not None
    assert inputs.model.path.read_bytes() == b"bytes of a model"
    assert inputs.digests["model"] == digest_bytes(b"bytes of a model")
    assert inputs.has_content_digest


def test_model_that_changes_on_disk_afterwards_makes_no_difference(read: Any, tmp_path: Path) -> None:
    inputs = read(model="model.onnx", test="test.csv")
    (tmp_path / "model.onnx").write_bytes(b"other")
    assert inputs.model.path.read_bytes() == b"bytes of a model"


def test_private_copy_that_was_changed_is_not_opened(read: Any) -> None:
    inputs = read(model="model.onnx", test="test.csv")
    inputs.model.path.write_bytes(b"other")
    with pytest.raises(InputError, match="changed while the audit ran"):
        inputs.model.open()


def test_missing_model_names_the_file_that_was_meant(read: Any) -> None:
    with pytest.raises(InputError, match="no such file") as caught:
        read(model="modle.onnx", test="test.csv")
    assert caught.value.hint == "did you mean 'model.onnx'?"


def test_folder_in_place_of_a_model_is_refused(read: Any) -> None:
    with pytest.raises(InputError, match="a folder"):
        read(model="scratch", test="test.csv")


def test_digest_of_a_table_follows_its_content_not_its_spelling(read: Any, tmp_path: Path) -> None:
    (tmp_path / "same.csv").write_text('"age";"y"\r\n1;a\r\n2;"b"\r\n3;a\r\n')
    assert read(test="same.csv").digests == read(test="test.csv").digests


def test_digest_of_a_table_follows_a_changed_cell(read: Any, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("age,y\n1,a\n2,b\n4,a\n")
    assert read(test="other.csv").digests != read(test="test.csv").digests


def test_object_of_this_process_has_no_content_digest(read: Any) -> None:
    inputs = read(objects={"model": lambda X: np.zeros(len(X)), "test": FRAME})
    assert not inputs.has_content_digest
    assert set(inputs.digests) == {"test"}


def test_table_in_memory_has_the_digest_of_the_same_file(read: Any) -> None:
    assert read(objects={"test": FRAME}).digests == read(test="test.csv").digests


@pytest.mark.parametrize(
    ("columns", "taken"),
    [
        ({"y": ["a", "b"], "Prediction": ["a", "b"]}, ("Prediction",)),
        ({"y": ["a", "b"], "score": [0.1, 0.9]}, ("score",)),
        ({"y": ["a", "b"], "pred": ["a", "b"], "proba": [0.1, 0.9]}, ("pred", "proba")),
        ({"y": ["a", "b"], "p": ["low", "high"], "pred": ["a", "b"]}, ("pred",)),
    ],
)
def test_columns_of_predictions_are_found_by_name_and_said_so(
    read: Any, tmp_path: Path, columns: dict[str, Any], taken: tuple[str, ...]
) -> None:
    inputs = read(predictions=predictions(tmp_path, **columns))
    assert inputs.reserved == taken
    assert any("going by the name" in note for note in inputs.tables["test"].notes)


def test_unclear_predictions_ask_for_the_column(read: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not clear") as caught:
        read(predictions=predictions(tmp_path, y=["a"], guess=["a"]))
    assert "--score-column" in caught.value.hint


@pytest.mark.parametrize("option", [{"score_column": ("scor",)}, {"label_column": "scor"}])
def test_missing_column_of_predictions_names_the_one_that_was_meant(
    read: Any, tmp_path: Path, option: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="'scor'") as caught:
        read(predictions=predictions(tmp_path, y=["a"], score=[0.5]), **option)
    assert caught.value.hint == "did you mean 'score'?"


def test_predictions_stand_beside_the_test_table(read: Any, tmp_path: Path) -> None:
    inputs = read(test="test.csv", predictions=predictions(tmp_path, p=[0.1, 0.9, 0.2]))
    assert inputs.tables["test"].frame.columns == ["age", "y", "p"]


def test_predictions_of_another_length_are_refused(read: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got 2 predictions for 3 rows"):
        read(test="test.csv", predictions=predictions(tmp_path, p=[0.1, 0.9]))


def test_prediction_column_that_the_test_table_has_too_is_refused(read: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\['age'\] stand in both"):
        read(test="test.csv", predictions=predictions(tmp_path, age=[0.1, 0.9, 0.2]), score_column=("age",))


def test_artefacts_are_scanned_beside_the_model_and_do_not_keep_it_from_loading(read: Any, tmp_path: Path) -> None:
    (tmp_path / "step.pkl").write_bytes(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.")
    inputs = read(model="model.onnx", test="test.csv", artefacts=(str(tmp_path / "step.pkl"),))
    assert [file.verdict for file in inputs.artefacts] == ["pass", "fail"]


def test_artefacts_that_are_absent_are_an_error(read: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file or folder"):
        read(test="test.csv", artefacts=(str(tmp_path / "absent"),))


def with_factory(folder: Path) -> Inputs:
    data = (10).to_bytes(8, "little") + b'{"w": {}}  '
    (folder / "weights.safetensors").write_bytes(data)
    model = ModelSource(path=folder / "weights.safetensors", name="weights.safetensors", digest=digest_bytes(data))
    file = folder / "weights.safetensors"
    return Inputs(name="weights.safetensors", tables={}, model=model, model_file=file, digests={"model": model.digest})


def test_a_factory_is_refused_unless_code_may_run(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("def make(): ...")
    network = NetworkSettings(factory=f"{tmp_path / 'model.py'}:make")
    with pytest.raises(InputError, match=r"(?s)not allowed to run.*--allow-code"):
        with_network(with_factory(tmp_path), network, allow_code=False)


def test_the_file_of_a_factory_is_part_of_what_is_audited(tmp_path: Path) -> None:
    network = NetworkSettings(factory=f"{tmp_path / 'model.py'}:make")
    found = []
    for text in ("def make(): ...", "def make(): return 1"):
        (tmp_path / "model.py").write_text(text)
        found.append(with_network(with_factory(tmp_path), network, allow_code=True))
    assert found[0].model is not None
    assert found[0].model.factory_source == b"def make(): ..."
    assert found[0].digests["network"] != found[1].digests["network"]
    with pytest.raises(InputError, match=r"elsewhere\.py: no such file"):
        with_network(with_factory(tmp_path), NetworkSettings(factory="elsewhere.py:make"), allow_code=True)


def test_a_network_without_settings_changes_no_digest(tmp_path: Path) -> None:
    inputs = with_factory(tmp_path)
    assert with_network(inputs, NetworkSettings(), allow_code=False) is inputs
