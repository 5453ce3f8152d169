import re

import pytest

from holdfast.core.errors import InputError
from holdfast.redaction.plan import PRESETS, Plan, label_of, parse_plan, preset_plan


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_named(name: str) -> None:
    plan = preset_plan(name)
    assert (plan.name, plan.purpose) == (name, name)


def test_what_presets_promise_holds() -> None:
    assert not preset_plan("log").needs_key
    assert not preset_plan("display").needs_key
    assert not preset_plan("train").is_reversible
    assert preset_plan("share").is_reversible
    assert not any(preset_plan(name).needs_vault for name in PRESETS)


def test_a_plan_is_read_from_yaml() -> None:
    plan = parse_plan(
        "purpose: care\ndefault: drop\nlabels:\n  AGE: {transform: generalise, width: 5}\ncolumns: {e-mail: hash}\n",
        source="plan.yaml",
    )
    assert isinstance(plan, Plan)
    assert (plan.rule_of("AGE").width, plan.rule_of("PERSON").transform) == (5, "drop")
    assert label_of(plan.columns["e-mail"], "e-mail") == "E_MAIL"
    assert label_of(plan.columns["e-mail"], "2nd name") == "FIELD_2ND_NAME"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("labls: {}", "unknown key 'labls'"),
        ("- 1", "expected a mapping in plan.yaml"),
        ("purpose: Big Purpose", "at purpose: expected up to 32 lower-case"),
        ("labels: {PERSON: toke}", "at labels.PERSON: unknown transform 'toke'"),
        ("labels: {person: drop}", "expected a label of capitals"),
        ("labels: {PERSON: 3}", "expected a transform or a mapping"),
        ("labels: {PERSON: {keep_last: 3}}", "expected a transform or a mapping"),
        ("labels: {PERSON: {transform: drop, keep_last: 3}}", "'drop' has no option 'keep_last'"),
        ("labels: {PERSON: {transform: mask, keep_last: many}}", "keep_last"),
        ("labels: {PERSON: {transform: mask, keep_last: -1}}", "keep_last of 0 or more; got -1"),
        ("labels: {PERSON: {transform: mask, character: xx}}", "character, one that is no letter or digit; got 'xx'"),
        ("labels: {PERSON: {transform: hash, digits: 4}}", "digits from 8 to 64; got 4"),
        ("labels: {PERSON: generalise}", "nothing coarser is known"),
        ("columns: {born: generalise}", "nothing coarser is known"),
        ("labels: {AGE: {transform: generalise, to: decade}}", "to, one of age_band"),
        ("subject: [a]", "at subject"),
        ("labels: [PERSON]", "expected a mapping of names to transforms"),
    ],
)
def test_what_is_wrong_with_a_plan_is_said_where_it_stands(text: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        parse_plan(text, source="plan.yaml")
