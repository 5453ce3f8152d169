"""What holds for every rule of the tables of identifiers."""

from __future__ import annotations

import pickle
import re
from collections import Counter

import pytest

from benchmarks.pii_generated import KINDS, RULES, TABLES, hard_negatives, labelled
from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.detector import Detector
from holdfast.kernels.personal_data.native_words import native_recogniser

EXAMPLES = [(rule, example) for rule in RULES for example in rule.examples]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[rule.name for rule, _ in EXAMPLES])
def test_examples_are_found(rule, example):
    assert rule.label in {span.label for span in Finder([rule]).find([example])[0]}


def test_examples_are_found_among_all_rules():
    # Among all rules another label may win where the shape is shared; nothing may go unseen.
    found = Finder(RULES).find([example for _, example in EXAMPLES])
    assert [rule.name for (rule, _), spans in zip(EXAMPLES, found, strict=True) if not spans] == []


def test_names_are_unique():
    assert {name: times for name, times in Counter(rule.name for rule in RULES).items() if times > 1} == {}


def test_context_words_are_single_folded_words_in_small_letters():
    words = {word for rule in RULES for word in (*rule.context, *rule.anchor.words)}
    assert [word for word in words if not re.fullmatch("[a-z\xfe\xff]+", word)] == []


def test_rules_name_their_source_and_can_be_sent_to_other_processes():
    assert all(rule.source for rule in RULES)
    received = pickle.loads(pickle.dumps(RULES))
    assert [(rule.name, rule.pattern) for rule in received] == [(rule.name, rule.pattern) for rule in RULES]


def test_scores_rise_with_context_and_weak_shapes_are_not_reported_without():
    assert all(0 < rule.score <= 1 for rule in RULES)
    assert all(rule.context_score >= rule.score for rule in RULES if rule.context)


def test_ids_of_at_least_35_countries_are_checked():
    national = [rule for table in TABLES if "national" in table.__name__ for rule in table.RULES]
    assert len({country for rule in national if rule.validate for country in rule.countries}) >= 35


def test_every_label_of_the_national_tables_is_generated():
    national = {rule.label for table in TABLES if "national" in table.__name__ for rule in table.RULES}
    assert national - {kind.label for kind in KINDS} == {"NL_ID_CARD", "SK_RODNE_CISLO"}


def test_generated_ids_are_found_and_near_misses_are_not():
    made = list(labelled(7, each=1))
    found = Detector(RULES, (native_recogniser,)).find([record.text for record in made])
    valid = [(record, spans) for record, spans in zip(made, found, strict=True) if record.kind == "valid"]
    right = sum({(s.start, s.end, s.label) for s in spans} == set(record.spans) for record, spans in valid)
    assert right >= 0.95 * len(valid)
    misses = [spans for record, spans in zip(made, found, strict=True) if record.kind == "near_miss"]
    assert sum(bool(spans) for spans in misses) <= 0.05 * len(misses)


def test_hard_negatives_stay_quiet():
    made = list(hard_negatives(7, each=40))
    found = Detector(RULES, (native_recogniser,)).find([record.text for record in made])
    alarms = [(record.text, spans) for record, spans in zip(made, found, strict=True) if spans]
    assert len(alarms) <= 0.005 * len(made), alarms


def test_a_seed_gives_the_same_records():
    assert list(hard_negatives(3, each=2)) == list(hard_negatives(3, each=2))
    assert list(hard_negatives(3, each=2)) != list(hard_negatives(4, each=2))


def test_every_repetition_has_a_bound():
    # So that the time for a text grows with its length only.
    for rule in RULES:
        bare = re.sub(r"\\.", "", rule.pattern)
        bare = re.sub(r"\[[^]]*\]", "", bare)
        assert not re.search(r"[*+]|\d,\}", bare), rule.name
