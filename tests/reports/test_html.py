"""The HTML report: safe to open, complete, the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from types import ModuleType

import pytest

from holdfast.core.decision import VerdictKind
from holdfast.core.finding import Chart, Finding
from holdfast.core.record import Audit
from holdfast.reports.charts import evidence_svg
from holdfast.reports.html import _coded, render_html
from holdfast.reports.text import VERDICT_WORDS

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr", "circle", "path"}


def no_picture(finding: Finding, chart: Chart) -> str:
    return '<svg class="chart"></svg>'


class Tags(HTMLParser):
    """Collects tags, attributes and whether every tag is closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.misnested: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.misnested.append(tag)


@pytest.fixture
def page(audit: Audit) -> str:
    return render_html(audit, svg=evidence_svg(audit.folder))


def test_policy_allows_nothing_but_the_one_style(page: str) -> None:
    policy = next(
        attrs["content"] for tag, attrs in Tags(page).tags if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    style = page.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    allowed = f"img-src data:; style-src 'sha256-{digest}'"
    assert policy == f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    assert page.count("<style>") == 1


def test_page_has_no_script_handler_inline_style_or_frame(page: str) -> None:
    for tag, attrs in Tags(page).tags:
        assert tag not in {"script", "iframe", "object", "embed", "link", "img", "form", "base"}
        assert not [name for name in attrs if name.startswith("on") or name == "style"]


def test_every_link_stays_in_the_page_or_the_folder(page: str) -> None:
    for _, attrs in Tags(page).tags:
        for name in ("href", "src", "xlink:href"):
            assert re.fullmatch(r"#.+|evidence/.+", attrs.get(name) or "#x")
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)


def test_every_anchor_exists_once(page: str) -> None:
    tags = Tags(page).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    targets = {(attrs["href"] or "")[1:] for _, attrs in tags if (attrs.get("href") or "").startswith("#")}
    assert len(ids) == len(set(ids))
    assert targets <= set(ids)


def test_tags_are_closed_in_order(page: str) -> None:
    parsed = Tags(page)
    assert parsed.misnested == []
    assert parsed.open == []


def test_hostile_names_appear_escaped(page: str, sample: ModuleType) -> None:
    assert sample.SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\x00" not in page


def test_path_of_evidence_cannot_leave_the_folder_by_scheme_or_host(audit: Audit) -> None:
    paths = {"a": "javascript:alert(1)", "b": "//evil.example/x", "c": '"><b>'}
    finding = replace(audit.findings.findings[5], evidence=paths)
    page = render_html(replace(audit, findings=replace(audit.findings, findings=(finding,))), svg=no_picture)
    assert 'href="javascript%3Aalert%281%29"' in page
    assert 'href="evil.example/x"' in page
    assert 'href="%22%3E%3Cb%3E"' in page


@pytest.mark.parametrize("kind", sorted(VERDICT_WORDS))
def test_every_verdict_is_said_in_words_with_a_symbol(page: str, kind: VerdictKind) -> None:
    assert re.search(
        rf'<span class="verdict {kind}"><svg[^>]*><use href="#v-{kind}"/></svg>{VERDICT_WORDS[kind]}</span>', page
    )


def test_nothing_is_called_safe_or_compliant(page: str) -> None:
    words = set(re.findall(r"[a-z]+", page.split("</style>")[1].lower()))
    assert not words & {"safe", "secure", "compliant", "compliance"}


def test_first_page_tells_the_worst_five_in_order(page: str) -> None:
    listed = page.split('class="headlines"')[1].split("</ol>")[0]
    kinds = re.findall(r'<li class="(\w+)">', listed)
    assert kinds == ["fail", "fail", "could_not_evaluate", "inconclusive", "waived"]
    assert listed.index("severity critical") < listed.index("severity high")
    assert listed.count("<b>Next:</b>") == 5


def test_what_was_measured_and_is_open_comes_before_what_nobody_had_to_provide(audit: Audit) -> None:
    verdicts = tuple(
        replace(one, required=False) if one.verdict == "could_not_evaluate" else one for one in audit.decision.verdicts
    )
    page = render_html(replace(audit, decision=replace(audit.decision, verdicts=verdicts)), svg=no_picture)
    listed = page.split('class="headlines"')[1].split("</ol>")[0]
    kinds = re.findall(r'<li class="(\w+)">', listed)
    assert kinds == ["fail", "fail", "inconclusive", "could_not_evaluate", "waived"]


