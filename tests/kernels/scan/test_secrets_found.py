import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.secrets_found import find_secrets

RANDOM = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
SECRETS = {
    "aws-access-key": "AKIAQ3EGRIHZL6YPDWXT",
    "github-token": "ghp_" + RANDOM,
    "gitlab-token": "glpat-" + RANDOM[:20],
    "hugging-face-token": "hf_" + RANDOM[:34],
    "slack-token": "xoxb-123456789012-" + RANDOM[:24],
    "openai-key": "sk-" + RANDOM[:20] + "T3BlbkFJ" + RANDOM[:20],
    "google-api-key": "AIza" + RANDOM[:35],
    "stripe-key": "sk_live_" + RANDOM[:24],
    "npm-token": "npm_" + RANDOM,
    "azure-storage-key": "AccountKey=" + (RANDOM * 3)[:86] + "==",
    "private-key": "-----BEGIN RSA PRIVATE KEY-----\n" + RANDOM * 2,
    "signed-web-token": f"eyJ{RANDOM}.eyJ{RANDOM}.{RANDOM}",
}


def kinds(text: str) -> list[str]:
    return [one.kind for one in find_secrets(memoryview(text.encode()))]


@pytest.mark.parametrize("kind", SECRETS)
def test_credential_is_found_and_not_shown(kind: str) -> None:
    (secret,) = find_secrets(memoryview(f'{{"note": "{SECRETS[kind]}"}}'.encode()))
    assert secret.kind == kind
    assert SECRETS[kind][:8] not in secret.masked


def test_private_key_inside_json_is_found() -> None:
    assert kinds('{"k": "-----BEGIN PRIVATE KEY-----\\n' + RANDOM * 2 + '"}') == ["private-key"]


@pytest.mark.parametrize("text", ["postgresql://admin:s3cr3tPw@db.local:5432/x", "mongodb+srv://u:hunter2!@cluster"])
def test_password_in_an_address_is_found(text: str) -> None:
    assert kinds(f"url: {text}\n") == ["password-in-address"]


@pytest.mark.parametrize("line", [f'"db_password": "{RANDOM}"', f"API_KEY={RANDOM}", f"client_secret: {RANDOM}"])
def test_named_value_that_looks_random_is_found(line: str) -> None:
    assert kinds(line) == ["named-credential"]


@pytest.mark.parametrize(
    "line",
    [
        "password: your-password-here-please",
        "api_key: ${API_KEY_FROM_ENVIRONMENT}",
        "secret_name: projects/prod/secrets/model",
        "https://user:password@example.com/x",
        "https://example.com:8080/path@v1",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "token_type_ids: 0000000000000000000000",
        "AKIAAAAAAAAAAAAAAAAA",
        "the secret of good models is data",
        "eos_token: <|endoftext|>",
        "-----BEGIN PUBLIC KEY-----\n" + RANDOM * 2,
    ],
)
def test_ordinary_line_is_no_credential(line: str) -> None:
    assert kinds(line) == []


@pytest.mark.parametrize(
    "text", ["a" * 4_000_000, "eyJ" * 1_000_000, "secret" * 500_000, "://a:" * 500_000, "-----BEGIN " * 300_000]
)
def test_hostile_text_ends_soon(text: str) -> None:
    start = time.perf_counter()
    kinds(text)
    assert time.perf_counter() - start < 60


@given(st.binary(max_size=200))
def test_any_bytes_are_searched(data: bytes) -> None:
    list(find_secrets(memoryview(data)))
