"""What the model's file gives away, through the check."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skl2onnx
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from holdfast.adapters.models import onnx
from holdfast.adapters.models.opening import HeldModel, predictions_model, wrap_model
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.checks.privacy.structural_disclosure import masked
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, NotApplicable, NotRun
from holdfast.core.subject import Model, Table

CHECK = "privacy.structural_disclosure"
N = 80
RNG = np.random.default_rng(0)
NUMBERS = pl.DataFrame({"pay": RNG.normal(100, 20, N), "age": RNG.normal(40, 9, N), "y": np.arange(N) % 2})
TOWN = pl.Series("town", ["Bonn"] * 50 + ["Graz"] * 27 + ["Zug"] * 2 + ["Holand"])


def run(
    estimator: object, table: pl.DataFrame = NUMBERS, *, train: bool = True, effort: int = 500, **parameters: int
) -> Outcome:
    frame = pd.DataFrame({name: table[name].to_list() for name in table.columns})
    return run_model(wrap_model(estimator.fit(frame.drop(columns="y"), frame["y"])), table, train, effort, **parameters)  # type: ignore[attr-defined]


def run_model(
    model: Model | None, table: pl.DataFrame = NUMBERS, train: bool = True, effort: int = 500, **parameters: int
) -> Outcome:
    tables = {name: Table(name=name, frame=table, digest=name) for name in ("train", "test")}
    facts = settle(Deployment(), target="y", train=tables["train"], test=tables["test"], model=model)
    subject = AuditSubject(
        facts=facts, deployment=Deployment(), train=tables["train"] if train else None, test=tables["test"], model=model
    )
    entry = entry_for(CHECK)
    context = RunContext(check=CHECK, seed=0, effort={"trees": effort})
    return import_module(entry.module).run(subject.view(entry.spec), context, **parameters)


def values(outcome: Outcome) -> dict[str, float]:
    return {item.id: item.value for item in outcome.measurements}


def test_neighbours_lie_in_the_file_all_of_them() -> None:
    outcome = run(make_pipeline(StandardScaler(), KNeighborsClassifier()))
    assert values(outcome)["stored_rows"] == N
    assert values(outcome)["stored_row_share"] == 1.0
    assert all(item.exact and item.no_interval_reason for item in outcome.measurements)
    assert outcome.tables["affected_rows"]["row"].to_list() == list(range(N))


def test_support_vectors_are_a_part_of_the_table() -> None:
    found = values(run(make_pipeline(StandardScaler(), SVC(C=100.0))))
    assert 0 < found["stored_rows"] < N + 1
    assert found["stored_row_share"] == found["stored_rows"] / N


def test_a_linear_model_keeps_nothing() -> None:
    found = values(run(make_pipeline(StandardScaler(), LogisticRegression())))
    assert set(found.values()) == {0.0}


def test_rare_categories_are_counted_and_masked() -> None:
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["town"]), (MinMaxScaler(), ["pay"]))
    outcome = run(make_pipeline(encoder, LogisticRegression()), NUMBERS.with_columns(TOWN))
    found = values(outcome)
    assert (found["rare_terms"], found["unique_terms"], found["exact_values"]) == (2, 1, 2)
    shown = outcome.tables["rare_values"]
    assert "H… (6)" in shown["value"].to_list()
    assert "Holand" not in str(shown.to_dicts())


def test_masked_texts_show_a_letter_and_a_length() -> None:
    assert (masked("Holand"), masked("Al"), masked("")) == ("H… (6)", "… (2)", "… (0)")


def test_deep_trees_leave_people_alone_and_name_their_outcome() -> None:
    outcome = run(RandomForestClassifier(20, random_state=0))
    found = values(outcome)
    assert found["small_leaf_share"] > 0.5
    assert found["alone_row_share"] > 0.5
    assert found["alone_outcome_share"] > 0.9
    assert any("most of the table" in note for note in outcome.assumptions)


def test_large_leaves_leave_nobody_alone() -> None:
    found = values(run(RandomForestClassifier(20, min_samples_leaf=10, bootstrap=False, random_state=0)))
    assert (found["small_leaf_share"], found["alone_row_share"]) == (0.0, 0.0)
    assert "alone_outcome_share" not in found


def test_leaves_of_a_sum_name_no_outcome() -> None:
    outcome = run(GradientBoostingClassifier(n_estimators=3))
    assert "alone_outcome_share" not in values(outcome)
    assert any("parts of a sum" in note for note in outcome.assumptions)


def test_a_regression_is_looked_through_too() -> None:
    table = NUMBERS.with_columns(y=pl.col("pay") * 1.5)
    assert values(run(RandomForestRegressor(5), table))["alone_row_share"] > 0.5
    assert values(run(LinearRegression(), table))["stored_rows"] == 0


def test_an_onnx_export_has_no_counts_and_the_table_tells_instead() -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(NUMBERS.drop("y").to_numpy(), NUMBERS["y"].to_numpy())
    kind = [("X", skl2onnx.common.data_types.FloatTensorType([None, 2]))]
    exported = skl2onnx.convert_sklearn(forest, initial_types=kind, options={"zipmap": False})
    found = run_model(HeldModel(onnx.load(exported.SerializeToString()), batch_rows=1000))
    assert "stored_rows" not in values(found)
    assert values(found)["alone_row_share"] > 0.1
    assert any("the file itself has no counts" in item.plain for item in found.measurements)


def test_fewer_trees_are_dropped_through_when_effort_is_small() -> None:
    outcome = run(RandomForestClassifier(8, random_state=0), effort=2)
    assert any("2 of 8 trees" in note for note in outcome.assumptions)


def test_without_a_training_table_the_file_still_tells() -> None:
    found = values(run(make_pipeline(MinMaxScaler(), KNeighborsClassifier()), train=False))
    assert found == {"stored_rows": N, "rare_terms": 0, "unique_terms": 0}
    assert values(run(RandomForestClassifier(3), train=False))["small_leaf_share"] > 0.5


def test_a_table_of_other_people_is_said_to_be_one() -> None:
    frame = pd.DataFrame({name: NUMBERS[name].to_list() for name in NUMBERS.columns})
    model = wrap_model(KNeighborsClassifier().fit(frame.drop(columns="y"), frame["y"]))
    outcome = run_model(model, NUMBERS.with_columns(pl.col("pay") + 1))
    assert values(outcome)["stored_rows"] == N
    assert values(outcome)["stored_row_share"] == 0.0
    assert any("may not be the one" in note for note in outcome.assumptions)


def test_what_counts_as_few_people_is_a_parameter() -> None:
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["town"]))
    table = NUMBERS.with_columns(TOWN)
    assert values(run(make_pipeline(encoder, LogisticRegression()), table, smallest=2))["rare_terms"] == 1
    with pytest.raises(InputError, match="smallest=1"):
        run(make_pipeline(encoder, LogisticRegression()), table, smallest=1)


def test_what_has_no_file_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="callable"):
        run_model(wrap_model(lambda X: np.full((len(X), 2), 0.5)))
    with pytest.raises(NotApplicable, match="predictions"):
        run_model(predictions_model(NUMBERS.drop("y").with_columns(answer=NUMBERS["y"]), labels="answer", scores=[]))
    with pytest.raises(NotApplicable, match="no model"):
        run_model(None)


def test_an_onnx_export_without_trees_is_not_read() -> None:
    model = LogisticRegression().fit(NUMBERS.drop("y").to_numpy(), NUMBERS["y"].to_numpy())
    kind = [("X", skl2onnx.common.data_types.FloatTensorType([None, 2]))]
    exported = skl2onnx.convert_sklearn(model, initial_types=kind, options={"zipmap": False})
    with pytest.raises(NotRun, match="onnx"):
        run_model(HeldModel(onnx.load(exported.SerializeToString()), batch_rows=1000))
