import pytest

from holdfast.kernels.personal_data.names import find_names


def found(text, label):
    return [text[span.start : span.end] for span in find_names([text])[0] if span.label == label]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Flights from Lisbon to New Zealand", ["Lisbon", "New Zealand"]),
        ("She moved to Qaarsut last year", ["Qaarsut"]),
        ("Er wohnt in Oberzwiesel.", ["Oberzwiesel"]),
        ("Birthplace: Tolmin", ["Tolmin"]),
        ("Vrhnika, Slovenia", ["Vrhnika", "Slovenia"]),
        ("I was reading about turkey and china", []),
        ("Jordan Miller", []),
    ],
)
def test_locations(text, places):
    assert found(text, "LOCATION") == places


@pytest.mark.parametrize(
    ("text", "organisations"),
    [
        ("a contract with Nordlicht Optik GmbH, Kiel", ["Nordlicht Optik GmbH"]),
        ("pomiędzy Studio Pryzmat Sp. z o.o., NIP", ["Studio Pryzmat Sp. z o.o."]),
        ("She works for MysticWeb now", ["MysticWeb"]),
        ("Johnson & Hall Ltd. replied", ["Johnson & Hall Ltd."]),
        ("University of Ljubljana", ["University of Ljubljana"]),
        ("a limited group of people", []),
    ],
)
def test_organisations(text, organisations):
    assert found(text, "ORGANIZATION") == organisations


@pytest.mark.parametrize(
    ("text", "words"),
    [("a Norwegian passport", ["Norwegian"]), ("written in English.", []), ("the French translation", [])],
)
def test_nationalities_but_not_languages(text, words):
    assert found(text, "NRP") == words
