"""The first configuration: it can be read back, says why, and hostile names stay inside their quotes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.auditing.config import AuditConfig, load_config
from holdfast.auditing.initialising import first_config
from holdfast.core.errors import InputError

N = 60
COLUMNS: dict[str, Any] = {
    "customer_id": list(range(N)),
    "sex": ["m", "f"] * (N // 2),
    "created_at_date": [f"2024-01-{1 + row % 28:02}" for row in range(N)],
    "amount": [row * 1.5 for row in range(N)],
    "income": ["<=50K", ">50K"] * (N // 2),
}


def made(folder: Path, columns: dict[str, Any], **config: Any) -> tuple[str, AuditConfig]:
    pl.DataFrame(columns).write_parquet(folder / "test.parquet")
    text = first_config(AuditConfig(test=str(folder / "test.parquet"), **config), folder=folder)
    (folder / "holdfast.yaml").write_text(text, encoding="utf-8")
    return text, load_config(folder / "holdfast.yaml")


def test_images_are_described_by_their_shape_and_not_pixel_by_pixel(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "test.npz", X=np.random.default_rng(0).integers(0, 256, (40, 3, 4), np.uint8), y=np.arange(40) % 2
    )
    text = first_config(AuditConfig(test=str(tmp_path / "test.npz")), folder=tmp_path)
    (tmp_path / "holdfast.yaml").write_text(text, encoding="utf-8")
    deployment = load_config(tmp_path / "holdfast.yaml").deployment
    assert (deployment.modality, deployment.image_shape, deployment.ranges) == ("image", (1, 3, 4), {})
    assert '"x0"' not in text


def test_roles_are_guessed_each_with_its_reason(tmp_path: Path) -> None:
    text, config = made(tmp_path, COLUMNS, target="income")
    roles = config.deployment
    assert (roles.id, roles.time, roles.sensitive, roles.immutable) == (
        "customer_id",
        "created_at_date",
        ("sex",),
        ("sex",),
    )
    for line in text.splitlines():
        if line.strip().startswith(("id:", "time:", '- "sex"')):
            assert "#" in line


def test_task_classes_and_positive_are_stated(tmp_path: Path) -> None:
    deployment = made(tmp_path, COLUMNS, target="income")[1].deployment
    assert (deployment.task, deployment.classes, deployment.positive) == ("binary", ("<=50K", ">50K"), ">50K")


def test_paths_below_the_folder_are_relative(tmp_path: Path) -> None:
    text, config = made(tmp_path, COLUMNS, target="income")
    assert 'test: "test.parquet"' in text
    assert config.test == str(tmp_path / "test.parquet")


def test_paths_elsewhere_are_absolute(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    pl.DataFrame(COLUMNS).write_csv(tmp_path / "test.csv")
    text = first_config(AuditConfig(test=str(tmp_path / "test.csv"), target="income"), folder=tmp_path / "deep")
    assert f'test: "{tmp_path / "test.csv"}"' in text


def test_target_is_guessed_by_its_name(tmp_path: Path) -> None:
    assert made(tmp_path, COLUMNS)[1].target == "income"


def test_target_that_is_not_clear_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not clear which column is the target") as caught:
        made(tmp_path, {"a": [1, 2], "b": [1, 2]})
    assert caught.value.hint == "give --target; columns: a, b"


def test_regression_states_no_classes(tmp_path: Path) -> None:
    text, config = made(tmp_path, COLUMNS, target="amount")
    assert config.deployment.task == "regression"
    assert "classes" not in text


@pytest.mark.parametrize(
    "name",
    [
        'sex: "x"',
        "sex # no comment",
        "sex' && rm",
        "{sex: *a}",
        "!!python/object sex",
        "sex 日本 😀",
        "sex\u0085purpose: stolen",
        "sex\u2028purpose: stolen",
        "<script>alert('sex')</script>",
        "- sex",
        "no sex",
        "sex\\",
        "sex\ufeff",
        "sex \ufffe",
    ],
)
def test_hostile_column_name_stays_a_name(tmp_path: Path, name: str) -> None:
    config = made(tmp_path, {name: ["m", "f"] * 30, "y": [0, 1] * 30, "unused": [1, 2] * 30}, target="y")[1]
    assert config.deployment.sensitive == (name,)
    assert config.deployment.purpose == ""


@pytest.mark.parametrize(
    "labels",
    [
        ["no", "yes"],
        [0, 1],
        [False, True],
        ["1", "2"],
        ["null", "~"],
        ['"', "'"],
        [" a", "b "],
        ["\x07", "\x7f"],
        ["a\n  purpose: b", "c"],
    ],
)
def test_labels_come_back_as_they_were(tmp_path: Path, labels: list[Any]) -> None:
    config = made(tmp_path, {"a": [1, 2] * 30, "y": labels * 30}, target="y")[1]
    assert set(config.deployment.classes) == set(labels)
    assert {type(label) for label in config.deployment.classes} == {type(label) for label in labels}
    assert config.deployment.purpose == ""


def linked(n: int = 200) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    degree, home = rng.integers(0, 6, n), rng.integers(0, 3, n)
    limit = rng.integers(1, 90, n)
    return {
        "education-num": degree + 3,
        "education": [f"degree {code}" for code in degree],
        "credit_limit": limit,
        "used": np.minimum(rng.integers(0, 90, n), limit),
        "kids": rng.integers(0, 5, n).astype(float),
        "ratio": rng.random(n),
        "rents": (home == 0).astype(int),
        "owns": (home == 1).astype(int),
        "other": (home == 2).astype(int),
        "income": ["<=50K", ">50K"] * (n // 2),
    }


def test_constraints_are_guessed_each_with_its_reason(tmp_path: Path) -> None:
    text, config = made(tmp_path, linked(), target="income")
    stated = config.deployment
    assert stated.integer == ("kids",)
    assert stated.ranges == {"ratio": (0.0, 1.0)}
    assert stated.one_hot == (("rents", "owns", "other"),)
    assert stated.relations == ("`education-num` follows education", "used <= credit_limit")
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("  ranges:"))
    for line in lines[start:]:
        assert "#" in line or line.strip() in {"ranges:", "integer:", "one_hot:", "relations:"}


def test_ranges_that_were_only_seen_are_offered_and_not_stated(tmp_path: Path) -> None:
    text, config = made(tmp_path, linked(), target="income")
    assert '    # "credit_limit": [1, 89]  # smallest and largest of 200' in text
    assert "credit_limit" not in config.deployment.ranges


def test_a_guess_that_the_other_table_breaks_is_not_made(tmp_path: Path) -> None:
    train, test = linked(), linked()
    test["used"] = test["credit_limit"] + 1
    test["education-num"] = test["education-num"][::-1]
    test["rents"] = 1 - test["rents"]
    pl.DataFrame(train).write_parquet(tmp_path / "train.parquet")
    pl.DataFrame(test).write_parquet(tmp_path / "test.parquet")
    config = AuditConfig(train=str(tmp_path / "train.parquet"), test=str(tmp_path / "test.parquet"), target="income")
    text = first_config(config, folder=tmp_path)
    assert "one_hot:" not in text
    assert "relations:\n" not in text


def test_a_column_that_a_relation_cannot_name_is_left_out(tmp_path: Path) -> None:
    columns = {name.replace("used", "us`ed").replace("credit_limit", "and"): cells for name, cells in linked().items()}
    assert made(tmp_path, columns, target="income")[1].deployment.relations == ("`education-num` follows education",)


def test_few_rows_give_no_constraints(tmp_path: Path) -> None:
    text, _ = made(tmp_path, linked(40), target="income")
    assert "one_hot" not in text
    assert "# ranges" not in text
