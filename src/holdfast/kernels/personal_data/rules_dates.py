"""Dates, with and without time and words, dates of birth, ages."""

from __future__ import annotations

import datetime
import re
from functools import lru_cache

from holdfast.kernels.personal_data.rule import NOT_AFTER_WORD, Anchor, Rule

# Names of months in English, German, French, Spanish, Italian, Dutch, Polish, Swedish, Portuguese, Danish/Norwegian,
# Finnish, Czech; folded, in the cases that dates use.
MONTHS: tuple[tuple[str, ...], ...] = tuple(
    tuple(names.split(" "))
    for names in (
        "january jan januar jaenner janvier janv enero ene gennaio gen januari stycznia styczen sty janeiro "
        "tammikuuta ledna",
        "february feb februar fevrier fevr febrero febbraio februari lutego luty fevereiro fev helmikuuta unora",
        "march mar marz maerz mars marzo maart mrt marca marzec marco maaliskuuta brezna",
        "april apr avril avr abril abr aprile kwietnia kwiecien kwi huhtikuuta dubna",
        "may mai mayo maggio mag mei maja maj maio toukokuuta kvetna",
        "june jun juni juin junio giugno giu czerwca czerwiec cze junho kesakuuta cervna",
        "july jul juli juillet juil julio luglio lug lipca lipiec lip julho heinakuuta cervence",
        "august aug aout agosto ago augustus augusti sierpnia sierpien sie elokuuta srpna",
        "september sept sep septembre septiembre settembre set wrzesnia wrzesien wrz setembro syyskuuta zari",
        "october oct oktober okt octobre octubre ottobre ott pazdziernika pazdziernik paz outubro out lokakuuta rijna",
        "november nov novembre noviembre listopada listopad lis novembro marraskuuta listopadu",
        "december dec dezember dez decembre diciembre dic dicembre grudnia grudzien gru dezembro joulukuuta "
        "prosince des desember",
    )
)
_MONTH_NUMBERS = {name: number for number, names in enumerate(MONTHS, 1) for name in names}
WEEKDAYS = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "montag", "dienstag", "mittwoch",
    "donnerstag", "freitag", "samstag", "sonnabend", "sonntag", "lundi", "mardi", "mercredi", "jeudi", "vendredi",
    "samedi", "dimanche", "lunes", "miercoles", "jueves", "viernes", "domingo", "lunedi", "martedi", "mercoledi",
    "giovedi", "venerdi", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag",
    "poniedzialek", "wtorek", "czwartek", "piatek", "niedziela",
)  # fmt: skip
_NUMBERS = re.compile("[0-9]+")
_LETTERS = re.compile("[a-z]+")


@lru_cache(maxsize=4096)
def is_date(text: str) -> bool:
    """Whether day, month and year, in any usual order and perhaps with a time, are a day of the years 1000 to 2999."""
    first, second, third = (number for number in _NUMBERS.findall(text)[:3])
    if len(first) == 4:
        orders = [(first, second, third)]
    else:
        year = third if len(third) == 4 else ("19" if int(third) > 35 else "20") + third
        orders = [(year, second, first), (year, first, second)]
    return any(_is_day(*order) for order in orders)


def is_date_in_words(text: str) -> bool:
    """Whether a day beside the name of a month is one of its days."""
    months = [_MONTH_NUMBERS[word] for word in _LETTERS.findall(text.lower()) if word in _MONTH_NUMBERS]
    numbers = [int(number) for number in _NUMBERS.findall(text)]
    days = [number for number in numbers if number < 1000]
    year = next((number for number in numbers if number >= 1000), 2000)
    return bool(months) and all(_is_day(str(year), str(months[0]), str(day)) for day in days[:1])


def _is_day(year: str, month: str, day: str) -> bool:
    if not 1000 <= int(year) < 3000:
        return False
    try:
        datetime.date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


