"""Addresses of the network: IP version 4 and 6, and of network cards."""

from __future__ import annotations

import ipaddress

from holdfast.kernels.personal_data.rule import Anchor, Rule


def is_ip_address(text: str) -> bool:
    """Whether an address is written as RFC 791 or RFC 4291 has it and can be that of a machine of somebody."""
    if ":" not in text:
        octets = [int(octet) for octet in text.split(".")]
        return max(octets) < 256 and octets[0] not in (0, 127) and octets[0] < 224
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast)


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_TAIL = _OCTET + r"(?:\." + _OCTET + r"){3}"
_NOT_INSIDE_6 = r"(?<![A-Za-z0-9_:.\xfe\xff])"
_NO_MORE = r"(?!:[0-9A-Fa-f:])"  # a colon behind an address is one of the sentence: "fe80::1: refused"
_NOT_LONGER_6 = r"(?![A-Za-z0-9_\xfe\xff])(?!\.[0-9])" + _NO_MORE

RULES: tuple[Rule, ...] = (
    Rule(
        "IP_ADDRESS",
        "ipv4",
        r"(?<![A-Za-z0-9_.\xfe\xff-])"
        + _OCTET
        + r"(?:\."
        + _OCTET
        + r"){3}(?![A-Za-z0-9_\xfe\xff])(?!\.[0-9])(?!-[A-Za-z0-9])",
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
        _NOT_INSIDE_6 + r"(?:[0-9A-Fa-f]{1,4}:){6}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|" + _TAIL + ")" + _NOT_LONGER_6,
        Anchor("colon"),
        0.9,
        "RFC 4291, section 2.2, forms 1 and 3",
        validate=is_ip_address,
        examples=("fe80:0:0:0:204:61ff:fe9d:f156", "2001:db8:0:0:8:800:200c:417a: reset"),
    ),
    Rule(
        "IP_ADDRESS",
        "ipv6_compressed",
        _NOT_INSIDE_6
        + r"(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?::(?:(?:[0-9A-Fa-f]{1,4}:){0,5}"
        + _TAIL
        + r"|[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?"
        + _NOT_LONGER_6,
        Anchor("colon"),
        0.9,
        "RFC 4291, section 2.2, forms 2 and 3",
        validate=lambda text: len(text) > 4 and is_ip_address(text),
        examples=("2001:db8:85a3::8a2e:370:7334", "::ffff:192.0.2.128"),
    ),
    Rule(
        "MAC_ADDRESS",
        "mac_colons",
        r"(?<![A-Za-z0-9_:\xfe\xff-])[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}(?![A-Za-z0-9_\xfe\xff-])" + _NO_MORE,
        Anchor("colon"),
        0.85,
        "IEEE 802, EUI-48; all zeros and all ones are no card's",
        validate=lambda text: len(set(text.replace(":", "").upper())) > 1,
        examples=("00:1B:44:11:3A:B7", "00:1B:44:11:3A:B7: link is up"),
    ),
    Rule(
        "MAC_ADDRESS",
        "mac_dashes",
        r"(?<![A-Za-z0-9_:\xfe\xff-])[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}(?![A-Za-z0-9_\xfe\xff-])" + _NO_MORE,
        Anchor("hex"),
        0.7,
        "IEEE 802, EUI-48; all zeros and all ones are no card's",
        validate=lambda text: len(set(text.replace("-", "").upper())) > 1,
        examples=("00-1B-44-11-3A-B7",),
    ),
)
