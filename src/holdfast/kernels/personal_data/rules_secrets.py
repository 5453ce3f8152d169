"""Secrets: keys of clouds and services, tokens, private keys, passwords."""

from __future__ import annotations

import json
import math
import re
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Callable

from holdfast.kernels.personal_data.identifiers import CHARACTER, FIRM, GAP, Strength, word_of
from holdfast.kernels.personal_data.rule import Anchor, Rule

_PLACEHOLDER = re.compile(
    r"(?i)(?:x{3,}|\*{3,}|\.{3,}|<[^>]{0,60}>|\$?\{.{0,60}\}|%\(?\w{0,40}\)?s?|your[-_ ]?\w{0,40}|"
    r"change[-_]?me|example\w{0,20}|placeholder|password|passwd|secret|none|null|true|false|undefined|redacted|required|"
    r"[a-z_]+(?:\.[a-z_]+){1,6}(?:\(\)?)?)"  # a name in a program
)
_CLASSES = (str.islower, str.isupper, str.isdecimal)
_HEX = re.compile(r"[0-9a-f-]+|[0-9A-F-]+")
_END = f"(?![{CHARACTER}_])"


def entropy(text: str) -> float:
    """Bits a character, from how often each occurs in the text itself (Shannon 1948)."""
    counts = Counter(text).values()
    return math.log2(len(text)) - sum(count * math.log2(count) for count in counts) / len(text)


def is_password(text: str) -> bool:
    """No placeholder, two kinds of characters beyond a capital in front, and no run of the same."""
    kinds = sum(any(kind(c) for c in text[1:]) for kind in _CLASSES) + any(not c.isalnum() for c in text[:-1])
    return kinds >= 2 and entropy(text) > 2 and not _PLACEHOLDER.fullmatch(text)


def is_random(text: str) -> bool:
    """Letters and digits mixed as chance mixes them: at least 3 bits a character; no placeholder, no words joined."""
    letters, digits = sum(c.isalpha() for c in text), sum(c.isdecimal() for c in text)
    return (
        digits >= 2
        and letters >= 2
        and entropy(text) >= (3.0 if _HEX.fullmatch(text) else 3.3)
        and not _PLACEHOLDER.match(text)
    )


def is_mixed(text: str) -> bool:
    """Small letters, capitals and digits, at least 4 bits a character."""
    return all(any(kind(c) for c in text) for kind in _CLASSES) and entropy(text) >= 4


def is_jwt(text: str) -> bool:
    """The first part is a JSON object that names an algorithm (RFC 7519, RFC 7515 section 4.1)."""
    part = text.split(".", 1)[0]
    try:
        header = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return False
    return isinstance(header, dict) and ("alg" in header or "enc" in header)


def has_digit(text: str) -> bool:
    """At least one digit."""
    return any(c.isdecimal() for c in text)


def _prefixed(
    name: str, words: str, first: str, rest: str, source: str, *examples: str, label: str = "API_KEY"
) -> Rule:
    """A key with a prefix that nothing else has; ``words`` are the runs of letters that it may begin with."""
    pattern = f"{first}(?<![{CHARACTER}]{first}){rest}{_END}"
    return Rule(label, name, pattern, Anchor("word", words=tuple(words.split())), 0.97, source, examples=examples)


def key(
    name: str,
    first: str,
    rest: str,
    lengths: tuple[int, int],
    check: Callable[[str], bool] | None,
    source: str,
    *examples: str,
    label: str = "API_KEY",
    strength: Strength = FIRM,
    context: tuple[str, ...] = (),
) -> Rule:
    """A run of letters and digits; ``rest`` must ask for a digit where chance could leave it out."""
    pattern = f"{first}(?<![{CHARACTER}_]{first}){rest}{_END}"
    return Rule(
        label,
        name,
        pattern,
        Anchor("token", lengths, lengths[0]),
        strength.alone,
        source,
        context=context,
        context_score=strength.context if context else 0.0,
        validate=check,
        examples=examples,
    )


def _assigned(
    name: str,
    words: tuple[str, ...],
    between: str,
    value: str,
    check: Callable[[str], bool] | None,
    score: float,
    source: str,
    *examples: str,
    label: str,
) -> Rule:
    """A value after a word."""
    pattern = f"{word_of(words)}{between}(?P<value>{value})"
    return Rule(label, name, pattern, Anchor("word", words=words), score, source, validate=check, examples=examples)


