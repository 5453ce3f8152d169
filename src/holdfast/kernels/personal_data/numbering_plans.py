"""Which telephone numbers with a country's code can exist, by the numbering plans that libphonenumber keeps."""

from __future__ import annotations

from functools import lru_cache

SHORTEST = 7  # digits with the country's code; plans list emergency and service numbers too


def is_international_number(text: str) -> bool:
    """Whether a number that begins with "+" or "00" has a length that its country's plan allows (ITU-T E.164)."""
    number_only = text.replace("(0)", "").split("x")[0].split("e")[0]  # without a trunk 0 and an extension
    digits = "".join(filter(str.isdigit, number_only))
    if not text.startswith("+"):
        digits = digits[2:]
    return len(digits) >= SHORTEST and any(len(digits) - n in _lengths(digits[:n]) for n in (1, 2, 3))


@lru_cache(maxsize=2048)
def _lengths(code: str) -> frozenset[int]:
    """Lengths of national numbers under a country's code; none where it is no country's."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code or 0), ()) if not code.startswith("0") else ()
    lengths: set[int] = set()
    for region in regions:
        plan = PhoneMetadata.metadata_for_region(region) or PhoneMetadata.metadata_for_nongeo_region(int(code))
        if plan is not None and plan.general_desc is not None:
            lengths.update(plan.general_desc.possible_length)
    return frozenset(lengths)
