"""Dates as people write them, moved by a number of days and written the same way."""

from __future__ import annotations

import re
from datetime import date, timedelta

MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_MONTH_NUMBER = {name[:3].lower(): number for number, name in enumerate(MONTHS, start=1)}
_NAMES = "|".join(f"{name}|{name[:3]}" for name in MONTHS) + "|Sept"
_FORMS = tuple(
    re.compile(form + r"(?P<rest>(?:[T ,]{1,2}\d{1,2}:\d\d[\d:.,+\- apmz]{0,24})?)", re.ASCII | re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})(?P<s1>[-/.]?)(?P<month>\d\d)(?P=s1)(?P<day>\d\d)",
        r"(?P<first>\d{1,2})(?P<s1>[-/.])(?P<second>\d{1,2})(?P=s1)(?P<year>\d{4})",
        rf"(?P<day>\d{{1,2}})(?P<s0>st|nd|rd|th)?(?P<s1>[- ](?:of )?)(?P<name>{_NAMES})(?P<s2>\.?[-, ]{{1,2}})"
        r"(?P<year>\d{4})",
        rf"(?P<name>{_NAMES})(?P<s1>\.? )(?P<day>\d{{1,2}})(?P<s0>st|nd|rd|th)?(?P<s2>,? )(?P<year>\d{{4}})",
    )
)


def shift_date(value: str, days: int, *, day_first: bool = False) -> str | None:
    """Move a date and write it in the same form; a time of day after it stays.

    Parameters
    ----------
    value
        A day, with year: ``1980-03-12``, ``12/03/1980``, ``March 12, 1980``, ``12 Mar 1980``, perhaps with a time.
    days
        How far; may be negative.
    day_first
        Whether 03/04/1980 is the third of April.

    Returns
    -------
    str or None
        ``None`` where it is no such date.

    Examples
    --------
    >>> shift_date("2020-02-28T10:00:00Z", 2), shift_date("March 1st, 1999", -1), shift_date("May 2020", 3)
    ('2020-03-01T10:00:00Z', 'February 28th, 1999', None)
    """
    for form in _FORMS:
        found = form.fullmatch(value)
        if found is not None:
            return _shifted(found, days, day_first)
    return None


def _shifted(found: re.Match[str], days: int, day_first: bool) -> str | None:
    parts = found.groupdict()
    if parts.get("first"):
        day, month = (parts["first"], parts["second"]) if day_first else (parts["second"], parts["first"])
    else:
        day = parts["day"]
        month = parts.get("month") or str(_MONTH_NUMBER[parts["name"][:3].lower()])
    try:
        moved = date(int(parts["year"]), int(month), int(day)) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    is_padded = day[0] == "0" or (len(day) == 2 and not parts.get("name"))  # "31 May" does not tell: "1 June"
    written = {
        "year": f"{moved.year:04d}",
        "month": f"{moved.month:0{len(month)}d}",
        "day": f"{moved.day:02d}" if is_padded else str(moved.day),
        "s0": _ordinal(moved.day),
        "name": _month_name(moved.month, like=parts.get("name") or ""),
    }
    written |= (
        {"first": written["day"], "second": written["month"]}
        if day_first
        else {"first": written["month"], "second": written["day"]}
    )
    pieces, at = [], 0
    for group, text in parts.items():
        start, end = found.span(group)
        if text is not None and group in written:
            pieces += [found.string[at:start], written[group]]
            at = end
    return "".join([*pieces, found.string[at:]])


def _ordinal(day: int) -> str:
    return "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _month_name(month: int, *, like: str) -> str:
    name = MONTHS[month - 1] if len(like) > 4 or like.lower() in ("june", "july") else MONTHS[month - 1][:3]
    if like.isupper():
        return name.upper()
    return name.lower() if like.islower() else name
