"""One check: whatever it returns or raises becomes a finding, and nothing it does ends the audit."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from holdfast.auditing.execution import Completed, parquet_bytes, seed_of
from holdfast.auditing.jobs import run_job
from holdfast.core.canonical import canonical_json
from holdfast.core.deployment import Deployment
from holdfast.core.finding import Finding
from holdfast.core.parse import from_json
from tests.auditing.scratch_checks import ONE, Scratch, job_of, setup_of


@pytest.fixture
def run(scratch: Scratch, tmp_path: Path) -> Any:
    def run(
        body: str, *, setup: dict[str, Any] | None = None, parameters: dict[str, Any] | None = None, **spec: Any
    ) -> Completed:
        entry = scratch.check("one", body, signature="size: int = 2" if parameters else "", **spec)
        made = setup_of(tmp_path, **(setup or {}))
        job = job_of(entry, **({"parameters": parameters} if parameters else {}))
        completed = run_job(job, made.subject(), made)
        # Whatever comes back can be stored and read again.
        assert from_json(Finding, canonical_json(completed.finding), source="x") == completed.finding
        return completed

    return run


def test_numbers_become_a_measured_finding_with_provenance(run: Any) -> None:
    finding = run(f"return {ONE}", evidence_codes=["X1"]).finding
    assert (finding.state, finding.reason, finding.needed) == ("measured", None, None)
    assert (finding["rows"].id, finding["rows"].name, finding["rows"].unit) == ("scratch.one.rows", "Rows", "rows")
    assert (finding.evidence_codes, finding.seed) == (("X1",), 1)
    assert {"key", "code", "settings", "versions"} <= set(finding.digests)
    assert "numpy" in finding.versions


@pytest.mark.parametrize(
    ("raised", "state", "reusable"),
    [
        ("NotApplicable('no')", "not_applicable", True),
        ("NotRun('no')", "not_run", True),
        ("BudgetError('no')", "not_run", False),
        ("ModelError('no')", "error", False),
        ("InputError('no')", "error", False),
        ("MissingExtra('it', 'boosting')", "error", False),
        ("ValueError('no')", "error", False),
        ("AssertionError()", "error", False),
        ("MemoryError()", "error", False),
        ("RecursionError()", "error", False),
        ("SystemExit(0)", "error", False),
        ("type('PanicException', (BaseException,), {})('a library panicked')", "error", False),
        ("Exception('\\n\\n')", "error", False),
        ("Exception('\\udc80 <script> ' + 'x' * 10000)", "error", False),
    ],
)
def test_every_exception_becomes_the_state_of_its_finding(run: Any, raised: str, state: str, reusable: bool) -> None:
    completed = run(f"raise {raised}")
    assert (completed.finding.state, completed.reusable) == (state, reusable)
    assert completed.finding.reason
    assert completed.finding.needed


def test_hint_of_the_exception_is_what_is_needed(run: Any) -> None:
    finding = run("raise NotRun('there are no times', hint='give the time column')").finding
    assert (finding.reason, finding.needed) == ("there are no times", "give the time column")


def test_user_stops_the_run_and_not_the_check(run: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        run("raise KeyboardInterrupt")


def test_traceback_of_a_failure_is_evidence(run: Any) -> None:
    completed = run("try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('bad <b>') from error")
    text = completed.files["traceback.txt"].decode()
    assert completed.finding.evidence == {"traceback": "evidence/scratch.one/traceback.txt"}
    assert completed.finding.reason == "ValueError: bad <b>"
    assert "ZeroDivisionError" in text
    assert text.rstrip().endswith("ValueError: bad <b>")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (ONE.replace("rows", "row"), "measured 'row'"),
        (ONE.replace("1.0", "float('nan')"), "finite value"),
        (ONE.replace(', no_interval_reason="a count"', ""), "either an interval or the reason"),
        ("Outcome(measurements=())", "returned no measurement"),
        ("None", "AttributeError"),
        (
            ONE.replace(
                "),))", "),), charts=(Chart(id='c', title='', caption='', kind='line', table='t', x='a', y='b'),))"
            ),
            "'t'",
        ),
        (
            ONE.replace(
                "),))",
                "),), tables={'t': __import__('polars').DataFrame({'a': [1]})}, "
                "charts=(Chart(id='c', title='', caption='', kind='line', table='t', x='a', y='b'),))",
            ),
            "'b'",
        ),
        (ONE.replace("),))", "), Measured(id='rows', value=2.0, no_interval_reason='again')))"), "twice"),
        (ONE.replace("),))", "),), assumptions=(object(),))"), "object"),
    ],
)
def test_outcome_that_breaks_the_contract_is_an_error_finding(run: Any, body: str, reason: str) -> None:
    finding = run(f"return {body}").finding
    assert finding.state == "error"
    assert reason in finding.reason


def test_check_that_does_not_import_is_an_error_finding(scratch: Scratch, tmp_path: Path) -> None:
    entry = scratch.check("one", f"return {ONE}")
    entry.path.write_text("import a_module_that_nobody_has\n")
    setup = setup_of(tmp_path)
    finding = run_job(job_of(entry), setup.subject(), setup).finding
    assert finding.reason == "ModuleNotFoundError: No module named 'a_module_that_nobody_has'"


@pytest.mark.parametrize(
    "body",
    [
        "Outcome(measurements=(Measured(id='rows', value=np.float32(1), n=np.int64(4), no_interval_reason='a'),))",
        "Outcome(measurements=(Measured(id='rows', value=np.int64(1), no_interval_reason='a'),), "
        "work={'points': np.int32(4)})",
        "Outcome(measurements=(Measured(id='rows', value=1.0, "
        "interval=Interval(low=np.float32(0.5), high=np.int64(2), level=0.95, method='m')),))",
    ],
)
def test_numpy_numbers_are_numbers(run: Any, body: str) -> None:
    assert run(f"import numpy as np\nreturn {body}").finding.state == "measured"


def test_measurement_named_with_a_star_carries_its_own_name(run: Any) -> None:
    finding = run("return Outcome(measurements=(Measured(id='draw.a.b', value=1.0, no_interval_reason='x'),))").finding
    assert (finding["draw.a.b"].name, finding["draw.a.b"].id) == ("Draw: a.b", "scratch.one.draw.a.b")


def test_deployment_field_that_was_not_declared_is_an_error(run: Any) -> None:
    finding = run(f"subject.deployment.sensitive\nreturn {ONE}").finding
    assert finding.state == "error"
    assert "deployment.sensitive" in finding.reason


def test_declared_deployment_field_is_there(run: Any) -> None:
    body = "assert subject.deployment.sensitive == ('age',)\nreturn " + ONE
    completed = run(body, setup={"deployment": Deployment(sensitive=("age",))}, reads=["sensitive"])
    assert completed.finding.state == "measured"


def test_parameters_reach_the_check_and_the_finding(run: Any) -> None:
    finding = run(f"assert size == 7\nreturn {ONE}", parameters={"size": 7}).finding
    assert (finding.state, finding.parameters) == ("measured", {"size": 7})


def test_finding_that_ran_out_of_time_is_not_reused(run: Any) -> None:
    assert not run(f"return {ONE}", setup={"deadline": time.monotonic() - 1}).reusable


def test_tables_become_evidence_that_can_be_read_back(run: Any) -> None:
    body = ONE.replace("),))", "),), tables={'affected_rows': __import__('polars').DataFrame({'row': [1, 3]})})")
    completed = run(f"return {body}")
    assert completed.finding.evidence == {"affected_rows": "evidence/scratch.one/affected_rows.parquet"}
    assert pl.read_parquet(io.BytesIO(completed.files["affected_rows.parquet"]))["row"].to_list() == [1, 3]


def test_same_table_gives_the_same_bytes() -> None:
    first, second = (pl.DataFrame({"a": ["x", None, "é"] * 100, "b": [0.1, float("nan"), 3.0] * 100}) for _ in range(2))
    assert parquet_bytes(first) == parquet_bytes(second)


def test_a_check_cannot_change_what_the_next_one_sees(scratch: Scratch, tmp_path: Path) -> None:
    setup = setup_of(tmp_path)
    subject = setup.subject()
    spoil = scratch.check("spoil", f"y = subject.y(subject.test)\ny[:] = 0\nreturn {ONE}")
    count = scratch.check(
        "count",
        "y = subject.y(subject.test)\n"
        "return Outcome(measurements=(Measured(id='rows', value=float(y.sum()), no_interval_reason='a sum'),))",
    )
    run_job(job_of(spoil), subject, setup)
    assert run_job(job_of(count), subject, setup).finding["rows"].value == 2


def test_seed_of_a_check_depends_on_the_base_and_the_check() -> None:
    seeds = {seed_of(base, check) for base in range(10) for check in ("a.b", "a.c", "b.a")}
    assert len(seeds) == 30
    assert all(0 <= seed < 2**53 for seed in seeds)


def test_documents_are_written_beside_the_tables(run: Any) -> None:
    completed = run("import polars as pl\nreturn " + ONE[:-1] + ", documents={'rule': '{\"a\": 1}'})")
    assert completed.files["rule.json"] == b'{"a": 1}'
    assert completed.finding.evidence["rule"] == "evidence/scratch.one/rule.json"


def test_a_table_and_a_document_of_one_name_are_refused(run: Any) -> None:
    more = ", tables={'rule': pl.DataFrame({'a': [1]})}, documents={'rule': '{}'})"
    finding = run("import polars as pl\nreturn " + ONE[:-1] + more).finding
    assert finding.state == "error"
    assert "both a table and a document" in str(finding.reason)