_MONTH = "(?i:" + "|".join(sorted((name for names in MONTHS for name in names), key=len, reverse=True)) + ")"
_TIME = (
    r"(?:(?:T|,?[ ](?:at[ ])?|[ ]?[-|][ ]?)[0-2]?[0-9]:[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]{1,9})?)?(?:[ ]?"
    r"(?:[AaPp]\.?[Mm]\.?|Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?)?"
)
_FREE = r"(?<![A-Za-z0-9_\xfe\xff])(?<![0-9][.,:/-])"
_DONE = r"(?![A-Za-z0-9_\xfe\xff])(?![/-][0-9])(?![.:,][0-9])"
_WHEN = (
    "date", "dates", "dated", "day", "born", "birth", "birthday", "dob", "datum", "geboren", "geburtsdatum", "ne",
    "nee", "naissance", "fecha", "nacimiento", "nacido", "data", "nascita", "nato", "nata", "geboortedatum",
    "urodzenia", "ur", "urodzony", "urodzona", "dnia", "fodd", "fodelsedatum", "when", "since", "on", "until",
    "from", "expires", "expiry", "valid", "issued", "signed", "deadline", "due", "am", "vom", "le", "el", "il",
    "op", "den", "before", "after", "by",
)  # fmt: skip
_BIRTH = (
    NOT_AFTER_WORD
    + r"(?i:d\.[ ]?o\.[ ]?b\.?|dob\.?|birth[ _-]?dates?|data[ ]urodzenia|ur\.|urodzon[ya](?:[ ]dnia)?|geburtsdatum|"
    r"geboren[ ]am|date[ ]de[ ]naissance|nee?[ ]le|fecha[ ]de[ ]nacimiento|data[ ]di[ ]nascita|nat[oa][ ]il|"
    r"geboortedatum|fodelsedatum|"
    r"data[ ]de[ ]nascimento|syntymaaika|datum[ ]narozeni|fodselsdato)[ ]?[:=]?[ ]{0,2}[\"']?"
)
_DAY_FORMS = (
    r"(?:[0-9]{4}[./-][0-9]{1,2}[./-][0-9]{1,2}|[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{4}|[0-9]{1,2}[.]?[ ]"
    + _MONTH
    + r"\.?[ ][0-9]{4})"
)


def _is_birth_date(text: str) -> bool:
    return is_date_in_words(text) if _LETTERS.search(text.lower()) else is_date(text)