_SIGN = r"[A-Za-z0-9_\]]{0,24}[\"']?[ \t]{0,3}(?:=>|:=|[:=])[ \t]{0,3}[\"']?"  # between a name and its value
DIGIT_AHEAD = "(?=[A-Za-z]{0,60}[0-9])"
_KEY_BLOCK = r"(?:[^\x00-]|-(?!----)){0,20000}-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_KEY_HEAD = r"BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_SCANNING = "GitHub secret scanning patterns; the issuer's documentation of its keys"
_PASSWORD_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pass",
    "passwort",
    "kennwort",
    "contrasena",
    "senha",
    "haslo",
)
_SECRET_WORDS = ("secret", "token", "apikey", "key", "credential", "credentials", "auth")
_SCHEMES = (
    "amqp",
    "amqps",
    "clickhouse",
    "ftp",
    "ftps",
    "http",
    "https",
    "imap",
    "imaps",
    "ldap",
    "ldaps",
    "mariadb",
    "mongodb",
    "mssql",
    "mysql",
    "nats",
    "postgres",
    "postgresql",
    "redis",
    "rediss",
    "sftp",
    "smb",
    "smtp",
    "smtps",
    "ssh",
    "ws",
    "wss",
)

RULES: tuple[Rule, ...] = (
    key(
        "aws_access_key",
        "A",
        f"(?:KIA|SIA|BIA|CCA){DIGIT_AHEAD}[A-Z2-7]{{16}}",
        (20, 20),
        None,
        "AWS, IAM identifiers, unique ID prefixes",
        "AKIAIOSFODNN7EXAMPLE",
    ),
    Rule(
        "API_KEY",
        "aws_access_key_of_letters",
        f"A(?<![{CHARACTER}_]A)(?:KIA|SIA|BIA|CCA)[A-Z]{{16}}{_END}",  # one in 28 holds no digit
        Anchor("long"),
        0.85,
        "AWS, IAM identifiers, unique ID prefixes",
        examples=("AKIAIOSFODNNABCDEFGH",),
    ),
    _assigned(
        "aws_secret_key",
        ("aws", "secret"),
        r"[A-Za-z0-9_ ]{0,24}[\"']?[ \t]{0,3}[:=][ \t]{0,3}[\"']?",
        "[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        is_mixed,
        0.97,
        "AWS, managing access keys",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        label="API_KEY",
    ),
    key(
        "google_api_key",
        "A",
        f"Iza{DIGIT_AHEAD}[0-9A-Za-z_-]{{35}}",
        (5, 39),
        None,
        _SCANNING,
        "AIzaSy0123456789abcdefghijklmnopqrstuvw",
    ),
    _assigned(
        "google_api_key_assigned",
        ("key", "apikey", "google"),
        GAP,
        "AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])",
        None,
        0.97,
        _SCANNING,
        "key=AIzaSyD-abcdefghijklmnopqrstuvwxyz_1234",
        label="API_KEY",
    ),
    key("google_oauth", "y", r"a29\.[0-9A-Za-z_-]{20,250}", (4, 4), None, _SCANNING, "ya29.a0AfH6SMBx1234567890abcdef"),
    _prefixed(
        "google_client_secret",
        "gocspx",
        "G",
        "OCSPX-[0-9A-Za-z_-]{28}",
        _SCANNING,
        "GOCSPX-abcdefghijklmnopqrstuvwx1234",
    ),
    _assigned(
        "azure_storage_key",
        ("accountkey", "sharedaccesskey"),
        "=",
        "[A-Za-z0-9/+]{43,86}={1,2}",
        is_random,
        0.97,
        "Microsoft Purview, Azure storage account key",
        "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        label="API_KEY",
    ),
    _prefixed(
        "github_token",
        "ghp gho ghu ghs ghr",
        "g",
        "h[pousr]_[0-9A-Za-z]{36,251}",
        _SCANNING,
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    ),
    _prefixed(
        "github_fine_grained",
        "github",
        "g",
        "ithub_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}",
        _SCANNING,
        "github_pat_11ABCDEFG0123456789abc_" + "0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHI",
    ),
    _prefixed(
        "gitlab_token",
        "glpat",
        "g",
        "lpat-[0-9A-Za-z_-]{20,40}",
        "GitLab, token prefixes",
        "glpat-abcdEFGH1234ijklMNOP",
    ),
    _prefixed(
        "slack_token",
        "xoxa xoxb xoxe xoxo xoxp xoxr xoxs",
        "x",
        "ox[abeoprs]-[0-9A-Za-z-]{10,250}",
        _SCANNING,
        "xoxb-123456789012-1234567890123-abcdefghijklmnopqrstuvwx",
    ),
    _prefixed(
        "stripe_key",
        "sk rk",
        "[rs]",
        "k_(?:live|test)_[0-9A-Za-z]{16,247}",
        "Stripe, API keys",
        "sk_live_abcdefghijklmnop12345678",
    ),
    _prefixed(
        "openai_key",
        "sk",
        "s",
        "k-(?:(?:proj|svcacct|admin|ant-api03|or-v1)-)?[0-9A-Za-z_-]{32,200}",
        _SCANNING,
        "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789",
    ),
    _prefixed(
        "hugging_face_token", "hf", "h", "f_[0-9A-Za-z]{34,40}", _SCANNING, "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"
    ),
    _prefixed("npm_token", "npm", "n", "pm_[0-9A-Za-z]{36}", _SCANNING, "npm_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"),
    _prefixed(
        "pypi_token",
        "pypi",
        "p",
        "ypi-AgE[0-9A-Za-z_-]{50,250}",
        _SCANNING,
        "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMAACKlsz",
    ),
    _prefixed(
        "sendgrid_key",
        "sg",
        "S",
        "G[.][0-9A-Za-z_-]{22}[.][0-9A-Za-z_-]{43}",
        _SCANNING,
        "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    ),
    _prefixed(
        "shopify_token",
        "shpat shpca shppa shpss",
        "s",
        "hp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
        _SCANNING,
        "shpat_0123456789abcdef0123456789abcdef",
    ),
    _prefixed(
        "digitalocean_token",
        "dop doo dor",
        "d",
        "o[por]_v1_[0-9a-f]{64}",
        _SCANNING,
        "dop_v1_" + "0123456789abcdef" * 4,
    ),
    _prefixed(
        "vault_token",
        "hvs hvb hvr",
        "h",
        "v[sbr][.][0-9A-Za-z_-]{24,200}",
        "HashiCorp Vault, tokens",
        "hvs.CAESIAbcdefghijklmnop0123",
    ),
    _prefixed(
        "age_key",
        "age",
        "A",
        "GE-SECRET-KEY-1[0-9A-Z]{58}",
        "age, format of keys",
        "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE",
        label="PRIVATE_KEY",
    ),
    key(
        "databricks_token",
        "d",
        "api[0-9a-f]{32}",
        (36, 36),
        has_digit,
        _SCANNING,
        "dapi0123456789abcdef0123456789abcdef",
    ),
    key("twilio_key", "[AS]", "[CK][0-9a-f]{32}", (34, 34), has_digit, _SCANNING, "AC0123456789abcdef0123456789abcdef"),
    Rule(
        "API_KEY",
        "telegram_bot_token",
        f"[0-9](?<![{CHARACTER}][0-9])[0-9]{{7,9}}:A[A-Z][0-9A-Za-z_-]{{33}}{_END}",
        Anchor("digit", (8, 10), 8),
        0.97,
        "Telegram Bot API, authorizing your bot",
        examples=("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawx",),
    ),
    key(
        "json_web_token",
        "e",
        rf"yJ{DIGIT_AHEAD}[0-9A-Za-z_-]{{14,2000}}\.[0-9A-Za-z_-]{{4,8000}}\.[0-9A-Za-z_-]{{0,2000}}",
        (4, 2000),
        is_jwt,
        "RFC 7519; RFC 7515, section 4.1",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        label="JWT",
        strength=Strength(0.97, 0.97),
    ),
    Rule(
        "PRIVATE_KEY",
        "private_key_block",
        rf"-(?<![^\n\x00]-)----{_KEY_HEAD}(?:{_KEY_BLOCK}|[\r\nA-Za-z0-9+/=]{{16,20000}})",
        Anchor("line"),
        0.99,
        "RFC 7468; RFC 4880, section 6.2",
        examples=("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAA\n-----END PRIVATE KEY-----",),
    ),
    Rule(
        "PRIVATE_KEY",
        "private_key_inline",
        rf"B(?<=-----B)(?i:{_KEY_HEAD[1:]})(?:{_KEY_BLOCK}|[\r\nA-Za-z0-9+/=\\]{{16,20000}})",
        Anchor("word", words=("begin",)),
        0.98,
        "RFC 7468; RFC 4880, section 6.2",
        examples=(r'"key": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAA\n-----END PRIVATE KEY-----\n"',),
    ),
    _assigned(
        "url_password",
        _SCHEMES,
        r"(?:\+[a-z]{2,10})?://[^\s:@/\x00]{0,64}:",
        r"[^\s@/\x00]{3,128}(?=@)",
        None,
        0.96,  # above that of the address that it stands in
        "RFC 3986, section 3.2.1",
        "postgres://app:hunter2@db.internal/prod",
        label="PASSWORD",
    ),
    _assigned(
        "password",
        _PASSWORD_WORDS,
        _SIGN,
        r"[^\s\"',;&<>\x00]{6,64}",
        is_password,
        0.85,
        "OWASP, use of hard-coded password (CWE-259)",
        "password: S3cr3t!pass",
        label="PASSWORD",
    ),
    _assigned(
        "secret",
        _SECRET_WORDS,
        _SIGN,
        "[0-9A-Za-z_+/=.-]{16,256}",
        is_random,
        0.8,
        "CWE-798, use of hard-coded credentials",
        "api_key=9f8a7b6c5d4e3f2a1b0c9d8e",
        label="API_KEY",
    ),
    _assigned(
        "bearer",
        ("bearer", "basic"),
        " {1,3}",
        "[0-9A-Za-z_+/.~-]{16,2000}={0,2}",
        is_random,
        0.85,
        "RFC 6750, section 2.1",
        "Authorization: Bearer mF_9.B5f-4.1JqM2kx77",
        label="API_KEY",
    ),
)
