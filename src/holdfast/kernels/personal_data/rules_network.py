"""Addresses of the network: IP version 4 and 6, and of network cards."""

from __future__ import annotations

import ipaddress

from holdfast.kernels.personal_data.rule import Anchor, Rule


def is_ip_address(text: str) -> bool:
    """Whether an address is written as RFC 791 or RFC 4291 has it and can be that of a machine of somebody."""
    try:
        address = ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast) and text != "255.255.255.255"


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

RULES: tuple[Rule, ...] = (
    Rule(
        "IP_ADDRESS",
        "ipv4",
        r"(?<![A-Za-z0-9_.\xfe\xff-])" + _OCTET + r"(?:\." + _OCTET + r"){3}(?![A-Za-z0-9_\xfe\xff])(?!\.[0-9])(?!-[A-Za-z0-9])",
        Anchor("digit", first=(1, 3), total=4),
        0.7,
        "RFC 791; loopback, unspecified and multicast addresses belong to nobody",
        context=("ip", "address", "addr", "host", "client", "server", "peer", "from", "remote", "ipv"),
        context_score=0.95,
        validate=is_ip_address,
        examples=("192.0.2.17", "203.0.113.254"),
    ),
    Rule(
        "IP_ADDRESS",
        "ipv6",
        r"(?<![A-Za-z0-9_:.\xfe\xff])(?=[0-9A-Fa-f:.]{0,38}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}"
        r"(?:(?<=:)[0-9]{1,3}(?:\.[0-9]{1,3}){3})?(?![A-Za-z0-9_:\xfe\xff])(?!\.[0-9])",
        Anchor("colon"),
        0.9,
        "RFC 4291, section 2.2",
        validate=lambda text: is_ip_address(text) and len(text) > 4,
        examples=("2001:db8:85a3::8a2e:370:7334", "fe80:0:0:0:204:61ff:fe9d:f156"),
    ),
    Rule(
        "MAC_ADDRESS",
        "mac_colons",
        r"(?<![A-Za-z0-9_:\xfe\xff-])[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}(?![A-Za-z0-9_:\xfe\xff-])",
        Anchor("colon"),
        0.85,
        "IEEE 802, EUI-48; all zeros and all ones are no card's",
        validate=lambda text: len(set(text.replace(":", "").upper())) > 1,
        examples=("00:1B:44:11:3A:B7",),
    ),
    Rule(
        "MAC_ADDRESS",
        "mac_dashes",
        r"(?<![A-Za-z0-9_:\xfe\xff-])[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}(?![A-Za-z0-9_:\xfe\xff-])",
        Anchor("hex"),
        0.7,
        "IEEE 802, EUI-48; all zeros and all ones are no card's",
        validate=lambda text: len(set(text.replace("-", "").upper())) > 1,
        examples=("00-1B-44-11-3A-B7",),
    ),
)
