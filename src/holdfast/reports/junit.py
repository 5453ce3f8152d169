"""The verdicts as a JUnit report, which continuous-integration servers show as tests."""

from __future__ import annotations

from itertools import groupby
from xml.etree import ElementTree

from holdfast.core.decision import Verdict
from holdfast.core.finding import Finding
from holdfast.core.measurement import Measurement
from holdfast.core.record import Audit
from holdfast.reports.text import (
    STATE_WORDS,
    VERDICT_WORDS,
    format_estimate,
    limit_words,
    measurements_by_id,
    printable,
    verdict_reason,
)


def render_junit(audit: Audit) -> str:
    """Write one suite per family of checks, one case per verdict, and one per finding that no rule asks for.

    A failed rule is a failure; a number that is missing, an error; a rule that is waived or does not apply is skipped.
    An inconclusive rule is skipped too, unless the policy lets inconclusive outcomes fail.
    """
    measurements = measurements_by_id(audit.findings.findings)
    strict = audit.decision.outcome == "inconclusive" and audit.decision.exit_code != 0
    cases = [
        _verdict_case(verdict, measurements.get(verdict.measurement), strict) for verdict in audit.decision.verdicts
    ]
    judged = {verdict.check for verdict in audit.decision.verdicts}
    cases += [_finding_case(finding) for finding in audit.findings.findings if finding.check not in judged]
    seconds = {attempt.check: attempt.seconds for attempt in audit.run.attempts if not attempt.reused}
    root = ElementTree.Element("testsuites", {"name": printable(audit.findings.subject.name)})
    for family, members in groupby(sorted(cases, key=_family), key=_family):
        _add_suite(root, family, list(members), seconds, audit.run.started)
    _count(root, cases)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _family(case: ElementTree.Element) -> str:
    return case.attrib["classname"].split(".")[0]


def _add_suite(
    root: ElementTree.Element, family: str, cases: list[ElementTree.Element], seconds: dict[str, float], started: str
) -> None:
    suite = ElementTree.SubElement(root, "testsuite", {"name": family, "timestamp": started})
    _count(suite, cases)
    timed = set()
    for case in cases:
        check = case.attrib["classname"]
        case.set("time", f"{0.0 if check in timed else seconds.get(check, 0.0):.3f}")
        timed.add(check)
    suite.set("time", f"{sum(float(case.attrib['time']) for case in cases):.3f}")
    suite.extend(cases)


def _count(element: ElementTree.Element, cases: list[ElementTree.Element]) -> None:
    element.set("tests", str(len(cases)))
    for plural, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(plural, str(sum(case.find(tag) is not None for case in cases)))


def _verdict_case(verdict: Verdict, measurement: Measurement | None, strict: bool) -> ElementTree.Element:
    case = _case(verdict.check, verdict.measurement)
    unit = measurement.unit if measurement is not None else ""
    numbers = f"{format_estimate(measurement, limit=verdict.limit)}, " if measurement is not None else ""
    message = (
        f"{VERDICT_WORDS[verdict.verdict]}: {numbers}asked for {limit_words(verdict, unit)}; {verdict_reason(verdict)}"
    )
    tag = {
        "fail": "failure",
        "could_not_evaluate": "error" if verdict.required else "skipped",
        "inconclusive": "failure" if strict else "skipped",
        "not_applicable": "skipped",
        "waived": "skipped",
    }.get(verdict.verdict, "system-out")
    return _told(case, tag, verdict.verdict, f"{message}. {verdict.waiver}" if verdict.waiver else message)


def _finding_case(finding: Finding) -> ElementTree.Element:
    case = _case(finding.check, "no rule")
    if finding.state == "measured":
        return _told(case, "system-out", "measured", f"{STATE_WORDS['measured']}, no rule asks for it")
    tag = "error" if finding.state == "error" else "skipped"
    return _told(case, tag, finding.state, f"{STATE_WORDS[finding.state]}: {finding.reason}. Needed: {finding.needed}")


def _case(check: str, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", {"classname": printable(check), "name": printable(name)})


def _told(case: ElementTree.Element, tag: str, kind: str, message: str) -> ElementTree.Element:
    told = ElementTree.SubElement(case, tag)
    if tag == "system-out":
        told.text = printable(message)
    else:
        told.set("message", printable(message))
    if tag in ("failure", "error"):
        told.set("type", kind)
    return case