RULES: tuple[Rule, ...] = (
    Rule(
        "DATE_TIME",
        "year_first",
        _FREE
        + r"[12][0-9]{3}([/.-])(?:1[0-2]|0?[1-9])\1(?:3[01]|[12][0-9]|0?[1-9])"
        + _TIME
        + r"(?![A-Za-z0-9_\xfe\xff])(?![./-][0-9])",
        Anchor("digit", first=(4, 4), total=6),
        0.8,
        "ISO 8601-1, calendar dates, with and without time (RFC 3339)",
        context=_WHEN,
        context_score=0.9,
        validate=is_date,
        against=("version", "release", "v"),
        examples=("2011-03-09", "1979-05-16 11:28:01", "2024/02/29T23:59:60Z"),
    ),
    Rule(
        "DATE_TIME",
        "year_last",
        _FREE + r"(?:3[01]|[12][0-9]|0?[1-9])([/.-])(?:3[01]|[12][0-9]|0?[1-9])\1[12][0-9]{3}" + _TIME + _DONE,
        Anchor("digit", first=(1, 2), total=6),
        0.75,
        "day, month, year in either order (Unicode CLDR, date formats)",
        context=_WHEN,
        context_score=0.9,
        validate=is_date,
        examples=("6/24/1991", "24.12.1991", "03-09-2011 10:15"),
    ),
    Rule(
        "DATE_TIME",
        "short_year",
        _FREE + r"(?:3[01]|[12][0-9]|0?[1-9])([/.-])(?:3[01]|[12][0-9]|0?[1-9])\1[0-9]{2}" + _DONE,
        Anchor("digit", first=(1, 2), total=4),
        0.4,
        "day, month, year of two digits (Unicode CLDR); needs words of dates around it",
        context=_WHEN,
        context_score=0.7,
        reach=24,
        validate=is_date,
        against=("version", "release", "v"),
        examples=("born on 6/24/91",),
    ),
    Rule(
        "DATE_TIME",
        "day_and_month_in_words",
        _FREE
        + r"(?:3[01]|[12][0-9]|0?[1-9])(?:st|nd|rd|th|\.|er|o)?[ -](?:of[ ]|de[ ])?"
        + _MONTH
        + r"\b\.?(?:,?[ -](?:de[ ])?(?:[12][0-9]{3}|'[0-9]{2})(?:[ ]r\.)?)?"
        + _TIME
        + r"(?![A-Za-z0-9_\xfe\xff])",
        Anchor("digit", first=(1, 2)),
        0.7,
        "day and name of the month in thirteen languages (Unicode CLDR)",
        context=_WHEN,
        context_score=0.9,
        validate=is_date_in_words,
        examples=("5 January 2011", "3rd of March", "14. Dezember 1999", "7 lipca 2020 r."),
    ),
    Rule(
        "DATE_TIME",
        "month_and_day_in_words",
        _FREE
        + _MONTH
        + r"\b\.?[ ](?:(?:3[01]|[12][0-9]|0?[1-9])(?:st|nd|rd|th)?(?![0-9])(?:,?[ ][12][0-9]{3})?|,?[ ]?[12][0-9]{3})"
        + _TIME
        + _DONE,
        Anchor("word", words=tuple(sorted(_MONTH_NUMBERS))),
        0.7,
        "name of the month, day or year (Unicode CLDR)",
        context=_WHEN,
        context_score=0.9,
        validate=is_date_in_words,
        examples=("January 5, 2011", "March 2020", "Sept. 3rd"),
    ),
    Rule(
        "DATE_TIME",
        "weekday",
        _FREE + "(?i:" + "|".join(sorted(WEEKDAYS, key=len, reverse=True)) + r")(?![A-Za-z0-9_\xfe\xff-])",
        Anchor("word", words=tuple(sorted(WEEKDAYS))),
        0.6,
        "names of the days of the week (Unicode CLDR)",
        examples=("on Tuesday morning",),
    ),
    Rule(
        "DATE_TIME",
        "year",
        r"(?<![A-Za-z0-9_\xfe\xff-])(?i:in|since|until|from|of|during|year|a|an|circa|before|after|by|anno|"
        r"seit|im[ ]jahr|depuis|en|desde|nel|sinds|od|w)"
        r"[ ](?:the[ ]year[ ])?(?P<value>(?:19[0-9]{2}|20[0-4][0-9]))(?![A-Za-z0-9_\xfe\xff%$-])"
        r"(?![.,:/][0-9])(?![ ](?i:km|kg|mg|ml|m|gb|mb|kb|hz|people|users|rows|points|times|items|usd|eur|"
        r"dollars|euros|bytes|lines|ms|seconds|units|meters|miles|feet))",
        Anchor(
            "word",
            words=(
                "in",
                "since",
                "until",
                "from",
                "of",
                "during",
                "year",
                "a",
                "an",
                "circa",
                "before",
                "after",
                "by",
                "anno",
                "seit",
                "im",
                "depuis",
                "en",
                "desde",
                "nel",
                "sinds",
                "od",
                "w",
            ),
        ),
        0.55,
        "a year after a word of time",
        examples=("founded in 1977",),
    ),
    Rule(
        "DOB",
        "date_of_birth",
        _BIRTH + r"(?P<value>" + _DAY_FORMS + r")" + _DONE,
        Anchor(
            "word",
            words=(
                "d",
                "dob",
                "birth",
                "birthdate",
                "birthdates",
                "data",
                "ur",
                "urodzony",
                "urodzona",
                "geburtsdatum",
                "geboren",
                "date",
                "ne",
                "nee",
                "fecha",
                "nato",
                "nata",
                "geboortedatum",
                "fodelsedatum",
                "syntymaaika",
                "datum",
                "fodselsdato",
            ),
        ),
        0.96,
        "a date that a label of the form calls the date of birth (ten languages)",
        validate=_is_birth_date,
        examples=("DOB: 12/05/1987", "Data urodzenia: 1987-05-12", "Geburtsdatum: 3. Mai 1987"),
    ),
    Rule(
        "AGE",
        "years_old",
        r"(?<![A-Za-z0-9_.,\xfe\xff])(?P<value>1[01][0-9]|[1-9]?[0-9])(?:[ -]?years?[ -]olds?\b|[ -]?(?:yo|"
        r"y/o|y\.o\.)(?![A-Za-z])|[ -]?(?:anni|ans|lat|jahre[ ]alt|anos|jaar(?:[ ]oud)?|ar[ ]gammal)\b)",
        Anchor("digit", first=(1, 3)),
        0.8,
        "an age with its unit (seven languages)",
        examples=("a 46 year old man", "30 ans", "19 years old"),
    ),
    Rule(
        "AGE",
        "aged",
        r"(?<![A-Za-z0-9_\xfe\xff])(?i:aged?|age[ ]?:|turned|turns|turning|alter|wiek|edad|eta|leeftijd|"
        r"alder)(?![A-Za-z\xfe\xff])[ ]?(?:is[ ]|of[ ]|:[ ]?|=[ ]?)?(?P<value>1[01][0-9]|[1-9][0-9]?)"
        r"(?![A-Za-z0-9_\xfe\xff%])(?![.,:/-][0-9])(?![ ](?i:days|weeks|months|hours|minutes|seconds|percent))",
        Anchor(
            "word",
            words=("age", "aged", "turned", "turns", "turning", "alter", "wiek", "edad", "eta", "leeftijd", "alder"),
        ),
        0.75,
        "an age after a word that announces it",
        examples=("aged 46", "Age: 31", "she just turned 18"),
    ),
)
