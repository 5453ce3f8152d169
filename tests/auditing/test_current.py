"""A table of what the model meets today: seen by the checks that need it, and by no other."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from holdfast.auditing.config import AuditConfig, load_config
from holdfast.auditing.inputs import read_inputs
from holdfast.auditing.jobs import run_job
from holdfast.auditing.planning import NEEDED, available_needs, why_not
from holdfast.auditing.preparing import Prepared, prepare
from holdfast.core.errors import InputError
from holdfast.policy.presets import load_policy
from tests.auditing.scratch_checks import Scratch, job_of, setup_of

TODAY = pl.DataFrame({"age": [7, 8, 9]})
COUNT = """
    rows = -1.0 if subject.current is None else float(subject.current.frame.height)
    return Outcome(measurements=(Measured(id="rows", value=rows, no_interval_reason="a count"),))
"""


def prepared(folder: Path, current: pl.DataFrame | None = None) -> Prepared:
    config = AuditConfig(target="y")
    tables = {"test": pl.DataFrame({"age": [1, 2, 3, 4], "y": [0, 1, 0, 1]}), "current": current}
    return prepare(config, load_policy("baseline"), read_inputs(config, scratch=folder, objects=tables), None)


@pytest.mark.parametrize(("needs", "rows"), [(["current"], 3.0), (["test"], -1.0)])
def test_only_a_check_that_needs_it_sees_it(scratch: Scratch, tmp_path: Path, needs: list[str], rows: float) -> None:
    TODAY.write_ipc(tmp_path / "current.arrow")
    setup = setup_of(tmp_path)
    setup = setup_of(tmp_path, tables={**setup.tables, "current": (tmp_path / "current.arrow", "sha256:c", "")})
    finding = run_job(job_of(scratch.check("count", COUNT, needs=needs)), setup.subject(), setup).finding
    assert finding["rows"].value == rows


def test_it_changes_the_key_of_such_a_check_only_and_no_seed(scratch: Scratch, tmp_path: Path) -> None:
    reader, other = scratch.check("reader", COUNT, needs=["current"]), scratch.check("other", COUNT)
    with_it, without = prepared(tmp_path, TODAY), prepared(tmp_path)
    assert with_it.digests_for(other) == without.digests_for(other)
    assert "current" in with_it.digests_for(reader)
    assert with_it.seed == without.seed


def test_without_it_a_check_says_what_to_give(scratch: Scratch, tmp_path: Path) -> None:
    item = prepared(tmp_path)
    assert "current" not in available_needs(item.facts, tables=["test"], model_file=False)
    assert "current" in available_needs(item.facts, tables=["test", "current"], model_file=False)
    obstacle = why_not(scratch.check("reader", COUNT, needs=["current"]), item.facts, item.offered, item.config)
    assert obstacle == ("not_run", *NEEDED["current"])
    assert obstacle[2] == "give --current"


def test_a_path_in_the_configuration_is_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "holdfast.yaml").write_text("test: test.csv\ncurrent: today.csv\n")
    assert load_config(tmp_path / "holdfast.yaml").current == str(tmp_path / "today.csv")


def test_a_file_that_is_missing_is_said_by_name(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("age,y\n1,0\n2,1\n")
    config = AuditConfig(test=str(tmp_path / "test.csv"), current=str(tmp_path / "today.csv"), target="y")
    with pytest.raises(InputError, match=r"today\.csv"):
        read_inputs(config, scratch=tmp_path, objects={})
