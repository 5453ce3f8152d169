"""Tests of e-mail addresses, telephone numbers and web addresses."""

from __future__ import annotations

import pytest

from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.rules_contact import RULES

FINDER = Finder(RULES)


def found(text: str) -> list[tuple[str, str]]:
    return [(span.label, text[span.start : span.end]) for span in FINDER.find([text])[0]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mail anna.nowak+x@mail.example.co.uk.", "anna.nowak+x@mail.example.co.uk"),
        ("<jürgen@müller.example>", "jürgen@müller.example"),
        ("ＡＢＣ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ＡＢＣ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
        ("see 'o'brien@example.com'", "o'brien@example.com"),
        ("GET /login?user=anna%40example.com&x=1", "anna%40example.com"),
        ("anna@example。com", "anna@example。com"),
    ],
)
def test_mail_addresses(text: str, value: str) -> None:
    assert found(text) == [("EMAIL_ADDRESS", value)]


@pytest.mark.parametrize(
    "text", ["a@b", "icon@2x.png", "x..y@example.com", "@user", "a" * 65 + "@example.com", "user@-a.com"]
)
def test_what_is_no_mail_address(text: str) -> None:
    assert [span for span in found(text) if span[0] == "EMAIL_ADDRESS"] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("go to https://example.org/a?b=(c)#d.", "https://example.org/a?b=(c)#d"),
        ("www.example.com is", "www.example.com"),
        ("site:example.co.uk/anna,", "example.co.uk/anna"),
    ],
)
def test_web_addresses(text: str, value: str) -> None:
    assert found(text) == [("URL", value)]


@pytest.mark.parametrize(
    "text", ["setup.py", "e.g. this", "java.lang.String", "end.Start", "v1.2.3", "README.md", "np.array(x)"]
)
def test_what_is_no_web_address(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("+44 20 7946 0018", "+44 20 7946 0018"),
        ("call me at 0494 92 82 32 now", "0494 92 82 32"),
        ("Fax:(311)555-0147", "(311)555-0147"),
        ("001-212-555-0147x1887.", "001-212-555-0147x1887"),
        ("You can call 73 448 266", "73 448 266"),
        ("24 428557-Office", "24 428557"),
        ("sent to +442079460018 200 12ms", "+442079460018"),
        ("+48 22 123 45 67 12 kw.", "+48 22 123 45 67"),
        ("1212-555-0147", "1212-555-0147"),
    ],
)
def test_telephone_numbers(text: str, value: str) -> None:
    assert found(text) == [("PHONE_NUMBER", value)]


@pytest.mark.parametrize(
    "text",
    [
        "24 428557",
        "took 1234567 ms",
        "1.234.567,89",
        "2024-11-30",
        "5112 39 Rue",
        "1 2 3 4 5 6 7 8",
        "#0494 928 232",
        "054.40x7677",
        "+983413",
    ],
)
def test_what_is_no_telephone_number(text: str) -> None:
    assert found(text) == []
