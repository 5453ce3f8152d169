"""Tests of network addresses."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.rules_network import RULES

FINDER = Finder(RULES)


@given(st.ip_addresses(v=6))
def test_every_address_of_version_6_is_found_whole(address: ipaddress.IPv6Address) -> None:
    ours = not (address.is_loopback or address.is_unspecified or address.is_multicast)
    for text in (str(address), address.exploded):
        spans = FINDER.find([f"from {text} to"])[0]
        if ours and len(text) > 4:
            assert [(span.label, span.start, span.end) for span in spans] == [("IP_ADDRESS", 5, 5 + len(text))]


@given(st.ip_addresses(v=4))
def test_every_address_of_version_4_is_found_whole(address: ipaddress.IPv4Address) -> None:
    first = int(str(address).split(".")[0])
    spans = FINDER.find([f"host {address}:8080"])[0]
    assert bool(spans) == (first not in (0, 127) and first < 224)
    assert all(span.end - span.start == len(str(address)) for span in spans)


@pytest.mark.parametrize(
    "text", ["1.2.3", "1.2.3.4.5", "256.1.1.1", "12:34:56", "a::b::c", "std::vector", "127.0.0.1", "00:00:00:00:00:00"]
)
def test_what_is_no_address(text: str) -> None:
    assert FINDER.find([text]) == [[]]


@pytest.mark.parametrize("text", ["00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7"])
def test_addresses_of_network_cards(text: str) -> None:
    assert [span.label for span in FINDER.find([f"card {text}."])[0]] == ["MAC_ADDRESS"]