def test_inconclusive_says_what_would_settle_it(page: str) -> None:
    assert "about 64,000 instead of 812" in page


def test_value_and_interval_stand_together(page: str) -> None:
    assert "7.1\u00a0% (6.6 to 7.7\u00a0%)" in page


def test_every_check_that_gave_no_number_is_listed_with_its_need(page: str) -> None:
    plan = page.split('id="plan"')[1]
    for word in ("Duplicates", "Membership inference", "Order in time", "A table with a time column"):
        assert word in plan


def test_what_was_measured_comes_before_what_was_not_and_failures_first(audit: Audit, page: str) -> None:
    state = {finding.check: finding.state for finding in audit.findings.findings}
    failed = {verdict.check for verdict in audit.decision.verdicts if verdict.verdict == "fail"}
    shown = [check for check in re.findall(r'<article[^>]* id="([a-z_.]+)"', page) if check in state]
    assert sorted(shown) == sorted(state)
    assert shown == sorted(
        shown, key=lambda check: (state[check] != "measured", check not in failed, shown.index(check))
    )
    assert failed


def test_assumptions_stand_on_the_first_page(page: str) -> None:
    first = page.split("<nav")[0]
    assert "Column roles were guessed" in first
    assert "The positive class is" in first


def test_same_audit_gives_the_same_bytes(audit: Audit, page: str) -> None:
    assert render_html(audit, svg=evidence_svg(audit.folder)) == page


def test_page_stays_small(page: str) -> None:
    assert len(page.encode()) < 200_000


def test_both_palettes_define_the_colours_of_the_charts(page: str) -> None:
    style, body = page.split("</style>")
    light, dark = style.split("prefers-color-scheme: dark")
    used = set(re.findall(r"var\((--\w+)", body))
    assert {"--s1", "--s2", "--ink", "--muted", "--line"} <= used
    assert all(f"{name}:" in light and f"{name}:" in dark for name in used)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_colours_reach_contrast_aa(page: str, scheme: str) -> None:
    style = page.split("<style>")[1].split("</style>")[0]
    part = style.split("@media (prefers-color-scheme: dark)")[scheme == "dark"].split("}")[0]
    colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part))
    grounds = ["paper", "card", "soft"]
    for name in ("ink", "muted", "link", "pass", "fail", "warn", "unknown", "held", "waived"):
        assert all(contrast(colour[name], colour[ground]) >= 4.5 for ground in grounds), name
    for name in ("pass", "fail", "warn", "unknown"):
        for word in (name, "ink", "muted"):
            assert contrast(colour[word], colour[f"{name}-soft"]) >= 4.5, (word, name)


def contrast(first: str, second: str) -> float:
    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dim = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_caller_can_keep_the_pictures(audit: Audit) -> None:
    asked: list[tuple[str, str]] = []

    def remember(finding: Finding, chart: Chart) -> str:
        asked.append((finding.check, chart.id))
        return no_picture(finding, chart)

    render_html(audit, svg=remember)
    assert asked == [(finding.check, chart.id) for finding in audit.findings.findings for chart in finding.charts]


@pytest.mark.parametrize(
    "bare",
    [
        lambda audit: replace(audit, findings=replace(audit.findings, findings=())),
        lambda audit: replace(audit, decision=replace(audit.decision, verdicts=(), summary="", outcome="fail")),
        lambda audit: replace(audit, run=replace(audit.run, plan=(), attempts=(), notes=(), cancelled=True, host={})),
    ],
    ids=["no findings", "no verdicts", "cancelled at once"],
)
def test_an_audit_with_parts_missing_still_renders(audit: Audit, bare: Callable[[Audit], Audit]) -> None:
    assert "</html>" in render_html(bare(audit), svg=no_picture)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("run `holdfast diff A B` & look", "run <code>holdfast diff A B</code> &amp; look"),
        ("`a` and `b`", "<code>a</code> and <code>b</code>"),
        ("a lone ` stays", "a lone ` stays"),
        ("`<script>`", "<code>&lt;script&gt;</code>"),
        ("plain", "plain"),
    ],
)
def test_text_between_backticks_is_set_as_code(said: str, expected: str) -> None:
    assert str(_coded(said)) == expected
