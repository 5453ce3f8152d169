"""The corpus holds what users save."""

from __future__ import annotations

from itertools import islice

from tests.tools.loading import load_tool

load_tool("generate_allow_list")
corpus = load_tool("allow_list_corpus")


def test_estimators_come_fitted_with_their_options() -> None:
    labels = [label for label, _ in islice(corpus.sklearn_objects(), 30)]
    assert len(set(labels)) > 20


def test_boosters_of_every_kind_are_made() -> None:
    labels = [label for label, _ in islice(corpus.xgboost_objects(), 5)]
    assert {"gbtree classes", "gbtree ranks", "gblinear classes"} <= set(labels)


def test_estimator_whose_fit_fails_comes_as_it_is_made() -> None:
    from sklearn.manifold import TSNE

    labels = [label for label, _ in corpus.estimator_objects("TSNE", TSNE, {})]
    assert labels == ["TSNE with [], not fitted"]


def test_estimator_is_fitted_with_another_estimator_where_it_needs_one() -> None:
    from sklearn.semi_supervised import SelfTrainingClassifier

    made = [one for _, one in corpus.estimator_objects("Self", SelfTrainingClassifier, corpus._data())]
    assert any(hasattr(one, "estimator_") for one in made)
