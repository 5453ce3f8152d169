"""What is settled before any check runs: task, classes and their order, inputs; and what is refused."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.auditing.settling import settle
from holdfast.auditing.subject import Facts
from holdfast.core.canonical import canonical_json
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, ModelError
from holdfast.core.parse import from_json, parse_yaml
from holdfast.core.subject import Table
from tests.auditing.fixed_model import FixedModel, table

Y = [0, 1, 0, 1, 1, 0] * 20
TEXT = ["no" if y == 0 else "yes" for y in Y]


def columns(y: Any, n: int = 120) -> Table:
    return table(age=list(range(n)), y=y)


def one_hot(y: list[int], k: int = 2) -> np.ndarray:
    return np.eye(k)[y] * 0.8 + 0.2 / k


def settled(
    test: Table | None, *, model: Any = None, train: Table | None = None, target: str | None = "y", **deployment: Any
) -> Facts:
    facts = settle(Deployment(**deployment), target=target, train=train, test=test, model=model)
    # What is settled is kept in the store, so it must survive the way there and back.
    assert from_json(Facts, canonical_json(facts), source="x") == facts
    return facts


# Classes and their order


def test_classes_the_model_states_hold_in_its_order() -> None:
    model = FixedModel(labels=TEXT, classes=("yes", "no"))
    facts = settled(columns(TEXT), model=model)
    assert (facts.classes, facts.positive, facts.task) == (("yes", "no"), 1, "binary")


def test_model_may_know_more_classes_than_the_table_holds() -> None:
    facts = settled(columns(Y), model=FixedModel(labels=Y, classes=(0, 1, 2)))
    assert (facts.classes, facts.task) == ((0, 1, 2), "multiclass")


@pytest.mark.parametrize(
    ("stated", "cells", "expected"),
    [
        (("0", "1"), Y, (0, 1)),
        ((0, 1), [str(y) for y in Y], ("0", "1")),
        ((0.0, 1.0), Y, (0, 1)),
        ((False, True), [bool(y) for y in Y], (False, True)),
        (("False", "True"), [bool(y) for y in Y], (False, True)),
        ((0, 1), [float(y) for y in Y], (0, 1)),
    ],
)
def test_classes_take_the_type_of_the_table(stated: Any, cells: Any, expected: Any) -> None:
    facts = settled(columns(cells), model=FixedModel(scores=one_hot(Y), classes=stated))
    assert facts.classes == expected
    assert [type(label) for label in facts.classes] == [type(label) for label in expected]


def test_labels_by_position_are_taken_in_sorted_order_and_said_so() -> None:
    facts = settled(columns(TEXT), model=FixedModel(scores=one_hot(Y)))
    assert facts.classes == ("no", "yes")
    assert sum("sorted order: no, yes" in text for text in facts.assumptions) == 1


def test_agreement_with_the_test_labels_is_stated_as_counted() -> None:
    wrong = [1 - y if row < 7 else y for row, y in enumerate(Y)]
    facts = settled(columns(TEXT), model=FixedModel(scores=one_hot(wrong)))
    assert any("agrees with 113 of the first 120 test labels" in text for text in facts.assumptions)


def test_agreement_is_not_claimed_without_a_test_table() -> None:
    train = Table(name="train", frame=columns(TEXT).frame, digest="sha256:train")
    facts = settled(None, train=train, model=FixedModel(scores=one_hot(Y)))
    assert not any("greement" in text for text in facts.assumptions)


def test_integers_of_a_model_stand_for_sorted_labels_by_position() -> None:
    facts = settled(columns(TEXT), model=FixedModel(labels=Y, classes=(0, 1)))
    assert facts.classes == ("no", "yes")


@pytest.mark.parametrize(
    "labels", [TEXT, [f"{text} of >50K: yes" for text in TEXT], [text == "yes" for text in TEXT], Y]
)
def test_contradicted_order_is_refused_with_a_hint_that_can_be_pasted(labels: Any) -> None:
    test = columns(labels)
    model = FixedModel(scores=one_hot([1 - y for y in Y]))
    with pytest.raises(InputError, match="agrees with 0 of 120") as caught:
        settled(test, model=model)
    pasted = re.search(r"deployment: (\{.*\})", caught.value.hint)
    assert pasted is not None
    classes = parse_yaml(pasted[1], source="hint")["classes"]
    facts = settled(test, model=model, classes=tuple(classes))
    assert list(facts.classes) == classes


def test_contradicted_order_of_three_classes_names_the_right_one() -> None:
    truth = [0, 1, 2] * 40
    model = FixedModel(scores=one_hot([(y + 1) % 3 for y in truth], 3))
    with pytest.raises(InputError) as caught:
        settled(columns([("a", "b", "c")[y] for y in truth]), model=model)
    assert 'classes: ["c", "a", "b"]' in caught.value.hint


def test_order_that_chance_explains_is_not_refused() -> None:
    coin = np.random.default_rng(0).integers(0, 2, 120).tolist()
    assert settled(columns(TEXT), model=FixedModel(scores=one_hot(coin))).classes == ("no", "yes")


def test_deployment_states_the_order_of_the_scores() -> None:
    facts = settled(columns(TEXT), model=FixedModel(scores=one_hot([1 - y for y in Y])), classes=("yes", "no"))
    assert facts.classes == ("yes", "no")


def test_deployment_classes_do_not_reorder_the_scores_of_a_model_that_states_its_own() -> None:
    facts = settled(columns(TEXT), model=FixedModel(labels=TEXT, classes=("no", "yes")), classes=("yes", "no"))
    assert facts.classes == ("no", "yes")


def test_deployment_classes_of_another_number_than_scores_are_refused() -> None:
    with pytest.raises(InputError, match="lists 3 classes, but the model has 2 scores"):
        settled(columns(TEXT), model=FixedModel(scores=one_hot(Y)), classes=("no", "yes", "maybe"))


def test_deployment_classes_that_miss_a_label_are_refused() -> None:
    with pytest.raises(InputError, match="no class of the model") as caught:
        settled(columns(TEXT), classes=("no", "yess"))
    assert caught.value.hint == "did you mean 'yess'?"


def test_more_labels_than_scores_are_refused_with_both_counts() -> None:
    with pytest.raises(InputError, match=r"3 classes .* 2 scores") as caught:
        settled(columns(["a", "b", "c"] * 40), model=FixedModel(scores=one_hot(Y)))
    assert "deployment.classes" in caught.value.hint


def test_single_class_in_the_table_is_refused_when_the_model_names_none() -> None:
    with pytest.raises(InputError, match="hold 1 classes"):
        settled(columns(["yes"] * 120), model=FixedModel(scores=one_hot(Y)))


def test_single_class_in_the_table_is_accepted_when_the_model_names_two() -> None:
    assert settled(columns([1] * 120), model=FixedModel(labels=Y, classes=(0, 1))).task == "binary"


def test_without_a_target_classes_are_those_of_the_model() -> None:
    assert settled(columns(Y), target=None, model=FixedModel(labels=TEXT, classes=("no", "yes"))).classes == (
        "no",
        "yes",
    )


def test_without_target_and_names_classes_are_positions() -> None:
    assert settled(columns(Y), target=None, model=FixedModel(scores=one_hot(Y))).classes == (0, 1)


def test_model_that_predicts_an_unknown_label_is_refused() -> None:
    with pytest.raises(ModelError, match="'maybe', which is none of the classes"):
        settled(columns(TEXT), model=FixedModel(labels=["maybe"] * 120))


# Positive class


def test_positive_class_is_the_last_and_said_so() -> None:
    facts = settled(columns(TEXT))
    assert facts.classes[facts.positive] == "yes"
    assert "The positive class is taken to be 'yes', the last one." in facts.assumptions


@pytest.mark.parametrize(
    ("cells", "positive"),
    [(TEXT, "no"), (Y, 0), (Y, "0"), ([bool(y) for y in Y], False), ([bool(y) for y in Y], "false")],
)
def test_positive_class_of_the_deployment_counts(cells: Any, positive: Any) -> None:
    assert settled(columns(cells), positive=positive).positive == 0


def test_positive_class_that_is_none_names_the_one_that_was_meant() -> None:
    with pytest.raises(InputError, match="'yess', which is no class") as caught:
        settled(columns(TEXT), positive="yess")
    assert caught.value.hint == "did you mean 'yes'?"


# Task


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (Y, "binary"),
        (TEXT, "binary"),
        ([y + 0.0 for y in Y], "binary"),
        ([0, 1, 2] * 40, "multiclass"),
        ([y + 0.5 * (row % 7) for row, y in enumerate(Y)], "regression"),
        (list(range(120)), "regression"),
        ([f"c{row}" for row in range(120)], "multiclass"),
    ],
)
def test_task_follows_from_the_target_when_there_is_no_model(cells: Any, task: str) -> None:
    assert settled(columns(cells)).task == task


def test_inferred_regression_is_said() -> None:
    assert any("regression" in text for text in settled(columns([row / 7 for row in range(120)])).assumptions)


def test_model_that_returns_values_is_a_regression() -> None:
    values = [float(row) for row in range(120)]
    facts = settled(columns(list(range(120))), model=FixedModel(labels=values, capabilities={"values", "query"}))
    assert (facts.task, facts.classes, facts.positive) == ("regression", (), 0)


def test_one_output_where_the_target_may_be_classes_is_said() -> None:
    model = FixedModel(labels=[0.5] * 120, capabilities={"values", "query"})
    said = settled(columns(list(range(10)) * 12), model=model).assumptions
    assert any("the target has 10 values only" in text for text in said)
    assert not any("values only" in text for text in settled(columns(list(range(120))), model=model).assumptions)


def test_an_amount_where_the_target_is_yes_or_no_is_doubted_with_the_next_step() -> None:
    model = FixedModel(labels=[0.5] * 120, capabilities={"values", "query"})
    doubts = [text for text in settled(columns(Y), model=model).assumptions if text.startswith("Look at this first")]
    assert len(doubts) == 1
    assert "sigmoid" in doubts[0]
    assert "task: regression" in doubts[0]
    facts = settled(columns(Y), model=model, task="regression")
    assert not any(text.startswith("Look at this first") for text in facts.assumptions)


def test_model_with_classes_and_many_integer_labels_is_no_regression() -> None:
    cells = list(range(40)) * 3
    assert settled(columns(cells), model=FixedModel(labels=cells, classes=tuple(range(40)))).task == "multiclass"


@pytest.mark.parametrize(
    ("cells", "task"), [(Y, "binary"), (list(range(120)), "regression"), ([0, 1, 2] * 40, "multiclass")]
)
def test_whole_number_predictions_are_labels_or_values_as_the_target_is(cells: Any, task: str) -> None:
    predicted = cells if isinstance(cells[0], int) else Y
    assert settled(columns(cells), model=FixedModel(labels=predicted, capabilities={"labels", "values"})).task == task


def test_whole_number_labels_beside_scores_are_classes() -> None:
    model = FixedModel(labels=Y, scores=one_hot(Y), capabilities={"labels", "values", "scores"})
    assert settled(columns(Y), model=model).task == "binary"


def test_regression_model_on_text_is_refused_with_the_next_step() -> None:
    with pytest.raises(InputError, match="expected numbers in the target column") as caught:
        settled(columns(TEXT), model=FixedModel(labels=[0.5] * 120, capabilities={"values"}))
    assert "deployment.task" in caught.value.hint


def test_binary_task_with_three_classes_is_refused() -> None:
    with pytest.raises(InputError, match="3 classes"):
        settled(columns([0, 1, 2] * 40), task="binary")


def test_stated_task_wins() -> None:
    assert settled(columns([row % 3 for row in range(120)]), task="regression").task == "regression"


# Tables and target


@pytest.mark.parametrize("name", ["test", "train"])
def test_wrong_target_names_the_one_that_was_meant_and_the_table(name: str) -> None:
    good = table(age=[1, 2], income=[0, 1])
    bad = table(name, age=[1, 2], incomes=[0, 1])
    tables = {"test": good, name: bad}
    with pytest.raises(InputError, match=f"no column 'income' in the {name} table") as caught:
        settled(tables["test"], train=tables.get("train"), target="income")
    assert caught.value.hint == "did you mean 'incomes'?"


@pytest.mark.parametrize("cells", [[0.0, None, float("nan"), 1.0], ["a", None, None, "b"], [True, None, None, False]])
def test_rows_without_a_target_are_named(cells: list[Any]) -> None:
    with pytest.raises(InputError, match=r"missing in 2 rows \(such as \[1, 2\]\)"):
        settled(table(age=[1, 2, 3, 4], y=cells))


@pytest.mark.parametrize("task", ["regression", "auto"])
def test_infinite_targets_are_named(task: str) -> None:
    with pytest.raises(InputError, match=r"got inf at row 2 \(1 such rows\)"):
        settled(table(age=[1, 2, 3], y=[0.5, 1.5, float("inf")]), task=task)


def test_target_without_any_value_is_refused() -> None:
    with pytest.raises(InputError, match="missing in 3 rows"):
        settled(Table(name="test", frame=pl.DataFrame({"y": [None, None, None]}), digest="x"))


@pytest.mark.parametrize("name", ["test", "train"])
def test_table_without_rows_is_refused_by_name(name: str) -> None:
    empty = table(name, age=[], y=[])
    with pytest.raises(InputError, match=f"the {name} table has no rows"):
        settled(empty if name == "test" else columns(Y), train=empty if name == "train" else None)


def test_one_row_is_enough() -> None:
    assert settled(table(age=[1], y=["yes"])).classes == ("yes",)


@pytest.mark.parametrize("cells", [[date(2024, 1, 1), date(2024, 1, 2)], [[1], [2]]])
def test_target_of_a_type_that_is_no_label_is_refused(cells: list[Any]) -> None:
    with pytest.raises(InputError, match="'y'"):
        settled(table(age=[1, 2], y=cells))


@pytest.mark.parametrize("field", ["id", "time", "group"])
def test_column_the_deployment_names_must_exist(field: str) -> None:
    with pytest.raises(InputError, match="'agee'") as caught:
        settled(columns(Y), **{field: "agee"})
    assert caught.value.hint == "did you mean 'age'?"


@pytest.mark.parametrize("field", ["sensitive", "immutable", "text"])
def test_columns_the_deployment_lists_must_exist(field: str) -> None:
    with pytest.raises(InputError, match="'agee'"):
        settled(columns(Y), **{field: ("agee",)})


# Inputs


def test_inputs_are_the_columns_without_target_and_roles() -> None:
    test = table(key=[1, 2], when=["a", "b"], who=[1, 1], note=["x", "y"], age=[1, 2], y=[0, 1])
    facts = settled(test, id="key", time="when", group="who", ignore=("note",))
    assert facts.features == ("age",)


def test_inputs_the_model_names_hold_in_its_order() -> None:
    test = table(a=[1, 2], b=[1, 2], c=[1, 2], y=[0, 1])
    facts = settled(test, model=FixedModel(labels=[0, 1], classes=(0, 1), inputs=("b", "a")))
    assert facts.features == ("b", "a")
    assert "Columns that the model does not take as inputs: c." in facts.assumptions


def test_missing_inputs_list_the_difference() -> None:
    test = table(age=[1, 2], sexx=[0, 1], y=[0, 1])
    with pytest.raises(InputError) as caught:
        settled(test, model=FixedModel(labels=[0, 1], classes=(0, 1), inputs=("age", "sex", "job")))
    assert (
        "expects 3 columns; missing from the test table: ['sex', 'job']; in the table but not expected: ['sexx']"
        in (caught.value.message)
    )
    assert caught.value.hint == "did you mean 'sexx'?"


def test_missing_inputs_of_the_training_table_are_named_too() -> None:
    train = Table(name="train", frame=pl.DataFrame({"y": [0, 1]}), digest="x")
    with pytest.raises(InputError, match="missing from the train table: \\['age'\\]"):
        settled(columns(Y), train=train, model=FixedModel(labels=Y, classes=(0, 1), inputs=("age",)))


def test_columns_that_the_training_table_lacks_are_named() -> None:
    train = Table(name="train", frame=pl.DataFrame({"y": [0, 1]}), digest="x")
    with pytest.raises(InputError, match=r"columns of the test table that the train table lacks: \['age'\]"):
        settled(columns(Y), train=train)


def test_notes_of_tables_are_assumptions() -> None:
    noted = Table(name="test", frame=columns(Y).frame, digest="x", notes=("The decimal sign is a comma.",))
    assert "The decimal sign is a comma." in settled(noted).assumptions


@pytest.mark.parametrize("cells", [[""] * 120, ["<script>"] * 119 + [" "], [-0.0, 0.0] * 60, ["é", "e"] * 60])
def test_odd_labels_are_labels(cells: list[Any]) -> None:
    assert len(settled(columns(cells)).classes) == len(set(cells))
