import pytest

from holdfast.kernels.personal_data.names import find_names


def found(text, label="PERSON"):
    return [text[span.start : span.end] for span in find_names([text])[0] if span.label == label]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("I spoke to Maria García about it.", ["Maria García"]),
        ("Mein Name ist Xaverl.", ["Xaverl"]),
        ("Dear Zqwertina,", ["Zqwertina"]),
        ("Nachname: Özdemiroglu", ["Özdemiroglu"]),
        ("signed by J. R. Whitfield", ["J. R. Whitfield"]),
        ("Ludwig van Beethoven", ["Ludwig van Beethoven"]),
        ("Siobhán O'Connor's reply", ["Siobhán O'Connor"]),
        ("Umowa z Tomaszowi Wróblowi", ["Tomaszowi Wróblowi"]),
        ("Jean-Pierre Dupont", ["Jean-Pierre Dupont"]),
        ("Peter, Qorin and Michelle came", ["Peter", "Qorin", "Michelle"]),
        ("please ask maria lopez again", ["maria lopez"]),
        ("Владимир Петров", ["Владимир Петров"]),
        ("Hunter Wilson", []),
        ("Will May come?", []),
        ("Peter     Anna", ["Peter", "Anna"]),
    ],
)
def test_names(text, names):
    assert found(text) == names


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("Mr. Brown and Dr Patel", ["Mr.", "Dr"]),
        ("Anna Nowak\nSenior sales manager\nWarsaw", ["Senior sales manager"]),
        ("He works as a lab technician in town", ["lab technician"]),
        ("Anna Berg, the chief engineer, agreed", ["chief engineer"]),
        ("the engineer said no", []),
        ("Use it as a context manager.", []),
    ],
)
def test_titles(text, titles):
    assert found(text, "TITLE") == titles
