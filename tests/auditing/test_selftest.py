"""Planted faults are found, decoys are left alone, and nothing is raised on clean twins."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pytest

from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.planting import FAULTS
from holdfast.auditing.selftest import run_selftest
from holdfast.policy.presets import preset
from holdfast.policy.rules import matches


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_names_a_measurement_that_its_check_makes_and_some_threshold_holds(name):
    fault = FAULTS[name]
    made = [f"{fault.check}.{measure.id}" for measure in entry_for(fault.check).spec.measures]
    assert any(fnmatch(fault.measurement, pattern) for pattern in made)
    assert set(fault.beside) <= set(entry_for(fault.check).spec.uses)
    has_rule = any(matches(rule.measurement, fault.measurement) for rule in preset("baseline").rules)
    assert has_rule == (fault.limit is None)


def test_a_measurement_has_one_limit():
    limits = {(fault.measurement, fault.limit) for fault in FAULTS.values()}
    assert len(limits) == len({fault.measurement for fault in FAULTS.values()})


def test_a_fault_whose_package_is_missing_says_what_to_install():
    assert replace(FAULTS["pictures_by_heart"], extra="").why_not == ""
    assert "holdfast[absent_package]" in replace(FAULTS["pictures_by_heart"], extra="absent_package").why_not


@pytest.mark.slow
def test_all_faults_are_found_and_nothing_else_is_raised(tmp_path: Path):
    found = run_selftest(tmp_path, seed=1)
    assert [trial.fault for trial in found.trials if not trial.found] == []
    assert found.false_alarms == ()
    assert found.clean_errors == ()
