"""The first configuration: it can be read back, says why, and hostile names stay inside their quotes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
