"""The plan: every check has an answer, and whatever does not run says why and what is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.auditing.catalogue import CheckEntry, spec_from_literal
from holdfast.auditing.config import AuditConfig
from holdfast.auditing.planning import (
    NEEDED,
    available_needs,
    choose_effort,
    in_order,
    make_plan,
    policy_limits,
    why_not,
)
from holdfast.auditing.subject import Facts
from holdfast.core.check import Need
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError
from holdfast.core.record import PlanItem
from holdfast.core.subject import ModelInfo
from holdfast.policy.rules import Policy, Rule

ALL: set[Need] = set(NEEDED)


def entry(check: str, *, path: Path = Path(), **spec: Any) -> CheckEntry:
    literal = {"title": check, "question": "?", "needs": [], "measures": [], **spec}
    return CheckEntry(id=check, module=check, path=path, spec=spec_from_literal(literal), page="")


def file_with(parameter: str, default: Any, folder: Path) -> Path:
    path = folder / "check.py"
    path.write_text(f"def run(subject, ctx, *, {parameter}={default!r}): ...\n", encoding="utf-8")
    return path


def facts(*, task: Any = "binary", target: str | None = "y", capabilities: set[Any] | None = None) -> Facts:
    info = (
        None if capabilities is None else ModelInfo(format="onnx", description="", capabilities=frozenset(capabilities))
    )
    return Facts(task=task, target=target, classes=(0, 1), positive=1, features=("a",), info=info, assumptions=())


def plan(*entries: CheckEntry, offered: set[Need] = ALL, task: str = "binary", **config: Any) -> dict[str, PlanItem]:
    items = make_plan(
        {item.id: item for item in entries},
        facts(task=task),
        AuditConfig(**config),
        offered=offered,
        effort="default",
        why="default effort",
    )
    return {item.check: item for item in items}


@pytest.mark.parametrize("need", sorted(NEEDED))
def test_missing_need_is_named_with_what_to_give(need: Need) -> None:
    item = plan(entry("a.b", needs=[need]), offered=ALL - {need})["a.b"]
    assert (item.action, item.reason, item.needed) == ("skip", *NEEDED[need])


def test_all_missing_needs_are_named_and_each_step_once() -> None:
    item = plan(entry("a.b", needs=["train", "predictions", "model_file", "scores"]), offered={"scores"})["a.b"]
    assert item.reason == "there is no training table; there are no predictions; there is no model file"
    assert item.needed == "give --train; give --model or --predictions; give --model"


def test_check_with_everything_runs() -> None:
    item = plan(entry("a.b", needs=sorted(NEEDED)))["a.b"]
    assert (item.action, item.reason, item.needed, item.effort) == ("run", "default effort", "", "default")


def test_check_for_another_task_is_not_applicable() -> None:
    found = why_not(entry("a.b", tasks=["regression"]), facts(), ALL, AuditConfig())
    assert found is not None
    assert (found[0], "the task is binary" in found[1]) == ("not_applicable", True)


def test_task_counts_before_missing_needs() -> None:
    found = why_not(entry("a.b", tasks=["regression"], needs=["train"]), facts(), set(), AuditConfig())
    assert found is not None
    assert found[0] == "not_applicable"


def test_skipped_check_says_so() -> None:
    item = plan(entry("a.b"), entry("a.c"), skip=("a.b",))["a.b"]
    assert (item.action, item.reason, item.needed) == ("skip", "left out by --skip", "run without --skip a.b")


def test_check_option_leaves_the_others_out_and_says_so() -> None:
    items = plan(entry("a.b"), entry("a.c"), check=("a.b",))
    assert (items["a.b"].action, items["a.c"].action) == ("run", "skip")
    assert items["a.c"].needed == "add --check a.c"


def test_skip_wins_over_check() -> None:
    assert plan(entry("a.b"), check=("a.b",), skip=("a.b",))["a.b"].action == "skip"


@pytest.mark.parametrize("config", [{"check": ("a.c",)}, {"skip": ("a.c",)}, {"parameters": {"a.c": {}}}])
def test_unknown_check_names_the_one_that_was_meant(config: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"there is no check 'a\.c'") as caught:
        plan(entry("a.b"), **config)
    assert caught.value.hint == "did you mean 'a.b'?"


def test_unknown_parameter_names_the_one_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'digit'") as caught:
        plan(entry("a.b", path=file_with("digits", 3, tmp_path)), parameters={"a.b": {"digit": 4}})
    assert caught.value.hint == "did you mean 'digits'?"


@pytest.mark.parametrize(
    ("default", "value"),
    [
        (3, "4"),
        (3, 4.5),
        (3, True),
        (0.5, "high"),
        (0.5, True),
        ("a", 1),
        (True, 1),
        ((), "a"),
        ((), ("a", 1)),
        (3, (3,)),
    ],
)
def test_parameter_of_another_type_is_refused(default: Any, value: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="parameter 'p'"):
        plan(entry("a.b", path=file_with("p", default, tmp_path)), parameters={"a.b": {"p": value}})


@pytest.mark.parametrize(("default", "value"), [(0.5, 1), (3, 4), (None, "x"), (None, 4), ("a", "b"), ((), ("a", "b"))])
def test_parameter_of_a_fitting_type_is_accepted(default: Any, value: Any, tmp_path: Path) -> None:
    assert plan(entry("a.b", path=file_with("p", default, tmp_path)), parameters={"a.b": {"p": value}})


def test_check_stands_behind_those_it_uses() -> None:
    entries = {item.id: item for item in (entry("a.a", uses=["z.z"]), entry("m.m"), entry("z.z", uses=["m.m"]))}
    assert in_order(entries) == ["m.m", "z.z", "a.a"]


def test_order_does_not_depend_on_the_order_given() -> None:
    entries = [entry("c.c", uses=["b.b"]), entry("a.a"), entry("b.b"), entry("d.d", uses=["a.a"])]
    forward, backward = ({item.id: item for item in some} for some in (entries, reversed(entries)))
    assert in_order(forward) == in_order(backward)


def test_use_of_a_check_that_does_not_exist_is_no_obstacle() -> None:
    assert plan(entry("a.b", uses=["x.y"]))["a.b"].action == "run"


def test_circle_of_uses_is_named() -> None:
    with pytest.raises(InputError, match=r"a\.b -> .*a\.b|a\.c -> .*a\.c"):
        plan(entry("a.b", uses=["a.c"]), entry("a.c", uses=["a.b"]))


@pytest.mark.parametrize(
    ("capabilities", "tables", "model_file", "expected"),
    [
        (None, ["test"], False, {"test", "target"}),
        ({"scores", "query"}, ["test"], True, {"test", "target", "predictions", "scores", "query", "model_file"}),
        ({"labels"}, ["test"], False, {"test", "target", "predictions"}),
        ({"scores", "query", "refit"}, ["train"], True, {"train", "target", "scores", "query", "refit", "model_file"}),
    ],
)
def test_subject_offers_what_it_has(
    capabilities: set[Any] | None, tables: list[str], model_file: bool, expected: set[str]
) -> None:
    assert available_needs(facts(capabilities=capabilities), tables=tables, model_file=model_file) == expected


@pytest.mark.parametrize("shown", [{"trees"}, {"gradients"}, set()])
def test_internals_are_offered_where_the_model_shows_trees_or_a_network(shown: set[Any]) -> None:
    offered = available_needs(facts(capabilities={"labels", "query"} | shown), tables=["test"], model_file=True)
    assert ("internals" in offered) == bool(shown)
    assert ("gradients" in offered) == (shown == {"gradients"})


def test_without_a_target_none_is_offered() -> None:
    assert "target" not in available_needs(facts(target=None), tables=["test"], model_file=False)


@pytest.mark.parametrize(
    ("deployment", "budget_s", "effort"),
    [
        (Deployment(), None, "default"),
        (Deployment(), 59.0, "quick"),
        (Deployment(), 60.0, "default"),
        (Deployment(exposure="public_api", sensitivity="special"), None, "thorough"),
        (Deployment(exposure="public_api", sensitivity="special"), 30.0, "quick"),
        (Deployment(exposure="internal", sensitivity="special"), None, "default"),
    ],
)
def test_effort_follows_deployment_and_budget(deployment: Deployment, budget_s: float | None, effort: str) -> None:
    assert choose_effort(deployment, budget_s=budget_s)[0] == effort


@pytest.mark.parametrize("pattern", ["robustness.evasion.attack_success", "robustness.evasion.*", "robustness.*.*"])
def test_limits_reach_a_check_through_any_rule_that_covers_its_measurement(pattern: str) -> None:
    policy = Policy(rules=(Rule(measurement=pattern, max=0.2),))
    assert policy_limits(policy, entry("robustness.evasion", thresholds=["attack_success"])) == {"attack_success": 0.2}


def test_limits_that_a_check_does_not_read_stay_out_of_its_key() -> None:
    policy = Policy(rules=(Rule(measurement="robustness.evasion.*", max=0.2),))
    assert policy_limits(policy, entry("robustness.evasion")) == {}


def test_need_that_nothing_offers_is_refused_with_the_closest() -> None:
    with pytest.raises(InputError, match="did you mean 'test'"):
        entry("data.schema", needs=["tset"])


@pytest.mark.parametrize("need", ["refit", "model_file"])
def test_what_an_endpoint_never_shows_is_not_applicable(need: Need) -> None:
    behind = replace(facts(), info=ModelInfo(format="endpoint", description="", capabilities=frozenset({"query"})))
    found = why_not(entry("a.b", needs=[need]), behind, ALL - {need}, AuditConfig())
    assert found is not None
    assert found[0] == "not_applicable"


def test_what_an_endpoint_might_answer_is_not_run() -> None:
    behind = replace(facts(), info=ModelInfo(format="endpoint", description="", capabilities=frozenset({"query"})))
    found = why_not(entry("a.b", needs=["scores"]), behind, ALL - {"scores"}, AuditConfig())
    assert found is not None
    assert found[0] == "not_run"
