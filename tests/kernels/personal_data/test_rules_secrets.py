from __future__ import annotations

import pytest

from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.rules_secrets import RULES, entropy, is_jwt, is_mixed, is_password, is_random

FINDER = Finder(RULES)

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu\n"
    "-----END RSA PRIVATE KEY-----"
)


def found(text):
    return [(text[span.start : span.end], span.label) for span in FINDER.find([text])[0]]


@pytest.mark.parametrize(
    ("text", "value", "label"),
    [
        ("export AWS_KEY=AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE", "API_KEY"),
        ("token ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "API_KEY"),
        (f"Authorization: Bearer {JWT}", JWT, "JWT"),
        (f"before\n{KEY}\nafter", KEY, "PRIVATE_KEY"),
        ("postgres://app:hunter2@db.internal/prod", "hunter2", "PASSWORD"),
        ("mongodb+srv://u:p4ss@cluster0.example.net", "p4ss", "PASSWORD"),
        ("see https://anna:S3cr3t@x.org/a?b=1 there", "S3cr3t", "PASSWORD"),
        ("DB_PASSWORD='c0rrect-horse'", "c0rrect-horse", "PASSWORD"),
        ('{"password": "Tr0ub4dor&3"}', "Tr0ub4dor", "PASSWORD"),
        ("client_secret: 9f8a7b6c5d4e3f2a1b0c9d8e", "9f8a7b6c5d4e3f2a1b0c9d8e", "API_KEY"),
    ],
)
def test_secrets_are_found(text, value, label):
    assert found(text) == [(value, label)]


@pytest.mark.parametrize(
    "text",
    [
        "password: ********",
        "password=${DB_PASSWORD}",
        "Password: required",
        "password = os.environ",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "550e8400-e29b-41d4-a716-446655440000",
        "https://example.com:8080/path@2",
        "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj3\n-----END PUBLIC KEY-----",
        "task-force sk-learn hf_ npm_run",
        "key: production-database-name",
    ],
)
def test_what_is_no_secret_stays_quiet(text):
    assert found(text) == []


def test_a_key_without_its_end_is_covered():
    text = KEY.split("\n-----END")[0] + "\nand the text goes on"
    assert found(text)[0][0].startswith(KEY.split("\n-----END")[0])


def test_a_key_inside_a_string_is_found():
    text = '{"private_key": "' + KEY.replace("\n", "\\n") + '"}'
    assert [label for _, label in found(text)] == ["PRIVATE_KEY"]


def test_entropy_of_equal_shares_is_the_logarithm_of_their_number():
    assert entropy("abcdefgh") == pytest.approx(3)
    assert entropy("aaaa") == pytest.approx(0)


def test_jwt_needs_a_header_with_an_algorithm():
    assert is_jwt(JWT)
    assert not is_jwt("eyJhIjoxfQ.eyJzdWIiOiIxIn0.x")
    assert not is_jwt("eyJ1.a.b")


def test_kinds_of_randomness():
    assert is_password("hunter22!")
    assert not is_password("password")
    assert not is_password("aaaaaa1")
    assert is_random("9f8a7b6c5d4e3f2a")
    assert not is_random("production-database-name")
    assert is_mixed("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    assert not is_mixed("0" * 40)
