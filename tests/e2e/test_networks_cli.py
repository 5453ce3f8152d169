"""``holdfast audit`` on an image classifier: one command, and what is wrong is said before anything is measured."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.workplace import Workplace
from tests.onnx_graphs import model, node, weights


def audited(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    only = ("--check", "performance.predictive", "--out", "out", "--ledger", "none")
    return Workplace(folder).run("audit", *options, *only)


def write_images(folder: Path, *, turn: int) -> None:
    """Images and the classes that the network itself gives them, or those next to them."""
    import onnxruntime

    w = weights(36, 3)
    nodes = [node("Flatten", "x", "f"), node("Gemm", "f w", "y")]
    data = model(nodes, row=[1, 6, 6], constants={"w": w - w.mean(axis=0)}, width=3)
    (folder / "cnn.onnx").write_bytes(data)
    pixels = np.random.default_rng(0).integers(0, 256, (300, 6, 6), np.uint8)
    session = onnxruntime.InferenceSession(data)
    logits = session.run(None, {"x": (pixels[:, None] / 255).astype(np.float32)})[0]
    np.savez(folder / "test.npz", X=pixels, y=(np.asarray(logits).argmax(axis=1) + turn) % 3)


@pytest.mark.slow
def test_an_image_classifier_is_audited_by_one_command(tmp_path: Path) -> None:
    write_images(tmp_path, turn=0)
    done = audited(tmp_path, "--model", "cnn.onnx", "--test", "test.npz")
    assert (done.returncode, done.stderr) == (0, "")
    subject = json.loads((tmp_path / "out" / "findings.json").read_text())["subject"]
    assert subject["deployment"]["image_shape"] == [1, 6, 6]
    assert "gradients" in subject["capabilities"]
    assert any("taken as logits" in note for note in subject["assumptions"])


@pytest.mark.slow
def test_classes_in_another_order_are_named_before_anything_is_measured(tmp_path: Path) -> None:
    write_images(tmp_path, turn=1)
    (tmp_path / "holdfast.yaml").write_text(
        "model: cnn.onnx\ntest: test.npz\nnetwork: {accuracy: 0.95}\ndeployment: {classes: [0, 1, 2]}\n"
    )
    done = audited(tmp_path, "--config", "holdfast.yaml")
    assert "Look at this first" in done.stderr
    assert "in the order [1, 2, 0]" in done.stderr
    assumptions = json.loads((tmp_path / "out" / "findings.json").read_text())["subject"]["assumptions"]
    assert assumptions[0].startswith("Look at this first")


@pytest.mark.slow
def test_weights_without_leave_to_run_their_factory_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path, turn=0)
    (tmp_path / "w.safetensors").write_bytes((2).to_bytes(8, "little") + b'{"a": 1}')
    (tmp_path / "model.py").write_text("raise SystemExit('this must not run')")
    (tmp_path / "holdfast.yaml").write_text(
        "model: w.safetensors\ntest: test.npz\nnetwork: {factory: 'model.py:make', input_shape: [1, 6, 6]}\n"
    )
    done = audited(tmp_path, "--config", "holdfast.yaml")
    assert done.returncode == 2
    assert "must not run" not in done.stderr
