"""What tables of images say completes what the user did not."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from holdfast.auditing.config import AuditConfig
from holdfast.auditing.inputs import Inputs
from holdfast.auditing.preparing import with_images
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError
from holdfast.core.subject import Table


def completed(shape: tuple[int, ...], *, target: str | None = None, **deployment: Any) -> AuditConfig:
    frame = pl.DataFrame({"x0": [0.0, 1.0], "label": [0, 1]})
    table = Table(name="test", frame=frame, digest="sha256:0", image_shape=shape)
    inputs = Inputs(name="t", tables={"test": table}, model=None, model_file=None, digests={})
    return with_images(AuditConfig(target=target, deployment=Deployment(**deployment)), inputs)


def test_images_give_their_shape_and_their_class_is_the_target() -> None:
    config = completed((1, 1, 1))
    assert (config.deployment.image_shape, config.deployment.modality, config.target) == ((1, 1, 1), "image", "label")


def test_what_the_user_said_stands() -> None:
    assert completed((1, 1, 1), target="x0").target == "x0"
    with pytest.raises(InputError, match=r"image_shape is \[3, 2, 2\], but the images of test are \[1, 1, 1\]"):
        completed((1, 1, 1), image_shape=(3, 2, 2))


def test_a_table_without_images_changes_nothing() -> None:
    assert completed(()) == AuditConfig()
