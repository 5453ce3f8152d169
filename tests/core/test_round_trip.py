"""What is written can be read back without loss: findings, decisions, runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.core.canonical import LARGEST_EXACT_INTEGER, canonical_json, digest_of
from holdfast.core.decision import Decision, Verdict
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError
from holdfast.core.finding import Chart, Finding
from holdfast.core.measurement import Measurement
from holdfast.core.parse import from_json, json_schema
from holdfast.core.record import Attempt, Findings, PlanItem, Run, SubjectCard, TableCard

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
words = st.lists(text, max_size=3).map(tuple)
finite = st.floats(allow_nan=False, allow_infinity=False)
# Integral floats beyond 2^53 look like integers in JSON; labels and parameters of that size do not occur.
moderate = st.floats(-1e15, 1e15)
exact = st.integers(-LARGEST_EXACT_INTEGER, LARGEST_EXACT_INTEGER)
counts = st.integers(0, LARGEST_EXACT_INTEGER)
labels = text | exact | moderate | st.booleans()
optional = st.none() | finite


def mapping(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(text, values, max_size=3)


with_interval = st.builds(
    Measurement,
    id=text,
    name=text,
    value=finite,
    low=optional,
    high=optional,
    level=st.just(0.95),
    method=text,
    n=st.none() | counts,
    unit=text,
    direction=st.sampled_from(["higher_is_better", "lower_is_better", "neither"]),
    bound=st.sampled_from(["estimate", "lower", "upper"]),
    plain=text,
)
without_interval = st.builds(Measurement, id=text, name=text, value=finite, no_interval_reason=text)
charts = st.builds(
    Chart,
    id=text,
    title=text,
    caption=text,
    kind=st.sampled_from(["line", "points", "bars"]),
    table=text,
    x=text,
    y=text,
    reference=optional,
    diagonal=st.booleans(),
    log=st.booleans(),
)
findings = st.builds(
    Finding,
    check=text,
    title=text,
    state=st.sampled_from(["measured", "not_applicable", "not_run", "error"]),
    reason=text.map(lambda words: words + "."),
    needed=text.map(lambda words: words + "."),
    measurements=st.lists(with_interval | without_interval, max_size=3).map(tuple),
    evidence=mapping(text),
    charts=st.lists(charts, max_size=2).map(tuple),
    evidence_codes=words,
    remediation=text,
    assumptions=words,
    parameters=mapping(st.booleans() | exact | moderate | text | st.none() | words),
    seed=st.none() | st.integers(0, 2**128),
    digests=mapping(text),
    work=mapping(counts),
    versions=mapping(text),
)
deployments = st.builds(
    Deployment,
    purpose=text,
    id=st.none() | text,
    sensitive=words,
    ranges=mapping(st.tuples(finite, finite)),
    classes=st.lists(labels, max_size=3).map(tuple),
    positive=st.none() | labels,
)
subjects = st.builds(
    SubjectCard,
    name=text,
    task=st.sampled_from(["binary", "multiclass", "regression"]),
    target=st.none() | text,
    classes=st.lists(labels, max_size=3).map(tuple),
    positive=st.none() | labels,
    features=words,
    model_format=st.none() | text,
    model_description=st.none() | text,
    model_digest=st.none() | text,
    capabilities=words,
    tables=mapping(st.builds(TableCard, rows=counts, columns=counts, digest=text, source=text)),
    deployment=deployments,
    assumptions=words,
)
verdicts = st.builds(
    Verdict,
    rule=text,
    measurement=text,
    check=text,
    verdict=st.sampled_from(["pass", "fail", "not_broken", "inconclusive", "could_not_evaluate", "waived"]),
    severity=st.sampled_from(["critical", "high", "medium", "low"]),
    comparison=st.sampled_from(["max", "min"]),
    limit=finite,
    value=optional,
    low=optional,
    high=optional,
    p_value=optional,
    adjusted_p_value=optional,
    required=st.booleans(),
    reason=text,
)
decisions = st.builds(
    Decision,
    outcome=st.sampled_from(["pass", "fail", "inconclusive", "could_not_evaluate"]),
    exit_code=st.sampled_from([0, 1, 3]),
    policy=text,
    policy_digest=text,
    date=text,
    findings_digest=text,
    subject_digests=mapping(text),
    verdicts=st.lists(verdicts, max_size=3).map(tuple),
    summary=text,
)
efforts = st.sampled_from(["quick", "default", "thorough"])
plan_items = st.builds(
    PlanItem, check=text, title=text, action=st.sampled_from(["run", "skip"]), effort=efforts, reason=text, uses=words
)
runs = st.builds(
    Run,
    started=text,
    finished=text,
    seconds=finite,
    command=words,
    version=text,
    host=mapping(text | exact | moderate),
    confinement=mapping(text),
    seed=st.integers(0, 2**128),
    seed_derived=st.booleans(),
    effort=efforts,
    budget_s=optional,
    jobs=counts,
    plan=st.lists(plan_items, max_size=2).map(tuple),
    attempts=st.lists(
        st.builds(Attempt, check=text, started=text, seconds=finite, reused=st.booleans(), outcome=text), max_size=2
    ).map(tuple),
    cancelled=st.booleans(),
    notes=words,
)
documents = st.builds(Findings, subject=subjects, findings=st.lists(findings, max_size=3).map(tuple))
EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@EXAMPLES
@given(documents)
def test_findings_survive_writing_and_reading(document: Findings) -> None:
    data = canonical_json(document)
    read = from_json(Findings, data, source="findings.json")
    assert read == document
    assert canonical_json(read) == data


@EXAMPLES
@given(decisions)
def test_decision_survives_writing_and_reading(document: Decision) -> None:
    data = canonical_json(document)
    read = from_json(Decision, data, source="decision.json")
    assert read == document
    assert canonical_json(read) == data


@EXAMPLES
@given(runs)
def test_run_survives_writing_and_reading(document: Run) -> None:
    data = canonical_json(document)
    read = from_json(Run, data, source="run.json")
    assert read == document
    assert canonical_json(read) == data


def test_digest_does_not_depend_on_the_order_of_mappings() -> None:
    one = Finding(check="a", title="A", state="measured", work={"queries": 1, "points": 2})
    other = Finding(check="a", title="A", state="measured", work={"points": 2, "queries": 1})
    assert digest_of(one) == digest_of(other)


@pytest.mark.parametrize("kind", [Findings, Decision, Run])
def test_published_schema_accepts_what_is_written(kind: type) -> None:
    import json

    import jsonschema

    document = {Findings: documents, Decision: decisions, Run: runs}[kind]
    schema = json_schema(kind)

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(document.filter(_has_exact_integers))
    def check(value: Any) -> None:
        jsonschema.validate(json.loads(canonical_json(value)), schema)

    check()


def _has_exact_integers(value: Any) -> bool:
    if isinstance(value, Findings):
        return all((finding.seed or 0) <= LARGEST_EXACT_INTEGER for finding in value.findings)
    return not isinstance(value, Run) or value.seed <= LARGEST_EXACT_INTEGER


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"null", b'{"subject":', b"\xff"])
def test_damaged_document_is_an_input_error_that_names_the_file(data: bytes) -> None:
    with pytest.raises(InputError, match=r"findings\.json is not a valid Findings document"):
        from_json(Findings, data, source="findings.json")
