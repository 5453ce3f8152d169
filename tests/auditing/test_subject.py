"""The subject as checks see it: labels as positions in one class order, the deployment only as far as declared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.models.opening import wrap_model
from holdfast.adapters.models.predictions import predictions_model
from holdfast.auditing.catalogue import spec_from_literal
from holdfast.auditing.matching import label_key, match_predictions, same_labels
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, ModelError, NotRun
from tests.auditing.fixed_model import FixedModel, table

TEXT = ["no", "yes", "no", "yes"]
SPEC = spec_from_literal({"title": "t", "question": "q", "needs": [], "measures": [], "reads": ["sensitive"]})


def subject(model: Any = None, *, y: Any = TEXT, target: str | None = "y", **deployment: Any) -> AuditSubject:
    test = table(age=[1, 2, 3, 4], y=y)
    described = Deployment(**deployment)
    facts = settle(described, target=target, train=None, test=test, model=model)
    return AuditSubject(facts=facts, deployment=described, test=test, model=model)


def test_outcomes_are_positions_in_the_class_order() -> None:
    made = subject(FixedModel(labels=TEXT, classes=("yes", "no")))
    assert made.test is not None
    assert made.y(made.test).tolist() == [1, 0, 1, 0]


def test_predicted_labels_are_positions_in_the_same_order() -> None:
    made = subject(FixedModel(labels=["yes", "yes", "no", "no"], classes=("yes", "no")))
    assert made.predictions.labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("stated", "labels", "y"),
    [
        ((0, 1), [0, 1, 0, 1], TEXT),
        ((0, 1), np.array([0.0, 1.0, 0.0, 1.0]), TEXT),
        (("0", "1"), np.array(["0", "1", "0", "1"]), [0, 1, 0, 1]),
        ((False, True), np.array([False, True, False, True]), [False, True, False, True]),
        ((), np.array(["False", "True", "False", "True"]), [False, True, False, True]),
        (("no", "yes"), np.array(TEXT, dtype=object), TEXT),
        (("no", "yes"), np.array([b"no", b"yes", b"no", b"yes"]), TEXT),
        ((), np.array([0, 1, 0, 1], dtype=np.int8), [0.0, 1.0, 0.0, 1.0]),
    ],
)
def test_labels_of_every_type_are_matched(stated: Any, labels: Any, y: Any) -> None:
    made = subject(FixedModel(labels=labels, classes=stated), y=y)
    assert made.predictions.labels.tolist() == [0, 1, 0, 1]


def test_scores_alone_give_labels_by_the_largest() -> None:
    scores = [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.4, 0.6]]
    made = subject(FixedModel(scores=scores))
    assert made.predictions.labels.tolist() == [0, 1, 0, 1]
    assert made.predictions.scores is not None
    assert made.predictions.scores.tolist() == scores


def test_scores_of_another_width_are_refused() -> None:
    model = FixedModel(labels=TEXT, scores=[[0.2, 0.3, 0.5]] * 4, classes=("no", "yes"))
    with pytest.raises(ModelError, match=r"expected 2 score columns .* got 3"):
        _ = subject(model).predictions


def test_model_that_answers_nothing_is_refused() -> None:
    made = subject(FixedModel(capabilities={"labels"}, classes=("no", "yes")))
    with pytest.raises(ModelError, match="neither labels nor scores"):
        _ = made.predictions


def test_no_rows_give_no_predictions() -> None:
    assert subject(FixedModel(labels=TEXT, classes=("no", "yes"))).predict(pl.DataFrame({"age": []})).labels.size == 0


def test_predictions_on_the_test_table_are_asked_once() -> None:
    model = FixedModel(labels=TEXT, classes=("no", "yes"))
    made = subject(model)
    assert made.predictions is made.predictions
    assert model.queries == 4


def test_shared_predictions_count_for_no_check() -> None:
    made = subject(FixedModel(labels=TEXT, classes=("no", "yes")))
    before = made.queries
    _ = made.predictions
    made.predict(pl.DataFrame({"age": [1, 2]}))
    assert made.queries - before == 2


def test_shared_predictions_cannot_be_changed_by_a_check() -> None:
    made = subject(FixedModel(labels=TEXT, scores=np.eye(2)[[0, 1, 0, 1]], classes=("no", "yes")))
    for array in (made.predictions.labels, made.predictions.scores):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1  # type: ignore[index]


def test_view_shows_declared_fields_of_the_deployment_only() -> None:
    seen = subject(sensitive=("age",), purpose="credit").view(SPEC)
    assert seen.deployment.sensitive == ("age",)
    with pytest.raises(AttributeError, match=r"deployment\.purpose .* \['sensitive'\]"):
        _ = seen.deployment.purpose


def test_view_shares_what_was_computed() -> None:
    model = FixedModel(labels=TEXT, classes=("no", "yes"))
    made = subject(model)
    assert made.view(SPEC).predictions is made.predictions
    assert model.queries == 4


def test_without_target_outcomes_say_what_is_needed() -> None:
    made = subject(FixedModel(labels=TEXT, classes=("no", "yes")), target=None)
    assert made.test is not None
    with pytest.raises(NotRun) as caught:
        made.y(made.test)
    assert caught.value.hint == "give --target"


def test_without_model_predictions_say_what_is_needed() -> None:
    with pytest.raises(NotRun) as caught:
        _ = subject().predictions
    assert caught.value.hint == "give --model"


def test_values_of_a_regression_are_floats() -> None:
    model = FixedModel(labels=np.array([[1], [2], [3], [4]]), capabilities={"values"})
    assert subject(model, y=[1.5, 2.5, 3.5, 4.25]).predictions.labels.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_scores_where_values_were_expected_are_refused() -> None:
    model = FixedModel(scores=[[0.5, 0.5]] * 4)
    with pytest.raises(ModelError, match="expected values from a regression model"):
        _ = subject(model, y=[1.5, 2.5, 3.5, 4.25], task="regression").predictions


@pytest.mark.parametrize(
    ("first", "second"),
    [(1, 1.0), (1, "1"), (1.0, "1"), (True, "true"), (True, "True"), ("a", b"a"), (np.int8(1), 1), (np.str_("a"), "a")],
)
def test_labels_that_mean_the_same_agree(first: Any, second: Any) -> None:
    assert label_key(first) == label_key(second)


@pytest.mark.parametrize(("first", "second"), [(1, True), (0, False), (1, "1.5"), ("a", "A"), ("a", " a"), (1.5, 1)])
def test_labels_that_mean_something_else_differ(first: Any, second: Any) -> None:
    assert label_key(first) != label_key(second)


def test_same_classes_in_any_order_and_type() -> None:
    assert same_labels((0, 1), ("1", "0"))
    assert not same_labels((0, 1), (0, 1, 2))


def test_wrong_column_of_predicted_labels_is_the_users_to_mend() -> None:
    model = predictions_model(
        pl.DataFrame({"age": [1, 2, 3, 4], "p": [0.1, 0.9, 0.2, 0.8]}), labels="age", scores=["p"]
    )
    made = subject()
    facts = settle(Deployment(), target="y", train=None, test=made.test, model=None)
    facts = replace(facts, info=model.info)
    with pytest.raises(InputError, match="predicted labels holds '1'") as caught:
        match_predictions(model.predict(pl.DataFrame({"x": [0] * 4})), facts)
    assert "--label-column" in caught.value.hint


def test_trees_and_their_features_come_from_the_model() -> None:
    from sklearn.tree import DecisionTreeClassifier

    made = subject(wrap_model(DecisionTreeClassifier().fit([[1], [2], [3], [4]], TEXT)))
    assert made.test is not None
    assert made.trees() is made.trees()
    assert made.tree_features(made.test.frame.select("age")).ravel().tolist() == [1, 2, 3, 4]


def test_a_model_without_trees_has_none_to_show() -> None:
    made = subject(FixedModel(labels=TEXT, classes=("no", "yes")))
    with pytest.raises(NotRun, match="no decision trees"):
        made.trees()
    with pytest.raises(NotRun, match="no decision trees"):
        made.tree_features(pl.DataFrame())


def test_cells_and_columns_are_the_same_table() -> None:
    frame = pl.DataFrame({"n": [1, None, 3], "x": [0.5, None, 2.0], "c": ["a", None, "b"], "b": [True, None, False]})
    made = subject()
    cells = made.cells(frame)
    assert np.isnan(cells["n"][1])
    assert cells["c"].tolist() == ["a", None, "b"]
    assert made.frame(cells, frame).equals(frame)
    assert made.frame({"c": cells["c"][::-1]}, frame)["c"].to_list() == ["b", None, "a"]
