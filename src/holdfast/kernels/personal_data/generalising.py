"""Make values coarser: bands of ages, first digits of postal codes, years, networks.

Each function takes the value as text and returns ``None`` where it does not read as what it should be.

References
----------
45 CFR 164.514(b)(2)(i)(B) and (C) (HIPAA, safe harbour): the first three digits of a ZIP code unless 20,000 people or
fewer live there, years instead of dates, ages over 89 as one. The 17 areas: HHS, Guidance regarding methods for
de-identification (2012), by the census of 2000.
"""

from __future__ import annotations

import ipaddress
import re

FEW_PEOPLE = frozenset(
    "036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893".split()  # noqa: SIM905
)
OLDEST = 90
_NUMBER = re.compile(r"(?<![\w.,-])\d{1,3}(?![\w.,])", re.ASCII)
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)", re.ASCII)
_ZIP = re.compile(r"(\d{5})(?:[- ]?\d{4})?", re.ASCII)


def age_band(value: str, *, width: int = 10) -> str | None:
    """Return the band that an age lies in; 90 and more are one.

    Examples
    --------
    >>> age_band("34 years old"), age_band("93"), age_band("thirty")
    ('30-39', '90+', None)
    """
    found = _NUMBER.search(value)
    if found is None:
        return None
    age = int(found.group())
    if age >= OLDEST:
        return f"{OLDEST}+"
    first = age - age % width
    return f"{first}-{min(first + width, OLDEST) - 1}"


def zip_prefix(value: str, *, digits: int = 3) -> str | None:
    """Return the first digits of a US ZIP code; areas with few people become zeros.

    Examples
    --------
    >>> zip_prefix("94110-1234"), zip_prefix("03601"), zip_prefix("SW1A 1AA")
    ('941**', '000**', None)
    """
    found = _ZIP.fullmatch(value.strip())
    if found is None:
        return None
    code = found.group(1)
    kept = "0" * digits if code[:3] in FEW_PEOPLE else code[:digits]
    return kept + "*" * (5 - digits)


def year_of(value: str) -> str | None:
    """Return the only year that a date names.

    Examples
    --------
    >>> year_of("12 March 1980"), year_of("5/6/80"), year_of("1980 or 1981")
    ('1980', None, None)
    """
    years = set(_YEAR.findall(value))
    return years.pop() if len(years) == 1 else None


def network_of(value: str, *, v4: int = 24, v6: int = 48) -> str | None:
    """Return the network that an IP address lies in, of so many leading bits.

    Examples
    --------
    >>> network_of("192.0.2.77"), network_of("2001:db8:1:2::3"), network_of("x")
    ('192.0.2.0/24', '2001:db8:1::/48', None)
    """
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        return None
    bits = v4 if address.version == 4 else v6
    return str(ipaddress.ip_network((address, bits), strict=False))
