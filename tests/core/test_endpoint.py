from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.endpoint import (
    Endpoint,
    EndpointRequest,
    check_endpoint,
    is_endpoint,
    protocol_of,
    shown_url,
)
from holdfast.core.errors import InputError
from holdfast.core.parse import from_mapping


@pytest.mark.parametrize("place", ["http://h/m", "https://h", "HTTPS://h/m"])
def test_urls_are_endpoints(place: str) -> None:
    assert is_endpoint(place)


@pytest.mark.parametrize("place", ["model.onnx", "/a/http://b", "ftp://h/m", "httpx", None, ""])
def test_paths_are_none(place: str | None) -> None:
    assert not is_endpoint(place)


@given(st.text("abc:/?#@ \n", max_size=12).filter(lambda text: "/" not in text and not set(text) & set("?# \n")))
def test_no_password_is_shown(password: str) -> None:
    assert shown_url(f"see https://me:{password}@host/m?key=1#x") == "see https://host/m"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "POSTGRESQL"])
def test_no_password_of_a_database_is_shown(scheme: str) -> None:
    given = f"--ledger={scheme}://me:secret@host:5432/audits?password=secret"
    assert shown_url(given) == f"--ledger={scheme}://host:5432/audits"


def test_default_limits_are_valid() -> None:
    check_endpoint(Endpoint())


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout_s": 0.0},
        {"timeout_s": float("nan")},
        {"timeout_s": float("inf")},
        {"retries": -1},
        {"backoff_s": -0.1},
        {"requests_per_second": 0.0},
        {"max_concurrent": 0},
        {"max_queries": 0},
        {"batch_rows": 0},
        {"max_response_mb": -1.0},
    ],
)
def test_limit_that_is_none_is_named(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"endpoint.{next(iter(settings))}, got"):
        check_endpoint(Endpoint(**settings))


def test_layout_of_the_other_protocol_is_refused() -> None:
    with pytest.raises(InputError, match="protocol json to be auto, objects, lists, got matrix"):
        check_endpoint(Endpoint(protocol="json", request=EndpointRequest(layout="matrix")))


@pytest.mark.parametrize(
    ("url", "protocol", "expected"),
    [("https://h/v2/models/m", "auto", "v2"), ("https://h/predict", "auto", "json"), ("https://h/m", "v2", "v2")],
)
def test_protocol_follows_the_url_unless_stated(url: str, protocol: Any, expected: str) -> None:
    assert protocol_of(url, Endpoint(protocol=protocol)) == expected


def test_unknown_key_of_a_part_is_named() -> None:
    with pytest.raises(InputError, match="unknown key 'lables'"):
        from_mapping(Endpoint, {"response": {"lables": "x"}}, source="endpoint")


@pytest.mark.parametrize("headers", ["Bearer hunter2", {"Authorization": ["hunter2"]}, ["hunter2"]])
def test_malformed_headers_are_not_repeated(headers: Any) -> None:
    with pytest.raises(InputError, match="headers") as caught:
        from_mapping(Endpoint, {"headers": headers}, source="endpoint")
    assert "hunter2" not in str(caught.value)
