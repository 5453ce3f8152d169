from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from holdfast.auditing.decisions import read_decisions
from holdfast.auditing.patrols import patrol_log
from holdfast.core.check import Measured, Outcome
from holdfast.core.decision_log import DecisionLog
from holdfast.core.errors import NotRun
from tests.harness import run_check

CHECK = "monitoring.feedback_loop"
PATROLS = DecisionLog(
    group="area", time="day", decision="patrolled", propensity="chance", outcome="incident", score="score"
)
UNLOGGED = DecisionLog(group="area", time="day", decision="patrolled", outcome="incident")


def found_in(log: pl.DataFrame, described: DecisionLog = PATROLS, **parameters: float) -> Outcome:
    return run_check(CHECK, test=pl.DataFrame({"x": [1.0]}), decisions=read_decisions(described, log), **parameters)


def measured(outcome: Outcome) -> dict[str, Measured]:
    return {each.id: each for each in outcome.measurements}


def answers(outcome: Outcome) -> dict[str, str]:
    return dict(outcome.tables["answers"].select("question", "answer").rows())


LOOP, DATA = "Do selections cause later selections?", "Are the outcomes seen unlike those of all cases?"


def lending(seed: int, *, coin: float, n: int = 6000) -> pl.DataFrame:
    """Accept who looks safe: the accepted fail less than all applicants, and nothing comes back to the scores."""
    rng = np.random.default_rng(seed)
    risk = 1.0 / (1.0 + np.exp(1.0 - rng.normal(size=n)))
    wanted = risk < np.quantile(risk, 0.5)
    chance = np.where(wanted, 1.0 - coin / 2.0, coin / 2.0)
    taken = rng.random(n) < chance
    default = pl.Series((rng.random(n) < risk).astype(float))
    return pl.DataFrame(
        {
            "time": np.sort(rng.random(n)),
            "decision": np.where(taken, "accept", "refuse"),
            "propensity": np.where(taken, chance, 1.0 - chance),
            "score": risk,
            "outcome": default.zip_with(pl.Series(taken), pl.Series([None] * n, dtype=pl.Float64)),
            "group": rng.choice(["a", "b", "c"], n),
        }
    )


def test_a_loop_is_found_and_told_from_distortion() -> None:
    found = found_in(patrol_log(np.random.default_rng(0), is_loop=True))
    assert answers(found)[LOOP] == "yes"
    assert answers(found)[DATA] == "no"  # incidents are as frequent everywhere
    assert measured(found)["loop_gain"].interval.low > 0.05


def test_scores_that_move_by_themselves_are_no_loop() -> None:
    found = found_in(patrol_log(np.random.default_rng(1), is_loop=False))
    assert answers(found)[LOOP] == "no"


def test_lending_distorts_and_does_not_loop() -> None:
    found = found_in(lending(0, coin=0.2), DecisionLog(selected="accept"))
    assert answers(found)[DATA] == "yes"
    gap = measured(found)["distortion_outcome"]
    assert gap.interval.high < 0.0
    assert measured(found)["corrected_rate"].interval.low < 0.3 < measured(found)["corrected_rate"].interval.high
    assert answers(found)[LOOP] != "yes"


def test_without_propensities_neither_question_is_identifiable_and_the_way_out_is_said() -> None:
    found = found_in(lending(0, coin=0.0).drop("propensity"), DecisionLog(selected="accept"))
    assert answers(found)[DATA] == "not identifiable"
    assert answers(found)[LOOP] == "not identifiable"
    assert "loop_gain" not in measured(found)
    needed = measured(found)["exploration_needed_distortion"]
    assert 0.0 < needed.value < 1.0
    assert "fair coin would settle" in needed.plain
    assert measured(found)["exploration_needed_loop"].value > 0.0


def test_the_advised_exploration_settles_the_distortion() -> None:
    first = found_in(lending(0, coin=0.0), DecisionLog(selected="accept"))
    share = measured(first)["exploration_needed_distortion"].value
    again = found_in(lending(1, coin=share), DecisionLog(selected="accept"))
    assert answers(again)[DATA] in {"yes", "no"}


def test_all_cases_selected_leave_nothing_to_correct() -> None:
    log = lending(0, coin=0.2).filter(pl.col("decision") == "accept")
    found = found_in(log.with_columns(propensity=pl.lit(1.0)), DecisionLog(selected="accept"))
    assert answers(found)[DATA] == "no"
    assert answers(found)[LOOP] == "not identifiable"


def test_one_period_cannot_tell() -> None:
    log = lending(0, coin=0.2).with_columns(time=pl.lit(3.0))
    assert answers(found_in(log, DecisionLog(selected="accept")))[LOOP] == "could not tell"


def test_no_outcomes_leave_the_loop() -> None:
    found = found_in(
        patrol_log(np.random.default_rng(0), is_loop=True).drop("incident"),
        DecisionLog(group="area", time="day", decision="patrolled", propensity="chance"),
    )
    assert set(answers(found)) == {LOOP}


def test_nobody_selected_is_not_run() -> None:
    log = lending(0, coin=0.0).with_columns(decision=pl.lit(False), propensity=pl.lit(1.0))
    with pytest.raises(NotRun, match="no case"):
        found_in(log, DecisionLog())


def test_without_a_log_it_is_not_run_with_a_next_step() -> None:
    with pytest.raises(NotRun) as error:
        run_check(CHECK, test=pl.DataFrame({"x": [1.0]}))
    assert "decisions in holdfast.yaml" in error.value.hint


def test_the_order_of_the_rows_does_not_matter() -> None:
    log = patrol_log(np.random.default_rng(0), is_loop=True)
    first, second = found_in(log), found_in(log.sample(fraction=1.0, shuffle=True, seed=1))
    for one, other in zip(first.measurements, second.measurements, strict=True):
        assert other.value == pytest.approx(one.value)


def test_pictures_show_what_the_tables_hold() -> None:
    found = found_in(patrol_log(np.random.default_rng(0), is_loop=True))
    for chart in found.charts:
        assert {chart.x, chart.y} <= set(found.tables[chart.table].columns)
    shares = found.tables["allocation"]
    assert (shares["low"] <= shares["share"]).all()
    assert (shares["share"] <= shares["high"]).all()
    weights = found.tables["weights"].group_by("what").agg(pl.col("share").sum())
    assert weights["share"].to_list() == pytest.approx([1.0] * 3)


@pytest.mark.slow
def test_a_system_without_a_loop_is_rarely_accused() -> None:
    logs = 60
    found = [found_in(patrol_log(np.random.default_rng(seed), is_loop=False)) for seed in range(logs)]
    assert sum(answers(each)[LOOP] == "yes" for each in found) <= 5
