from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from holdfast.auditing.context import RunContext
from holdfast.checks.robustness.text import run
from holdfast.core.check import Outcome
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError, NotApplicable
from holdfast.kernels.text.changed_words import changed_words
from tests.harness import run_check, subject_for

CHECK = "robustness.text"
GOOD, BAD = ["good", "great", "lovely", "fine"], ["bad", "awful", "poor", "dirty"]
NEUTRAL = ["room", "breakfast", "staff", "window", "evening", "garden", "street"]


def draw(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.5
    bodies = []
    for positive in y:
        words = [*rng.choice(GOOD if positive else BAD, 2), *rng.choice(NEUTRAL, 4)]
        bodies.append(" ".join(rng.permutation(words)).capitalize() + ".")
    titles = [
        str(word) if luck > 0.1 else None for word, luck in zip(rng.choice(NEUTRAL, n), rng.random(n), strict=True)
    ]
    return pl.DataFrame(
        {"title": titles, "body": bodies, "stars": rng.integers(1, 6, n), "y": np.where(y, "up", "down")},
        schema_overrides={"title": pl.String},
    )


TEST = draw(1, 200)
MODEL = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEST["body"].to_list(), TEST["y"].to_list())
TEXT = Deployment(text=("title", "body"))


def labels(X: pl.DataFrame) -> np.ndarray:
    return MODEL.predict(X["body"].fill_null("").to_list())


def scores(X: pl.DataFrame) -> np.ndarray:
    return MODEL.predict_proba(X["body"].fill_null("").to_list())


def check(model: object = scores, test: pl.DataFrame = TEST, **options: object) -> Outcome:
    options.setdefault("effort", "quick")
    options.setdefault("deployment", Deployment(text=("title", "body"), classes=("down", "up")))
    return run_check(CHECK, model=model, test=test, target="y", **options)  # type: ignore[arg-type]


def values(outcome: Outcome) -> dict[str, float]:
    return {m.id: m.value for m in outcome.measurements}


@pytest.mark.parametrize("model", [scores, labels])
def test_a_model_that_knows_words_by_their_letters_is_flipped(model: object) -> None:
    found = values(check(model))
    assert found["attack_success"] > 0.5
    assert found["n_attacked"] == 50
    assert found["median_words"] <= 2


def test_flips_rebuilt_from_the_evidence_flip_and_change_few_words_only() -> None:
    flips = check().tables["points"].filter("success")
    before = TEST[flips["row"].to_list()]
    after = before.with_columns(
        [pl.coalesce(flips[f"adversarial_{name}"], before[name]).alias(name) for name in ("title", "body")]
    )
    assert (labels(after) != before["y"].to_numpy()).all()
    for name in ("title", "body"):
        pairs = zip(before[name].fill_null(""), after[name].fill_null(""), strict=True)
        assert all((changed_words(x, z) or 0) <= 3 for x, z in pairs)
    assert after["title"].null_count() == before["title"].null_count()


def test_a_model_that_ignores_the_text_is_not_broken() -> None:
    test = TEST.with_columns(y=pl.when(pl.col("stars") > 3).then(pl.lit("up")).otherwise(pl.lit("down")))
    outcome = check(lambda X: np.where(X["stars"].to_numpy() > 3, "up", "down"), test)
    assert values(outcome) == {"attack_success": 0.0, "n_attacked": 50.0, "noise_flips": 0.0}
    interval = outcome.measurements[0].interval
    assert interval is not None
    assert (interval.low, interval.method) == (0.0, "Clopper-Pearson")


def test_random_slips_flip_fewer_rows_than_aimed_ones() -> None:
    known = {*GOOD, *BAD, *NEUTRAL}

    def strict(X: pl.DataFrame) -> np.ndarray:
        strange = [any(word not in known for word in body.lower().strip(".").split()) for body in X["body"]]
        return np.where(strange, np.where(labels(X) == "up", "down", "up"), labels(X))

    found = values(check(strict))
    assert found["attack_success"] > 0.9
    # One word in ten of six: 47 % of the rows hold a slip; 50 rows, so a standard error of 0.07.
    assert 0.15 < found["noise_flips"] < 0.75


def test_a_model_that_knows_one_answer_is_said_to() -> None:
    told = "gives every test row the same answer"
    assert any(told in note for note in check(lambda X: np.full(X.height, "up")).assumptions)
    assert not any(told in note for note in check().assumptions)


def test_synonyms_are_used_and_allowed_when_the_flips_are_compared() -> None:
    swap = tuple(f"{a}={b}" for a, b in [*zip(GOOD, BAD, strict=True), *zip(BAD, GOOD, strict=True)])
    found = values(check(synonyms=swap))
    assert (found["attack_success"], found["median_words"]) == (1.0, 1.0)


def test_the_curve_rises_to_the_measured_success() -> None:
    outcome = check()
    curve = outcome.tables["curve"]
    assert curve["words"].to_list() == [1, 2, 3]
    assert curve["share"].is_sorted()
    assert curve["share"][-1] == values(outcome)["attack_success"]


def test_the_work_stated_is_what_the_model_was_asked() -> None:
    asked = []

    def model(X: pl.DataFrame) -> np.ndarray:
        asked.append(X.height)
        return scores(X)

    outcome = check(model)
    # Settling the classes and predicting the test table come on top.
    assert 0 <= sum(asked) - outcome.work["queries"] <= 2 * TEST.height
    assert outcome.tables["points"]["queries"].max() <= 100  # type: ignore[operator]


def test_the_same_seed_gives_the_same_flips() -> None:
    one, two = check(seed=5), check(seed=5)
    assert one.tables["points"].equals(two.tables["points"])


def test_affected_rows_say_how_many_words_sufficed() -> None:
    affected = check().tables["affected_rows"]
    assert set(affected["table"]) == {"test"}
    assert affected["reason"].str.contains(r"^flipped by changing \d words$").all()


def test_a_model_that_answers_another_way_when_asked_again_proves_nothing() -> None:
    calls = []

    def fickle(X: pl.DataFrame) -> np.ndarray:
        calls.append(X.height)
        return np.where(labels(X) == "up", "down", "up") if X.height == 50 else labels(X)

    assert values(check(fickle))["attack_success"] == 0


def test_without_text_columns_it_does_not_apply() -> None:
    with pytest.raises(NotApplicable, match="no input holds free text"):
        check(deployment=Deployment())


def test_one_class_cannot_flip() -> None:
    with pytest.raises(NotApplicable, match="only one class"):
        check(lambda X: np.full(X.height, "up"), TEST.with_columns(y=pl.lit("up")), deployment=TEXT)


def test_a_model_that_is_never_right_leaves_nothing_to_flip() -> None:
    with pytest.raises(NotApplicable, match="no test row rightly"):
        check(lambda X: np.where(labels(X) == "up", "down", "up"))


@pytest.mark.parametrize("options", [{"words": 0}, {"synonyms": ("good",)}, {"synonyms": ("good=very good",)}])
def test_a_threat_that_makes_no_sense_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected"):
        check(**options)


def test_points_left_undecided_by_the_clock_count_in_the_upper_end() -> None:
    deployment = Deployment(text=("body",), classes=("down", "up"))
    subject = subject_for(model=scores, test=TEST, target="y", deployment=deployment)
    outcome = run(subject, RunContext(check=CHECK, seed=0, effort={"points": 20, "queries": 50}, deadline=0.0))
    interval = outcome.measurements[0].interval
    assert interval is not None
    assert interval.high == 1.0
    assert any("time budget" in note for note in outcome.assumptions)
