import pytest

from holdfast.kernels.personal_data.names import find_names


def found(text):
    return [text[span.start : span.end] for span in find_names([text])[0] if span.label == "ADDRESS"]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("Ship it to 221 Baker Street, London, please", ["221 Baker Street, London"]),
        ("Wir sitzen in der Lindenstrasse 14, 10115 Berlin.", ["Lindenstrasse 14, 10115 Berlin"]),
        ("12 rue de la Paix, 75002 Paris, France", ["12 rue de la Paix, 75002 Paris, France"]),
        ("przy ul. Prosta 7 m. 3 mieszka", ["ul. Prosta 7 m. 3"]),
        ("P.O. Box 4711, Oslo", ["P.O. Box 4711, Oslo"]),
        ("4 Elm Road\nApt. 12\nTartu\nEstonia 50304", ["4 Elm Road\nApt. 12\nTartu\nEstonia 50304"]),
        ("the main street of 3 towns", []),
        ("Version 3 of Section 4", []),
        ("call flat 4 times", []),
    ],
)
def test_addresses(text, addresses):
    assert found(text) == addresses
